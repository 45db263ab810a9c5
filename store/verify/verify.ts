// Is this ledger what was written, and would the same decisions be taken again?
import { checkArguments } from '../../errors/arguments.ts'
import type Database from 'better-sqlite3'
import { PathledgerError } from '../../errors.ts'
import { ChainCheck } from './check-chain.ts'
import { ReplayCheck } from './check-replay.ts'
import type { Difference } from './check-replay.ts'
import { connectReadOnly, ledgerFile } from '../file/connection.ts'
import { indexFaults } from './index-faults.ts'
import { hashedValues, hex } from '../rows/encoding.ts'
import { beginFastCheck } from './fast-verify.ts'
import { decidedInputs } from '../rows/input-rows.ts'
import { VERIFY_FAST_FROM } from '../limits.ts'
import { lastRunOf } from '../state/last-run.ts'
import { unprovedOf } from './unproved.ts'
import type { LastRun, Unproved } from '../types.ts'
import { checkCaches } from '../state/check-caches.ts'
import { pages } from '../pages.ts'
import { fileRows, schemaWarnings } from '../rows/raw-rows.ts'
import type { RowSource } from '../rows/untrusted.ts'
import { isSqliteError, ledgerError } from '../file/sqlite-errors.ts'
import type { LedgerReader } from '../types.ts'

/** What verification found. */
export interface Verification {
  /** Rows on the ledger. */
  readonly events: number
  readonly chain: 'ok' | 'broken'
  /** Hash of the last row up to which the chain holds, in hex: keep it elsewhere, and a rewritten file is seen too. */
  readonly head: string
  /** Whether the machines, given the recorded inputs again, decide the same bytes. */
  readonly replay: 'equal' | 'different'
  /** First position that is not as it was written or not decided again alike; null when there is none. */
  readonly firstBad: number | null
  /** What is wrong there, in sentences; '' when nothing is. */
  readonly why: string
  /** The first decision that is not taken again: as stored, and as decided now. Null when there is none. */
  readonly difference: Difference | null
  /**
   * What is derived from the rows and does not say what they say: an index (in SQLite's words), a cache by its name. Answers that
   * go by it would be wrong although every row is right.
   */
  readonly derived: readonly string[]
  /** What stays open although nothing is wrong: each is for somebody to look at elsewhere. */
  readonly unproved: readonly Unproved[]
  /** How its last run ended; `lost` where the end of it may be missing from the file. */
  readonly lastRun: LastRun
  /** What is odd and proves nothing about the rows: a dropped trigger, other machines than the header names. */
  readonly warnings: readonly string[]
}

/**
 * Verifies a ledger: the hash chain, positions and versions without gaps, event ids once each, the head (a lost tail),
 * and every decision by deciding it again. Synchronous; reads page by page, also while an engine writes. A file is
 * opened read-only, and what was done to its triggers, indexes, constraints and types does not matter.
 * Throws LEDGER_NOT_FOUND, NOT_A_LEDGER, LEDGER_FROM_THE_FUTURE, LEDGER_PERMISSION or LEDGER_IO; what is wrong inside
 * a ledger is a result, not an error.
 */
export function verifyLedger(target: string | LedgerReader): Verification {
  if (typeof target === 'string') return verifyFile(target)
  checkArguments('verifyLedger', { target }, { target: 'reader' })
  return 'file' in target && typeof target.file === 'string' ? verifyFile(target.file) : verifyRows(target)
}

/**
 * Verifies the hash chain of a ledger file alone: no decision is taken again. Throws what {@link verifyLedger} throws; what
 * is wrong inside is a result, and `replay` says nothing.
 */
export function verifyChain(name: string): Verification {
  return verifyFile(name, false)
}

/** {@link verifyLedger} for rows that lie in no file: the memory store. */
export function verifyRows(reader: Pick<LedgerReader, 'read' | 'head'>): Verification {
  return verify(readerRows(reader), [])
}

function verifyFile(name: string, replay = true): Verification {
  const file = ledgerFile(name)
  const db = connectReadOnly(file)
  try {
    const found = fastVerification(file, db, replay) ?? verify(fileRows(db), schemaWarnings(db), replay)
    if (found.firstBad !== null) return found
    const lastRun = lastRunOf(db, file)
    const open = { lastRun, unproved: unprovedOf(db, lastRun) }
    if (!replay) return { ...found, ...open }
    return { ...found, ...open, derived: [...indexFaults(db), ...checkCaches(file).wrong] }
  } catch (error) {
    throw ledgerError(error, file)
  } finally {
    db.close()
  }
}

/** Of rows that lie in no file, or of which one is bad, nothing more is said. */
const OPEN = { unproved: [], lastRun: 'none' } as const

/** A long ledger that is whole is found so by several threads; null where something may be wrong, or it is short. */
function fastVerification(file: string, db: Database.Database, replays: boolean): Verification | null {
  if (claimedEvents(db) < VERIFY_FAST_FROM) return null
  const check = beginFastCheck(file, db, { payloads: replays })
  if (check === null) return null
  // The threads look at the payloads: most are of samples, which deciding again never fetches.
  const replay = new ReplayCheck({ payloads: false })
  const isReadable = !replays || replayRows(db, check.events, replay)
  const whole = check.end()
  if (whole === null || !isReadable) return null
  const warnings = [...schemaWarnings(db), ...replay.warnings]
  const { bad, difference } = replay
  const differs = bad === null ? null : `Position ${bad.position}: ${bad.why}`
  return {
    ...{ events: whole.events, chain: 'ok', head: whole.head, replay: bad === null ? 'equal' : 'different' },
    ...{ firstBad: bad?.position ?? null, why: differs ?? '', difference, derived: [], ...OPEN, warnings },
  }
}

/** What the head counts; 0 where it cannot be read, which is for the slow check. */
function claimedEvents(db: Database.Database): number {
  try {
    return Number(db.prepare('SELECT events FROM ledger_head WHERE id = 1').pluck().get() ?? 0)
  } catch (error) {
    if (isSqliteError(error)) return 0
    throw error
  }
}

/** False where a row is none: the slow check says what is wrong with it. */
function replayRows(db: Database.Database, events: number, replay: ReplayCheck): boolean {
  try {
    for (const [input, decision] of decidedInputs(db, events)) {
      replay.takeInput(input, decision)
      if (replay.bad !== null) break
    }
    return true
  } catch (error) {
    if (error instanceof PathledgerError) return false
    throw error
  }
}

function verify(source: RowSource, warnings: readonly string[], replays = true): Verification {
  const chain = new ChainCheck(source)
  const replay = new ReplayCheck()
  try {
    for (const batch of source.batches()) {
      for (const row of batch) chain.take(row)
      for (const row of replays ? batch : []) replay.take(row)
    }
    chain.end()
    chain.noteRepeated(source.repeatedIds())
  } catch (error) {
    if (!meansDamage(error)) throw error
    chain.giveUp(`SQLite cannot read on: ${error.message}.`)
  }
  const bads = [chain.bad, replay.bad].filter((bad) => bad !== null)
  return {
    events: chain.events,
    chain: chain.bad === null ? 'ok' : 'broken',
    head: hex(chain.hash),
    replay: replay.bad === null ? 'equal' : 'different',
    firstBad: bads.length === 0 ? null : Math.min(...bads.map(({ position }) => position)),
    why: bads.map(({ position, why }) => `Position ${position}: ${why}`).join(' '),
    difference: replay.difference,
    derived: [],
    ...OPEN,
    warnings: [...warnings, ...replay.warnings],
  }
}

/** True for SQLite's word that what lies in the file cannot be read: a damaged page, a table or column that is gone. */
function meansDamage(error: unknown): error is Error {
  return isSqliteError(error) && /^SQLITE_(CORRUPT|NOTADB|ERROR|FORMAT)/.test(error.code)
}

/** A reader's rows with their storage classes, as SQLite would give them. */
function readerRows(reader: Pick<LedgerReader, 'read' | 'head'>): RowSource {
  const stored = (value: unknown): unknown => (Number.isSafeInteger(value) ? BigInt(value as number) : value)
  return {
    batches: function* () {
      for (const page of pages(reader, {})) {
        yield page.map((event) => [...hashedValues(event).map(stored), event.hash])
      }
    },
    head: () => {
      const { events, hash } = reader.head()
      return [BigInt(events), hash, 1]
    },
    repeatedIds: () => repeatedIds(reader),
    textBytes: () => null,
  }
}

function repeatedIds(reader: Pick<LedgerReader, 'read'>): readonly number[] {
  const seen = new Set<string>()
  const repeated: number[] = []
  for (const page of pages(reader, {})) {
    for (const { eventId, position } of page) {
      if (seen.has(eventId)) repeated.push(position)
      seen.add(eventId)
    }
  }
  return repeated
}
