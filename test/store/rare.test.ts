// What seldom happens to a store: rows that no writer of ours made, calls after the end.
import { closeSync, mkdirSync, openSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { PathledgerError } from '../../errors.ts'
import { behaviourOf } from '../../machines/behaviour.ts'
import { NO_KEY, type ReservationCommand } from '../../machines/reservation/rules.ts'
import { settledOfWire, settledToWire } from '../../store/write/append-wire.ts'
import { fromWire, toWire } from '../../store/file/error-wire.ts'
import { checkOrder, damagedRow, readStored } from '../../store/rows/damage.ts'
import { endingOf } from '../../store/file/ending.ts'
import { Folder } from '../../store/state/fold.ts'
import { behaviourAt, behaviourOfHeader } from '../../store/rows/header.ts'
import { lockLedger } from '../../store/file/lock.ts'
import { GROUP_SCHEMA, groupsVersion, KeptGroups, readGroups, writeGroups } from '../../store/lun/groups.ts'
import { isLetGo } from '../../store/lun/let-go.ts'
import {
  acknowledge,
  applyRequest,
  joinEngine,
  leaveEngine,
  readEngines,
  readReservation,
  RESERVATION_SCHEMA,
} from '../../store/lun/reservations.ts'
import { mapSharedWords, pageCalls, wordsAt } from '../../store/lun/shared-words.ts'
import { memoryReader } from '../../store/write/memory-store.ts'
import { PATH_A, Scribe } from './events.ts'
import { tempFiles } from './tmp.ts'

const tempFile = tempFiles()

const thrown = (work: () => unknown): unknown => {
  try {
    return work()
  } catch (error) {
    return error
  }
}

describe('rows that nobody of ours wrote', () => {
  test('are LEDGER_DAMAGED, with their position where they have one', () => {
    expect(damagedRow(7, 'It is text.')).toMatchObject({
      code: 'LEDGER_DAMAGED',
      why: 'It is text.',
      details: { position: 7 },
    })
    expect(damagedRow(null, 'It is gone')).toMatchObject({ why: 'It is gone.', details: {} })
    expect(readStored(3, () => 4)).toBe(4)
    expect(thrown(() => readStored(3, () => JSON.parse('{')))).toMatchObject({
      code: 'LEDGER_DAMAGED',
      details: { position: 3 },
    })
    const thrower = (error: unknown) => () => {
      throw error
    }
    expect(thrown(() => readStored(3, thrower('words')))).toMatchObject({ why: 'words.' })
    const ours = damagedRow(9, 'Known.')
    expect(thrown(() => readStored(3, thrower(ours)))).toBe(ours)
  })

  test('positions must grow, or a reader would go round for ever', () => {
    expect(() => checkOrder([{ position: 4 }, { position: 6 }], 4)).not.toThrow()
    expect(thrown(() => checkOrder([{ position: 4 }, { position: 4 }], 4))).toMatchObject({
      code: 'LEDGER_DAMAGED',
    })
    expect(thrown(() => checkOrder([{ position: 3 }], 4))).toMatchObject({ details: { position: 3 } })
  })
})

test('of decisions that a fold has read it keeps a bounded number, and comes to the same', () => {
  const rows = Array.from({ length: 9_000 }, (_, at) => ({
    ...{ position: at + 1, stream: 'path/a/1', version: at + 1, type: 'path.checkPassed', data: '' },
    decision: `{"state":"s","context":{"n":${at % 4_500}},"effects":[],"digest":""}`,
  }))
  const folder = new Folder(null)
  folder.takeAll(rows)
  expect(folder.state()).toMatchObject({
    position: 9_000,
    streams: { 'path/a/1': { position: 9_000, version: 9_000, value: 's', context: { n: 4_499 } } },
  })
})

test('a ledger without a header that can be read behaves as the first ones did', () => {
  expect([behaviourAt(memoryReader([])), behaviourOfHeader('{'), behaviourOfHeader('{}')]).toEqual(
    Array.from({ length: 3 }, () => behaviourOf([])),
  )
})

describe('an outcome on its way between threads', () => {
  test('is what it was: an error, nothing new, and rows behind what was on the ledger already', () => {
    const events = ['one', 'two'].map((eventId) =>
      new Scribe().event(PATH_A, 'path.checkPassed', {}, { eventId }),
    )
    const refused = { ok: false, error: damagedRow(1, 'No.') } as const
    const back = settledOfWire(settledToWire(refused), { events })
    expect(back).toMatchObject({
      ok: false,
      error: { code: 'LEDGER_DAMAGED', message: refused.error.message },
    })
    // A message that does not end with the reason and the advice keeps all of its own words.
    expect(fromWire({ ...toWire(refused.error), message: 'Short.' }).message).toMatch(/^Short\. No\./)
    const known = { ok: true, answer: { positions: [3, 4] }, events: [] } as const
    expect(settledOfWire(settledToWire(known as never), { events })).toMatchObject({ ok: true, events: [] })
    const row = { ...events[1]!, position: 9, version: 2, cause: 3, hash: new Uint8Array(32).fill(1) }
    const mixed = { ok: true, answer: { positions: [3, 9] }, events: [row] } as const
    expect(settledOfWire(settledToWire(mixed as never), { events })).toMatchObject({
      events: [{ eventId: 'two', position: 9, version: 2, cause: 3 }],
    })
  })
})

describe('what engines of a LUN share', () => {
  test('groups: kept once, changed only on purpose, and a state that ALUA does not have is no group', async () => {
    const db = new Database(':memory:')
    db.exec(GROUP_SCHEMA)
    expect([groupsVersion(db), readGroups(db)]).toEqual([0, []])
    const group = { id: 1, access: 'optimal', preferred: true, listed: false } as const
    const fails = { now: false }
    const kept = new KeptGroups({
      read: () => readGroups(db),
      write: async (groups, replace) => {
        if (fails.now) throw new Error('the disk is full')
        writeGroups(db, groups, replace)
      },
    })
    const seen: number[] = []
    kept.onChange(() => void seen.push(groupsVersion(db)))
    const settled = () => new Promise((resolve) => setImmediate(resolve))
    kept.begin([group])
    // What is read while a change of our own is on its way may be older than what we know.
    kept.changed()
    await settled()
    kept.begin([{ ...group, preferred: false }])
    await settled()
    expect(kept.read()).toEqual([group])
    kept.write({ ...group, access: 'standby', preferred: false, listed: true })
    await settled()
    fails.now = true
    kept.write(group)
    await settled()
    expect(kept.read()).toEqual([{ id: 1, access: 'standby', preferred: false, listed: true }])
    expect(seen).toHaveLength(4)
    db.prepare("UPDATE port_groups SET access = 'sideways'").run()
    expect(kept.read()).toEqual([])
    db.close()
  })

  test('reservations: one state and its epoch, and each engine with the epoch that it has acknowledged', () => {
    const db = new Database(':memory:')
    db.exec(RESERVATION_SCHEMA)
    const command: ReservationCommand = {
      action: 'register',
      ...{ initiator: 'i', nexus: 'a', nexuses: ['a'] },
      ...{ key: NO_KEY, serviceKey: '0x00000000000000a1', type: null, aptpl: false },
    }
    joinEngine(db, 'one', 'i')
    const reply = applyRequest(db, { kind: 'command', command })
    expect(reply).toMatchObject({ changed: true, epoch: 1 })
    joinEngine(db, 'two', 'j')
    acknowledge(db, 'one', 1)
    acknowledge(db, 'one', 0)
    expect(readEngines(db)).toEqual([
      { engine: 'one', initiator: 'i', acked: 1 },
      { engine: 'two', initiator: 'j', acked: 1 },
    ])
    const refused = applyRequest(db, { kind: 'command', command: { ...command, key: '0xbad' } })
    expect(refused).toMatchObject({ changed: false, epoch: 1 })
    expect(readReservation(db)).toEqual({ epoch: 1, state: reply.state })
    leaveEngine(db, 'one')
    expect(readEngines(db).map(({ engine }) => engine)).toEqual(['two'])
    db.prepare("UPDATE reservation SET state = '{'").run()
    expect(() => readReservation(db)).toThrow(/reservations are not what an engine writes/)
  })

  test('a device is let go of when it opens for us alone or is gone, and not where that cannot be told', async () => {
    const socket = tempFile('socket')
    const server = createServer().listen(socket)
    await once(server, 'listening')
    // A socket answers an open with ENXIO, as a device does behind which nothing is any more.
    const key = 'loop:7:0'
    expect([
      isLetGo(import.meta.filename, key),
      isLetGo(`${socket}.none`, key),
      isLetGo(socket, key),
    ]).toEqual([true, true, true])
    expect(isLetGo(`${import.meta.filename}/below`, key)).toBe(false)
    // A file is let go of with its engine's last thread.
    expect(isLetGo(`${import.meta.filename}/below`, 'file:8:1:5@8:0:0:0')).toBe(true)
    server.close()
  })

  test('a device in another life than then holds nothing of that life', () => {
    const sys = tempFile('sys')
    mkdirSync(join(sys, 'dev/block/7:3'), { recursive: true })
    writeFileSync(join(sys, 'dev/block/7:3/diskseq'), '43\n')
    const busy = `${import.meta.filename}/below`
    const ask = (key: string) => isLetGo(busy, key, sys)
    expect(['loop:7:3 diskseq 42', 'loop:7:3 diskseq 43', 'loop:7:4 diskseq 1', ''].map(ask)).toEqual([
      true,
      false,
      false,
      false,
    ])
  })

  test('words in a mapped file: everybody sees the highest, and a page that cannot be locked is not used', () => {
    const file = tempFile('words')
    const [one, other] = [mapSharedWords(file), mapSharedWords(file)]
    one.epoch.raise(5)
    other.epoch.raise(3)
    other.groups.raise(2)
    other.contents.raise(4)
    expect(
      [one, other].map((words) => [words.epoch, words.groups, words.contents].map((word) => word.load())),
    ).toEqual([
      [5, 2, 4],
      [5, 2, 4],
    ])
    expect(wordsAt(one.at).epoch.load()).toBe(5)
    expect(one.inode).toBe(statSync(file).ino)
    one.close()
    other.close()
    const link = tempFile('link')
    symlinkSync(file, link)
    expect(() => mapSharedWords(link)).toThrow(/ELOOP/)
    const calls = pageCalls()
    expect(thrown(() => mapSharedWords(file, { ...calls, mlock: () => -1 }))).toMatchObject({
      code: 'LUN_STORAGE',
      errno: 'ENOMEM',
    })
    const nowhere = () => calls.mmap(null, 4096, 3, 1, -1, 0)
    expect(() => mapSharedWords(file, { ...calls, mmap: nowhere })).toThrow(/cannot be mapped/)
  })
})

test('a thread is started from a source where we run from sources, and from what was built of it elsewhere', () => {
  expect([endingOf('file:///p/store/writer.ts'), endingOf('file:///p/dist/store/writer.js')]).toEqual([
    'ts',
    'js',
  ])
})

describe('a lock file that is not one', () => {
  test('a folder in its place is refused, and a lock without a holder that can be read names none', () => {
    const file = tempFile()
    mkdirSync(`${file}.lock`)
    expect(thrown(() => lockLedger(file, 1))).toMatchObject({ code: 'LEDGER_IO', errno: 'EISDIR' })
    const device = tempFile()
    symlinkSync('/dev/null', `${device}.lock`)
    expect(thrown(() => lockLedger(device, 1))).toMatchObject({ code: 'LEDGER_IO', errno: 'ELOOP' })
    const held = tempFile()
    const lock = lockLedger(held, 1)
    for (const text of ['', '{"pid":"me"}', '{']) {
      writeFileSync(`${held}.lock`, text)
      const error = thrown(() => lockLedger(held, 2))
      expect(error).toBeInstanceOf(PathledgerError)
      expect(error).toMatchObject({ code: 'LEDGER_LOCKED', details: { pid: null, startedAtUs: null } })
      expect((error as PathledgerError).message).toContain('another process')
    }
    lock.release()
    lock.release()
    closeSync(openSync(`${held}.lock`, 'r'))
    lockLedger(held, 3).release()
  })
})
