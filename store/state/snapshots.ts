// Snapshots: the state of every stream at a position, so that a state far down a long ledger need not be folded from its
// beginning. A cache: it may be deleted at any time, and one that is not certainly ours and whole is not believed.
import { hash as digestOf } from 'node:crypto'
import type Database from 'better-sqlite3'
import { MACHINES } from '../../machines/registry.ts'
import { sameBytes } from '../rows/encoding.ts'
import type { LedgerState } from '../types.ts'
import type { SnapshotInfo } from './cache-info.ts'
import { isSqliteError } from '../file/sqlite-errors.ts'
import { SNAPSHOT_BYTES_PER_EVENT, SNAPSHOT_INTERVAL } from '../limits.ts'

/** Made when the first one is taken: it is no part of the schema. */
export const SNAPSHOTS_TABLE = `CREATE TABLE IF NOT EXISTS snapshots (
  position INTEGER PRIMARY KEY,
  machines TEXT NOT NULL,
  hash     BLOB NOT NULL,
  state    TEXT NOT NULL,
  digest   BLOB NOT NULL
) STRICT`

interface SnapshotRow {
  readonly position: number
  readonly machines: string
  readonly hash: Uint8Array
  readonly state: string
  readonly digest: Uint8Array
}

/** SHA-256 over what the machines are: a snapshot holds states in their words, and is worth nothing to others. */
export function machinesHash(): string {
  return digestOf(
    'sha256',
    JSON.stringify(Object.values(MACHINES).map(({ name, hash }) => [name, hash])),
    'hex',
  )
}

/** Keeps a state; the caller holds the transaction. `hash` is that of the event at its position. */
export function writeSnapshot(db: Database.Database, state: LedgerState, hash: Uint8Array): number {
  db.exec(SNAPSHOTS_TABLE)
  const row = {
    position: state.position,
    machines: machinesHash(),
    hash,
    state: JSON.stringify(state.streams),
  }
  db.prepare('INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?, ?)').run(
    row.position,
    row.machines,
    row.hash,
    row.state,
    digest(row),
  )
  return row.state.length
}

/** Events after which the next snapshot is worth its bytes: a state of many streams is taken less often. */
export function eventsUntilSnapshot(stateBytes: number): number {
  return Math.max(SNAPSHOT_INTERVAL, Math.ceil(stateBytes / SNAPSHOT_BYTES_PER_EVENT))
}

/** The state at the last snapshot at or before a position that can be believed; null when there is none. */
export function readSnapshot(db: Database.Database, position: number): LedgerState | null {
  try {
    if (!hasSnapshots(db)) return null
    const sql = 'SELECT * FROM snapshots WHERE position <= ? ORDER BY position DESC LIMIT 1'
    const before = db.prepare<[number], SnapshotRow>(sql)
    // One at a time, and in nearly every case only one: a page of them may be many megabytes.
    for (let row = before.get(position); row !== undefined; row = before.get(row.position - 1)) {
      if (refusal(db, row) !== null) continue
      return { position: row.position, streams: JSON.parse(row.state) as LedgerState['streams'] }
    }
    return null
  } catch (error) {
    // A cache whose table or pages are damaged is no cache; what lies in `events` is read without it.
    if (isSqliteError(error) && /^SQLITE_(CORRUPT|ERROR)/.test(error.code)) return null
    throw error
  }
}

/** Every snapshot there is, and whether it is believed. */
export function listSnapshots(db: Database.Database): SnapshotInfo[] {
  if (!hasSnapshots(db)) return []
  const positions = db.prepare<[], number>('SELECT position FROM snapshots ORDER BY position').pluck().all()
  const one = db.prepare<[number], SnapshotRow>('SELECT * FROM snapshots WHERE position = ?')
  return positions.flatMap((position) => {
    const row = one.get(position)
    return row === undefined ? [] : [{ position, bytes: row.state.length, refused: refusal(db, row) }]
  })
}

/** Deletes all of them. Changes nothing but how long things take. */
export function dropSnapshots(db: Database.Database): void {
  db.exec('DROP TABLE IF EXISTS snapshots')
}

function hasSnapshots(db: Database.Database): boolean {
  const sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'snapshots'"
  return db.prepare(sql).pluck().get() === 1
}

/** A snapshot of other machines, of another ledger, or with a byte changed. Values of any kind may lie there. */
function refusal(db: Database.Database, row: SnapshotRow): SnapshotInfo['refused'] {
  if (row.machines !== machinesHash()) return 'other machines'
  const whole =
    row.hash instanceof Uint8Array && row.digest instanceof Uint8Array && typeof row.state === 'string'
  if (!whole || !sameBytes(row.digest, digest(row))) return 'damaged'
  const event = db.prepare('SELECT hash FROM events WHERE position = ?').pluck().get(row.position)
  return event instanceof Uint8Array && sameBytes(event, row.hash) ? null : 'not of this ledger'
}

function digest({ position, machines, hash, state }: Omit<SnapshotRow, 'digest'>): Uint8Array {
  const text = `${position}\n${machines}\n${Buffer.from(hash).toString('hex')}\n${state}`
  return digestOf('sha256', text, 'buffer')
}
