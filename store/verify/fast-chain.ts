// The chain, fast: SQLite itself puts the encodings of a page of rows and their hashes one behind the other, so that what is
// hashed for a row (the hash before it, then its encoding) is one slice of what came back. Threads take a range each: a row
// follows from the stored hash of the row before it, whoever looks at that one.
//
// It says yes or no. What is wrong, and where, is for the slow check (check-chain.ts), which is asked whenever this one is
// not certain; test/store/fast-chain.test.ts holds the two equal over every kind of tampering.
import { hash } from 'node:crypto'
import type Database from 'better-sqlite3'
import { COLUMNS, genesis } from '../rows/encoding.ts'

const INTEGERS = new Set(['position', 'version', 'schema', 'recorded_at_us', 'mono_us', 'cause'])
const NULLABLE = new Set(['cause', 'reason'])
const HASHED = COLUMNS.filter((column) => column !== 'hash')

/**
 * The canonical encoding of a row and its hash, by SQLite. One call of concat: a chain of || would copy what it has so far
 * at each of forty steps.
 */
const ROW = `concat(${HASHED.map((column) => {
  const length = INTEGERS.has(column) ? `length(${column})` : `octet_length(${column})`
  return NULLABLE.has(column) ? `coalesce(${length} || ':' || ${column}, '-')` : `${length}, ':', ${column}`
}).join(', ')}, hash)`

/**
 * True where each value has the storage class that it must have, and the cause lies before its event: '5' and 5 have the same encoding. SQLite puts numbers before
 * texts and texts before blobs, and the plus keeps it from taking one for another; asking typeof costs twice as much. Where a
 * number is meant 5.0 passes, and is found in the encoding: no integer has a point.
 */
const TYPED = [
  ...HASHED.map((column) => {
    const typed = INTEGERS.has(column) ? `+${column} < ''` : `(+${column} >= '' AND +${column} < x'')`
    return NULLABLE.has(column) ? `(${column} IS NULL OR ${typed})` : typed
  }),
  `+hash >= x'' AND length(hash) = 32`,
  // What led to an event came before it.
  'coalesce(cause > 0 AND cause < position, 1)',
].join(' AND ')

const PAGE = `SELECT CAST(group_concat(row, '') AS BLOB), count(*), sum(typed) FROM (
  SELECT ${ROW} AS row, ${TYPED} AS typed FROM events WHERE position BETWEEN ? AND ? ORDER BY position
)`
/** Rows of a page: more of them do not fit the processor's cache. */
const ROWS = 250
const HASH_BYTES = 32
/** In the order of {@link HASHED}: is it an integer? */
const IS_INTEGER = HASHED.map((column) => INTEGERS.has(column))
const [STREAM, VERSION] = [HASHED.indexOf('stream'), HASHED.indexOf('version')]

/** First and last version of each stream in a range, or null where something is not as it was written. */
export type RangeCheck = ReadonlyMap<string, readonly [first: number, last: number]> | null

/** Checks the rows from one position to another, on top of the hash that is stored before them. */
export function checkRange(db: Database.Database, from: number, to: number): RangeCheck {
  const page = db.prepare<[number, number], [Buffer | null, number, number]>(PAGE).raw()
  const versions = new Map<string, [number, number]>()
  let before = hashBefore(db, from)
  for (let first = from; first <= to; first += ROWS) {
    const last = Math.min(to, first + ROWS - 1)
    const count = last - first + 1
    const [bytes, found, typed] = page.get(first, last) ?? [null, 0, 0]
    if (before === null || bytes === null || found !== count || typed !== count) return null
    before = checkPage(bytes, count, before, versions)
  }
  return before === null ? null : versions
}

/** The hash of the last row, or null. */
function checkPage(
  rows: Buffer,
  count: number,
  before: Uint8Array,
  versions: Map<string, [number, number]>,
): Uint8Array | null {
  // Room for the hash before the first row: from then on each row's is where it has to be.
  const bytes = Buffer.allocUnsafe(HASH_BYTES + rows.length)
  bytes.set(before)
  bytes.set(rows, HASH_BYTES)
  let at = 0
  for (let left = count; left > 0; left -= 1) {
    const end = endOfRow(bytes, at + HASH_BYTES, versions)
    if (end === -1 || end + HASH_BYTES > bytes.length) return null
    const hashed = hash('sha256', bytes.subarray(at, end), 'binary')
    if (hashed !== bytes.toString('latin1', end, end + HASH_BYTES)) return null
    at = end
  }
  return at + HASH_BYTES === bytes.length ? bytes.subarray(at) : null
}

/** Where the encoding that begins here ends, its stream and version noted; -1 where it is not one. */
function endOfRow(bytes: Buffer, from: number, versions: Map<string, [number, number]>): number {
  let at = from
  let [stream, version] = ['', 0]
  for (let column = 0; column < IS_INTEGER.length; column += 1) {
    if (bytes[at] === MINUS) {
      at += 1
      continue
    }
    let length = 0
    for (; at < bytes.length && bytes[at] !== COLON; at += 1) length = length * 10 + Number(bytes[at]) - ZERO
    const start = at + 1
    at = start + length
    if (at > bytes.length) return -1
    if (IS_INTEGER[column] === true) {
      const value = wholeNumber(bytes, start, at)
      if (value === -1) return -1
      if (column === VERSION) version = value
    } else if (column === STREAM) stream = bytes.toString('latin1', start, at)
  }
  return noteVersion(stream, version, versions) ? at : -1
}

/** The number that stands there in decimal digits, -1 where something else does. */
function wholeNumber(bytes: Buffer, from: number, to: number): number {
  let value = 0
  for (let at = from; at < to; at += 1) {
    const digit = Number(bytes[at]) - ZERO
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

function noteVersion(stream: string, version: number, versions: Map<string, [number, number]>): boolean {
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
const MINUS = 45

function hashBefore(db: Database.Database, position: number): Uint8Array | null {
  if (position === 1) return genesis()
  const stored = db
    .prepare('SELECT hash FROM events WHERE position = ?')
    .pluck()
    .get(position - 1)
  return stored instanceof Uint8Array && stored.length === HASH_BYTES ? stored : null
}

/** UNIQUE rules it out, unless the index was tampered with: it is looked through all the same. */
export function hasRepeatedIds(db: Database.Database): boolean {
  return db.prepare('SELECT 1 FROM events GROUP BY event_id HAVING count(*) > 1 LIMIT 1').get() !== undefined
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
