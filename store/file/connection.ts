// How a ledger file is opened, and how it is looked at before it is.
import { checkArguments } from '../../errors/arguments.ts'
import { closeSync, openSync, readdirSync, readSync, realpathSync, statSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import Database from 'better-sqlite3'
import { messageOf, PathledgerError } from '../../errors.ts'
import { fromTheFuture, refuseNewer } from '../rows/header.ts'
import { BUSY_TIMEOUT_MS } from '../limits.ts'
import { refuseForeignSql } from '../rows/our-schema.ts'
import { APPLICATION_ID, SCHEMA_VERSION } from '../rows/schema.ts'
import { isSqliteError, ledgerError } from './sqlite-errors.ts'
import { endWithoutWal, refuseForeignWal, walBytes } from './write-ahead.ts'

/** How a file is connected to. */
export interface ConnectOptions {
  readonly mode: 'ro' | 'rw'
  /** How long to wait for another writer, milliseconds. */
  readonly busyTimeoutMs?: number
}

/**
 * Opens a file that exists, by its name without symbolic links. Throws our errors; LEDGER_FOREIGN_SQL for a ledger that has SQL of
 * somebody else's, none of which has run by then.
 */
export function connect(file: string, options: ConnectOptions): Database.Database {
  let db: Database.Database | null = null
  try {
    db = new Database(file, {
      readonly: options.mode === 'ro',
      fileMustExist: true,
      timeout: options.busyTimeoutMs ?? BUSY_TIMEOUT_MS,
    })
    if (applicationId(db) === APPLICATION_ID) refuseForeignSql(db, file)
    return db
  } catch (error) {
    db?.close()
    throw ledgerError(error, file)
  }
}

function applicationId(db: Database.Database): number {
  return Number(db.pragma('application_id', { simple: true }))
}

/**
 * A read-only connection to a file that is a ledger. Throws NOT_A_LEDGER, LEDGER_FROM_THE_FUTURE, LEDGER_WAL_FOREIGN and the
 * rest of ours. `thorough` looks at all that the write-ahead log adds: whoever writes next would make it part of the file.
 */
export function connectReadOnly(file: string, thorough = false): Database.Database {
  const alone = walBytes(file) > 0 && !isOpenHere(statSync(file)) ? endWithoutWal(file) : null
  const db = connect(file, { mode: 'ro' })
  try {
    checkIds(db, file)
    refuseForeignWal(db, file, { alone, thorough })
    refuseNewer(headerOf(db), file)
    return db
  } catch (error) {
    db.close()
    throw ledgerError(error, file)
  }
}

/** The payload of the header; null where it cannot be read. */
function headerOf(db: Database.Database): unknown {
  try {
    return db.prepare("SELECT data FROM events WHERE position = 1 AND type = 'ledger.header'").pluck().get()
  } catch (error) {
    if (isSqliteError(error)) return null
    throw error
  }
}

/** What a look at a file told. */
export interface Inspected {
  /** The file's one name, without symbolic links: what the lock is named after. */
  readonly file: string
  /** 'empty' is a file of no bytes: nothing in it can be lost, so a ledger may be made in it. */
  readonly kind: 'absent' | 'empty' | 'ledger'
}

/**
 * What a file is, without changing it or creating anything beside it: a database of somebody else must not even be
 * opened as one. Throws NOT_A_LEDGER, LEDGER_FROM_THE_FUTURE, LEDGER_NOT_FOUND (its folder does not exist),
 * LEDGER_PERMISSION or LEDGER_IO.
 */
export function inspectFile(name: string): Inspected {
  checkArguments('A ledger', { name }, { name: 'file' })
  const file = realName(name)
  const found = statOrNull(file)
  if (found === null) return { file, kind: 'absent' }
  if (!found.isFile()) throw notALedger(file, 'It is not a regular file.')
  if (found.size === 0) return { file, kind: 'empty' }
  // A file that this process has open is a database already: whoever opened it made what lies beside it.
  if (!isOpenHere(found)) checkFirstBytes(file)
  return { file, kind: 'ledger' }
}

/** The one name of a ledger that has to exist. Throws LEDGER_NOT_FOUND, and what {@link inspectFile} throws. */
export function ledgerFile(name: string): string {
  const { file, kind } = inspectFile(name)
  if (kind !== 'ledger') throw notFound(file)
  return file
}

/**
 * Whether this process has the file open. Closing any descriptor of a file drops the POSIX locks that SQLite holds on
 * it in this process, and another program could then cut the WAL under a running engine: such a file we never open
 * ourselves. Where /proc cannot say, it counts as open.
 */
function isOpenHere({ dev, ino }: Stats): boolean {
  try {
    return readdirSync('/proc/self/fd').some((fd) => {
      const other = statSync(`/proc/self/fd/${fd}`, { throwIfNoEntry: false })
      return other?.dev === dev && other.ino === ino
    })
  } catch {
    return true
  }
}

const SQLITE_MAGIC = 'SQLite format 3\0'
/** Where SQLite's file header keeps user_version and application_id, both big-endian. */
const USER_VERSION_AT = 60
const APPLICATION_ID_AT = 68

function checkFirstBytes(file: string): void {
  const bytes = Buffer.alloc(100)
  try {
    const fd = openSync(file, 'r')
    readSync(fd, bytes)
    closeSync(fd)
  } catch (error) {
    throw unreachable(error, file)
  }
  if (bytes.toString('latin1', 0, SQLITE_MAGIC.length) !== SQLITE_MAGIC) {
    throw notALedger(file, 'It does not begin as an SQLite database does.')
  }
  requireIds(bytes.readInt32BE(APPLICATION_ID_AT), bytes.readInt32BE(USER_VERSION_AT), file)
}

/** Checks application_id and user_version. Throws NOT_A_LEDGER or LEDGER_FROM_THE_FUTURE, or SQLite's own error. */
export function checkIds(db: Database.Database, file: string): void {
  requireIds(applicationId(db), Number(db.pragma('user_version', { simple: true })), file)
}

function requireIds(id: number, version: number, file: string): void {
  if (id !== APPLICATION_ID) {
    throw notALedger(file, `It is an SQLite database of another kind: its application_id is ${id}.`)
  }
  if (version > SCHEMA_VERSION) throw fromTheFuture(file, 'schema version', version, SCHEMA_VERSION)
  if (version < 1) throw notALedger(file, `Its schema version is ${version}, which never was.`)
}

/** The error for a ledger that has to exist and does not. */
export function notFound(file: string): PathledgerError {
  return new PathledgerError('LEDGER_NOT_FOUND', {
    message: `There is no ledger ${file}.`,
    why: 'The file, or the folder that it should be in, does not exist.',
    todo: 'Check the name.',
    errno: 'ENOENT',
    details: { file },
  })
}

function notALedger(file: string, why: string): PathledgerError {
  return new PathledgerError('NOT_A_LEDGER', {
    message: `${file} is not a ledger.`,
    why,
    todo: 'Name a ledger file, or a file that does not exist yet to start a new one. The file was not touched.',
    details: { file },
  })
}

function realName(name: string): string {
  const file = resolve(name)
  // The binding drops such spaces, and would open another file than the one that was named.
  if (file !== file.trim()) throw unreachable(new Error('Its name ends in white space'), file)
  try {
    return realpathSync(file)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw unreachable(error, file)
  }
  try {
    return join(realpathSync(dirname(file)), basename(file))
  } catch (error) {
    throw errnoOf(error) === 'ENOENT' ? notFound(file) : unreachable(error, file)
  }
}

function statOrNull(file: string): Stats | null {
  try {
    return statSync(file)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null
    throw unreachable(error, file)
  }
}

/** A file that the system does not let us reach, or whose folder it does not. LEDGER_PERMISSION, LEDGER_FULL or LEDGER_IO. */
export function unreachable(error: unknown, file: string): PathledgerError {
  const isFull = ['ENOSPC', 'EDQUOT'].includes(errnoOf(error))
  const denied = ['EACCES', 'EPERM', 'EROFS'].includes(errnoOf(error))
  return new PathledgerError(isFull ? 'LEDGER_FULL' : denied ? 'LEDGER_PERMISSION' : 'LEDGER_IO', {
    message: `The ledger ${file} cannot be reached.`,
    why: `${messageOf(error)}.`,
    todo: isFull
      ? 'Free space on its file system, and try again.'
      : 'Check the name, and the mode of the folders on the way to it.',
    errno: errnoOf(error),
    details: { file },
    cause: error,
  })
}

/** The errno name in an error of Node's file functions; 'EIO' where it has none. */
export function errnoOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : 'EIO'
}
