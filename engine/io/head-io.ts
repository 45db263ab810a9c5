// From a caller's I/O to bios: check it, cut it, copy it into the engine's own memory, and give the answer back once.
// Where memory or the queue is full callers wait, in order.
//
// An ordinary I/O is one bio, sent at once. It makes its own few objects and nothing to throw away besides: no list, no set,
// no piece that waits.
import type { PathledgerError } from '../../errors.ts'
import type { IoOp } from '../../machines/words.ts'
import { abortBio } from './abort.ts'
import { Bio, type BioOwner } from './bio.ts'
import { Borrowed } from '../memory/borrowed.ts'
import { guarded } from '../core/core.ts'
import { countDone } from '../accounting/counters.ts'
import { submitBio } from './dispatch.ts'
import { finishBio } from './finish.ts'
import { Flushes } from './flushes.ts'
import type { HeadRuntime } from '../heads/runtime.ts'
import { takeHeld } from './waiting.ts'
import { refusalOf } from './checks.ts'
import { abortedError } from './errors.ts'
import { PAGE_BYTES } from '../memory/lender.ts'
import type { OpenIo } from './open-io.ts'
import type { PoolBlock } from '../memory/pool.ts'
import { gather, scatter } from '../memory/vector.ts'
import { headQueue, type HeadQueue } from './queues.ts'

interface Piece {
  readonly io: OpenIo
  readonly offset: number
  readonly length: number
}

/** Bytes of one discard or zeroing; they carry none, so the pool does not bound them. */
const BYTELESS_MAX = 64 * 1024 * 1024

export class HeadIo implements BioOwner {
  readonly #head: HeadRuntime
  readonly #queue: HeadQueue
  readonly #onIo: () => void
  /** Bytes of one bio at most. */
  readonly #bytesMax: number
  readonly #flushes: Flushes
  #waiting: Piece[] = []
  /** By an I/O that its caller can abort: its bios that are on their way. */
  readonly #abortable = new Map<OpenIo, Set<Bio>>()
  #open = 0
  /** Bytes of writes that wait or waited for room, and have not ended. */
  #keptBytes = 0

  /** `onIo` is called with every I/O. */
  constructor(head: HeadRuntime, onIo: () => void) {
    this.#head = head
    this.#queue = headQueue(head)
    this.#onIo = onIo
    this.#flushes = new Flushes(head, (io, error) => this.#end(io, error))
    const { bioBytesMax, poolBytes } = head.core.settings
    // Never so large that the pool could not hold it beside what hangs.
    this.#bytesMax = Math.min(bioBytesMax, Math.floor(poolBytes / 4))
  }

  /** Bios and waiting pieces that have not been answered. */
  get open(): number {
    return this.#open
  }

  /** I/Os that wait for a path, and their bytes. */
  get queued(): { readonly bios: number; readonly bytes: number } {
    const { length: bios, bytes } = this.#queue.requeue
    return { bios, bytes }
  }

  /** Writes that wait for a ghost to end, and their bytes. */
  get held(): { readonly bios: number; readonly bytes: number } {
    const { length: bios, bytes } = this.#queue.held
    return { bios, bytes }
  }

  /** Does an I/O; its `done` is called once every piece has ended, or soon with why it was not taken. */
  submit(io: OpenIo): void {
    const callers = this.#waiting.length + this.#flushes.callers
    const refusal = refusalOf(this.#head, io, callers, this.#keptBytes)
    if (refusal !== null) return queueMicrotask(() => io.done(refusal))
    this.#onIo()
    if (io.memory !== 'copied') io.borrowed = this.#borrow(io)
    if (io.signal !== null) this.#listen(io, io.signal)
    if (this.#isOneBio(io)) return this.#sendWhole(io)
    if (io.op === 'flush') return guarded(this.#head.core, () => this.#flush(io))
    this.#waiting.push(...this.#cut(io))
    this.pump()
    if (this.#waiting.at(-1)?.io === io) this.#keep(io)
  }

  /** Sends on what waits for memory or for room in the queue. */
  pump(): void {
    if (this.#waiting.length === 0) return
    guarded(this.#head.core, () => {
      while (this.#waiting.length > 0) {
        const piece = this.#waiting[0] as Piece
        const block = this.#admit(piece.io, piece.offset, piece.length)
        if (block === 'wait') return this.#head.core.pool.want()
        this.#waiting.shift()
        this.#send(piece.io, piece.offset, piece.length, block)
      }
    })
  }

  /** Ends what waits with an error; what is in flight ends by itself. */
  refuseWaiting(error: PathledgerError): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const { io } of waiting) this.#end(io, error)
  }

  /** Ends what waits for a path, a ghost or memory, now. Returns how many bios, and their bytes. */
  drain(error: PathledgerError): { bios: number; bytes: number } {
    const head = this.#head
    const { requeue, held } = this.#queue
    const bytes = requeue.bytes + held.bytes
    const bios = [...requeue.takeAll(), ...takeHeld(head)]
    const waiting = this.#waiting.length
    this.refuseWaiting(error)
    for (const bio of bios) finishBio(head, bio, error)
    return { bios: bios.length + waiting, bytes }
  }

  /** From here on the memory is the engine's, or not to be touched by its owner. */
  #borrow(io: OpenIo): Borrowed | null {
    const { data, memory } = io
    if (memory === 'copied' || !(data instanceof Uint8Array)) return null
    if (memory === 'callersOwn') return new Borrowed(data, () => this.#tell(io))
    const { lender } = this.#head.core
    const loan = memory.take()
    return new Borrowed(loan.bytes, () => lender.giveBack(loan))
  }

  #listen(io: OpenIo, signal: AbortSignal): void {
    this.#abortable.set(io, new Set())
    io.onAbort = () => this.#abort(io)
    signal.addEventListener('abort', io.onAbort)
  }

  /** Nothing waits before it, and it goes as it is. */
  #isOneBio({ op, length }: OpenIo): boolean {
    return (
      this.#waiting.length === 0 &&
      (op === 'read' || op === 'write') &&
      length <= Math.min(this.#bytesMax, this.#limitOf(op))
    )
  }

  #sendWhole(io: OpenIo): void {
    io.left = 1
    this.#open += 1
    const { core } = this.#head
    try {
      const block = this.#admit(io, io.offset, io.length)
      if (block !== 'wait') return this.#send(io, io.offset, io.length, block)
      this.#keep(io)
      this.#waiting.push({ io, offset: io.offset, length: io.length })
      core.pool.want()
    } catch (error) {
      guarded(core, () => {
        throw error
      })
    }
  }

  #keep(io: OpenIo): void {
    io.keepBytes()
    this.#keptBytes += io.keptBytes
  }

  #cut(io: OpenIo): Piece[] {
    const pieces = this.#bytePieces(io)
    io.left = pieces.length
    this.#open += pieces.length
    return pieces
  }

  #bytePieces(io: OpenIo): Piece[] {
    const carriesBytes = io.op === 'read' || io.op === 'write'
    const { logicalBlockBytes } = this.#head
    const most = Math.min(carriesBytes ? this.#bytesMax : BYTELESS_MAX, this.#limitOf(io.op))
    // A piece is a block at least. Each piece of borrowed memory begins on a page, as the whole of it does.
    const unit = io.borrowed === null ? logicalBlockBytes : Math.max(logicalBlockBytes, PAGE_BYTES)
    const step = Math.max(logicalBlockBytes, most - (most % unit))
    const pieces: Piece[] = []
    for (let done = 0; done < io.length; done += step) {
      pieces.push({ io, offset: io.offset + done, length: Math.min(step, io.length - done) })
    }
    return pieces
  }

  /** Bytes that every path takes at once; a device without discard answers one of any length with its own error. */
  #limitOf(op: IoOp): number {
    const { limits } = this.#head
    if (limits === null) return Infinity
    if (op === 'read' || op === 'write') return limits.maxTransferBytes
    return op === 'discard' && limits.discardMaxBytes > 0 ? limits.discardMaxBytes : Infinity
  }

  /**
   * A flush covers the writes that are acknowledged now, through whatever path. It waits for no memory, and for nobody who
   * does. Where nothing is to be covered it goes down a path all the same: the device may know better.
   */
  #flush(io: OpenIo): void {
    const caches = this.#flushes.toCover()
    io.left = Math.max(1, caches.length)
    this.#open += io.left
    if (caches.length === 0) return this.#send(io, 0, 0, null)
    for (const cache of caches) this.#flushes.join(io, cache)
  }

  /** Memory for a piece; null where it needs none, 'wait' where there is none, or no room in the queue. */
  #admit(io: OpenIo, offset: number, length: number): PoolBlock | null | 'wait' {
    const { core } = this.#head
    const { requeue, held } = this.#queue
    if (io.op !== 'read' && io.op !== 'write') return null
    const { requeueBytesMax, heldBytesMax } = core.settings
    // A piece larger than a bound may go when nothing else waits: otherwise it could never go.
    const queueIsFull = requeue.bytes > 0 && requeue.bytes + length > requeueBytesMax
    const heldIsFull = held.bytes > 0 && held.bytes + length > heldBytesMax
    if (queueIsFull || heldIsFull) return 'wait'
    return io.borrowed?.block(offset - io.offset, length) ?? core.pool.take(length) ?? 'wait'
  }

  #send(io: OpenIo, offset: number, length: number, block: PoolBlock | null): void {
    const { core } = this.#head
    if (io.op === 'write' && io.data !== null && block !== null && io.borrowed === null) {
      gather(io.data, offset - io.offset, block.bytes)
    }
    core.nextBio += 1
    const bio = new Bio(this, io, core.nextBio, offset, length, null, block)
    if (io.signal !== null) this.#abortable.get(io)?.add(bio)
    bio.trace = this.#head.tracer.begin()
    submitBio(this.#head, bio)
  }

  #abort(io: OpenIo): void {
    guarded(this.#head.core, () => {
      const waiting = this.#waiting.filter((piece) => piece.io === io)
      this.#waiting = this.#waiting.filter((piece) => piece.io !== io)
      for (const bio of [...(this.#abortable.get(io) ?? [])]) abortBio(this.#head, bio)
      for (let left = this.#flushes.leave(io); left > 0; left -= 1) {
        this.#end(io, abortedError(this.#head, io.op, false))
      }
      for (const _piece of waiting) this.#end(io, abortedError(this.#head, io.op, false))
    })
  }

  /** A piece has ended. */
  bioDone(bio: Bio, error: PathledgerError | null): void {
    const { io, block } = bio
    const nowUs = error === null && bio.answeredUs > 0 ? bio.answeredUs : this.#head.core.clock.monoUs()
    this.#head.stats.end(bio, error === null ? bio.length : 0, nowUs)
    bio.trace?.ended(bio, error)
    if (error === null) {
      countDone(this.#head.counters, bio)
      if (io.op === 'read' && block !== null && io.data !== null) {
        scatter(io.data, bio.offset - io.offset, block.bytes)
      }
    }
    if (io.signal !== null) this.#abortable.get(io)?.delete(bio)
    if (block !== null) this.#head.core.pool.release(block)
    this.#end(io, error)
  }

  #end(io: OpenIo, error: PathledgerError | null): void {
    io.error ??= error
    io.left -= 1
    this.#open -= 1
    if (io.left > 0) return
    if (io.signal !== null) this.#abortable.delete(io)
    this.#keptBytes -= io.keptBytes
    if (io.error !== null) this.#head.counters.callerErrors += 1
    // The caller's own memory: he hears of it when no attempt has it any more.
    if (io.memory !== 'callersOwn') this.#tell(io)
    io.borrowed?.release()
  }

  #tell({ signal, onAbort, done, error }: OpenIo): void {
    if (onAbort !== null) signal?.removeEventListener('abort', onAbort)
    try {
      done(error)
    } catch (thrown) {
      // The caller's bug, and not the engine's: it goes where uncaught errors go.
      queueMicrotask(() => {
        throw thrown
      })
    }
  }
}
