// Payloads of a range, for the quick check: yes or no. Which one does not fit, and why, is for the slow check.
import type Database from 'better-sqlite3'
import { misfit, type Payload } from '../rows/fits.ts'
import { BULK_PAGE_ROWS } from '../limits.ts'

const PAGE = `SELECT position, stream, type, schema, data FROM events
  WHERE position >= ? AND position <= ? ORDER BY position LIMIT ${BULK_PAGE_ROWS}`

/** Whether every payload of a range fits its type. */
export function payloadsFit(db: Database.Database, from: number, to: number): boolean {
  const page = db.prepare<[number, number], Payload>(PAGE)
  for (let next = from; next <= to; next += BULK_PAGE_ROWS) {
    if (page.all(next, to).some((payload) => misfit(payload) !== null)) return false
  }
  return true
}
