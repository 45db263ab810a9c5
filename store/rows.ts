// Rows as SQLite gives them, and as the store's users know them.
import { COLUMNS, hashedValues, plainBytes } from './encoding.ts'
import type { StoredEvent } from './types.ts'

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

/** A row of SQLite as an event. */
export function eventOfRow(row: RawRow): StoredEvent {
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
