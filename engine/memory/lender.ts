/// <reference lib="esnext.disposable" preserve="true" />
// Buffers lent to callers: a write takes one by transfer, without a copy, and what the caller still has of it is dead.
//
// Each lies in an ArrayBuffer of its own, because only a whole ArrayBuffer can be detached, and the pool's own memory (of
// WebAssembly) cannot be detached at all. They count against the pool's bound all the same.
import { PathledgerError } from '../../errors.ts'
import type { BufferPool } from './pool.ts'

/** Lent buffers start on a page: O_DIRECT needs it. */
export const PAGE_BYTES = 4096

/** What stands behind one lent buffer. */
export interface Loan {
  readonly memory: ArrayBuffer
  /** Where the page begins within the memory. */
  readonly start: number
  readonly bytes: Uint8Array<ArrayBuffer>
  /** What it counts for: a power of two, from a page. */
  readonly sizeBytes: number
}

/**
 * A buffer of the engine's own memory, from {@link Head.alloc}. It is the caller's to fill until a write takes it, then it
 * is dead: its ArrayBuffer is detached, so every view of it has length 0, no store through one of them reaches the bytes, and
 * `bytes` throws BUFFER_DEAD. What JavaScript cannot take back is what native code holds on to: let a read of `node:fs`, or
 * whatever else fills it by address, end before the write.
 */
export class LentBuffer {
  /** Bytes that were asked for. */
  readonly length: number
  readonly #lender: Lender
  #loan: Loan | null

  /** @internal */
  constructor(lender: Lender, loan: Loan) {
    this.#lender = lender
    this.#loan = loan
    this.length = loan.bytes.length
  }

  /**
   * The bytes, to be filled: all of them, for what an earlier I/O left there is not cleared. Throws BUFFER_DEAD once a
   * write has taken them, they were released, or the engine was closed.
   */
  get bytes(): Uint8Array<ArrayBuffer> {
    const bytes = this.#loan?.bytes
    // Detached by somebody else: moved to a worker, for example.
    if (bytes?.length !== this.length) throw bufferDead()
    return bytes
  }

  /** True once the bytes are out of reach. */
  get dead(): boolean {
    return this.#loan?.bytes.length !== this.length
  }

  /** Gives it back unused. Of a buffer that a write has taken, or that was given back before, it does nothing. */
  release(): void {
    const loan = this.#loan
    if (loan === null) return
    this.#loan = null
    this.#lender.forget(this)
    this.#lender.giveBack(loan.memory.detached ? loan : detach(loan))
  }

  [Symbol.dispose](): void {
    this.release()
  }

  /** @internal Whose memory it is. */
  isOf(lender: Lender): boolean {
    return this.#lender === lender
  }

  /** @internal Takes it out of the caller's hands for good. */
  take(): Loan {
    const loan = this.#loan
    if (loan === null || this.dead) throw bufferDead()
    this.#loan = null
    this.#lender.forget(this)
    return detach(loan)
  }
}

/** Lends buffers, within a bound, and takes them back. */
export class Lender {
  readonly #pool: BufferPool
  readonly #addressOf: (memory: ArrayBufferLike) => number
  readonly #bytesMax: number
  readonly #out = new Set<LentBuffer>()
  /** Memory of finished loans, by size: fresh pages cost more than a copy would. */
  readonly #spare = new Map<number, Loan[]>()
  #lentBytes = 0
  #spareBytes = 0
  #closed: PathledgerError | null = null

  constructor(
    pool: BufferPool,
    settings: { readonly lentBytesMax: number; readonly poolBytes: number },
    addressOf: (memory: ArrayBufferLike) => number,
  ) {
    this.#pool = pool
    this.#addressOf = addressOf
    this.#bytesMax = Math.min(settings.lentBytesMax, Math.floor(settings.poolBytes / 2))
  }

  /** Buffers in callers' hands, and their bytes. */
  get out(): { readonly buffers: number; readonly bytes: number } {
    let bytes = 0
    for (const { length } of this.#out) bytes += length
    return { buffers: this.#out.size, bytes }
  }

  /** Bytes lent, in callers' hands and in flight, rounded up to powers of two. */
  get lentBytes(): number {
    return this.#lentBytes
  }

  /** Lends `length` bytes. Throws BUFFER_TOO_LARGE, POOL_EXHAUSTED, or CLOSED. */
  lend(length: number): LentBuffer {
    if (this.#closed !== null) throw this.#closed
    let sizeBytes = PAGE_BYTES
    while (sizeBytes < length) sizeBytes *= 2
    if (sizeBytes > this.#bytesMax) throw tooLarge(length, this.#bytesMax)
    if (this.#lentBytes + sizeBytes > this.#bytesMax || !this.#pool.reserve(sizeBytes)) {
      throw exhausted(length, this.#lentBytes, this.out.buffers)
    }
    this.#lentBytes += sizeBytes
    const { memory, start } = this.#takeSpare(sizeBytes) ?? this.#fresh(sizeBytes)
    const loan = { memory, start, sizeBytes, bytes: new Uint8Array(memory, start, length) }
    const buffer = new LentBuffer(this, loan)
    this.#out.add(buffer)
    return buffer
  }

  /** The memory of a loan is nobody's any more. */
  giveBack(loan: Loan): void {
    const { sizeBytes } = loan
    this.#lentBytes -= sizeBytes
    // Kept for the next one, unless somebody made off with it, or there is enough.
    if (!loan.memory.detached && this.#spareBytes + sizeBytes <= this.#bytesMax - this.#lentBytes) {
      const spare = this.#spare.get(sizeBytes) ?? []
      this.#spare.set(sizeBytes, spare)
      spare.push(loan)
      this.#spareBytes += sizeBytes
    }
    this.#pool.unreserve(sizeBytes)
  }

  /** A buffer has left its caller's hands. */
  forget(buffer: LentBuffer): void {
    this.#out.delete(buffer)
  }

  /** Lends no more, for this reason, and calls in what callers still have: it is dead. Returns how many, and their bytes. */
  close(why: PathledgerError): { readonly buffers: number; readonly bytes: number } {
    this.#closed = why
    const { out } = this
    for (const buffer of [...this.#out]) buffer.release()
    return out
  }

  /** Whether a memory starts where direct I/O can take it. */
  isAligned({ buffer, byteOffset }: Uint8Array): boolean {
    return (this.#addressOf(buffer) + byteOffset) % PAGE_BYTES === 0
  }

  #takeSpare(sizeBytes: number): Loan | null {
    const found = this.#spare.get(sizeBytes)?.pop() ?? null
    if (found !== null) this.#spareBytes -= sizeBytes
    return found
  }

  #fresh(sizeBytes: number): Pick<Loan, 'memory' | 'start'> {
    // Memory of other sizes makes room: the bound is for all of it.
    if (this.#lentBytes + this.#spareBytes > this.#bytesMax) {
      this.#spare.clear()
      this.#spareBytes = 0
    }
    const memory = new ArrayBuffer(sizeBytes + PAGE_BYTES)
    const over = this.#addressOf(memory) % PAGE_BYTES
    return { memory, start: over === 0 ? 0 : PAGE_BYTES - over }
  }
}

/** The same memory under a new name: whatever views there were of it have length 0 from now on. */
function detach({ memory, start, bytes, sizeBytes }: Loan): Loan {
  const { length } = bytes
  const moved = memory.transfer()
  return { memory: moved, start, sizeBytes, bytes: new Uint8Array(moved, start, length) }
}

function bufferDead(): PathledgerError {
  return new PathledgerError('BUFFER_DEAD', {
    message: 'This lent buffer can no longer be used.',
    why: 'A write has taken it, it was released, its memory was transferred, or the engine is closed.',
    todo: 'Take a new one from head.alloc(). Nothing was sent.',
    errno: 'EINVAL',
  })
}

function tooLarge(length: number, most: number): PathledgerError {
  return new PathledgerError('BUFFER_TOO_LARGE', {
    message: `A buffer of ${length} bytes cannot be lent.`,
    why: `At most ${most} bytes are lent: lentBytesMax, or half of poolBytes; sizes are rounded up to powers of two.`,
    todo: 'Write in smaller pieces, raise both settings, or hand over data to be copied.',
    errno: 'ENOMEM',
  })
}

function exhausted(length: number, lentBytes: number, buffers: number): PathledgerError {
  return new PathledgerError('POOL_EXHAUSTED', {
    message: `There is no room for a buffer of ${length} bytes.`,
    why: `${lentBytes} bytes are lent, and callers hold ${buffers} of the buffers; or other I/O has the memory.`,
    todo: 'Wait until a write settles, release buffers that are not needed, or raise lentBytesMax and poolBytes.',
    errno: 'ENOMEM',
  })
}
