// When each ten thousand events were recorded: finds the position of a time without an index of times, which would cost
// twenty bytes for every event.
import type Database from 'better-sqlite3'
import type { Projection } from './projection.ts'

export const TIME_SPANS: Projection = {
  name: 'time_spans',
  version: 1,
  tables: {
    time_spans: `CREATE TABLE time_spans (
  first  INTEGER PRIMARY KEY,
  last   INTEGER NOT NULL,
  min_us INTEGER NOT NULL,
  max_us INTEGER NOT NULL
) STRICT`,
  },
  advance(db: Database.Database, after: number, to: number): void {
    const sql = `INSERT INTO time_spans SELECT ?, ?, min(recorded_at_us), max(recorded_at_us) FROM events
      WHERE position BETWEEN ? AND ?`
    db.prepare(sql).run(after + 1, to, after + 1, to)
  },
}
