// What went down each path, hour by hour of the wall clock: the samples of a year summed up in 8,760 rows a path.
import type Database from 'better-sqlite3'
import type { Projection } from './projection.ts'

/** Microseconds of an hour. */
export const HOUR_US = 3_600_000_000

export const IO_BY_PATH: Projection = {
  name: 'io_by_path_hours',
  version: 1,
  tables: {
    io_by_path_hours: `CREATE TABLE io_by_path_hours (
  path        TEXT NOT NULL,
  hour        INTEGER NOT NULL,
  samples     INTEGER NOT NULL,
  reads       INTEGER NOT NULL,
  writes      INTEGER NOT NULL,
  flushes     INTEGER NOT NULL,
  read_bytes  INTEGER NOT NULL,
  write_bytes INTEGER NOT NULL,
  errors      INTEGER NOT NULL,
  resent      INTEGER NOT NULL,
  PRIMARY KEY (path, hour)
) STRICT, WITHOUT ROWID`,
  },
  advance(db: Database.Database, after: number, to: number): void {
    db.prepare(ADVANCE).run(after + 1, to)
  },
}

const SUMS = ['reads', 'writes', 'flushes', 'readBytes', 'writeBytes', 'errors', 'resent']
const COLUMNS = ['samples', 'reads', 'writes', 'flushes', 'read_bytes', 'write_bytes', 'errors', 'resent']

const ADVANCE = `INSERT INTO io_by_path_hours
  SELECT stream, recorded_at_us / ${HOUR_US} AS hour, count(*), ${SUMS.map((key) => `sum(data ->> '$.${key}')`).join(', ')}
  FROM events
  WHERE position BETWEEN ? AND ? AND type = 'path.ioSampled'
  GROUP BY stream, hour
  ON CONFLICT DO UPDATE SET ${COLUMNS.map((name) => `${name} = ${name} + excluded.${name}`).join(', ')}`

/**
 * io-by-path.sql and io-by-interval.sql over whole hours, of those that the projection holds: `:from_hour` to `:to_hour`, in
 * intervals of `:interval_us`, which is a multiple of an hour, or all as one where that is 0.
 */
export const IO_BY_HOURS = `SELECT
  path,
  iif(:interval_us = 0, 0, hour * ${HOUR_US} - hour * ${HOUR_US} % max(1, :interval_us)) AS from_us,
  ${COLUMNS.map((name) => `sum(${name}) AS ${name}`).join(',\n  ')}
FROM io_by_path_hours
WHERE (:path IS NULL OR path = :path) AND hour BETWEEN :from_hour AND :to_hour
GROUP BY 1, 2`
