// Rows as they lie in a file that may have been changed behind our back: in order, each value with its storage class.
import type Database from 'better-sqlite3'
import { PAGE_ROWS } from '../limits.ts'
import { COLUMN_LIST } from './rows.ts'
import { EVENTS_TABLE, schemaOf } from './schema.ts'
import type { HeadRow, RowSource, UntrustedRow } from './untrusted.ts'

const TEXT_COLUMNS = ['event_id', 'stream', 'type', 'boot_id', 'actor', 'reason', 'data', 'decision'] as const

/** Where the columns of TEXT_COLUMNS stand in a row. */
export const TEXT_AT: readonly number[] = [1, 2, 4, 8, 10, 11, 12, 13]

/** The rows of a file. */
export function fileRows(db: Database.Database): RowSource {
  const ours = isTableOurs(db)
  let head: HeadRow | null = null
  const readHead = (): void => {
    head = headRow(db)
  }
  return {
    batches: () => (ours ? pagesByPosition(db, readHead) : oneScan(db, readHead)),
    head: () => head,
    repeatedIds: () => repeatedIds(db),
    textBytes: (position) => {
      const list = TEXT_COLUMNS.map((column) => `CAST(${column} AS BLOB)`).join(', ')
      const sql = `SELECT ${list} FROM events WHERE position = ?`
      return (db.prepare(sql).raw().get(position) as unknown[] | undefined) ?? null
    },
  }
}

/** What differs from the schema that we make, in sentences. The rows can be whole all the same. */
export function schemaWarnings(db: Database.Database): readonly string[] {
  const rows = db.prepare('SELECT type, name, sql FROM sqlite_schema').raw().all() as [
    string,
    string,
    unknown,
  ][]
  const there = new Map(rows.map(([, name, sql]) => [name, sql]))
  const schema = schemaOf(Number(db.pragma('user_version', { simple: true })))
  const changed = [...schema].flatMap(([name, sql]) => {
    if (!there.has(name)) return [`${name} is missing.`]
    return there.get(name) === sql ? [] : [`${name} is not as pathledger made it.`]
  })
  const foreign = rows.filter(([type, name]) => type === 'trigger' && !schema.has(name))
  return [...changed, ...foreign.map(([, name]) => `The trigger ${name} is not pathledger's.`)]
}

/** Whether the table of events is the one that we make, by the text of its schema. */
export function isTableOurs(db: Database.Database): boolean {
  const sql = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = 'events'"
  return db.prepare(sql).pluck().get() === EVENTS_TABLE
}

const FIRST_INTEGER = -(1n << 63n)
const LAST_INTEGER = (1n << 63n) - 1n

/**
 * Keyset paging, which needs what only our table promises: positions that are integers and unique. The head is read
 * before each page and the last page is an empty one: between the two nothing was committed, so they belong together.
 */
function* pagesByPosition(db: Database.Database, readHead: () => void): Generator<readonly UntrustedRow[]> {
  const sql = `SELECT ${COLUMN_LIST} FROM events WHERE position >= ? ORDER BY position LIMIT ${PAGE_ROWS}`
  const statement = db.prepare(sql).raw().safeIntegers()
  let next = FIRST_INTEGER
  while (next <= LAST_INTEGER) {
    readHead()
    let page: UntrustedRow[]
    try {
      page = statement.all(next) as UntrustedRow[]
    } catch (error) {
      yield* untilUnreadable(statement, next)
      throw error
    }
    const last = page.at(-1)?.[0]
    if (typeof last !== 'bigint') return
    yield page
    // On a damaged page they need not grow: there is no going on from here, and the chain is broken before this.
    if (last < next) return
    next = last + 1n
  }
}

/** The rows of a page in front of the one that cannot be read. */
function* untilUnreadable(statement: Database.Statement, from: bigint): Generator<readonly UntrustedRow[]> {
  const rows = statement.iterate(from) as IterableIterator<UntrustedRow>
  while (true) {
    let next: IteratorResult<UntrustedRow, undefined>
    try {
      next = rows.next()
    } catch {
      return
    }
    if (next.done === true) return
    yield [next.value]
  }
}

/** A table that was made anew may hold anything as a position. Nobody writes to such a file: one long look does no harm. */
function* oneScan(db: Database.Database, readHead: () => void): Generator<readonly UntrustedRow[]> {
  const statement = db
    .prepare(`SELECT ${COLUMN_LIST} FROM events ORDER BY position NULLS LAST`)
    .raw()
    .safeIntegers()
  for (const row of statement.iterate()) yield [row as UntrustedRow]
  readHead()
}

function headRow(db: Database.Database): HeadRow | null {
  const statement = db.prepare('SELECT events, hash FROM ledger_head WHERE id = 1').raw().safeIntegers()
  return (statement.get() as [unknown, unknown] | undefined) ?? null
}

function repeatedIds(db: Database.Database): readonly number[] {
  const repeated = db
    .prepare('SELECT event_id FROM events GROUP BY event_id HAVING count(*) > 1')
    .pluck()
    .all()
  const second = db.prepare(
    'SELECT position FROM events WHERE event_id IS ? ORDER BY position LIMIT 1 OFFSET 1',
  )
  return repeated.map((id) => Number(second.pluck().get(id)))
}
