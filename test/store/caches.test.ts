// Snapshots and projections are caches: with them, without them, damaged or foreign, the answers are the same.
import { createHash } from 'node:crypto'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { workload, HEADER } from '../../bench/ledger/workload.ts'
import { ledgerCaches } from '../../engine/ledger-life.ts'
import { cacheInfo, catchUp, dropCaches } from '../../store/state/caches.ts'
import { checkCaches } from '../../store/state/check-caches.ts'
import { changeCaches, listCaches } from '../../store/life/file-caches.ts'
import { foldAll, redecide, stateAt } from '../../store/state/fold.ts'
import { LedgerFile } from '../../store/write/ledger-file.ts'
import { PROJECTIONS } from '../../store/projections/index.ts'
import { openLedgerReader } from '../../store/read/reader.ts'
import { verifyLedger } from '../../store/verify/verify.ts'
import { tempFiles } from './tmp.ts'

const tempFile = tempFiles()
const EVENTS = 25_000
let original = ''

beforeAll(() => {
  original = join(mkdtempSync(join(tmpdir(), 'pathledger-caches-')), 'whole.ledger')
  const ledger = LedgerFile.open(original, { header: HEADER })
  const events = workload('caches')
  for (let left = EVENTS - 1; left > 0; left -= 500) {
    const batch = Array.from({ length: Math.min(left, 500) }, () => events.next().value)
    const [settled] = ledger.appendBatch([{ events: batch }])
    if (settled?.ok !== true) throw settled?.error ?? new Error('no answer')
  }
  while (ledger.keepUp());
  ledger.close()
})

afterAll(() => rmSync(dirname(original), { recursive: true, force: true }))

function copy(): string {
  const file = tempFile()
  copyFileSync(original, file)
  return file
}

function onFile(file: string, sql: string): void {
  const db = new Database(file)
  db.exec(sql)
  db.close()
}

describe('snapshots', () => {
  it('are taken every ten thousand events, and change nothing but where folding begins', () => {
    const reader = openLedgerReader(copy())
    expect(reader.snapshot(9_999)).toBeNull()
    expect([10_000, 15_000, EVENTS].map((at) => reader.snapshot(at)?.position)).toEqual([
      10_000, 10_000, 20_000,
    ])
    for (const toPosition of [1, 9_999, 10_000, 10_001, 20_500, EVENTS]) {
      const state = foldAll(reader, { toPosition })
      expect(state).toEqual(foldAll(reader, { toPosition, snapshots: false }))
      expect(state.position).toBe(toPosition)
    }
    expect(JSON.stringify(foldAll(reader))).toBe(JSON.stringify(redecide(reader)))
    reader.close()
  })

  it.each([
    ['a state was changed', `UPDATE snapshots SET state = replace(state, '"online"', '"failed"')`, 'damaged'],
    [
      'a state is no text',
      'DROP TABLE snapshots; CREATE TABLE snapshots (position, machines, hash, state, digest);' +
        "INSERT INTO snapshots SELECT 10000, '', x'00', x'00', x'00'",
      'other machines',
    ],
    ['it is of other machines', `UPDATE snapshots SET machines = 'other'`, 'other machines'],
    ['it is of another ledger', 'UPDATE snapshots SET hash = zeroblob(32)', 'damaged'],
    ['its position was moved', 'UPDATE snapshots SET position = position + 1', 'damaged'],
  ])('are not believed when %s', (_what, sql, refused) => {
    const file = copy()
    onFile(file, sql)
    const reader = openLedgerReader(file)
    expect(reader.snapshot(EVENTS)).toBeNull()
    expect(foldAll(reader)).toEqual(foldAll(reader, { snapshots: false }))
    reader.close()
    const db = new Database(file, { readonly: true })
    expect(cacheInfo(db).snapshots[0]).toMatchObject({ refused })
    db.close()
    expect(verifyLedger(file)).toMatchObject({ chain: 'ok', replay: 'equal' })
  })

  it('are not believed when they are of another ledger, whole in themselves; nor are its projections', () => {
    const file = copy()
    const db = new Database(file)
    const of = 'SELECT position, machines, state FROM snapshots WHERE position = 20000'
    const { position, machines, state } = db.prepare(of).get() as Record<string, string>
    const hash = Buffer.alloc(32, 1)
    const digest = createHash('sha256')
      .update(`${position}\n${machines}\n${hash.toString('hex')}\n${state}`)
      .digest()
    db.prepare('UPDATE snapshots SET hash = ?, digest = ? WHERE position = 20000').run(hash, digest)
    db.exec('UPDATE projections SET hash = zeroblob(32)')
    const { snapshots, projections } = cacheInfo(db)
    db.close()
    expect(snapshots.map(({ refused }) => refused)).toEqual([null, 'not of this ledger'])
    expect(projections.map((one) => one.position)).toEqual(PROJECTIONS.map(() => 0))
  })

  it('of which the table is not what it should be are no snapshots', () => {
    const file = copy()
    onFile(file, 'DROP TABLE snapshots; CREATE TABLE snapshots (other)')
    const reader = openLedgerReader(file)
    expect(reader.snapshot(EVENTS)).toBeNull()
    expect(stateAt(reader, { position: EVENTS }).position).toBe(EVENTS)
    reader.close()
  })
})

describe('caches', () => {
  it.each([
    ['their own table is another', 'DROP TABLE IF EXISTS projections; CREATE TABLE projections (x)'],
    ['an event is damaged', `UPDATE events SET decision = '{' WHERE position = 5`],
    ['events are gone', 'DELETE FROM events WHERE position BETWEEN 2 AND 10000'],
  ])('that cannot be kept up hold up no append: %s', (_what, sql) => {
    const file = copy()
    const db = new Database(file)
    dropCaches(db)
    for (const name of ['no_update', 'no_delete', 'no_overwrite']) db.exec(`DROP TRIGGER events_${name}`)
    db.pragma('ignore_check_constraints = ON')
    db.exec(sql)
    db.close()
    const ledger = LedgerFile.open(file, { header: HEADER })
    expect(ledger.keepUp()).toBe(false)
    const next = workload('later').next().value
    ledger.append([{ ...next, eventId: 'later', cause: null }])
    expect(ledger.head().events).toBe(EVENTS + 1)
    ledger.close()
  })

  it('of a file are listed, dropped and made; of one that is damaged they are not', () => {
    const file = copy()
    const whole = listCaches(file)
    expect(ledgerCaches(file)).toEqual(whole)
    expect(whole.snapshots).toHaveLength(2)
    expect(changeCaches(file, 'drop', 1).snapshots).toEqual([])
    expect(changeCaches(file, 'make', 1)).toEqual(whole)
    onFile(
      file,
      `PRAGMA ignore_check_constraints = ON; DROP TRIGGER events_no_update;
       UPDATE events SET decision = '{' WHERE position = 5`,
    )
    const damaged = expect.objectContaining({ code: 'LEDGER_DAMAGED' }) as Error
    expect(() => checkCaches(file)).toThrow(damaged)
    changeCaches(file, 'drop', 1)
    expect(() => changeCaches(file, 'make', 1)).toThrow(damaged)
    onFile(file, 'CREATE TABLE snapshots (other)')
    expect(() => listCaches(file)).toThrow(expect.objectContaining({ code: 'LEDGER_IO' }))
    expect(() => listCaches(`${file}.none`)).toThrow(expect.objectContaining({ code: 'LEDGER_NOT_FOUND' }))
  })

  it('that say they hold a step in part are found out', () => {
    const file = copy()
    onFile(
      file,
      `UPDATE projections SET position = position - 1, hash = (SELECT hash FROM events WHERE events.position = projections.position - 1)`,
    )
    expect(checkCaches(file).wrong).toEqual(PROJECTIONS.map(({ name }) => name))
  })

  it('come to the same when they are deleted and made anew, and are found equal to what the events come to', () => {
    const file = copy()
    expect(checkCaches(file)).toMatchObject({ equal: true, snapshots: 2 })
    const before = contents(file)
    const db = new Database(file)
    dropCaches(db)
    expect(cacheInfo(db)).toMatchObject({
      snapshots: [],
      projections: PROJECTIONS.map(({ name }) => ({ name, position: 0 })),
    })
    catchUp(db, EVENTS)
    db.close()
    expect(contents(file)).toEqual(before)
    expect(checkCaches(file)).toMatchObject({ equal: true, wrong: [] })
  })

  it.each([
    ['io_by_path_hours', 'UPDATE io_by_path_hours SET reads = reads + 1 WHERE rowid IN (SELECT 1)'],
    ['path_times', "UPDATE path_times SET us = us + 1 WHERE region = 'health'"],
    ['time_spans', 'UPDATE time_spans SET max_us = max_us - 1'],
  ])('of which one was changed are found out: %s', (name, sql) => {
    const file = copy()
    onFile(file, sql.replace(' WHERE rowid IN (SELECT 1)', ''))
    expect(checkCaches(file)).toMatchObject({ equal: false, wrong: [name] })
  })

  it('say at which position a time is, as the events themselves do', () => {
    const file = copy()
    const [withSpans, without] = [openLedgerReader(file), openLedgerReader(copyWithoutCaches())]
    const times = [0, 1, 9_999, 10_000, 10_001, 24_999, 25_000].map((at) => {
      return withSpans.read({ fromPosition: Math.max(1, at), limit: 1 })[0]!.recordedAtUs
    })
    for (const us of times.flatMap((time) => [time - 1, time, time + 1])) {
      expect(withSpans.positionAt(us)).toBe(without.positionAt(us))
      const range = { fromTimeUs: us, toTimeUs: us + 50_000_000, limit: 30 }
      expect(withSpans.read(range)).toEqual(without.read(range))
    }
    expect(withSpans.positionAt(0)).toBe(0)
    withSpans.close()
    without.close()
  })
})

function copyWithoutCaches(): string {
  const file = copy()
  const db = new Database(file)
  dropCaches(db)
  db.close()
  return file
}

function contents(file: string): unknown {
  const db = new Database(file, { readonly: true })
  const tables = ['snapshots', 'projections', ...PROJECTIONS.flatMap(({ tables: own }) => Object.keys(own))]
  const rows = tables.map((table) => db.prepare(`SELECT * FROM ${table}`).all())
  db.close()
  return rows
}
