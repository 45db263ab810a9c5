// Reading a ledger, while an engine writes or afterwards. Every statement ends with its page: a reader that holds one
// open would keep the WAL from being checkpointed.
import { checkArguments, checkFields } from '../../errors/arguments.ts'
import type Database from 'better-sqlite3'
import type { Clock, TimerHandle } from '../../adapters/ports.ts'
import { PathledgerError } from '../../errors.ts'
import { closed } from '../file/closed.ts'
import { connectReadOnly, ledgerFile } from '../file/connection.ts'
import { checkOrder } from '../rows/damage.ts'
import { plainBytes } from '../rows/encoding.ts'
import { FOLD_SQL, foldedOf } from '../state/fold-rows.ts'
import type {
  LedgerState,
  Input,
  Folded,
  LedgerHead,
  LedgerListener,
  LedgerReader,
  ProjectionTables,
  ReadQuery,
  StoredEvent,
} from '../types.ts'
import { readHeader } from '../rows/header.ts'
import type { LedgerHeader } from '../rows/header.ts'
import { DATA_SQL, INPUT_SQL, inputsOf, type FetchData } from '../rows/input-rows.ts'
import { BULK_PAGE_ROWS } from '../limits.ts'
import { projectedTo } from '../projections/projection.ts'
import { queryToSql } from './query-sql.ts'
import { checkQuery } from './query.ts'
import { COLUMN_LIST, eventOfRow } from '../rows/rows.ts'
import type { RawRow } from '../rows/rows.ts'
import { lastRunOf } from '../state/last-run.ts'
import type { LastRun } from '../types.ts'
import { readSnapshot } from '../state/snapshots.ts'
import { ledgerError } from '../file/sqlite-errors.ts'
import { positionAt, positionsBetween } from './time-index.ts'

/** How a ledger is followed. */
export interface FollowOptions {
  readonly clock: Clock
  /** Time between two looks, microseconds. Default 100 ms. */
  readonly intervalUs?: number
  /** First position to deliver. Default: what is appended from now on. */
  readonly fromPosition?: number
  /**
   * Told of an error of the ledger; the following goes on with the next look. Default: it is thrown where the timer
   * fires, as an error of the listener always is.
   */
  readonly onError?: (error: PathledgerError) => void
}

/** Values of a statement: by name, without the sign that marks them in SQL. */
export type SqlValues = Readonly<Record<string, string | number | null>>

/** A ledger that answers SQL: what the audit queries need. */
export interface SqlReader extends LedgerReader {
  /** Runs one SELECT on the read-only connection and gives all its rows. Throws our errors. */
  select(sql: string, values?: SqlValues): readonly unknown[]
  /** Asks several things of one moment of the ledger, whatever is written meanwhile. Only a file has such moments. */
  atOnce?<Result>(ask: (moment: Moment) => Result): Result
}

/** What a moment of a ledger file can say besides. */
export interface Moment {
  /** The last event that a projection holds; 0 where there is none that can be believed. */
  projectedTo(projection: ProjectionTables): number
  /** A range of positions outside of which nothing was recorded from one time to the other; null when nothing was. */
  between(fromUs: number, toUs: number): readonly [from: number, to: number] | null
}

/** A read-only connection to a ledger file. Any number of them may be open, beside an engine or without one. */
export interface FileReader extends SqlReader {
  /** The file, without symbolic links. */
  readonly file: string
  readonly header: LedgerHeader
  snapshot(position: number): LedgerState | null
  decisions(fromPosition: number, toPosition: number): readonly Folded[]
  inputs(fromPosition: number, toPosition: number): readonly Input[]
  atOnce<Result>(ask: (moment: Moment) => Result): Result
  /** Calls `listener` with each page of new events, in order, looking every `intervalUs`. Returns the way to stop it. */
  follow(listener: LedgerListener, options: FollowOptions): () => void
  /** How its last run ended; `lost` where the end of it may be missing from the file. */
  lastRun(): LastRun
  /** Lets go of the file. Calling it twice does nothing. */
  close(): void
}

/**
 * Opens a ledger for reading. Throws LEDGER_NOT_FOUND, NOT_A_LEDGER, LEDGER_FROM_THE_FUTURE, LEDGER_DAMAGED,
 * LEDGER_PERMISSION or LEDGER_IO.
 */
export function openLedgerReader(name: string): FileReader {
  const file = ledgerFile(name)
  const db = connectReadOnly(file)
  try {
    const sql = `SELECT ${COLUMN_LIST} FROM events WHERE position = 1`
    const row = db.prepare<[], RawRow>(sql).raw().get()
    return new ReadConnection(file, db, readHeader(row === undefined ? undefined : eventOfRow(row), file))
  } catch (error) {
    db.close()
    throw ledgerError(error, file)
  }
}

const BY_INDEX = 'INDEXED BY events_by_type'
const DEFAULT_FOLLOW_US = 100_000

class ReadConnection implements FileReader {
  readonly file: string
  readonly header: LedgerHeader
  readonly #db: Database.Database
  /** An index may have been dropped: answers take longer then, and are the same. */
  readonly #hasIndex: boolean
  readonly #statements = new Map<string, Database.Statement>()

  constructor(file: string, db: Database.Database, header: LedgerHeader) {
    this.file = file
    this.header = header
    this.#db = db
    const index = "SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = 'events_by_type'"
    this.#hasIndex = db.prepare(index).get() !== undefined
  }

  lastRun(): LastRun {
    return this.#safely(() => lastRunOf(this.#db, this.file))
  }

  read(query: ReadQuery): readonly StoredEvent[] {
    checkQuery(query)
    const page = queryToSql(
      query,
      (sql, ...values) => Number(this.#run(sql, (statement) => statement.pluck().get(...values))),
      (fromUs, toUs) => this.#safely(() => positionsBetween(this.#db, fromUs, toUs)),
    )
    if (page === null) return []
    const rows = this.#run(page.sql, (statement) => statement.raw().all(...page.values)) as readonly RawRow[]
    const events = rows.map(eventOfRow)
    checkOrder(events, query.fromPosition ?? 1)
    return events
  }

  head(): LedgerHead {
    const sql = 'SELECT events, hash FROM ledger_head WHERE id = 1'
    const row = this.#run(sql, (statement) => statement.get()) as LedgerHead | undefined
    const isHead = row !== undefined && typeof row.events === 'number' && row.hash instanceof Uint8Array
    if (isHead) return { events: row.events, hash: plainBytes(row.hash) }
    throw new PathledgerError('LEDGER_DAMAGED', {
      message: `The ledger ${this.file} has lost its head.`,
      why: 'Its table ledger_head has no row that says where it ends.',
      todo: 'Run `pathledger verify` on it.',
    })
  }

  positionAt(timeUs: number): number {
    checkArguments('positionAt', { timeUs }, { timeUs: 'number' })
    return this.#safely(() => positionAt(this.#db, timeUs))
  }

  snapshot(position: number): LedgerState | null {
    checkArguments('snapshot', { position }, { position: 'position' })
    return this.#safely(() => readSnapshot(this.#db, position))
  }

  decisions(fromPosition: number, toPosition: number): readonly Folded[] {
    const page = [fromPosition, toPosition, BULK_PAGE_ROWS]
    checkArguments('decisions', { fromPosition, toPosition }, { fromPosition: 'whole', toPosition: 'whole' })
    const rows = foldedOf(this.#run(FOLD_SQL, (statement) => statement.raw().all(...page)))
    checkOrder(rows, fromPosition)
    return rows
  }

  inputs(fromPosition: number, toPosition: number): readonly Input[] {
    const page = [fromPosition, toPosition, BULK_PAGE_ROWS]
    checkArguments('inputs', { fromPosition, toPosition }, { fromPosition: 'whole', toPosition: 'whole' })
    const data: FetchData = (position) => this.#run(DATA_SQL, (statement) => statement.pluck().get(position))
    const rows = inputsOf(
      this.#run(INPUT_SQL, (statement) => statement.raw().all(...page)),
      data,
    )
    checkOrder(rows, fromPosition)
    return rows
  }

  select(sql: string, values: SqlValues = {}): readonly unknown[] {
    checkArguments('select', { sql, values }, { sql: 'text', values: 'object' })
    return this.#run(sql, (statement) => statement.all(values))
  }

  atOnce<Result>(ask: (moment: Moment) => Result): Result {
    const moment: Moment = {
      projectedTo: (projection) => this.#safely(() => projectedTo(this.#db, projection)),
      between: (fromUs, toUs) => this.#safely(() => positionsBetween(this.#db, fromUs, toUs)),
    }
    if (!this.#db.open) throw closed()
    checkArguments('atOnce', { ask }, { ask: 'call' })
    return this.#db.transaction(() => ask(moment))()
  }

  follow(listener: LedgerListener, options: FollowOptions): () => void {
    checkArguments('follow', { listener }, { listener: 'call' })
    const wanted = { clock: 'clock', intervalUs: 'count?', fromPosition: 'count?', onError: 'call?' } as const
    checkFields('follow', 'options', options, wanted)
    const intervalUs = options.intervalUs ?? DEFAULT_FOLLOW_US
    let next = options.fromPosition ?? this.head().events + 1
    // Grows when another connection commits, and costs no look at the table.
    let seen: unknown = null
    let timer: TimerHandle | null = null
    let stopped = false
    /** The next page, or none; `seen` is only remembered when everything that it covers was delivered. */
    const nextPage = (): readonly StoredEvent[] => {
      const version = this.#run('PRAGMA data_version', (statement) => statement.pluck().get())
      if (version === seen) return []
      const page = this.read({ fromPosition: next })
      if (page.length === 0) seen = version
      return page
    }
    const arm = (): void => {
      if (!stopped) timer = options.clock.setTimer(options.clock.monoUs() + intervalUs, look)
    }
    const look = (): void => {
      try {
        for (let page = nextPage(); page.length > 0 && !stopped; page = nextPage()) {
          next += page.length
          listener(page)
        }
      } catch (error) {
        if (!(error instanceof PathledgerError) || options.onError === undefined) throw error
        options.onError(error)
      } finally {
        arm()
      }
    }
    arm()
    return () => {
      stopped = true
      timer?.cancel()
    }
  }

  close(): void {
    this.#statements.clear()
    this.#db.close()
  }

  #run<Result>(sql: string, use: (statement: Database.Statement) => Result): Result {
    return this.#safely(() => {
      let statement = this.#statements.get(sql)
      if (statement === undefined) {
        statement = this.#db.prepare(this.#hasIndex ? sql : sql.replaceAll(BY_INDEX, ''))
        this.#statements.set(sql, statement)
      }
      return use(statement)
    })
  }

  #safely<Result>(act: () => Result): Result {
    if (!this.#db.open) throw closed()
    try {
      return act()
    } catch (error) {
      throw ledgerError(error, this.file)
    }
  }
}
