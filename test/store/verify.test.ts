import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { genesis, hashRow } from '../../store/rows/encoding.ts'
import { backupLedger } from '../../store/life/backup.ts'
import { memoryReader, memoryStore } from '../../store/write/memory-store.ts'
import { openLedger } from '../../store/write/open.ts'
import { openLedgerReader } from '../../store/read/reader.ts'
import type { StoredEvent } from '../../store/types.ts'
import { verifyLedger, verifyRows } from '../../store/verify/verify.ts'
import { failed, HEADER, PATH_A, Scribe, started, twoPaths } from './events.ts'
import { story } from './story.ts'
import { refuseWrongDerived } from '../../store/verify/derived.ts'
import { loosely, tamper } from './tamper.ts'
import { tempFiles } from './tmp.ts'

const tempFile = tempFiles()
let original = ''

beforeAll(async () => {
  original = join(dirname(tempFile()), '..', `pathledger-verify-${process.pid}`, 'story.ledger')
  mkdirSync(dirname(original))
  const store = await openLedger(original, { header: HEADER })
  for (const events of story()) await store.append({ events })
  await store.close()
})

afterAll(() => rmSync(dirname(original), { recursive: true, force: true }))

/** A copy of the story's ledger, to be changed. */
function copy(): string {
  const file = tempFile()
  copyFileSync(original, file)
  return file
}

describe('verify', () => {
  it('finds nothing wrong with what the store wrote', () => {
    const reader = openLedgerReader(original)
    const { events, hash } = reader.head()
    const found = verifyLedger(reader)
    reader.close()
    expect(events).toBeGreaterThan(50)
    expect(found).toEqual({
      lastRun: 'ended',
      unproved: [expect.objectContaining({ what: 'rewritten' })],
      events,
      chain: 'ok',
      head: Buffer.from(hash).toString('hex'),
      replay: 'equal',
      firstBad: null,
      why: '',
      difference: null,
      derived: [],
      warnings: [],
    })
    expect(verifyLedger(original)).toEqual(found)
  })

  it('finds the first bad position of 200 changes made behind its back, and writes nothing', () => {
    const kinds = new Set<string>()
    for (let seed = 1; seed <= 200; seed += 1) {
      const file = copy()
      const { what, firstBad } = tamper(file, seed)
      const before = digest(file)
      const found = verifyLedger(file)
      expect({ seed, what, chain: found.chain, firstBad: found.firstBad, why: found.why }).toEqual({
        seed,
        what,
        chain: 'broken',
        firstBad,
        why: expect.stringContaining(`Position ${firstBad}: `) as string,
      })
      expect(digest(file)).toBe(before)
      kinds.add(what.replaceAll(/\d+/g, '').split(' changed')[0]!)
    }
    expect(kinds.size).toBeGreaterThan(20)
  })

  it('finds what is wrong in a chain that was made anew over it', () => {
    const reader = openLedgerReader(original)
    const rows = reader.read({ limit: 6 })
    reader.close()
    const chained = (changed: readonly StoredEvent[]) => {
      let before = genesis()
      return changed.map((row) => ({ ...row, hash: (before = hashRow(before, row)) }))
    }
    const found = (changed: readonly StoredEvent[]) => verifyLedger(memoryReader(chained(changed)))
    expect(found(rows)).toMatchObject({ chain: 'ok', replay: 'equal' })
    // What is in memory is text: there are no bytes that could be read as another one.
    expect(found(rows.with(5, { ...rows[5]!, reason: 'typed as \ufffd' }))).toMatchObject({ chain: 'ok' })
    const header = found(rows.with(0, { ...rows[0]!, type: 'engine.stopped' }))
    expect(header).toMatchObject({ chain: 'broken', firstBad: 1 })
    expect(header.why).toContain('It is engine.stopped, not the header.')
    const carried = { ...rows[4]!, type: 'ledger.stateCarried', data: '{}' }
    const unread = found(rows.with(4, carried))
    expect(unread).toMatchObject({ chain: 'broken', replay: 'different', firstBad: 5 })
    expect(unread.why).toContain('The states that it carries cannot be read.')
    const machines = (data: unknown) =>
      found(rows.with(0, { ...rows[0]!, data: JSON.stringify(data) })).warnings.join()
    for (const data of [{ machines: null }, { machines: 7 }, null])
      expect(machines(data)).toContain('begun with other machines')
  })

  it('sees a text that is not UTF-8 any more, also where it reads the same', async () => {
    const file = tempFile()
    const store = await openLedger(file, { header: HEADER })
    const [event] = twoPaths(new Scribe())
    await store.append({ events: [{ ...event!, reason: 'typed as \ufffd' }] })
    await store.close()
    expect(verifyLedger(file)).toMatchObject({ chain: 'ok' })
    change(file, "UPDATE events SET reason = CAST(x'747970656420617320ff' AS TEXT) WHERE position = 2")
    expect(verifyLedger(file)).toMatchObject({ chain: 'broken', firstBad: 2 })
  })

  it('sees a row and a head that were forged with their hashes where the machines decide otherwise', () => {
    const file = copy()
    forge(file)
    const found = verifyLedger(file)
    expect(found).toMatchObject({ chain: 'ok', replay: 'different', firstBad: 9 })
    expect(found.difference).toMatchObject({ position: 9 })
    expect(found.why).toContain('decided again it is')
    expect(found.why).toContain(found.difference!.stored)
    expect(found.why).toContain(found.difference!.decided)
  })

  it('sees an event id that is there twice although every hash is right', () => {
    const file = copy()
    const twice = 'UPDATE events SET event_id = (SELECT event_id FROM events WHERE position = 5)'
    loosely(file, (db) => db.exec(`${twice} WHERE position = 20`))
    rehash(file)
    // The index of the ids still says that each is there once: it is not what the rows say, and that is told.
    expect(verifyLedger(file).derived.join()).toContain('sqlite_autoindex_events_1')
  })

  it('sees versions with a gap although every hash is right', () => {
    const file = copy()
    change(file, 'UPDATE events SET version = version + 100 WHERE position = 20')
    rehash(file)
    const found = verifyLedger(file)
    expect(found).toMatchObject({ chain: 'broken', firstBad: 20 })
    expect(found.why).toMatch(/goes from version \d+ to \d+/)
  })

  it('tells of a schema that was changed, and that the rows are whole all the same', () => {
    const file = copy()
    change(file, 'DROP INDEX events_by_type')
    expect(verifyLedger(file)).toMatchObject({
      chain: 'ok',
      warnings: [
        ...[
          'events_no_update is missing.',
          'events_no_delete is missing.',
          'events_no_overwrite is missing.',
        ],
        'events_by_type is missing.',
      ],
    })
  })

  it('gives a result, not an error, for a ledger without its table or its rows', () => {
    const none = copy()
    change(none, 'DROP TABLE events')
    expect(verifyLedger(none)).toMatchObject({ events: 0, chain: 'broken', firstBad: 1 })
    const empty = copy()
    change(empty, 'DELETE FROM events; UPDATE ledger_head SET events = 0, hash = zeroblob(32)')
    expect(verifyLedger(empty)).toMatchObject({ events: 0, chain: 'broken', firstBad: 1 })
  })

  it('verifies rows in memory', async () => {
    const store = memoryStore({ header: HEADER })
    const scribe = new Scribe()
    await store.append({ events: [started(scribe), ...twoPaths(scribe)] })
    await store.append({ events: [scribe.event(PATH_A, 'path.failed', failed())] })
    expect(verifyRows(store)).toMatchObject({ events: 5, chain: 'ok', replay: 'equal' })
    const rows = store.rows().map((row, index) => (index === 3 ? { ...row, actor: 'nobody' } : row))
    expect(verifyRows(memoryReader(rows))).toMatchObject({ chain: 'broken', firstBad: 4, replay: 'equal' })
    const twice = [...store.rows(), store.rows()[1]!]
    expect(verifyRows(memoryReader(twice))).toMatchObject({ chain: 'broken', firstBad: 2 })
  })

  it('says which machines a ledger was begun with when they are others now', () => {
    const file = copy()
    change(file, `UPDATE events SET data = json_set(data, '$.machines.path', 'other') WHERE position = 1`)
    expect(verifyLedger(file).warnings).toContain(
      'The ledger was begun with other machines: path changed since.',
    )
  })
})

function digest(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}

/** Runs SQL on a ledger without its triggers. */
function change(file: string, sql: string): void {
  const db = new Database(file)
  for (const name of ['no_update', 'no_delete', 'no_overwrite'])
    db.exec(`DROP TRIGGER IF EXISTS events_${name}`)
  db.exec(sql)
  db.close()
}

/** Gives every row the hash that it ought to have, and the head the last one: what somebody with time would do. */
function rehash(file: string): void {
  const reader = openLedgerReader(file)
  const rows = reader.read({})
  reader.close()
  const db = new Database(file)
  let hash: Uint8Array = new Uint8Array(32)
  for (const row of rows) {
    hash = hashRow(hash, row)
    db.prepare('UPDATE events SET hash = ? WHERE position = ?').run(hash, row.position)
  }
  db.prepare('UPDATE ledger_head SET hash = ?').run(hash)
  db.close()
}

/** Changes a decision and makes the chain good again. */
function forge(file: string): void {
  change(file, `UPDATE events SET decision = json_set(decision, '$.digest', 'forged') WHERE position = 9`)
  rehash(file)
}

describe('F-38: what is derived from the rows', () => {
  it('an index whose entry was changed by one bit is told, although every row is right', () => {
    const file = copy()
    const bytes = readFileSync(file)
    const db = new Database(file, { readonly: true })
    const pages = db.prepare("SELECT pageno FROM dbstat WHERE name = 'events_by_type' AND pagetype = 'leaf'")
    const size = Number(db.pragma('page_size', { simple: true }))
    const [page = 0] = pages.pluck().all() as number[]
    db.close()
    const at = bytes.indexOf('path.failed', (page - 1) * size)
    expect(at).toBeLessThan(page * size)
    bytes[at + 'path.failed'.length - 1]! ^= 1
    writeFileSync(file, bytes)
    const found = verifyLedger(file)
    expect(found).toMatchObject({ chain: 'ok', replay: 'equal', firstBad: null })
    expect(found.derived.join()).toContain('events_by_type')
    // A reader does not answer by it, unless there is too much to compare.
    expect(() => refuseWrongDerived(file)).toThrow(expect.objectContaining({ code: 'LEDGER_DERIVED' }))
    expect(() => refuseWrongDerived(file, 10)).not.toThrow()
  })
})

describe('F-24: a ledger of a newer pathledger', () => {
  it.each([
    ['format', { format: 99 }],
    ['behaviour', { flags: ['99:from-the-future'] }],
  ])('by its %s is refused, not judged', (_what, newer) => {
    const file = copy()
    change(file, `UPDATE events SET data = json_patch(data, '${JSON.stringify(newer)}') WHERE position = 1`)
    const future = expect.objectContaining({ code: 'LEDGER_FROM_THE_FUTURE' }) as Error
    expect(() => verifyLedger(file)).toThrow(future)
    expect(() => backupLedger(file, `${file}.copy`)).toThrow(future)
    expect(existsSync(`${file}.copy`)).toBe(false)
  })
})
