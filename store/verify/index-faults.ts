// Whether the indexes of a file say what its rows say, by SQLite's own check.
import type Database from 'better-sqlite3'

/** Indexes that lack rows, or have others, in SQLite's words. Rows that are damaged are told by their positions, before this is asked. */
export function indexFaults(db: Database.Database): readonly string[] {
  const said = db.pragma(`integrity_check(${FAULTS_MAX})`) as { integrity_check: string }[]
  return said.map(({ integrity_check: words }) => words).filter((words) => words !== 'ok')
}

/** One is enough to distrust it. */
const FAULTS_MAX = 10
