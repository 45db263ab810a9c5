// A ledger made from rows that another one had: each is put where it was, with the hash it had, and checked as it goes in.
// The file has its name only once it is whole.
import type Database from 'better-sqlite3'
import { invariant } from '../../errors.ts'
import { connect, connectReadOnly } from '../file/connection.ts'
import { genesis, hashRow, hex, sameBytes } from '../rows/encoding.ts'
import { CARRIED, carriedStreams } from '../state/fold.ts'
import { readHeader } from '../rows/header.ts'
import { valuesOfEvent, COLUMN_LIST, eventOfRow, type RawRow } from '../rows/rows.ts'
import { createSchema, setPageSize } from '../rows/schema.ts'
import { ledgerError } from '../file/sqlite-errors.ts'
import { refuseLeftWal } from '../file/write-ahead.ts'
import { planAppend, type Ledgered } from '../write/plan.ts'
import type { LedgerHead, NewEvent, StoredEvent } from '../types.ts'
import { NewFile } from './new-file.ts'

/** A row that does not follow from those before it. */
export class Unchained extends Error {
  readonly position: number

  constructor(position: number, why: string) {
    super(why)
    this.position = position
  }
}

export class NewLedger {
  readonly #file: string
  readonly #new: NewFile
  readonly #db: Database.Database
  readonly #insert: Database.Statement
  readonly #versions = new Map<string, number>()
  #head: LedgerHead = { events: 0, hash: genesis() }

  /**
   * Begins a file that must not exist; `like` names one whose owner it is to have. Throws FILE_EXISTS, LEDGER_PERMISSION, LEDGER_FULL or
   * LEDGER_IO.
   */
  constructor(file: string, like?: string) {
    this.#file = file
    refuseLeftWal(file)
    this.#new = new NewFile(file, like)
    this.#db = begin(this.#new)
    const places = COLUMN_LIST.replaceAll(/\w+/g, '?')
    this.#insert = this.#db.prepare(`INSERT INTO events (${COLUMN_LIST}) VALUES (${places})`)
  }

  /** Adds rows behind those that are there. Throws {@link Unchained} for the first that does not follow. */
  add(rows: readonly StoredEvent[]): void {
    try {
      this.#db.transaction(() => {
        for (const row of rows) this.#addOne(row)
        const set = this.#db.prepare('UPDATE ledger_head SET events = ?, hash = ? WHERE id = 1')
        set.run(this.#head.events, this.#head.hash)
      })()
    } catch (error) {
      throw error instanceof Unchained ? error : ledgerError(error, this.#file)
    }
  }

  get head(): LedgerHead {
    return this.#head
  }

  /** Adds events behind the rows that are there, as a writer would. */
  append(events: readonly NewEvent[]): void {
    const { rows } = planAppend({ events }, this.#ledgered())
    this.add(rows)
  }

  /** Gives the file its name, once it is seen to hold what was put into it. */
  finish(): LedgerHead {
    try {
      this.#db.close()
      checkEnd(this.#new.partial, this.#head)
      this.#new.take()
      return this.#head
    } catch (error) {
      this.abandon()
      throw ledgerError(error, this.#file)
    }
  }

  /** Lets go of what was begun. Calling it twice does nothing. */
  abandon(): void {
    this.#db.close()
    this.#new.abandon()
  }

  #ledgered(): Ledgered {
    return {
      head: () => this.#head,
      versionOf: (stream) => this.#versions.get(stream) ?? 0,
      byEventId: (eventId) => {
        const sql = `SELECT ${COLUMN_LIST} FROM events WHERE event_id = ?`
        const row = this.#db.prepare<[string], RawRow>(sql).raw().get(eventId)
        return row === undefined ? null : eventOfRow(row)
      },
    }
  }

  #addOne(row: StoredEvent): void {
    const { position, stream, version } = row
    const expected = this.#head.events + 1
    if (position !== expected)
      throw new Unchained(expected, `position ${position} is there, ${expected} should be`)
    if (position === 1) readHeader(row, this.#file)
    const before = this.#versions.get(stream) ?? 0
    if (version !== before + 1)
      throw new Unchained(position, `${stream} goes from version ${before} to ${version}`)
    if (!sameBytes(hashRow(this.#head.hash, row), row.hash)) {
      throw new Unchained(
        position,
        `its hash ${hex(row.hash)} does not follow from its content and the hash before it`,
      )
    }
    this.#insert.run(...valuesOfEvent(row))
    this.#versions.set(stream, version)
    if (row.type === CARRIED) {
      for (const [name, carried] of carriedStreams(row.data)) {
        if (!this.#versions.has(name)) this.#versions.set(name, carried.version)
      }
    }
    this.#head = { events: position, hash: row.hash }
  }
}

/**
 * An empty ledger in a file that nobody else sees. It needs no journal that outlives us: it has its name only when all of it is on the medium, and
 * is thrown away else. So there is no log beside it that could be forgotten.
 */
function begin(file: NewFile): Database.Database {
  try {
    const db = connect(file.partial, { mode: 'rw' })
    try {
      setPageSize(db)
      db.pragma('journal_mode = MEMORY')
      db.pragma('synchronous = OFF')
      db.transaction(() => {
        createSchema(db)
        db.prepare('INSERT INTO ledger_head (id, events, hash) VALUES (1, 0, ?)').run(genesis())
      })()
      return db
    } catch (error) {
      db.close()
      throw error
    }
  } catch (error) {
    file.abandon()
    throw ledgerError(error, file.partial)
  }
}

/** A disk that lost something and did not say so is found out here. */
function checkEnd(partial: string, { events, hash }: LedgerHead): void {
  const db = connectReadOnly(partial)
  try {
    const [count] = db.prepare('SELECT events, hash FROM ledger_head').raw().get() as [number, Uint8Array]
    const last = db.prepare('SELECT hash FROM events WHERE position = ?').pluck().get(events)
    const isWhole = count === events && last instanceof Uint8Array && sameBytes(last, hash)
    invariant(isWhole, 'a ledger that was made ends where it was written to end')
  } finally {
    db.close()
  }
}
