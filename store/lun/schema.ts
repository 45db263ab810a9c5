// The tables of a LUN's file. Small and short-lived: what is over is deleted; the history is on the ledgers.
import type { ErrorCode } from '../../errors/codes.ts'
import type { MessagePort } from 'node:worker_threads'
import type Database from 'better-sqlite3'
import type { KeptGroup } from '../../adapters/ports.ts'
import type { LunAttachment, LunContents, LunEngine, LunGhost, LunMedium } from './types.ts'
import type { ReservationRequest, ReservationSnapshot } from './types.ts'

/** 'PLUN': what `file` and a wrong open go by. */
export const LUN_APPLICATION_ID = 0x504c554e
/**
 * 1: ghosts and attachments. 2: reservations. 3: target port groups. 4: attaches by an id of their own, which storage it
 * is, and whose ghosts others ended. 5: what its paths rested on. An older file is brought up to this one.
 */
export const LUN_SCHEMA_VERSION = 5

/** Ends of another engine's ghosts that are kept for its ledger, the newest ones: it may never be opened again. */
export const ENDED_MAX = 10_000

/** Files that a LUN's paths rested on and that are remembered, the newest ones. */
export const MEDIA_MAX = 64

const ATTACH_COLUMNS = `
  attach       TEXT NOT NULL DEFAULT 'unknown',
  device       TEXT NOT NULL DEFAULT '-',
  deviceKey    TEXT NOT NULL DEFAULT '',
  final        INTEGER NOT NULL DEFAULT 0`

const LUN_SCHEMA = `
CREATE TABLE IF NOT EXISTS ghosts (
  id           TEXT PRIMARY KEY,${ATTACH_COLUMNS},
  engine       TEXT NOT NULL,
  path         TEXT NOT NULL,
  incarnation  INTEGER NOT NULL,
  op           TEXT NOT NULL,
  offset       INTEGER NOT NULL,
  length       INTEGER NOT NULL,
  reason       TEXT NOT NULL,
  openedAtUs   INTEGER NOT NULL,
  bootId       TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS attachments (${ATTACH_COLUMNS},
  engine       TEXT NOT NULL,
  path         TEXT NOT NULL,
  incarnation  INTEGER NOT NULL,
  bootId       TEXT NOT NULL,
  PRIMARY KEY (attach)
) STRICT;
CREATE TABLE IF NOT EXISTS ended (id TEXT PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS storage (
  id        INTEGER PRIMARY KEY CHECK (id = 1),
  name      TEXT NOT NULL,
  contents  INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS media (
  name    TEXT PRIMARY KEY,
  inode   TEXT NOT NULL,
  bootId  TEXT NOT NULL,
  engine  TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS moved (source TEXT PRIMARY KEY) STRICT;
INSERT OR IGNORE INTO storage VALUES (1, lower(hex(randomblob(8))), 0);
`

/** What one life of a path was called before attaches had ids. */
const OLD_ATTACH = "engine || ' ' || path || ' ' || incarnation"
const OLD_GHOSTS = `INSERT OR IGNORE INTO ghosts SELECT id, ${OLD_ATTACH}, '', '', 0, engine, path, incarnation, op, offset, length, reason, openedAtUs, bootId FROM`
const OLD_ATTACHMENTS = `INSERT OR IGNORE INTO attachments SELECT ${OLD_ATTACH}, device, '', final, engine, path, incarnation, bootId FROM`

/** Makes the tables, or brings those of an older version up to this one. Inside the caller's transaction. */
export function makeTables(db: Database.Database): void {
  const isOld = hasTable(db, 'main', 'ghosts') && !hasColumn(db, 'main', 'ghosts', 'attach')
  if (isOld) {
    db.exec('ALTER TABLE ghosts RENAME TO oldGhosts; ALTER TABLE attachments RENAME TO oldAttachments')
  }
  db.exec(LUN_SCHEMA)
  if (!isOld) return
  db.exec(`${OLD_GHOSTS} oldGhosts; ${OLD_ATTACHMENTS} oldAttachments`)
  db.exec('DROP TABLE oldGhosts; DROP TABLE oldAttachments')
}

/** Remembers what a path rests on, as the newest. */
export function writeMedium(db: Database.Database, medium: LunMedium): void {
  db.prepare('DELETE FROM media WHERE name = ?').run(medium.name)
  db.prepare('INSERT INTO media VALUES (:name, :inode, :bootId, :engine)').run(medium)
  db.prepare(
    `DELETE FROM media WHERE rowid NOT IN (SELECT rowid FROM media ORDER BY rowid DESC LIMIT ${MEDIA_MAX})`,
  ).run()
}

/** Takes over ghosts and attachments of the storage that is attached as `old`, of whichever version. */
export function takeOverTables(db: Database.Database): void {
  if (!hasTable(db, 'old', 'ghosts')) return
  if (!hasColumn(db, 'old', 'ghosts', 'attach')) {
    db.exec(`${OLD_GHOSTS} old.ghosts; ${OLD_ATTACHMENTS} old.attachments`)
    return
  }
  for (const table of ['ghosts', 'attachments', 'ended']) {
    db.exec(`INSERT OR IGNORE INTO main.${table} SELECT * FROM old.${table}`)
  }
  if (hasTable(db, 'old', 'media')) db.exec('INSERT OR IGNORE INTO main.media SELECT * FROM old.media')
}

export function hasTable(db: Database.Database, schema: 'main' | 'old', table: string): boolean {
  const sql = `SELECT count(*) FROM ${schema}.sqlite_schema WHERE type = 'table' AND name = ?`
  return db.prepare<[string], number>(sql).pluck().get(table) === 1
}

function hasColumn(db: Database.Database, schema: 'main' | 'old', table: string, column: string): boolean {
  const rows = db.pragma(`${schema}.table_info(${table})`) as { name: string }[]
  return rows.some(({ name }) => name === column)
}

/** What the worker is asked to do. */
export type LunWrite =
  | { readonly kind: 'openGhosts'; readonly ghosts: readonly LunGhost[] }
  | { readonly kind: 'endGhosts'; readonly ids: readonly string[]; readonly by: string }
  | { readonly kind: 'forgetEnded'; readonly ids: readonly string[] }
  | {
      readonly kind: 'attach'
      readonly attachment: LunAttachment
      readonly medium?: LunMedium | null
    }
  | { readonly kind: 'detach'; readonly attach: string }
  | { readonly kind: 'join'; readonly engine: string; readonly initiator: string }
  | { readonly kind: 'leave'; readonly engine: string }
  | { readonly kind: 'acknowledge'; readonly engine: string; readonly epoch: number }
  | { readonly kind: 'reserve'; readonly request: ReservationRequest }
  | { readonly kind: 'groups'; readonly groups: readonly KeptGroup[]; readonly replace: boolean }

/** All that is in the file, as one moment had it, and which of the engines in it live. */
export interface LunPicture {
  /** How many changes of ghosts, attachments and engines there were. */
  readonly contentsCount: number
  readonly contents: LunContents
  readonly media: readonly LunMedium[]
  readonly reservation: ReservationSnapshot
  readonly engines: readonly LunEngine[]
  readonly groups: readonly KeptGroup[]
  readonly alive: readonly string[]
}

/** What came of a write: the number of changes with it, where it was one, and what it has for an answer. */
export interface Written {
  readonly contentsCount: number | null
  readonly value: unknown
}

/** What the worker is asked: to open, to write, to look, and to end. */
export type LunQuestion =
  | { readonly ask: 'write'; readonly write: LunWrite }
  | { readonly ask: 'picture' }
  /** Asked by somebody who does not go on before there is an answer; it is given through a port of its own. */
  | { readonly ask: 'pictureNow' }
  | { readonly ask: 'isLetGo'; readonly device: string; readonly deviceKey: string }
  | { readonly ask: 'close' }

/** What the worker says once the storage is open. */
export interface LunOpened {
  readonly name: string
  readonly fresh: boolean
  readonly picture: LunPicture
  /** Where the shared words are in this process's memory; they stay there for as long as the storage is open. */
  readonly wordsAt: bigint
}

/** What the worker says: answers by the number of their question (0: the open), and news. */
export type LunAnswer =
  | {
      readonly id: number
      readonly error: { readonly code: ErrorCode; readonly why: string } | null
      readonly value?: unknown
    }
  | { readonly news: LunPicture }
  /** It cannot be used any more. */
  | { readonly over: { readonly code: ErrorCode; readonly why: string } }

/** What the thread is started with. */
export interface LunThreadData {
  readonly place: KeeperPlace
  /** Where it gives answers to those who do not go on before they have one: it counts them. */
  readonly now: { readonly port: MessagePort; readonly answers: Int32Array }
}

/** Where a LUN's storage is, for whom it is opened, and where it may have been before. */
export interface KeeperPlace {
  readonly file: string
  readonly engine: string
  /** Storages of this LUN that this one takes over, once. */
  readonly old: readonly string[]
}
