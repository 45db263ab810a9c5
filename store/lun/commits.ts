// Whether anybody has committed to a SQLite file since it was read: asked before every batch of writes, so it must cost
// next to nothing. `PRAGMA data_version` takes a dozen microseconds, for the locks of a read. What it compares is the header
// of the WAL index, which every writer of every process changes with each commit and which SQLite has mapped already
// (https://sqlite.org/walformat.html, 2.1): here the same words are compared, without a call.
import { readFileSync, realpathSync } from 'node:fs'
import type Database from 'better-sqlite3'
import koffi from 'koffi'

/** Of the header's first copy, which a writer changes last: a commit that has returned is in it. */
const HEADER_WORDS = 12
/** Its first word, since SQLite 3.7.0. */
const INDEX_VERSION = 3_007_000

/** To find the mapping takes a look at all of the process: only where it is asked for often. */
const ASKED_OFTEN = 64

export class Commits {
  readonly #db: Database.Database
  readonly #version: Database.Statement<[]>
  #seenVersion: unknown = null
  #asked = 0
  /** The header where SQLite has mapped it, for as long as `db` is open; null where it was not looked for, or not found. */
  #header: Uint32Array | null = null
  readonly #seen = new Uint32Array(HEADER_WORDS)

  /** `db` must be in WAL mode, have been read from, and write nothing itself. */
  constructor(db: Database.Database) {
    this.#db = db
    this.#version = db.prepare('PRAGMA data_version').pluck()
  }

  /** What is read from now on has every commit that {@link changed} does not tell of. */
  mark(): void {
    if (this.#header === null) this.#seenVersion = this.#version.get()
    else this.#note(this.#header)
  }

  /** True when another connection, of this process or of any other, has committed since the last `mark`. */
  changed(): boolean {
    const header = this.#header
    if (header === null) return this.#askVersion()
    for (let at = 0; at < HEADER_WORDS; at += 1) {
      if (Atomics.load(header, at) !== this.#seen[at]) return true
    }
    return false
  }

  /** Before `db` is closed: after it the mapping may be gone. */
  close(): void {
    this.#header = null
    this.#asked = Number.NEGATIVE_INFINITY
  }

  #askVersion(): boolean {
    this.#asked += 1
    const header = this.#asked === ASKED_OFTEN ? mappedHeader(this.#db.name) : null
    if (header !== null) this.#note(header)
    const changed = this.#version.get() !== this.#seenVersion
    // A commit before the header was noted is in the version alone: then another time.
    if (changed && header !== null) this.#asked = 0
    else this.#header = header
    return changed
  }

  #note(header: Uint32Array): void {
    for (let at = 0; at < HEADER_WORDS; at += 1) this.#seen[at] = Atomics.load(header, at)
  }
}

/** The WAL index of this file as SQLite has mapped it; null where there is not exactly one, or it is not the known format. */
function mappedHeader(file: string): Uint32Array | null {
  try {
    const index = ` ${realpathSync(file)}-shm`
    const lines = readFileSync('/proc/self/maps', 'utf8').split('\n')
    const first = lines.filter((line) => line.endsWith(index) && line.split(' ')[2] === '00000000')
    const address = first.length === 1 ? first[0]?.split('-')[0] : undefined
    if (address === undefined) return null
    const header = new Uint32Array(koffi.view(BigInt(`0x${address}`), HEADER_WORDS * 4))
    return header[0] === INDEX_VERSION ? header : null
  } catch {
    return null
  }
}
