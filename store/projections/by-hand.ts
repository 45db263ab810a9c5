// Which events are of somebody who is neither the engine nor its checker: few of very many, and no index leads to them.
import type Database from 'better-sqlite3'
import type { Projection } from './projection.ts'

export const BY_HAND: Projection = {
  name: 'by_hand',
  version: 1,
  tables: {
    by_hand: `CREATE TABLE by_hand (
  position INTEGER PRIMARY KEY
) STRICT`,
  },
  advance(db: Database.Database, after: number, to: number): void {
    const sql = `INSERT INTO by_hand SELECT position FROM events
      WHERE position > ? AND position <= ? AND actor NOT IN ('engine', 'checker')`
    db.prepare(sql).run(after, to)
  },
}
