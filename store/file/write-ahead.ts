// FILE-wal is part of the ledger, and SQLite takes whatever lies under that name for it: where the file alone was moved, copied
// or replaced, it would lay somebody else's pages over the ledger, or throw away the end of another one. So we look first.
import { statSync } from 'node:fs'
import type Database from 'better-sqlite3'
import { PathledgerError } from '../../errors.ts'
import { COLUMNS, hashRow, sameBytes } from '../rows/encoding.ts'
import { COLUMN_LIST, eventOfRow, type RawRow } from '../rows/rows.ts'
import { withMainFile, type MainRow } from './main-file.ts'

/** Bytes of FILE-wal; 0 where there is none. */
export function walBytes(file: string): number {
  try {
    return statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0
  } catch {
    return 0
  }
}

/** Throws LEDGER_WAL_FOREIGN where a ledger is to be made beside the write-ahead log of one that is not there. */
export function refuseLeftWal(file: string): void {
  if (walBytes(file) === 0) return
  throw foreign(
    file,
    `There is no ledger ${file}, and ${file}-wal is the end of one that was there: making a new ledger would destroy it.`,
  )
}

/** Where a ledger begins and ends. */
export interface End {
  readonly first: Uint8Array
  readonly last: number
  readonly hash: Uint8Array
}

/**
 * Where the file alone ends, without its log; null where it has none, or the file alone proves nothing: it may have been in
 * the middle of a checkpoint. Asked before SQLite opens it, and only where this process has it not open.
 */
export function endWithoutWal(file: string): End | null {
  if (walBytes(file) === 0) return null
  return withMainFile(file, (main) => {
    const [first, last] = [hashOf(main.row('events', 1)), main.row('events', 'last')]
    const [, events, head] = main.row('ledger_head', 1) ?? []
    const hash = hashOf(last)
    if (first === null || hash === null || typeof events !== 'number' || last?.[0] !== events) return null
    return head instanceof Uint8Array && sameBytes(head, hash) ? { first, last: events, hash } : null
  })
}

function hashOf(row: MainRow | null): Uint8Array | null {
  const hash = row?.[COLUMNS.length - 1]
  return hash instanceof Uint8Array ? hash : null
}

/**
 * Throws LEDGER_WAL_FOREIGN where the write-ahead log beside a ledger is certainly not its own: the file alone is a whole ledger, and
 * together with the log it is none, or another one. `alone` is what {@link endWithoutWal} said. `thorough`: a writer's question, which follows the
 * chain through all that the log adds; a reader is content with both ends of the file, for what was changed in between is `verify`'s to say.
 */
export function refuseForeignWal(
  db: Database.Database,
  file: string,
  { alone, thorough }: { readonly alone: End | null; readonly thorough: boolean },
): void {
  if (alone === null || isContinued(db, alone, thorough)) return
  throw foreign(file, 'Its pages do not follow from what the file holds: file and log were not one ledger.')
}

/** Whether what the log adds goes on from the end of the file alone, hash by hash, to where the head says. */
function isContinued(db: Database.Database, alone: End, thorough: boolean): boolean {
  try {
    const hashAt = db.prepare('SELECT hash FROM events WHERE position = ?').pluck()
    const isHash = (value: unknown, hash: Uint8Array) => value instanceof Uint8Array && sameBytes(value, hash)
    if (!isHash(hashAt.get(1), alone.first) || !isHash(hashAt.get(alone.last), alone.hash)) return false
    if (!thorough) return true
    const list = COLUMN_LIST
    const sql = `SELECT ${list} FROM events WHERE position > ? ORDER BY position`
    let [position, hash] = [alone.last, alone.hash]
    for (const raw of db.prepare<[number], RawRow>(sql).raw().iterate(alone.last)) {
      const row = eventOfRow(raw)
      position += 1
      if (row.position !== position || !sameBytes(hashRow(hash, row), row.hash)) return false
      hash = row.hash
    }
    const head = db.prepare('SELECT events, hash FROM ledger_head WHERE id = 1').raw().get() as unknown[]
    return head[0] === position && isHash(head[1], hash)
  } catch {
    // Pages that cannot be read together, while the file alone can: they are not one ledger's.
    return false
  }
}

function foreign(file: string, why: string): PathledgerError {
  return new PathledgerError('LEDGER_WAL_FOREIGN', {
    message: `The write-ahead log ${file}-wal does not belong to the ledger ${file}.`,
    why,
    todo: 'Put the log beside the ledger that it was written with, under the same name; nothing was touched.',
    errno: 'EEXIST',
    details: { file },
  })
}
