// How the last run on a ledger ended, and whether the file may lack its end.
import type Database from 'better-sqlite3'
import { walBytes } from '../file/write-ahead.ts'
import { IS_NO_SAMPLE } from '../rows/schema.ts'

/**
 * `none`: no engine has written it. `ended`: it says itself that it ended. `open`: it runs, or was killed, and what it committed is there.
 * `lost`: it has no end, and there is no FILE-wal, where its last commits would be: the file may have been copied alone.
 */
export type LastRun = 'none' | 'ended' | 'open' | 'lost'

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
