// From a time to positions. Most of the way the projection of time spans leads; what it does not hold yet is looked at row
// by row, and so is everything where there is none.
import type Database from 'better-sqlite3'
import { projectedTo } from '../projections/projection.ts'
import { TIME_SPANS } from '../projections/time-spans.ts'

/**
 * The last position that was recorded at or before a time; 0 when there is none. Where the wall clock stepped back, later
 * positions carry earlier times: the last of them counts.
 */
export function positionAt(db: Database.Database, timeUs: number): number {
  const last = db
    .prepare<[number, number, number], number>(
      'SELECT position FROM events WHERE position BETWEEN ? AND ? AND recorded_at_us <= ? ORDER BY position DESC LIMIT 1',
    )
    .pluck()
  const spanned = projectedTo(db, TIME_SPANS)
  const behind = last.get(spanned + 1, Number.MAX_SAFE_INTEGER, timeUs)
  if (behind !== undefined || spanned === 0) return behind ?? 0
  const span = db
    .prepare<[number], { first: number; last: number }>(
      'SELECT first, last FROM time_spans WHERE min_us <= ? ORDER BY first DESC LIMIT 1',
    )
    .get(timeUs)
  return span === undefined ? 0 : (last.get(span.first, span.last, timeUs) ?? 0)
}

/** A range of positions outside of which nothing was recorded from one time to the other; null when nothing was. */
export function positionsBetween(
  db: Database.Database,
  fromUs: number,
  toUs: number,
): readonly [from: number, to: number] | null {
  const spanned = projectedTo(db, TIME_SPANS)
  const found: (number | null)[] = []
  if (spanned > 0) {
    const spans = 'SELECT min(first), max(last) FROM time_spans WHERE max_us >= ? AND min_us <= ?'
    found.push(...(db.prepare(spans).raw().get(fromUs, toUs) as (number | null)[]))
  }
  const rows =
    'SELECT min(position), max(position) FROM events WHERE position > ? AND recorded_at_us BETWEEN ? AND ?'
  found.push(...(db.prepare(rows).raw().get(spanned, fromUs, toUs) as (number | null)[]))
  const positions = found.filter((position) => position !== null)
  return positions.length === 0 ? null : [Math.min(...positions), Math.max(...positions)]
}
