// Rows as they lie in a file that may have been changed behind our back: in order, each value with its storage class.
import type Database from 'better-sqlite3'
import { PAGE_ROWS } from '../limits.ts'
import { COLUMN_LIST } from './rows.ts'
import { schemaOf } from './schema.ts'
import type { HeadRow, RowSource, UntrustedRow } from './untrusted.ts'

const TEXT_COLUMNS = ['event_id', 'stream', 'type', 'boot_id', 'actor', 'reason', 'data', 'decision'] as const

/** Where the columns of TEXT_COLUMNS stand in a row. */
export const TEXT_AT: readonly number[] = [1, 2, 4, 8, 10, 11, 12, 13]

/** The rows of a file. */
export function fileRows(db: Database.Database): RowSource {
  let head: HeadRow | null = null
  const readHead = (): void => {
    head = headRow(db)
  }
  return {
    batches: () => pagesByPosition(db, readHead),
    head: () => head,
    repeatedIds: () => repeatedIds(db),
    textBytes: (position) => {
      const list = TEXT_COLUMNS.map((column) => `CAST(${column} AS BLOB)`).join(', ')
      const sql = `SELECT ${list} FROM events WHERE position = ?`
      return (db.prepare(sql).raw().get(position) as unknown[] | undefined) ?? null
    },
  }
}

/** What is missing of the schema that we make, in sentences. The rows can be whole all the same; anything else in it is refused on opening. */
export function schemaWarnings(db: Database.Database): readonly string[] {
  const there = new Set(db.prepare('SELECT name FROM sqlite_schema').pluck().all())
  const schema = schemaOf(Number(db.pragma('user_version', { simple: true })))
  return [...schema.keys()].flatMap((name) => (there.has(name) ? [] : [`${name} is missing.`]))
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

function headRow(db: Database.Database): HeadRow | null {
  const statement = db
    .prepare('SELECT events, hash FROM ledger_head ORDER BY id = 1 DESC')
    .raw()
    .safeIntegers()
  const [head, ...more] = statement.all() as [unknown, unknown][]
  return head === undefined ? null : [...head, 1 + more.length]
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
