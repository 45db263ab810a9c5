// What seldom happens to a store: words said of it, rows that no writer of ours made, calls after the end.
import { closeSync, mkdirSync, openSync, symlinkSync, writeFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { PathledgerError } from '../../errors.ts'
import { settledOfWire, settledToWire } from '../../store/append-wire.ts'
import { checkOrder, damagedRow, readStored } from '../../store/damage.ts'
import { History } from '../../store/explain/history.ts'
import type { Told } from '../../store/explain/history.ts'
import { adviceFor, NOTHING, rootOf } from '../../store/explain/root.ts'
import { say } from '../../store/explain/sentences.ts'
import { lockLedger } from '../../store/lock.ts'
import { GROUP_SCHEMA, groupsVersion, KeptGroups, readGroups, writeGroups } from '../../store/lun/groups.ts'
import { openSharedWords } from '../../store/lun/shared-words.ts'
import { memoryStore } from '../../store/memory-store.ts'
import { HEADER, PATH_A, Scribe } from './events.ts'
import { tempFiles } from './tmp.ts'

const tempFile = tempFiles()

const thrown = (work: () => unknown): unknown => {
  try {
    return work()
  } catch (error) {
    return error
  }
}

describe('a sentence for what seldom happens', () => {
  const store = memoryStore({ header: HEADER })
  const history = new History(store, 1)
  const told = (type: string, data: object, more: object = {}): Told =>
    ({
      ...{ position: 2, stream: PATH_A, type, data, context: {}, actor: 'engine', reason: null, cause: null },
      ...{ decision: { state: {} } },
      ...more,
    }) as unknown as Told
  const says = (type: string, data: object, more: object = {}) => say(told(type, data, more), history)
  const flush = { op: 'flush', offset: 0, length: 0, errno: null, status: 'IOERR' }

  test.each([
    ['path.suspected', flush, 'answered a flush with a short completion (IOERR)'],
    [
      'path.suspected',
      { ...flush, op: 'read', length: 512, status: 'TIMEOUT' },
      'did not answer a read of 512 bytes',
    ],
    ['path.failed', { verdict: 'new', detail: null, errors: 1 }, 'failed: new; 1 error by then.'],
    ['path.probeFailed', { errno: null, detail: 'nobody is there' }, 'failed: nobody is there.'],
    ['head.lossChanged', { to: 'other' }, 'other of'],
    ['head.lossChanged', { to: 'none', why: 'it came back' }, 'There is a usable path again of'],
    ['head.pathPreferred', { path: null }, 'No path of'],
    ['head.pathPreferred', { path: 'sda:1' }, 'sda:1 is preferred'],
    ['lun.ghostsOpened', { ghosts: 'x', path: 'a', reason: 'new' }, '0 attempts on a may still land: new.'],
    ['lun.ghostsEnded', { ids: null, proof: 'time' }, '0 ghosts over, by time.'],
    ['lun.ghostsEnded', { ids: ['g'], proof: 'fence' }, '1 ghost over, by fence.'],
    ['lun.bioPoisoned', { paths: 'a', evidence: flush }, 'a are healthy and refused the same I/O alike'],
    ['lun.senseReceived', { path: 'a', key: 6, asc: 42, ascq: 6 }, '(0x06/0x2a/0x06)'],
    ['reservation.adopted', { state: { holder: null, type: null } }, 'nobody holds one.'],
    ['reservation.adopted', { state: { holder: { initiator: 'h1' }, type: 'WE' } }, 'h1 holds WE.'],
    ['engine.started', { unclean: true }, 'after a run that ended without closing'],
    ['engine.started', {}, 'The engine started.'],
    ['path.ofTomorrow', { why: 'tomorrow' }, 'path.ofTomorrow of'],
  ])('%s %j', (type, data, words) => {
    expect(says(type, data)).toContain(words)
  })

  test('what was handed on, and who said something', () => {
    expect(says('ledger.stateCarried', {}, { context: { why: 'a cable' } })).toContain('(a cable)')
    expect(says('ledger.stateCarried', {}, { context: {} })).not.toContain('(')
    expect(says('path.disabled', { why: 'x' }, { actor: 'operator:7', reason: 'x' })).toContain(
      'By operator:7: "x".',
    )
    expect(says('path.disabled', {}, { actor: 'operator:7' })).toMatch(/By operator:7\.$/)
  })

  test.each([
    ['ledger.stateCarried', {}, { kind: 'earlierSegment', reason: null }],
    [
      'lun.ghostsOpened',
      { ghosts: [{ op: 'write', offset: 0, length: 512 }], path: 'nowhere' },
      { kind: 'ghost', path: 'nowhere', op: 'write', status: null },
    ],
    ['head.timerFired', { timer: 'removal' }, { kind: 'timer', timer: 'removal', path: null }],
    ['path.blocked', {}, { kind: 'deviceState' }],
    ['path.lost', { why: 'killed' }, { kind: 'engine', reason: 'killed' }],
    ['lun.senseReceived', {}, { kind: 'accessState' }],
    [
      'reservation.conflict',
      { op: 'write', offset: 0, length: 512 },
      { kind: 'reservation', errno: 'EBADE' },
    ],
    ['path.failed', { verdict: 'identity', detail: 'another diskseq' }, { reason: 'another diskseq' }],
  ])('the root of %s', (type, data, root) => {
    const stream = type.startsWith('path.') ? PATH_A : `${type.split('.')[0]}/x`
    expect(rootOf(told(type, data, { stream }), history)).toMatchObject(root)
  })

  test('what to do about it depends on how it failed', () => {
    const root = (more: object) => ({ ...NOTHING, kind: 'pathError' as const, ...more })
    expect(adviceFor(root({ status: 'TIMEOUT', path: null }))).toContain('behind it.')
    expect(adviceFor(root({ status: 'TIMEOUT', path: '8:0:0:0' }))).toContain('behind 8:0:0:0.')
    expect(adviceFor(root({ timer: 'noPath' }))).toContain("The timer 'noPath' ran out over it")
    expect(adviceFor(root({ status: 'OFFLINE' }))).toContain('attach it again')
    expect(adviceFor(NOTHING)).toBe('Nothing has to be done.')
  })
})

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
    const kept = new KeptGroups(db, {
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
    kept.changed()
    expect(seen).toHaveLength(4)
  })

  test('words in a mapped file: everybody sees the highest, and after the close what was there last', () => {
    const file = tempFile('words')
    const [one, other] = [openSharedWords(file), openSharedWords(file)]
    one.epoch.raise(5)
    other.epoch.raise(3)
    other.groups.raise(2)
    expect([one.epoch.load(), other.epoch.load(), one.groups.load()]).toEqual([5, 5, 2])
    one.close()
    one.close()
    other.epoch.raise(9)
    one.epoch.raise(20)
    expect([one.epoch.load(), one.groups.load(), other.epoch.load()]).toEqual([5, 2, 9])
    other.close()
    const link = tempFile('link')
    symlinkSync(file, link)
    expect(() => openSharedWords(link)).toThrow(/ELOOP/)
  })
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
