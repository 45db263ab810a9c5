// The chain, fast: SQLite itself puts the encodings of a page of rows and their hashes one behind the other, so that what is
// hashed for a row (the hash before it, then its encoding) is one slice of what came back. Threads take a range each: a row
// follows from the stored hash of the row before it, whoever looks at that one.
//
// It says yes or no. What is wrong, and where, is for the slow check (check-chain.ts), which is asked whenever this one is
// not certain; test/store/fast-chain.test.ts holds the two equal over every kind of tampering.
import { hash } from 'node:crypto'
import type Database from 'better-sqlite3'
import { COLUMNS, genesis } from './encoding.ts'

const INTEGERS = new Set(['position', 'version', 'schema', 'recorded_at_us', 'mono_us', 'cause'])
const NULLABLE = new Set(['cause', 'reason'])
const HASHED = COLUMNS.filter((column) => column !== 'hash')

/** The canonical encoding of a row, by SQLite. */
const ENCODING = HASHED.map((column) => {
  const length = INTEGERS.has(column) ? `length(${column})` : `octet_length(${column})`
  const value = `${length} || ':' || ${column}`
  return NULLABLE.has(column) ? `coalesce(${value}, '-')` : value
}).join(' || ')

/** True where each value has the storage class that it must have: '5' and 5 have the same encoding. */
const TYPED = [
  ...HASHED.filter((column) => !NULLABLE.has(column)).map((column) => {
    return `typeof(${column}) = '${INTEGERS.has(column) ? 'integer' : 'text'}'`
  }),
  "typeof(cause) IN ('integer', 'null')",
  "typeof(reason) IN ('text', 'null')",
  "typeof(hash) = 'blob' AND length(hash) = 32",
].join(' AND ')

const PAGE = `SELECT CAST(group_concat(row, '') AS BLOB), group_concat(size, ' '), count(*), sum(typed) FROM (
  SELECT ${ENCODING} || hash AS row, octet_length(${ENCODING}) AS size, ${TYPED} AS typed
  FROM events WHERE position BETWEEN ? AND ? ORDER BY position
)`
/** Rows of a page: more of them do not fit the processor's cache. */
const ROWS = 500
const HASH_BYTES = 32

/** First and last version of each stream in a range, or null where something is not as it was written. */
export type RangeCheck = ReadonlyMap<string, readonly [first: number, last: number]> | null

/** Checks the rows from one position to another, on top of the hash that is stored before them. */
export function checkRange(db: Database.Database, from: number, to: number): RangeCheck {
  const page = db.prepare<[number, number], [Buffer | null, string | null, number, number]>(PAGE).raw()
  const versions = new Map<string, [number, number]>()
  let before = hashBefore(db, from)
  for (let first = from; first <= to; first += ROWS) {
    const last = Math.min(to, first + ROWS - 1)
    const [bytes, sizes, count, typed] = page.get(first, last) ?? [null, null, 0, 0]
    if (before === null || bytes === null || sizes === null || count !== last - first + 1 || typed !== count)
      return null
    before = checkPage(bytes, sizes.split(' '), before, versions)
  }
  return before === null ? null : versions
}

/** The hash of the last row, or null. */
function checkPage(
  rows: Buffer,
  sizes: readonly string[],
  before: Uint8Array,
  versions: Map<string, [number, number]>,
): Uint8Array | null {
  // Room for the hash before the first row: from then on each row's is where it has to be.
  const bytes = Buffer.allocUnsafe(HASH_BYTES + rows.length)
  bytes.set(before)
  bytes.set(rows, HASH_BYTES)
  let at = 0
  for (const size of sizes) {
    const end = at + HASH_BYTES + Number(size)
    const hashed = hash('sha256', bytes.subarray(at, end), 'binary')
    if (hashed !== bytes.toString('latin1', end, end + HASH_BYTES)) return null
    if (!noteVersion(bytes, at + HASH_BYTES, versions)) return null
    at = end
  }
  return at + HASH_BYTES === bytes.length ? bytes.subarray(at) : null
}

/** Reads stream and version out of the encoding: the third and the fourth value. */
function noteVersion(bytes: Buffer, from: number, versions: Map<string, [number, number]>): boolean {
  let at = from
  let stream = ''
  let version = 0
  for (let value = 0; value < 4; value += 1) {
    let length = 0
    for (; bytes[at] !== COLON; at += 1) length = length * 10 + (bytes[at] ?? 0) - ZERO
    const start = at + 1
    at = start + length
    if (value === 2) stream = bytes.toString('latin1', start, at)
    if (value === 3)
      for (let digit = start; digit < at; digit += 1) version = version * 10 + (bytes[digit] ?? 0) - ZERO
  }
  const range = versions.get(stream)
  if (range === undefined) {
    versions.set(stream, [version, version])
    return true
  }
  const follows = version === range[1] + 1
  range[1] = version
  return follows
}

const COLON = 58
const ZERO = 48

function hashBefore(db: Database.Database, position: number): Uint8Array | null {
  if (position === 1) return genesis()
  const stored = db
    .prepare('SELECT hash FROM events WHERE position = ?')
    .pluck()
    .get(position - 1)
  return stored instanceof Uint8Array && stored.length === HASH_BYTES ? stored : null
}

/** Puts ranges together, in order; false where a stream does not go on as it should. */
export function joinRanges(ranges: readonly NonNullable<RangeCheck>[]): boolean {
  const last = new Map<string, number>()
  for (const range of ranges) {
    for (const [stream, [from, to]] of range) {
      if (from !== (last.get(stream) ?? 0) + 1) return false
      last.set(stream, to)
    }
  }
  return true
}
