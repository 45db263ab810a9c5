// How the last run on a ledger ended, and whether the file may lack its end.
import type Database from 'better-sqlite3'
import { walBytes } from '../file/write-ahead.ts'
import { IS_NO_SAMPLE } from '../rows/schema.ts'
import type { LastRun } from '../types.ts'

const ENDS = ['engine.stopped', 'ledger.segmentClosed', 'ledger.repaired']

export function lastRunOf(db: Database.Database, file: string): LastRun {
  const last = db.prepare(`SELECT max(position) FROM events WHERE type = ? AND ${IS_NO_SAMPLE}`).pluck()
  const [started, ...ends] = ['engine.started', ...ENDS].map((type) => Number(last.get(type)))
  if (started === undefined || started === 0) return 'none'
  if (ends.some((end) => end > started)) return 'ended'
  // What backup, import and repair make has no log, and needs none: the file itself says so.
  const hasLog = db.pragma('journal_mode', { simple: true }) === 'wal'
  return hasLog && walBytes(file) === 0 ? 'lost' : 'open'
}
