// The long ledger: the rows that a writer would have made of the workload, without its checks, and its caches.
import { statSync } from 'node:fs'
import Database from 'better-sqlite3'
import { catchUp } from '../../store/state/caches.ts'
import { hashRow } from '../../store/rows/encoding.ts'
import { LedgerFile } from '../../store/write/ledger-file.ts'
import { openLedgerReader } from '../../store/read/reader.ts'
import { makeDurable } from '../../store/rows/schema.ts'
import { prepareStatements } from '../../store/write/statements.ts'
import type { NewEvent, StoredEvent } from '../../store/types.ts'
import { perSecond, round, timed } from './timing.ts'
import { HEADER, workload } from './workload.ts'

/** Rows of one transaction, and of one call of the statements. */
const [COMMIT_ROWS, CALL_ROWS] = [20_000, 500]

/** Makes it, so many events with the header. Gives how large it is and how fast its caches were made. */
export function makeLongLedger(
  file: string,
  count: number,
): { bytes_per_event: number; caches_per_s: number } {
  LedgerFile.open(file, { header: HEADER }).close()
  const db = new Database(file)
  makeDurable(db)
  db.pragma('synchronous = OFF')
  const statements = prepareStatements(db)
  const rows = chained(workload('long'), count - 1, file)
  for (let made = 1; made < count;) {
    db.transaction(() => {
      for (let left = Math.min(COMMIT_ROWS, count - made); left > 0;) {
        const some = take(rows, Math.min(CALL_ROWS, left))
        statements.insert(some)
        made += some.length
        left -= some.length
        const last = some.at(-1)
        if (last !== undefined) statements.setHead({ events: made, hash: last.hash })
      }
    }).immediate()
  }
  db.pragma('wal_checkpoint(TRUNCATE)')
  const bytes_per_event = round(statSync(file).size / count)
  const took = timed(() => catchUp(db, count))
  makeDurable(db)
  db.pragma('wal_checkpoint(TRUNCATE)')
  db.close()
  return { bytes_per_event, caches_per_s: perSecond(count, took) }
}

/** The next so many of what has no end. */
export function take<Made>(made: Iterator<Made, unknown>, count: number): Made[] {
  return Array.from({ length: count }, () => {
    const { done, value } = made.next()
    if (done === true) throw new Error('the workload has ended')
    return value
  })
}

/** Events as rows, behind the header of a file or as the first ones. */
export function* chained(
  events: Iterable<NewEvent>,
  count = Infinity,
  file?: string,
): Generator<StoredEvent, undefined> {
  const versions = new Map<string, number>()
  let [hash, position]: [Uint8Array, number] = [new Uint8Array(32), 0]
  if (file !== undefined) {
    const reader = openLedgerReader(file)
    hash = reader.head().hash
    reader.close()
    versions.set('engine', 1)
    position = 1
  }
  let left = count
  for (const event of events) {
    if (left === 0) return
    left -= 1
    position += 1
    const version = (versions.get(event.stream) ?? 0) + 1
    versions.set(event.stream, version)
    const row = { ...event, cause: null, position, version }
    hash = hashRow(hash, row)
    yield { ...row, hash }
  }
}
