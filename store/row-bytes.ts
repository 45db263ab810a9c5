// The bytes of a row as they are hashed (encoding.ts), written piece by piece: every event that is appended comes through here,
// and a text put together of forty parts costs more to copy than to hash. For rows of nothing but ASCII, which nearly all are.
import type { StoredEvent } from './types.ts'

const BYTES = Buffer.allocUnsafeSlow(65_536)
/** More than all lengths, colons and integers of a row take. */
const BESIDES_TEXTS = 512
const HASH_BYTES = 32
const [ZERO, COLON, MINUS] = [48, 58, 45]

/** Where the next byte goes. */
let at = 0

/**
 * The hash before and the encoding of a row, one behind the other, in a buffer that the next call writes over; null where
 * the row has other characters, or is too long.
 */
export function asciiRowBytes(previousHash: Uint8Array, row: Omit<StoredEvent, 'hash'>): Uint8Array | null {
  if (previousHash.length !== HASH_BYTES || charsOf(row) > BYTES.length - BESIDES_TEXTS) return null
  BYTES.set(previousHash)
  at = HASH_BYTES
  return putFront(row) && putBack(row) ? firstBytes(at) : null
}

function putFront(row: Omit<StoredEvent, 'hash'>): boolean {
  return (
    putInteger(row.position) &&
    putText(row.eventId) &&
    putText(row.stream) &&
    putInteger(row.version) &&
    putText(row.type) &&
    putInteger(row.schema) &&
    putInteger(row.recordedAtUs) &&
    putInteger(row.monoUs) &&
    putText(row.bootId)
  )
}

function putBack({ cause, actor, reason, data, decision }: Omit<StoredEvent, 'hash'>): boolean {
  return (
    (cause === null ? putNull() : putInteger(cause)) &&
    putText(actor) &&
    (reason === null ? putNull() : putText(reason)) &&
    putText(data) &&
    putText(decision)
  )
}

function charsOf({
  eventId,
  stream,
  type,
  bootId,
  actor,
  reason,
  data,
  decision,
}: Omit<StoredEvent, 'hash'>): number {
  const short = eventId.length + stream.length + type.length + bootId.length + actor.length
  return short + (reason?.length ?? 0) + data.length + decision.length
}

function putText(text: string): boolean {
  putDigits(text.length)
  BYTES[at] = COLON
  at += 1
  const written = BYTES.write(text, at, 'utf8')
  at += written
  return written === text.length
}

/** False for one that is not whole, or negative: nothing that is appended, but not for this file to judge. */
function putInteger(value: number): boolean {
  if (!Number.isSafeInteger(value) || value < 0) return false
  putDigits(digitsOf(value))
  BYTES[at] = COLON
  at += 1
  putDigits(value)
  return true
}

function putNull(): boolean {
  BYTES[at] = MINUS
  at += 1
  return true
}

function digitsOf(value: number): number {
  let digits = 1
  for (let limit = 10; value >= limit; limit *= 10) digits += 1
  return digits
}

/** Eight digits at a time: their arithmetic is that of 32 bits. */
const EIGHT_DIGITS = 100_000_000

function putDigits(value: number): void {
  if (value < EIGHT_DIGITS) {
    putPart(value, digitsOf(value))
    return
  }
  const front = Math.floor(value / EIGHT_DIGITS)
  putDigits(front)
  putPart(value - front * EIGHT_DIGITS, 8)
}

function putPart(value: number, digits: number): void {
  let rest = value | 0
  for (let index = at + digits - 1; index >= at; index -= 1) {
    const tenth = (rest / 10) | 0
    BYTES[index] = ZERO + rest - tenth * 10
    rest = tenth
  }
  at += digits
}

/** Views of the buffer by their lengths: to make one takes a third of the time of the hash. Longer ones are rare. */
const VIEWS = new Map<number, Uint8Array>()
const VIEWS_TO_BYTES = 4_096

function firstBytes(length: number): Uint8Array {
  if (length > VIEWS_TO_BYTES) return BYTES.subarray(0, length)
  let view = VIEWS.get(length)
  if (view === undefined) {
    view = BYTES.subarray(0, length)
    VIEWS.set(length, view)
  }
  return view
}
