// The bytes of a row as they are hashed (encoding.ts), written piece by piece: every event that is appended comes through here,
// and a text put together of forty parts costs more to copy than to hash. For rows of nothing but ASCII, which nearly all are.
import type { StoredEvent } from '../types.ts'

type Row = Omit<StoredEvent, 'hash'>

const BUFFER_BYTES = 65_536
/** More than all lengths, colons and integers of a row take. */
const BESIDES_TEXTS = 512
const HASH_BYTES = 32
const [ZERO, COLON, MINUS] = [48, 58, 45]
/** Eight digits at a time: their arithmetic is that of 32 bits. */
const EIGHT_DIGITS = 100_000_000
/** Views of the buffer are kept by their lengths: to make one takes a third of the time of the hash. Longer ones are rare. */
const VIEWS_TO_BYTES = 4_096

/** A buffer that rows are written to, each over the one before. */
export class RowBytes {
  readonly #bytes = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  readonly #views = new Map<number, Uint8Array>()
  /** Where the next byte goes. */
  #at = 0

  /**
   * The hash before and the encoding of a row, one behind the other, until the next call; null where the row has other
   * characters, or is too long.
   */
  ofAscii(previousHash: Uint8Array, row: Row): Uint8Array | null {
    if (previousHash.length !== HASH_BYTES || charsOf(row) > BUFFER_BYTES - BESIDES_TEXTS) return null
    this.#bytes.set(previousHash)
    this.#at = HASH_BYTES
    return this.#putFront(row) && this.#putBack(row) ? this.#firstBytes(this.#at) : null
  }

  #putFront(row: Row): boolean {
    return (
      this.#putInteger(row.position) &&
      this.#putText(row.eventId) &&
      this.#putText(row.stream) &&
      this.#putInteger(row.version) &&
      this.#putText(row.type) &&
      this.#putInteger(row.schema) &&
      this.#putInteger(row.recordedAtUs) &&
      this.#putInteger(row.monoUs) &&
      this.#putText(row.bootId)
    )
  }

  #putBack({ cause, actor, reason, data, decision }: Row): boolean {
    return (
      (cause === null ? this.#putNull() : this.#putInteger(cause)) &&
      this.#putText(actor) &&
      (reason === null ? this.#putNull() : this.#putText(reason)) &&
      this.#putText(data) &&
      this.#putText(decision)
    )
  }

  /** False for one that is not ASCII: its characters are not its bytes. */
  #putText(text: string): boolean {
    this.#putDigits(text.length)
    this.#bytes[this.#at] = COLON
    const written = this.#bytes.write(text, this.#at + 1, 'utf8')
    this.#at += 1 + written
    return written === text.length
  }

  /** False for one that is not whole, or negative: nothing that is appended, but not for this file to judge. */
  #putInteger(value: number): boolean {
    if (!Number.isSafeInteger(value) || value < 0) return false
    this.#putDigits(digitsOf(value))
    this.#bytes[this.#at] = COLON
    this.#at += 1
    this.#putDigits(value)
    return true
  }

  #putNull(): boolean {
    this.#bytes[this.#at] = MINUS
    this.#at += 1
    return true
  }

  #putDigits(value: number): void {
    if (value < EIGHT_DIGITS) {
      this.#putPart(value, digitsOf(value))
      return
    }
    const front = Math.floor(value / EIGHT_DIGITS)
    this.#putDigits(front)
    this.#putPart(value - front * EIGHT_DIGITS, 8)
  }

  #putPart(value: number, digits: number): void {
    const bytes = this.#bytes
    const at = this.#at
    let rest = value | 0
    for (let index = at + digits - 1; index >= at; index -= 1) {
      const tenth = (rest / 10) | 0
      bytes[index] = ZERO + rest - tenth * 10
      rest = tenth
    }
    this.#at = at + digits
  }

  #firstBytes(length: number): Uint8Array {
    if (length > VIEWS_TO_BYTES) return this.#bytes.subarray(0, length)
    let view = this.#views.get(length)
    if (view === undefined) {
      view = this.#bytes.subarray(0, length)
      this.#views.set(length, view)
    }
    return view
  }
}

function charsOf({ eventId, stream, type, bootId, actor, reason, data, decision }: Row): number {
  const short = eventId.length + stream.length + type.length + bootId.length + actor.length
  return short + (reason?.length ?? 0) + data.length + decision.length
}

function digitsOf(value: number): number {
  let digits = 1
  for (let limit = 10; value >= limit; limit *= 10) digits += 1
  return digits
}
