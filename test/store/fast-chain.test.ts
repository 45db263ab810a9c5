// The fast check of a chain never says yes where the slow one says no, and says yes to everything that is whole.
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { HEADER as LONG_HEADER, workload } from '../../bench/ledger/workload.ts'
import { COLUMNS, hashValues, type Hashed } from '../../store/rows/encoding.ts'
import { beginFastCheck } from '../../store/verify/fast-verify.ts'
import { LedgerFile } from '../../store/write/ledger-file.ts'
import { verifyLedger } from '../../store/verify/verify.ts'
import { HEADER } from './events.ts'
import { story } from './story.ts'
import { tamper } from './tamper.ts'
import { tempFiles } from './tmp.ts'

const tempFile = tempFiles()
const folder = mkdtempSync(join(tmpdir(), 'pathledger-fast-'))
const [short, long] = [join(folder, 'short.ledger'), join(folder, 'long.ledger')]

beforeAll(() => {
  const ledger = LedgerFile.open(short, { header: HEADER })
  for (const events of story()) ledger.appendBatch([{ events }])
  ledger.close()
  const other = LedgerFile.open(long, { header: LONG_HEADER })
  const events = workload('fast')
  for (let at = 0; at < 60; at += 1)
    other.appendBatch([{ events: Array.from({ length: 500 }, () => events.next().value) }])
  other.close()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function isWhole(file: string, threads: number): boolean {
  const db = new Database(file, { readonly: true })
  try {
    return (beginFastCheck(file, db, { threadsMax: threads })?.end() ?? null) !== null
  } finally {
    db.close()
  }
}

it('says yes to what is whole, in this thread and in others', () => {
  expect([isWhole(short, 0), isWhole(short, 2), isWhole(long, 0), isWhole(long, 2)]).toEqual([
    true,
    true,
    true,
    true,
  ])
  expect(verifyLedger(long)).toMatchObject({
    events: 30_001,
    chain: 'ok',
    replay: 'equal',
    firstBad: null,
    warnings: [],
  })
})

it('says no to each of 150 changes made behind its back', () => {
  for (let seed = 1; seed <= 150; seed += 1) {
    const file = tempFile()
    copyFileSync(short, file)
    const { what } = tamper(file, seed)
    expect([what, isWhole(file, 0)]).toEqual([what, false])
  }
})

it('says no, and the slow check where, whatever lies in a row of a long ledger', () => {
  for (const [at, sql] of [
    [20_001, `UPDATE events SET hash = zeroblob(32) WHERE position = 20001`],
    [20_000, `DELETE FROM events WHERE position = 20000`],
  ] as const) {
    const file = tempFile()
    copyFileSync(long, file)
    const db = new Database(file)
    for (const name of ['no_update', 'no_delete', 'no_overwrite']) db.exec(`DROP TRIGGER events_${name}`)
    db.exec(sql)
    db.close()
    expect(isWhole(file, 2)).toBe(false)
    expect(verifyLedger(file)).toMatchObject({ chain: 'broken', firstBad: at })
  }
})

/** Writes a value of another storage class over one of the last row, hashes made good, as only a changed schema allows. */
function mistype(file: string, column: (typeof COLUMNS)[number], value: unknown): void {
  const strict = new Database(file)
  strict.unsafeMode()
  strict.exec('DROP TRIGGER events_no_update; PRAGMA writable_schema = ON')
  const ours = strict.prepare("SELECT sql FROM sqlite_schema WHERE name = 'events'").pluck().get() as string
  const say = strict.prepare("UPDATE sqlite_schema SET sql = ? WHERE name = 'events'")
  const loose = ours.replace(/ (TEXT|INTEGER|BLOB)( NOT NULL)?(?! PRIMARY)/g, '').replace(' STRICT', '')
  say.run(loose)
  strict.close()
  const db = new Database(file)
  db.unsafeMode()
  db.pragma('ignore_check_constraints = ON')
  const rows = db.prepare(`SELECT ${COLUMNS.join(', ')} FROM events ORDER BY position DESC LIMIT 2`).raw()
  const [last, before] = rows.all() as [unknown[], unknown[]]
  const values = last.slice(0, -1) as Hashed[]
  const at = COLUMNS.indexOf(column)
  if (typeof value === 'number') values[at] = value.toFixed(1)
  const hash = hashValues(before.at(-1) as Uint8Array, values)
  db.prepare(`UPDATE events SET ${column} = ?, hash = ? WHERE position = ?`).run(value, hash, last[0])
  db.prepare('UPDATE ledger_head SET hash = ?').run(hash)
  db.exec('PRAGMA writable_schema = ON')
  db.prepare("UPDATE sqlite_schema SET sql = ? WHERE name = 'events'").run(ours)
  db.close()
}

it('says no, as the slow check does, to a value of another storage class with the same encoding', () => {
  for (const column of COLUMNS.filter((name) => !['position', 'cause', 'reason', 'hash'].includes(name))) {
    const db = new Database(short, { readonly: true })
    const stored = db.prepare(`SELECT ${column} FROM events ORDER BY position DESC LIMIT 1`).pluck().get()
    db.close()
    const others =
      typeof stored === 'number'
        ? [String(stored), stored, Buffer.from(String(stored))]
        : [Buffer.from(String(stored))]
    for (const value of others) {
      const file = tempFile()
      copyFileSync(short, file)
      mistype(file, column, value)
      const what = `${column} as ${typeof value}`
      expect([what, isWhole(file, 0), verifyLedger(file).chain]).toEqual([what, false, 'broken'])
    }
  }
})
