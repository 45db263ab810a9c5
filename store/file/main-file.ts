// A few rows of an SQLite file as they lie in the file alone, without its write-ahead log: SQLite itself never shows that. It reads
// what the file format says of tables (https://www.sqlite.org/fileformat2.html), a page at a time, and answers null for anything else.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** Values of a row: whole numbers, texts, bytes; null for NULL and for what no ledger holds. */
export type MainRow = readonly (number | string | Uint8Array | null)[]

/** Rows by table and key. */
export interface MainFile {
  /** The row with this key, or the last one; null where there is none, or the file cannot be read as far. */
  row(table: string, key: number | 'last'): MainRow | null
}

const HEADER_BYTES = 100
const [LEAF, INTERIOR] = [0x0d, 0x05]
/** A tree of more levels holds more rows than a file has bytes. */
const DEPTH_MAX = 12
/** So often a question may read each page of the file. A page that names itself, or its parent, would be read without end. */
const READS_A_PAGE = 2

/**
 * Reads rows of a file. Only for a file that this process has not open: closing a descriptor would drop SQLite's own locks.
 */
export function withMainFile<Answer>(file: string, ask: (main: MainFile) => Answer): Answer {
  const fd = openSync(file, 'r')
  try {
    const pages = new Pages(fd)
    return ask({ row: (table, key) => quietly(() => pages.begin().row(pages.rootOf(table), key)) })
  } finally {
    closeSync(fd)
  }
}

class Pages {
  readonly #fd: number
  readonly #bytes: number
  readonly #usable: number
  readonly #mayRead: number
  #read = 0

  constructor(fd: number) {
    this.#fd = fd
    const header = Buffer.alloc(HEADER_BYTES)
    readSync(fd, header, 0, HEADER_BYTES, 0)
    const size = header.readUInt16BE(16)
    this.#bytes = size === 1 ? 65_536 : size
    this.#usable = this.#bytes - header.readUInt8(20)
    this.#mayRead = READS_A_PAGE * Math.ceil(fstatSync(fd).size / Math.max(1, this.#bytes))
  }

  /** A new question, with a bound of its own. */
  begin(): this {
    this.#read = 0
    return this
  }

  rootOf(table: string): number {
    const found = [...this.#rows(1)].find(([type, name]) => type === 'table' && name === table)
    return typeof found?.[3] === 'number' ? found[3] : 0
  }

  row(root: number, key: number | 'last'): MainRow | null {
    let number = root
    for (let depth = 0; depth < DEPTH_MAX; depth += 1) {
      const { page, at, kind, cells } = this.#page(number)
      if (kind === LEAF) {
        const cell = key === 'last' ? cells.at(-1) : cells.find((cell) => keyOfLeaf(page, cell) === key)
        return cell === undefined ? null : this.#record(page, cell)
      }
      if (kind !== INTERIOR) return null
      const child = key === 'last' ? undefined : cells.find((cell) => varint(page, cell + 4).value >= key)
      number = page.readUInt32BE(child ?? at + 8)
    }
    return null
  }

  *#rows(number: number, depth = 0): Generator<MainRow> {
    if (depth > DEPTH_MAX) return
    const { page, at, kind, cells } = this.#page(number)
    if (kind === LEAF) for (const cell of cells) yield this.#record(page, cell)
    if (kind !== INTERIOR) return
    for (const child of [...cells, at + 8]) yield* this.#rows(page.readUInt32BE(child), depth + 1)
  }

  #page(number: number): { page: Buffer; at: number; kind: number; cells: number[] } {
    const page = this.#bytesOf(number)
    const at = number === 1 ? HEADER_BYTES : 0
    const kind = page.readUInt8(at)
    const first = at + (kind === INTERIOR ? 12 : 8)
    const count = page.readUInt16BE(at + 3)
    const cells = Array.from({ length: count }, (_, index) => page.readUInt16BE(first + 2 * index))
    return { page, at, kind, cells }
  }

  #bytesOf(number: number): Buffer {
    this.#read += 1
    if (this.#read > this.#mayRead) throw new RangeError('pages of this file lead round in a circle')
    const page = Buffer.alloc(this.#bytes)
    readSync(this.#fd, page, 0, this.#bytes, (number - 1) * this.#bytes)
    return page
  }

  #record(page: Buffer, cell: number): MainRow {
    const length = varint(page, cell)
    const key = varint(page, length.end)
    return valuesOf(this.#payload(page, key.end, length.value), key.value)
  }

  /** What does not fit a page goes on in others, each of which names the next. */
  #payload(page: Buffer, at: number, length: number): Buffer {
    const most = this.#usable - 35
    if (length <= most) return page.subarray(at, at + length)
    const least = Math.floor(((this.#usable - 12) * 32) / 255) - 23
    const local = least + ((length - least) % (this.#usable - 4))
    const here = local <= most ? local : least
    const parts = [page.subarray(at, at + here)]
    let next = page.readUInt32BE(at + here)
    for (let left = length - here; left > 0 && next > 0; left -= this.#usable - 4) {
      const more = this.#bytesOf(next)
      parts.push(more.subarray(4, 4 + Math.min(left, this.#usable - 4)))
      next = more.readUInt32BE(0)
    }
    return Buffer.concat(parts)
  }
}

function keyOfLeaf(page: Buffer, cell: number): number {
  return varint(page, varint(page, cell).end).value
}

function valuesOf(payload: Buffer, key: number): MainRow {
  const header = varint(payload, 0)
  const values: (number | string | Uint8Array | null)[] = []
  let [at, body] = [header.end, header.value]
  while (at < header.value) {
    const { value: kind, end } = varint(payload, at)
    at = end
    const length = kind >= 12 ? Math.floor((kind - 12) / 2) : (FIXED_BYTES[kind] ?? 0)
    values.push(valueOf(payload.subarray(body, body + length), kind))
    body += length
  }
  // A key that is the row's number is not stored in the row.
  return values.map((value, index) => (index === 0 && value === null ? key : value))
}

const FIXED_BYTES = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0]

function valueOf(bytes: Buffer, kind: number): number | string | Uint8Array | null {
  if (kind >= 1 && kind <= 5) return bytes.readIntBE(0, bytes.length)
  if (kind === 6) return Number(bytes.readBigInt64BE())
  if (kind === 8 || kind === 9) return kind - 8
  if (kind < 12) return null
  return kind % 2 === 0 ? new Uint8Array(bytes) : bytes.toString('utf8')
}

function varint(bytes: Buffer, at: number): { readonly value: number; readonly end: number } {
  let value = 0
  for (let index = 0; index < 8; index += 1) {
    const byte = bytes.readUInt8(at + index)
    value = value * 128 + (byte & 0x7f)
    if (byte < 128) return { value, end: at + index + 1 }
  }
  return { value: value * 256 + bytes.readUInt8(at + 8), end: at + 9 }
}

/** A page that is half written, or no page: nothing can be said then. */
function quietly<Answer>(ask: () => Answer | null): Answer | null {
  try {
    return ask()
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}
