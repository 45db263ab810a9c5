// The fast check of a chain never says yes where the slow one says no, and says yes to everything that is whole.
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { HEADER as LONG_HEADER, workload } from '../../bench/ledger/workload.ts'
import { beginFastCheck } from '../../store/fast-verify.ts'
import { LedgerFile } from '../../store/ledger-file.ts'
import { verifyLedger } from '../../store/verify.ts'
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
    return (beginFastCheck(file, db, threads)?.end() ?? null) !== null
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
