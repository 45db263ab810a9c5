// What can be proved of a damaged ledger, as a ledger of its own. It says itself, in its last event, that it is one, and what
// is missing; whatever else could still be read lies beside it. The damaged file is not touched.
import { appendFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { PathledgerError } from '../../errors.ts'
import { ChainCheck } from '../verify/check-chain.ts'
import { connectReadOnly, ledgerFile, unreachable } from '../file/connection.ts'
import { hex } from '../rows/encoding.ts'
import { Redecider } from '../state/fold.ts'
import { readHeader, type HeaderFacts } from '../rows/header.ts'
import { fileRows } from '../rows/raw-rows.ts'
import type { UntrustedRow } from '../rows/untrusted.ts'
import { eventOfRow, type RawRow } from '../rows/rows.ts'
import { isSqliteError, ledgerError } from '../file/sqlite-errors.ts'
import type { NewEvent, StoredEvent } from '../types.ts'
import { NewFile } from './new-file.ts'
import { NewLedger } from './new-ledger.ts'

/** What was kept and what was lost. */
export interface Repair {
  /** The new ledger. */
  readonly file: string
  /** Events that are proved: the new ledger has them, and one more that tells of the repair. */
  readonly kept: number
  /** First position that is not as it was written; null for a ledger that is whole, of which none is made. */
  readonly firstBad: number | null
  readonly why: string
  /** Events that the damaged ledger's head counts; null when it has no head that can be read. */
  readonly claimed: number | null
  /** Rows behind the kept ones that could still be read; they are in `droppedFile`, as they lie there. */
  readonly dropped: number
  readonly droppedFile: string | null
}

/**
 * Makes a ledger of what is provable up to the first bad position. Throws FILE_EXISTS, REPAIR_IMPOSSIBLE (not even the
 * header can be proved) or LEDGER_*. Of a ledger that is whole none is made: `firstBad` is null then.
 */
export function repairLedger(
  name: string,
  newName: string,
  facts: Omit<HeaderFacts, 'engine' | 'xstate'>,
): Repair {
  const file = ledgerFile(name)
  const made = resolve(newName)
  const dropped = new DroppedRows(`${made}.dropped.ndjson`, file)
  const ledger = new NewLedger(made, file)
  try {
    const found = copyProvable(file, ledger, dropped)
    if (found.firstBad === null) {
      ledger.abandon()
      dropped.abandon()
      return { file: made, ...found, firstBad: null, dropped: 0, droppedFile: null }
    }
    if (found.kept === 0) throw impossible(file, found.why)
    const told = { ...found, firstBad: found.firstBad, dropped: dropped.count, source: basename(file) }
    ledger.append([repairedEvent(told, facts)])
    // The ledger says that there are such rows: they have their name before it has one.
    const droppedFile = dropped.finish()
    ledger.finish()
    return {
      ...{ file: made, kept: found.kept, firstBad: found.firstBad, why: found.why, claimed: found.claimed },
      ...{ dropped: dropped.count, droppedFile },
    }
  } catch (error) {
    ledger.abandon()
    dropped.abandon()
    throw ledgerError(error, file)
  }
}

interface Found {
  readonly kept: number
  readonly firstBad: number | null
  readonly why: string
  readonly claimed: number | null
  readonly redecider: Redecider
}

function copyProvable(file: string, ledger: NewLedger, dropped: DroppedRows): Found {
  const db = connectReadOnly(file)
  const source = fileRows(db)
  const chain = new ChainCheck(source)
  const redecider = new Redecider()
  try {
    for (const batch of source.batches()) {
      const good = batch.flatMap((row) => {
        chain.take(row)
        if (chain.bad === null) return [storedOf(row)]
        dropped.add(row)
        return []
      })
      ledger.add(good)
      for (const event of good) redecider.decide(event)
    }
    chain.end()
  } catch (error) {
    if (!isSqliteError(error)) throw error
    chain.giveUp(`SQLite cannot read on: ${error.message}.`)
  } finally {
    db.close()
  }
  const { events: kept } = ledger.head
  const claimed = claimOf(source.head()?.[0])
  return { kept, firstBad: chain.bad?.position ?? null, why: chain.bad?.why ?? '', claimed, redecider }
}

/** The last event of a repaired ledger: what was lost, for as long as it is kept. */
function repairedEvent(
  {
    source,
    firstBad,
    why,
    kept,
    claimed,
    dropped,
    redecider,
  }: Omit<Found, 'firstBad'> & { source: string; firstBad: number; dropped: number },
  facts: Omit<HeaderFacts, 'engine' | 'xstate'>,
): NewEvent {
  const data = JSON.stringify({ source, firstBad, why: why.slice(0, 4_096), kept, claimed, dropped })
  const event = { stream: 'engine', type: 'ledger.repaired', schema: 1, monoUs: facts.monoUs, data }
  const decision = redecider.decide({ ...event, version: 0, position: kept + 1 })
  const { eventId, recordedAtUs, bootId, actor } = facts
  const words = { cause: null, actor: actor ?? 'operator', reason: null }
  return { ...event, eventId, recordedAtUs, bootId, ...words, decision }
}

/** Characters of rows that are written at a time. */
const DROPPED_CHARS = 65_536

/** The rows that are not kept, as they lie there: whoever wants to look at them can. */
class DroppedRows {
  count = 0
  readonly #file: string
  readonly #like: string
  #new: NewFile | null = null
  #text = ''

  constructor(file: string, like: string) {
    this.#file = file
    this.#like = like
  }

  add(row: UntrustedRow): void {
    this.#new ??= new NewFile(this.#file, this.#like)
    this.count += 1
    this.#text += `${JSON.stringify(row.map(plainly))}\n`
    if (this.#text.length >= DROPPED_CHARS) this.#write(this.#new)
  }

  finish(): string | null {
    if (this.#new === null) return null
    this.#write(this.#new)
    this.#new.take()
    return this.#file
  }

  abandon(): void {
    this.#new?.abandon()
  }

  #write(made: NewFile): void {
    try {
      appendFileSync(made.partial, this.#text)
      this.#text = ''
    } catch (error) {
      throw unreachable(error, this.#file)
    }
  }
}

/** SQLite's values as JSON: bytes in hex, whole numbers plainly. */
function plainly(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  return value instanceof Uint8Array ? { hex: hex(value) } : value
}

function storedOf(row: UntrustedRow): StoredEvent {
  const values = row.map((value) => (typeof value === 'bigint' ? Number(value) : value))
  const event = eventOfRow(values as unknown as RawRow)
  if (event.position === 1) readHeader(event, '')
  return event
}

function claimOf(value: unknown): number | null {
  return typeof value === 'bigint' && value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER)
    ? Number(value)
    : null
}

function impossible(file: string, why: string): PathledgerError {
  return new PathledgerError('REPAIR_IMPOSSIBLE', {
    message: `Nothing of ${file} can be proved.`,
    why: `Even its first event is bad: ${why}`,
    todo: 'Use the last backup that verifies.',
    details: { file },
  })
}
