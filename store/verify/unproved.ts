// What verification cannot prove, whatever it finds: an answer never says more than its evidence.
import type Database from 'better-sqlite3'
import type { LastRun, Unproved } from '../types.ts'

/** What stays open for a file that was looked at by itself. */
export function unprovedOf(db: Database.Database, lastRun: LastRun): readonly Unproved[] {
  const header = db.prepare("SELECT data ->> '$.previous.file' FROM events WHERE position = 1").pluck()
  const previous = header.get()
  return [
    REWRITTEN,
    ...(typeof previous !== 'string'
      ? []
      : [
          {
            what: 'earlier-segment',
            says: `It goes on from ${previous}, which was not looked at: \`verify --segments\` does.`,
          } as const,
        ]),
    ...(lastRun === 'open' || lastRun === 'lost'
      ? [{ what: 'end-of-last-run', says: LAST_RUN[lastRun] } as const]
      : []),
  ]
}

const REWRITTEN: Unproved = {
  what: 'rewritten',
  says: 'That it was not written anew as a whole: only a head that was signed and kept elsewhere shows that (`head verify`).',
}

const LAST_RUN = {
  open: 'What its last run did after the last event: it has no end, so it runs still, was killed, or is copied from before its end.',
  lost: 'That its last events are here: its last run has no end, and FILE-wal, which would hold what was committed last, is not there.',
}
