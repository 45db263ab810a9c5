// What is hashed: the bytes of a row, so that no two different rows give the same bytes. docs/ledger.md describes them
// with an example, and test/store/encoding.test.ts checks that example with an implementation of its own.
import { hash } from 'node:crypto'
import { RowBytes } from './row-bytes.ts'
import type { StoredEvent } from '../types.ts'

/** The columns of `events`, in the order of the schema. The hash is over all of them but the last. */
export const COLUMNS = [
  'position',
  'event_id',
  'stream',
  'version',
  'type',
  'schema',
  'recorded_at_us',
  'mono_us',
  'boot_id',
  'cause',
  'actor',
  'reason',
  'data',
  'decision',
  'hash',
] as const

/** The hash before the first row: 32 zero bytes. A fresh copy each time, for a Uint8Array can be written to. */
export function genesis(): Uint8Array {
  return new Uint8Array(32)
}

/** One value of a hashed column. */
export type Hashed = string | number | bigint | null

/** The values of a row that are hashed, in the order of {@link COLUMNS}. */
export function hashedValues(row: Omit<StoredEvent, 'hash'>): readonly Hashed[] {
  return [
    row.position,
    row.eventId,
    row.stream,
    row.version,
    row.type,
    row.schema,
    row.recordedAtUs,
    row.monoUs,
    row.bootId,
    row.cause,
    row.actor,
    row.reason,
    row.data,
    row.decision,
  ]
}

/**
 * The canonical encoding as text; its UTF-8 bytes are what is hashed. Each value is the decimal count of its UTF-8
 * bytes, ':', and the bytes; an integer is its decimal text; NULL is '-', so that it differs from the empty text '0:'.
 */
export function encodeValues(values: readonly Hashed[]): string {
  return encodeLengths(values, (plain) => Buffer.byteLength(plain))
}

function encodeLengths(values: readonly Hashed[], lengthOf: (plain: string) => number): string {
  let text = ''
  for (const value of values) {
    if (value === null) {
      text += '-'
      continue
    }
    const plain = typeof value === 'string' ? value : String(value)
    text += `${lengthOf(plain)}:${plain}`
  }
  return text
}

function charsOf(plain: string): number {
  return plain.length
}

/** Where rows are encoded, one after the other: a buffer of its own for each row would cost as much as its hash. */
const SCRATCH = Buffer.allocUnsafeSlow(65_536)
/** The same for rows that are appended. */
const ROW = new RowBytes()
const HASH_BYTES = 32

/** SHA-256 over the hash of the row before and the canonical encoding of this one. 32 bytes. */
export function hashValues(previousHash: Uint8Array, values: readonly Hashed[]): Uint8Array {
  // Nearly every row is ASCII: then the characters that JavaScript knows of are the bytes that would have to be counted.
  const asAscii = encodeLengths(values, charsOf)
  return bytesOfLatin1(hashText(previousHash, asAscii, true) ?? hashText(previousHash, encodeValues(values)))
}

function hashText(previousHash: Uint8Array, text: string): string
function hashText(previousHash: Uint8Array, text: string, onlyAscii: true): string | null
function hashText(previousHash: Uint8Array, text: string, onlyAscii = false): string | null {
  // A UTF-16 unit has at most three bytes of UTF-8.
  const fits = previousHash.length === HASH_BYTES && text.length * 3 <= SCRATCH.length - HASH_BYTES
  const bytes = fits ? SCRATCH : Buffer.allocUnsafe(previousHash.length + Buffer.byteLength(text))
  bytes.set(previousHash)
  const written = bytes.write(text, previousHash.length, 'utf8')
  if (onlyAscii && written !== text.length) return null
  return hash('sha256', bytes.subarray(0, previousHash.length + written), 'binary')
}

/** One character, one byte. Thirty-two bytes made this way cost a third of what a Buffer does, once per row. */
function bytesOfLatin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at)
  return bytes
}

/** {@link hashValues} of a row as the store's users know it. */
export function hashRow(previousHash: Uint8Array, row: Omit<StoredEvent, 'hash'>): Uint8Array {
  const bytes = ROW.ofAscii(previousHash, row)
  if (bytes === null) return hashValues(previousHash, hashedValues(row))
  return bytesOfLatin1(hash('sha256', bytes, 'binary'))
}

/** The same bytes without Node's Buffer around them, so that a hash compares equal wherever it comes from. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Lower-case hexadecimal. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

/** True when both hold the same bytes. */
export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0
}
