// The physical schema: exactly the normative table, its three triggers, the head, an index. docs/ledger.md is its page.
import type Database from 'better-sqlite3'
import { invariant, PathledgerError } from '../../errors.ts'
import { WAL_SIZE_LIMIT_BYTES } from '../limits.ts'

/** 'pldg' in ASCII: says to `file` and to us whose database this is. */
export const APPLICATION_ID = 0x706c6467
/** Version of the physical schema, SQLite's user_version. Version 1 had an index of times and one of every type. */
export const SCHEMA_VERSION = 2
/** Version of what the rows mean; the header names it. Format 1 had no flags and no segments. */
export const FORMAT = 2

/** Bytes of a page: on larger ones than SQLite's 4,096 less is left over behind the rows. */
const PAGE_BYTES = 8_192
/** The types of nearly every row: an index of them would be large and find nothing. */
export const SAMPLE_TYPES = ['path.ioSampled', 'head.ioSampled'] as const
/** What a query by type says besides, so that SQLite takes the index. */
export const IS_NO_SAMPLE = `type NOT IN (${SAMPLE_TYPES.map((type) => `'${type}'`).join(', ')})`

export const EVENTS_TABLE = `CREATE TABLE events (
  position       INTEGER PRIMARY KEY,
  event_id       TEXT NOT NULL UNIQUE,
  stream         TEXT NOT NULL,
  version        INTEGER NOT NULL,
  type           TEXT NOT NULL,
  schema         INTEGER NOT NULL,
  recorded_at_us INTEGER NOT NULL,
  mono_us        INTEGER NOT NULL,
  boot_id        TEXT NOT NULL,
  cause          INTEGER,
  actor          TEXT NOT NULL,
  reason         TEXT,
  data           TEXT NOT NULL CHECK (json_valid(data)),
  decision       TEXT NOT NULL CHECK (json_valid(decision)),
  hash           BLOB NOT NULL,
  UNIQUE (stream, version)
) STRICT`

const HEAD_TABLE = `CREATE TABLE ledger_head (
  id     INTEGER PRIMARY KEY CHECK (id = 1),
  events INTEGER NOT NULL,
  hash   BLOB NOT NULL
) STRICT`

const NO_UPDATE = `CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: no UPDATE'); END`

const NO_DELETE = `CREATE TRIGGER events_no_delete BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: no DELETE'); END`

// INSERT OR REPLACE deletes without firing DELETE triggers (unless recursive_triggers is on), so it needs its own.
const NO_OVERWRITE = `CREATE TRIGGER events_no_overwrite BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE position = NEW.position)
  OR EXISTS (SELECT 1 FROM events WHERE event_id = NEW.event_id)
  OR EXISTS (SELECT 1 FROM events WHERE stream = NEW.stream AND version = NEW.version)
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: no INSERT over an existing event'); END`

const EVERY_VERSION = [
  ['events', EVENTS_TABLE],
  ['ledger_head', HEAD_TABLE],
  ['events_no_update', NO_UPDATE],
  ['events_no_delete', NO_DELETE],
  ['events_no_overwrite', NO_OVERWRITE],
] as const

/** Every object of a new ledger file, by the name that SQLite's own schema table has for it. */
const SCHEMA: ReadonlyMap<string, string> = new Map([
  ...EVERY_VERSION,
  ['events_by_type', `CREATE INDEX events_by_type ON events (type) WHERE ${IS_NO_SAMPLE}`],
])

const SCHEMA_1: ReadonlyMap<string, string> = new Map([
  ...EVERY_VERSION,
  ['events_by_time', 'CREATE INDEX events_by_time ON events (recorded_at_us)'],
  ['events_by_type', 'CREATE INDEX events_by_type ON events (type)'],
])

/** The objects of a file by its user_version. */
export function schemaOf(version: number): ReadonlyMap<string, string> {
  return version === 1 ? SCHEMA_1 : SCHEMA
}

/** The page size has to be said before anything is in the file, and outside a transaction. */
export function setPageSize(db: Database.Database): void {
  db.pragma(`page_size = ${PAGE_BYTES}`)
}

/** Makes the schema. The caller holds the transaction, so that a crash leaves all of it or nothing. */
export function createSchema(db: Database.Database): void {
  db.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
  db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`)
  for (const sql of SCHEMA.values()) db.exec(sql)
}

/**
 * WAL and synchronous=FULL, read back. A build's default may be NORMAL in WAL, and it takes hold at odd moments (after
 * the first CREATE TABLE, at every re-open): only an explicit setting stays. Throws LEDGER_IO where WAL is not possible.
 */
export function makeDurable(db: Database.Database): void {
  const mode = db.pragma('journal_mode = WAL', { simple: true })
  if (mode !== 'wal') {
    throw new PathledgerError('LEDGER_IO', {
      message: `The ledger cannot use a write-ahead log here: SQLite answers '${String(mode)}'.`,
      why: 'Readers and the writer share memory beside the file, which some network file systems do not offer.',
      todo: 'Keep the ledger on a local file system.',
    })
  }
  db.pragma('synchronous = FULL')
  // The copies of pages that a statement may have to take back (INSERT_ROWS) are made in memory: else they go through a temporary file, row by row.
  db.pragma('temp_store = MEMORY')
  db.pragma(`journal_size_limit = ${WAL_SIZE_LIMIT_BYTES}`)
  assertDurable(db)
}

/** Asserts that a commit on this connection is on the medium when it returns. */
export function assertDurable(db: Database.Database): void {
  invariant(db.pragma('synchronous', { simple: true }) === 2, 'the ledger is written with synchronous=FULL')
}
