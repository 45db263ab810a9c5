// Rows as SQLite gives them, and as the store's users know them.
import { damagedRow } from './damage.ts'
import { COLUMNS, hashedValues, plainBytes } from './encoding.ts'
import type { StoredEvent } from '../types.ts'

/** The columns of `events`, for a SELECT or an INSERT. */
export const COLUMN_LIST = COLUMNS.join(', ')

/** A row in the order of the columns, as `raw()` gives it: INTEGER as number, TEXT as string, BLOB as bytes. */
export type RawRow = readonly [
  position: number,
  eventId: string,
  stream: string,
  version: number,
  type: string,
  schema: number,
  recordedAtUs: number,
  monoUs: number,
  bootId: string,
  cause: number | null,
  actor: string,
  reason: string | null,
  data: string,
  decision: string,
  hash: Uint8Array,
]

/** Where a row has what: a damaged page may give any column as anything. */
const NUMBERS = [0, 3, 5, 6, 7] as const
const TEXTS = [1, 2, 4, 8, 10, 12, 13] as const

function isSound(row: readonly unknown[]): boolean {
  for (const at of NUMBERS) if (!Number.isSafeInteger(row[at])) return false
  for (const at of TEXTS) if (typeof row[at] !== 'string') return false
  const [cause, reason] = [row[9], row[11]]
  if (cause !== null && typeof cause !== 'number') return false
  return (reason === null || typeof reason === 'string') && row[14] instanceof Uint8Array
}

/** A row of SQLite as an event. Throws LEDGER_DAMAGED where a value is not of its column's type. */
export function eventOfRow(row: RawRow): StoredEvent {
  if (!isSound(row)) throw damagedRow(row[0], 'A value of it is not of its type')
  return {
    position: row[0],
    eventId: row[1],
    stream: row[2],
    version: row[3],
    type: row[4],
    schema: row[5],
    recordedAtUs: row[6],
    monoUs: row[7],
    bootId: row[8],
    cause: row[9],
    actor: row[10],
    reason: row[11],
    data: row[12],
    decision: row[13],
    hash: plainBytes(row[14]),
  }
}

/** An event as the values of an INSERT. */
export function valuesOfEvent(event: StoredEvent): readonly unknown[] {
  return [...hashedValues(event), event.hash]
}

/** The values of several events for one INSERT, written over those that a list held before. */
export function putValues(
  values: unknown[],
  events: readonly StoredEvent[],
  from: number,
  count: number,
): void {
  let at = 0
  for (let index = from; index < from + count; index += 1) {
    const event = events[index]
    if (event === undefined) throw new RangeError('fewer events than rows')
    values[at] = event.position
    values[at + 1] = event.eventId
    values[at + 2] = event.stream
    values[at + 3] = event.version
    values[at + 4] = event.type
    values[at + 5] = event.schema
    values[at + 6] = event.recordedAtUs
    values[at + 7] = event.monoUs
    values[at + 8] = event.bootId
    values[at + 9] = event.cause
    values[at + 10] = event.actor
    values[at + 11] = event.reason
    values[at + 12] = event.data
    values[at + 13] = event.decision
    values[at + 14] = event.hash
    at += COLUMNS.length
  }
}
