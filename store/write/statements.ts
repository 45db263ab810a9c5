// The statements of the writing connection, and the ledger as one batch sees it.
import type Database from 'better-sqlite3'
import { COLUMNS, genesis, plainBytes } from '../rows/encoding.ts'
import { CARRIED, carriedStreams } from '../state/fold.ts'
import { CARRYING_EVENTS, INSERT_ROWS } from '../limits.ts'
import type { Ledgered } from './plan.ts'
import { COLUMN_LIST, eventOfRow, putValues, valuesOfEvent } from '../rows/rows.ts'
import type { RawRow } from '../rows/rows.ts'
import type { LedgerHead, StoredEvent } from '../types.ts'

/** The ledger as it grows within one batch. Nothing of it outlives the transaction, so a rollback leaves no stale copy. */
export class BatchView implements Ledgered {
  readonly #statements: Statements
  readonly #versions = new Map<string, number>()
  readonly #taken = new Map<string, StoredEvent>()
  readonly #absent: Set<string>
  #head: LedgerHead

  /** `ids` are the event ids that the batch brings: one look says which of them are not on the ledger, nearly always all. */
  constructor(statements: Statements, ids: readonly string[]) {
    this.#statements = statements
    this.#head = statements.head()
    this.#absent = new Set(ids)
    for (const id of statements.present(ids)) this.#absent.delete(id)
  }

  head(): LedgerHead {
    return this.#head
  }

  byEventId(eventId: string): StoredEvent | null {
    const taken = this.#taken.get(eventId)
    if (taken !== undefined) return taken
    return this.#absent.has(eventId) ? null : this.#statements.byEventId(eventId)
  }

  versionOf(stream: string): number {
    const known = this.#versions.get(stream)
    if (known !== undefined) return known
    const version = this.#statements.versionOf(stream)
    this.#versions.set(stream, version)
    return version
  }

  take(rows: readonly StoredEvent[]): void {
    for (const row of rows) {
      const { stream, version, position, hash } = row
      this.#taken.set(row.eventId, row)
      this.#versions.set(stream, version)
      this.#head = { events: position, hash }
    }
  }
}

/** What a writing connection says and asks. */
export interface Statements extends Ledgered {
  first(): StoredEvent | undefined
  last(): StoredEvent | undefined
  /** Those of the event ids that are on the ledger. */
  present(ids: readonly string[]): readonly string[]
  insert(rows: readonly StoredEvent[]): void
  setHead(head: LedgerHead): void
}

/** Prepares them; the schema must be there. */
export function prepareStatements(db: Database.Database): Statements {
  const select = (tail: string) =>
    db.prepare<unknown[], RawRow>(`SELECT ${COLUMN_LIST} FROM events ${tail}`).raw()
  const first = select('WHERE position = 1')
  const last = select('ORDER BY position DESC LIMIT 1')
  const byEventId = select('WHERE event_id = ?')
  const version = db.prepare('SELECT max(version) FROM events WHERE stream = ?').pluck()
  const carried = carriedVersions(db)
  // Of the ids alone, by their index: no row is read.
  const present = db
    .prepare<[string], string>(
      'SELECT event_id FROM events WHERE event_id IN (SELECT value FROM json_each(?))',
    )
    .pluck()
  const head = db.prepare<[], LedgerHead>('SELECT events, hash FROM ledger_head WHERE id = 1')
  const setHead = db.prepare('UPDATE ledger_head SET events = ?, hash = ? WHERE id = 1')
  const places = COLUMN_LIST.replaceAll(/\w+/g, '?')
  const inserting = (count: number) =>
    db.prepare(`INSERT INTO events (${COLUMN_LIST}) VALUES ${Array(count).fill(`(${places})`).join(', ')}`)
  const [one, many] = [inserting(1), inserting(INSERT_ROWS)]
  const values: unknown[] = new Array(COLUMNS.length * INSERT_ROWS).fill(null)
  const eventOf = (row: RawRow | undefined) => (row === undefined ? undefined : eventOfRow(row))
  return {
    first: () => eventOf(first.get()),
    last: () => eventOf(last.get()),
    present: (ids) => present.all(JSON.stringify(ids)),
    byEventId: (eventId) => eventOf(byEventId.get(eventId)) ?? null,
    versionOf: (stream) => Number(version.get(stream) ?? carried.get(stream) ?? 0),
    head: () => headOf(head.get()),
    setHead: ({ events, hash }) => void setHead.run(events, hash),
    insert: (rows) => {
      const whole = rows.length - (rows.length % INSERT_ROWS)
      for (let at = 0; at < whole; at += INSERT_ROWS) {
        putValues(values, rows, at, INSERT_ROWS)
        many.run(values)
      }
      for (const row of rows.slice(whole)) one.run(valuesOfEvent(row))
    },
  }
}

/** The versions at which streams go on that began in a segment before. Its carrying events are behind the header. */
function carriedVersions(db: Database.Database): ReadonlyMap<string, number> {
  const sql = `SELECT data FROM events WHERE position BETWEEN 2 AND ${CARRYING_EVENTS + 1} AND type = '${CARRIED}'`
  const payloads = db.prepare<[], string>(sql).pluck().all()
  return new Map(payloads.flatMap(carriedStreams).map(([stream, { version }]) => [stream, version]))
}

/** The head row as a head; a ledger without one has lost it, and ends nowhere. */
function headOf(row: LedgerHead | undefined): LedgerHead {
  return row === undefined
    ? { events: 0, hash: genesis() }
    : { events: row.events, hash: plainBytes(row.hash) }
}
