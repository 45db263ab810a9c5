// A ledger made from rows that another one had: each is put where it was, with the hash it had, and checked as it goes in.
// The file has its name only once it is whole.
import { closeSync, fsyncSync, linkSync, openSync, unlinkSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import type Database from 'better-sqlite3'
import { PathledgerError } from '../../errors.ts'
import { connect, errnoOf, unreachable } from '../file/connection.ts'
import { genesis, hashRow, hex, sameBytes } from '../rows/encoding.ts'
import { CARRIED, carriedStreams } from '../state/fold.ts'
import { readHeader } from '../rows/header.ts'
import { valuesOfEvent, COLUMN_LIST } from '../rows/rows.ts'
import { createSchema, makeDurable, setPageSize } from '../rows/schema.ts'
import { ledgerError } from '../file/sqlite-errors.ts'
import type { LedgerHead, StoredEvent } from '../types.ts'

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
  readonly #partial: string
  readonly #db: Database.Database
  readonly #insert: Database.Statement
  readonly #versions = new Map<string, number>()
  #head: LedgerHead = { events: 0, hash: genesis() }

  /** Begins a file that must not exist. Throws FILE_EXISTS, LEDGER_PERMISSION or LEDGER_IO. */
  constructor(file: string) {
    this.#file = file
    this.#partial = partialOf(file)
    reserve(file, this.#partial)
    this.#db = begin(this.#partial)
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

  /** Gives the file its name. */
  finish(): LedgerHead {
    this.#db.close()
    takeName(this.#partial, this.#file)
    return this.#head
  }

  /** Lets go of what was begun. */
  abandon(): void {
    this.#db.close()
    for (const end of ['', '-wal', '-shm']) removeIfThere(`${this.#partial}${end}`)
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

/** An empty ledger in a file that was reserved for it; where there can be none, there is no file either. */
function begin(partial: string): Database.Database {
  try {
    const db = connect(partial, { mode: 'rw' })
    setPageSize(db)
    makeDurable(db)
    db.transaction(() => {
      createSchema(db)
      db.prepare('INSERT INTO ledger_head (id, events, hash) VALUES (1, 0, ?)').run(genesis())
    })()
    return db
  } catch (error) {
    removeIfThere(partial)
    throw ledgerError(error, partial)
  }
}

/** What a file is called until it is whole. */
export function partialOf(file: string): string {
  return `${file}.partial`
}

/** Makes sure that a name is free, and makes an empty file under another one, for its owner alone. */
export function reserve(file: string, partial: string): void {
  try {
    closeSync(openSync(file, 'r'))
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw unreachable(error, file)
    removeIfThere(partial)
    try {
      closeSync(openSync(partial, 'wx', 0o600))
    } catch (cause) {
      throw unreachable(cause, partial)
    }
    return
  }
  throw fileExists(file)
}

/** Gives a file that is whole its name, unless somebody was quicker; on the medium before it returns. */
export function takeName(partial: string, file: string): void {
  try {
    sync(partial)
    linkSync(partial, file)
    unlinkSync(partial)
    sync(dirname(file))
  } catch (error) {
    throw errnoOf(error) === 'EEXIST' ? fileExists(file) : unreachable(error, file)
  }
}

/** The error for a name that is taken: nothing of ours ever overwrites a file. */
export function fileExists(file: string): PathledgerError {
  return new PathledgerError('FILE_EXISTS', {
    message: `There is a file ${basename(file)} already.`,
    why: 'A ledger is never written over another file.',
    todo: 'Name a file that does not exist.',
    errno: 'EEXIST',
    details: { file },
  })
}

function sync(name: string): void {
  const fd = openSync(name, 'r')
  fsyncSync(fd)
  closeSync(fd)
}

export function removeIfThere(name: string): void {
  try {
    unlinkSync(name)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw unreachable(error, name)
  }
}
