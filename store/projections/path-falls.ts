// When paths went down, came and went: few of very many events, of which a question about all of them needs six columns. Read
// one by one each would be on a page of its own.
import type Database from 'better-sqlite3'
import { IS_NO_SAMPLE } from '../rows/schema.ts'
import type { Projection } from './projection.ts'

const TYPES = [
  ...['path.failed', 'path.wentOffline', 'path.transportWentOffline'],
  ...['path.added', 'path.returned', 'path.removed', 'path.lost', 'path.forgotten'],
]

const FOUND = `SELECT position, recorded_at_us, mono_us, boot_id, stream, type
  FROM events
  WHERE type IN (${TYPES.map((type) => `'${type}'`).join(', ')})
    AND ${IS_NO_SAMPLE} AND position > :after AND position <= :to
    AND decision ->> '$.refused' IS NULL`

export const PATH_FALLS: Projection = {
  name: 'path_falls',
  version: 2,
  tables: {
    path_falls: `CREATE TABLE path_falls (
  position       INTEGER PRIMARY KEY,
  recorded_at_us INTEGER NOT NULL,
  mono_us        INTEGER NOT NULL,
  boot_id        TEXT NOT NULL,
  stream         TEXT NOT NULL,
  type           TEXT NOT NULL
) STRICT`,
  },
  advance(db: Database.Database, after: number, to: number): void {
    db.prepare(`INSERT INTO path_falls ${FOUND}`).run({ after, to })
  },
}

/**
 * For `events` in a query about these types: the projection and what lies behind it, where `:after` is how far it has come. None
 * of them was refused, and of their decisions nothing else is told.
 */
export const ALL_FALLS = `(SELECT *, '{}' AS decision FROM (SELECT * FROM path_falls UNION ALL ${FOUND}))`
