// Projections: tables computed from the events, for questions about the whole history of a long ledger. Caches, like
// snapshots: they may be deleted at any time and are rebuilt, step by step, from `events` alone.
import type Database from 'better-sqlite3'
import { damagedRow } from '../rows/damage.ts'
import { plainBytes, sameBytes } from '../rows/encoding.ts'
import { SNAPSHOT_INTERVAL } from '../limits.ts'
import type { ProjectionTables } from '../types.ts'

/** A projection. Its tables hold what the events up to a multiple of {@link SNAPSHOT_INTERVAL} come to. */
export interface Projection extends ProjectionTables {
  /**
   * Takes in the events behind position `after` up to `to`, which are one step apart; called in order, inside a transaction.
   * Must come to the same whenever it is done: rebuilding and comparing is how a projection is checked.
   */
  advance(db: Database.Database, after: number, to: number): void
}

/** How far each projection has come, and the hash of the event there: that of another ledger is not believed. */
const CHECKPOINTS_TABLE = `CREATE TABLE projections (
  name     TEXT PRIMARY KEY,
  version  INTEGER NOT NULL,
  position INTEGER NOT NULL,
  hash     BLOB NOT NULL
) STRICT, WITHOUT ROWID`

interface Checkpoint {
  readonly version: number
  readonly position: number
  readonly hash: Uint8Array
}

/** Where its tables are: in the file, or beside it in the connection's own memory, where they hide those of the file. */
export type Place = 'main' | 'temp'

/** The last event that a projection holds; 0 when there is none, or one that cannot be believed. */
export function projectedTo(
  db: Database.Database,
  projection: ProjectionTables,
  place: Place = 'main',
): number {
  if (!hasTables(db, ['projections', ...Object.keys(projection.tables)], place)) return 0
  const sql = `SELECT version, position, hash FROM ${place}.projections WHERE name = ?`
  const row = db.prepare<[string], Checkpoint>(sql).get(projection.name)
  if (row?.version !== projection.version) return 0
  const event = db.prepare('SELECT hash FROM events WHERE position = ?').pluck().get(row.position)
  return event instanceof Uint8Array && sameBytes(event, row.hash) ? row.position : 0
}

/** Takes the projection one step further, where `events` has gone as far. True when it did. The caller holds a transaction. */
export function stepProjection(
  db: Database.Database,
  projection: Projection,
  events: number,
  place: Place = 'main',
  step = SNAPSHOT_INTERVAL,
): boolean {
  const after = projectedTo(db, projection, place)
  const to = after + step
  if (to > events) return false
  if (after === 0) makeTables(db, projection, place)
  projection.advance(db, after, to)
  const hash = db.prepare('SELECT hash FROM events WHERE position = ?').pluck().get(to)
  if (!(hash instanceof Uint8Array)) throw damagedRow(to, 'It is gone, or has no hash')
  const set = db.prepare(`INSERT OR REPLACE INTO ${place}.projections VALUES (?, ?, ?, ?)`)
  set.run(projection.name, projection.version, to, plainBytes(hash))
  return true
}

/** Empty tables of this version, whatever was there. */
function makeTables(db: Database.Database, { tables }: Projection, place: Place): void {
  if (!hasTables(db, ['projections'], place)) db.exec(placed(CHECKPOINTS_TABLE, place))
  for (const [name, sql] of Object.entries(tables)) {
    db.exec(`DROP TABLE IF EXISTS ${place}.${name}`)
    db.exec(placed(sql, place))
  }
}

function placed(sql: string, place: Place): string {
  return sql.replace('CREATE TABLE ', `CREATE TABLE ${place}.`)
}

function hasTables(db: Database.Database, names: readonly string[], place: Place): boolean {
  const places = names.map(() => '?').join(', ')
  const sql = `SELECT count(*) FROM ${place}.sqlite_schema WHERE type = 'table' AND name IN (${places})`
  return (
    db
      .prepare(sql)
      .pluck()
      .get(...names) === names.length
  )
}

/** Deletes the projection's tables. Changes nothing but how long questions take. */
export function dropProjection(db: Database.Database, { tables }: Projection): void {
  for (const table of Object.keys(tables)) db.exec(`DROP TABLE IF EXISTS main.${table}`)
}
