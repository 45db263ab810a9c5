// The ledger's core: one file, one writing connection, synchronous. The writer worker drives it; so may a tool.
import { chmodSync, closeSync, fsyncSync, openSync, statSync, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import type Database from 'better-sqlite3'
import { hasCode, PathledgerError } from '../../errors.ts'
import { Caches } from '../state/caches.ts'
import { Custody, refuseLinks } from '../file/custody.ts'
import { checkIds, connect, connectReadOnly, inspectFile, notFound, unreachable } from '../file/connection.ts'
import { genesis, sameBytes } from '../rows/encoding.ts'
import { headerEvent, readHeader } from '../rows/header.ts'
import type { HeaderFacts, LedgerHeader } from '../rows/header.ts'
import { BUSY_TIMEOUT_MS } from '../limits.ts'
import type { Settled } from './group-commit.ts'
import { planAppend } from './plan.ts'
import type { Ledgered, Plan } from './plan.ts'
import { assertDurable, createSchema, makeDurable, setPageSize } from '../rows/schema.ts'
import { blamesRow, isSqliteError, ledgerError } from '../file/sqlite-errors.ts'
import { refuseLeftWal } from '../file/write-ahead.ts'
import { BatchView, prepareStatements } from './statements.ts'
import type { Statements } from './statements.ts'
import type { Append, LedgerHead, StoredEvent } from '../types.ts'

/** How a ledger file is opened. */
export interface LedgerFileOptions {
  /** What position 1 says when the ledger is new. */
  readonly header: HeaderFacts
  /** Makes the file when it does not exist. Default true; false gives LEDGER_NOT_FOUND. */
  readonly create?: boolean
  /** How long a commit waits for another program's lock, milliseconds. It blocks the thread. Default 50. */
  readonly busyTimeoutMs?: number
  /** Takes a segment that is closed, too. Default false: SEGMENT_CLOSED, for what comes next is in another file. */
  readonly closed?: boolean
  /** What is appended was checked already, in another thread (checkAppend). Default false. */
  readonly checked?: boolean
}

/**
 * A ledger file with its writing connection. It takes no lock of its own: store/open.ts does, and a second writer
 * beside it gets LEDGER_BUSY at best. Every method is synchronous and throws our errors.
 */
export class LedgerFile {
  readonly file: string
  readonly header: LedgerHeader
  /** True when this open made the ledger. */
  readonly created: boolean
  readonly #db: Database.Database
  readonly #statements: Statements
  readonly #caches: Caches
  readonly #checked: boolean
  readonly #custody: Custody

  private constructor(file: string, db: Database.Database, created: boolean, options: LedgerFileOptions) {
    this.file = file
    this.created = created
    this.#db = db
    this.#statements = prepareStatements(db)
    this.#caches = new Caches(db)
    this.#checked = options.checked ?? false
    this.header = readHeader(this.#statements.first(), file)
    this.#assertWhole()
    if (options.closed !== true) this.#assertOpen()
    this.#custody = new Custody(file)
  }

  /**
   * Opens a ledger, or makes it: file of mode 0600, schema and header in one transaction.
   * Throws NOT_A_LEDGER, LEDGER_FROM_THE_FUTURE, LEDGER_NOT_FOUND, LEDGER_LINKED, LEDGER_WAL_FOREIGN, LEDGER_PERMISSION,
   * LEDGER_DAMAGED, LEDGER_BUSY, LEDGER_FULL or LEDGER_IO; a refused open changes and creates nothing.
   */
  static open(name: string, options: LedgerFileOptions): LedgerFile {
    const { file, kind } = inspectFile(name)
    if (kind === 'ledger') return LedgerFile.#connect(file, options, false)
    if (options.create === false) throw notFound(file)
    refuseLeftWal(file)
    if (kind === 'empty') chmodSync(file, 0o600)
    else makeEmptyFile(file)
    try {
      return LedgerFile.#connect(file, options, true)
    } catch (error) {
      if (kind === 'absent' && statSync(file).size === 0) unlinkSync(file)
      throw error
    }
  }

  static #connect(file: string, options: LedgerFileOptions, fresh: boolean): LedgerFile {
    refuseLinks(file)
    if (!fresh) refuseTheFuture(file)
    const db = connect(file, { mode: 'rw', busyTimeoutMs: options.busyTimeoutMs ?? BUSY_TIMEOUT_MS })
    try {
      if (fresh) setPageSize(db)
      const created = fresh && createLedger(db, options.header)
      checkIds(db, file)
      makeDurable(db)
      return new LedgerFile(file, db, created, options)
    } catch (error) {
      db.close()
      throw ledgerError(error, file)
    }
  }

  /**
   * Commits a batch in one transaction. Each append is taken whole or refused whole, and a refused one touches no
   * other. When the transaction itself fails, every append of the batch has that error.
   */
  appendBatch(appends: readonly Append[]): readonly Settled[] {
    try {
      this.#custody.check()
      const settled = this.#commit(appends)
      // Told to be durable only if it is where its name says, still: it could have been moved while it was written.
      this.#custody.check()
      return settled
    } catch (error) {
      // Something that our own checks let pass and SQLite does not: find the append that is at fault.
      if (blamesRow(error) && appends.length > 1)
        return appends.flatMap((append) => this.appendBatch([append]))
      const failure = ledgerError(error, this.file)
      return appends.map(() => ({ ok: false, error: failure }))
    }
  }

  /** The rows that these events would be, if they were appended next. */
  plan(events: Append['events']): readonly StoredEvent[] {
    return planAppend({ events }, this.#statements).rows
  }

  /** Commits events as one append. Throws what refused it. */
  append(events: Append['events']): void {
    for (const settled of this.appendBatch([{ events }])) if (!settled.ok) throw settled.error
  }

  head(): LedgerHead {
    return this.#statements.head()
  }

  /**
   * Takes snapshots and projections a step further, some ten milliseconds of work; true while there is more to do.
   * They are caches: what goes wrong with them is nobody's error, and they are tried again later.
   */
  keepUp(): boolean {
    try {
      return this.#caches.step(this.head().events)
    } catch (error) {
      if (isSqliteError(error) || hasCode(error, 'LEDGER_DAMAGED')) return false
      throw error
    }
  }

  /**
   * Closes the connection; as the last one, it empties and removes the WAL. Of a file that was moved SQLite leaves the WAL as it is:
   * what is in it goes into the file first, wherever that is now. Calling it twice does nothing.
   */
  close(): void {
    if (this.#db.open && !this.#custody.isKept()) this.#db.pragma('wal_checkpoint(FULL)')
    this.#db.close()
  }

  #commit(appends: readonly Append[]): readonly Settled[] {
    const transaction = this.#db.transaction((): readonly Settled[] => {
      assertDurable(this.#db)
      const view = new BatchView(this.#statements, idsOf(appends))
      const outcomes = appends.map((append) => this.#appendOne(append, view))
      const rows = outcomes.flatMap((outcome) => (outcome.ok ? outcome.events : []))
      this.#statements.insert(rows)
      if (rows.length > 0) this.#statements.setHead(view.head())
      return outcomes
    })
    return transaction.immediate()
  }

  #appendOne(append: Append, view: BatchView): Settled {
    const planned = planOrRefusal(append, view, this.#checked)
    if (planned instanceof PathledgerError) return { ok: false, error: planned }
    view.take(planned.rows)
    return { ok: true, answer: planned.answer, events: planned.rows }
  }

  /** What the head says and what the last row is must agree before anything is written after it. */
  #assertWhole(): void {
    const head = this.#statements.head()
    const last = this.#statements.last()
    if (last?.position === head.events && sameBytes(last.hash, head.hash)) return
    throw new PathledgerError('LEDGER_DAMAGED', {
      message: `The ledger ${this.file} does not end where its head says.`,
      why: `The head is at position ${head.events}, the last event at ${last?.position ?? 0}.`,
      todo: 'Keep a copy of the file, run `pathledger verify` on it, and start a new ledger.',
    })
  }

  /** A closed segment is never written to again. */
  #assertOpen(): void {
    const last = this.#statements.last()
    if (last?.type !== 'ledger.segmentClosed') return
    const { next } = JSON.parse(last.data) as { next: string }
    throw new PathledgerError('SEGMENT_CLOSED', {
      message: `The ledger ${this.file} is closed.`,
      why: `It continues in ${next}, in the same folder.`,
      todo: `Use ${next}.`,
      errno: 'EROFS',
      details: { file: this.file, next },
    })
  }
}

/** Ids that are no text are refused later, each with its append. */
function idsOf(appends: readonly Append[]): string[] {
  return appends.flatMap(({ events }) =>
    events.map(({ eventId }) => eventId).filter((id) => typeof id === 'string'),
  )
}

function planOrRefusal(append: Append, ledger: Ledgered, checked: boolean): Plan | PathledgerError {
  try {
    return planAppend(append, ledger, checked)
  } catch (error) {
    if (error instanceof PathledgerError && error.code !== 'INVARIANT_BROKEN') return error
    throw error
  }
}

/** Schema, header and head in one transaction. False when another process was quicker. */
function createLedger(db: Database.Database, facts: HeaderFacts): boolean {
  const create = db.transaction((): boolean => {
    if (db.pragma('application_id', { simple: true }) !== 0) return false
    createSchema(db)
    db.prepare('INSERT INTO ledger_head (id, events, hash) VALUES (1, 0, ?)').run(genesis())
    const statements = prepareStatements(db)
    const { rows } = planAppend({ events: [headerEvent(facts)] }, statements)
    statements.insert(rows)
    for (const { position, hash } of rows) statements.setHead({ events: position, hash })
    return true
  })
  return create.immediate()
}

/** Looks at the header without writing, so that a ledger of a newer format is left as it is. */
function refuseTheFuture(file: string): void {
  const db = connectReadOnly(file, true)
  try {
    readHeader(prepareStatements(db).first(), file)
  } catch (error) {
    throw ledgerError(error, file)
  } finally {
    db.close()
  }
}

/** A new file with nobody else's eyes on it, its name on the medium before anything is in it. */
function makeEmptyFile(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600))
    const folder = openSync(dirname(file), 'r')
    fsyncSync(folder)
    closeSync(folder)
  } catch (error) {
    throw unreachable(error, file)
  }
}
