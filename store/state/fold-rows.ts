// What folding needs of the rows, and no more: a whole row costs three times as much to fetch.
import type Database from 'better-sqlite3'
import { damagedRow } from '../rows/damage.ts'
import { CARRIED } from './fold.ts'
import type { Folded } from '../types.ts'
import { BULK_PAGE_ROWS } from '../limits.ts'

type FoldRow = readonly [
  position: number,
  stream: string,
  version: number,
  type: string,
  decision: string,
  data: string | null,
]

/** The SELECT of {@link foldRows}; its values are the first position, the last one, and how many rows at most. */
export const FOLD_SQL = `SELECT position, stream, version, type, decision, CASE type WHEN '${CARRIED}' THEN data END
  FROM events WHERE position BETWEEN ? AND ? ORDER BY position LIMIT ?`

/** The next page of rows from one position to another. */
export function foldRows(db: Database.Database, from: number, to: number): readonly Folded[] {
  return foldedOf(db.prepare<[number, number, number], FoldRow>(FOLD_SQL).raw().all(from, to, BULK_PAGE_ROWS))
}

/** Rows of {@link FOLD_SQL} as folding takes them. */
export function foldedOf(rows: readonly unknown[]): readonly Folded[] {
  return (rows as readonly FoldRow[]).map(([position, stream, version, type, decision, data]) => {
    const isText = typeof stream === 'string' && typeof type === 'string' && typeof decision === 'string'
    if (!isText) throw damagedRow(position, 'A value of it is not of its type')
    return { position, stream, version, type, decision, data: data ?? '' }
  })
}
