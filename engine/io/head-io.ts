// From a caller's I/O to bios: check it, cut it, copy it into the engine's own memory, and give the answer back once.
// Where memory or the queue is full callers wait, in order.
//
// An ordinary I/O is one bio, sent at once. It makes its own few objects and nothing to throw away besides: no list, no set,
// no piece that waits.
import type { PathledgerError } from '../../errors.ts'
import type { IoOp } from '../../machines/words.ts'
import { abortBio } from './abort.ts'
import { Bio, type BioOwner, type WaitReason } from './bio.ts'
import { Borrowed } from '../memory/borrowed.ts'
import { guarded } from '../core/core.ts'
import { countDone } from '../accounting/counters.ts'
import { submitBio } from './dispatch.ts'
import { Callers, isRoomWait, type RoomWait } from './callers.ts'
import { Flushes } from './flushes.ts'
import { takesAtOnce } from '../heads/limits.ts'
import type { HeadRuntime } from '../heads/runtime.ts'
import { endWaiting, HELD, WITHOUT_PATH } from './waiting.ts'
import { queueFull, refusalOf } from './checks.ts'
import { isWorse, abortedError, memoryGoneError, waitTooLongError } from './errors.ts'
import { PAGE_BYTES } from '../memory/lender.ts'
import type { OpenIo } from './open-io.ts'
import type { PoolBlock } from '../memory/pool.ts'
import { gather, scatter, vectorLength } from '../memory/vector.ts'
import { headQueue } from './queues.ts'
import type { Ahead, Waiters } from './waiters.ts'

/** Bytes of one discard or zeroing; they carry none, so the pool does not bound them. */
const BYTELESS_MAX = 64 * 1024 * 1024
/** Of one discard or zeroing so many pieces are under way at once: it may be as long as the device, and carries no bytes. */
const BYTELESS_PIECES_MAX = 64

export class HeadIo implements BioOwner {
  readonly #head: HeadRuntime
  readonly #waiters: Waiters
  readonly #onIo: () => void
  /** Bytes of one bio at most. */
  readonly #bytesMax: number
  readonly #flushes: Flushes
  readonly #callers: Callers
  /** By an I/O that its caller can abort: its bios that are on their way. */
  readonly #abortable = new Map<OpenIo, Set<Bio>>()
  /** Of a long I/O the part that is still to be sent. */
  readonly #rests = new Map<OpenIo, Ahead>()
  #open = 0
  /** Bytes of writes that wait or waited for room, and have not ended. */
  #keptBytes = 0

  /** `onIo` is called with every I/O. */
  constructor(head: HeadRuntime, onIo: () => void) {
    this.#head = head
    this.#waiters = headQueue(head).waiters
    this.#onIo = onIo
    this.#flushes = new Flushes(head, (io, error) => this.#end(io, error))
    this.#callers = new Callers(head.core, () => this.#tellStuck())
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
    return this.#waiters.count(WITHOUT_PATH)
  }

  /** Writes that wait for a ghost or an older write, and their bytes. */
  get held(): { readonly bios: number; readonly bytes: number } {
    return this.#waiters.count(HELD)
  }

  /** Does an I/O; its `done` is called once every piece has ended, or soon with why it was not taken. */
  submit(io: OpenIo): void {
    const callers = this.#callers.size + this.#flushes.callers
    const refusal = refusalOf(this.#head, io, callers, this.#keptBytes)
    if (refusal !== null) return queueMicrotask(() => io.done(refusal))
    this.#onIo()
    if (io.memory !== 'copied') io.borrowed = this.#borrow(io)
    if (io.signal !== null) this.#listen(io, io.signal)
    if (this.#isOneBio(io)) return this.#sendWhole(io)
    if (io.op === 'flush') return guarded(this.#head.core, () => this.#flush(io))
    this.#plan(io)
    if (this.#callers.size > 0) return this.#wait(io)
    guarded(this.#head.core, () => {
      if (!this.#sendPieces(io)) this.#wait(io)
    })
  }

  /** Calls `done` when `bytes` can be taken without being kept waiting, behind those who wait already; or why they never will. */
  whenRoom(bytes: number, done: (error: PathledgerError | null) => void): void {
    if (this.#callers.size === 0 && this.#hasRoom(bytes)) return done(null)
    if (this.#callers.size >= this.#head.core.settings.waitersMax) {
      return done(
        queueFull(this.#head, `${this.#callers.size} callers wait for memory or for a path already.`),
      )
    }
    this.#callers.add({ bytes, done })
  }

  /** Sends on what waits for memory or for room in the queue. */
  pump(): void {
    if (this.#callers.size > 0) guarded(this.#head.core, () => this.#callers.pump((one) => this.#serve(one)))
  }

  /** Ends what waits with an error; what is in flight ends by itself. */
  refuseWaiting(error: PathledgerError): void {
    this.#refuseCallers(error)
  }

  /** Returns how many pieces were never sent. */
  #refuseCallers(error: PathledgerError): number {
    let pieces = 0
    for (const one of this.#callers.takeAll()) {
      if (isRoomWait(one)) one.done(error)
      else pieces += this.#endRest(one, error)
    }
    return pieces
  }

  /** Ends what waits for any of these or for memory, now. Returns how many pieces, and their bytes. */
  drain(error: PathledgerError, reasons: readonly WaitReason[]): { bios: number; bytes: number } {
    const pieces = this.#refuseCallers(error)
    const { bios, bytes } = endWaiting(this.#head, reasons, () => error)
    return { bios: bios + pieces, bytes }
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
      this.#callers.size === 0 &&
      (op === 'read' || op === 'write') &&
      length <= Math.min(this.#bytesMax, this.#limitOf(op))
    )
  }

  #sendWhole(io: OpenIo): void {
    const { core } = this.#head
    core.nextBio += 1
    io.firstBio = core.nextBio
    io.pieces = 1
    io.left = 1
    this.#open += 1
    try {
      const block = this.#admit(io, io.offset, io.length)
      if (block === 'wait') {
        io.step = io.length
        return this.#wait(io)
      }
      io.sent = 1
      this.#send(io, io.firstBio, io.offset, io.length, block)
    } catch (error) {
      guarded(core, () => {
        throw error
      })
    }
  }

  /** Says how an I/O is cut, and gives its pieces their numbers. They are cut when they are sent. */
  #plan(io: OpenIo): void {
    const { core } = this.#head
    io.step = this.#stepOf(io)
    io.pieces = Math.ceil(io.length / io.step)
    io.left = io.pieces
    io.firstBio = core.nextBio + 1
    core.nextBio += io.pieces
    this.#open += io.pieces
  }

  #stepOf(io: OpenIo): number {
    const carriesBytes = io.op === 'read' || io.op === 'write'
    const { logicalBlockBytes } = this.#head
    const most = Math.min(carriesBytes ? this.#bytesMax : BYTELESS_MAX, this.#limitOf(io.op))
    // A piece is a block at least. Each piece of borrowed memory begins on a page, as the whole of it does.
    const unit = io.borrowed === null ? logicalBlockBytes : Math.max(logicalBlockBytes, PAGE_BYTES)
    return Math.max(logicalBlockBytes, most - (most % unit))
  }

  /** It waits for memory or for room in the queue, behind those who do. */
  #wait(io: OpenIo): void {
    io.keepBytes()
    this.#keptBytes += io.keptBytes
    this.#callers.add(io)
  }

  /** True when one that waited waits no longer. */
  #serve(first: OpenIo | RoomWait): boolean {
    if (!isRoomWait(first)) return this.#sendPieces(first)
    if (!this.#hasRoom(first.bytes)) return false
    first.done(null)
    return true
  }

  #hasRoom(bytes: number): boolean {
    const piece = Math.min(bytes, this.#bytesMax)
    return !this.#queueIsFull(bytes) && this.#head.core.pool.hasRoom(piece, this.#head.memory)
  }

  /** Sends pieces as long as there is memory for them; false when some must wait for it. */
  #sendPieces(io: OpenIo): boolean {
    io.sending = true
    let isWaiting = false
    while (io.sent < io.pieces && this.#mayGoOn(io)) {
      const offset = io.offset + io.sent * io.step
      const length = Math.min(io.step, io.offset + io.length - offset)
      const block = this.#admit(io, offset, length)
      isWaiting = block === 'wait'
      if (block === 'wait') break
      io.sent += 1
      this.#send(io, io.firstBio + io.sent - 1, offset, length, block)
    }
    io.sending = false
    if (!isWaiting) this.#keepAhead(io)
    return !isWaiting
  }

  /** Of what carries no bytes a part is under way at once; and no more of it is sent when it has failed. */
  #mayGoOn(io: OpenIo): boolean {
    if (io.op === 'read' || io.op === 'write') return true
    return io.error === null && io.left - (io.pieces - io.sent) < BYTELESS_PIECES_MAX
  }

  /** The part of a long I/O that is still to be sent is ahead of younger writes. */
  #keepAhead(io: OpenIo): void {
    if (io.sent < io.pieces) {
      if (io.hasRest) return
      const offset = io.offset + io.sent * io.step
      const length = io.offset + io.length - offset
      const rest: Ahead = { id: io.firstBio + io.pieces - 1, offset, length, followers: null }
      io.hasRest = true
      this.#rests.set(io, rest)
      return this.#waiters.enter(rest)
    }
    const rest = this.#rests.get(io)
    if (rest === undefined) return
    io.hasRest = false
    this.#rests.delete(io)
    this.#waiters.leave(rest)
  }

  /** Bytes that every path takes at once. */
  #limitOf(op: IoOp): number {
    const { limits } = this.#head
    return limits === null ? Infinity : takesAtOnce(limits, op)
  }

  /**
   * A flush covers the writes that are acknowledged now, through whatever path. It waits for no memory, and for nobody who
   * does. Where nothing is to be covered it goes down a path all the same: the device may know better.
   */
  #flush(io: OpenIo): void {
    const { core } = this.#head
    const caches = this.#flushes.toCover()
    io.left = Math.max(1, caches.length)
    this.#open += io.left
    core.nextBio += 1
    if (caches.length === 0) return this.#send(io, core.nextBio, 0, 0, null)
    for (const cache of caches) this.#flushes.join(io, cache)
  }

  /** Memory for a piece; null where it needs none, 'wait' where there is none, or no room in the queue. */
  #admit(io: OpenIo, offset: number, length: number): PoolBlock | null | 'wait' {
    if (io.op !== 'read' && io.op !== 'write') return null
    if (this.#queueIsFull(length)) return 'wait'
    return (
      io.borrowed?.block(offset - io.offset, length) ??
      this.#head.core.pool.take(length, this.#head.memory) ??
      'wait'
    )
  }

  #queueIsFull(length: number): boolean {
    // Nothing waits, nearly always.
    if (this.#waiters.length === 0) return false
    const { requeueBytesMax, heldBytesMax } = this.#head.core.settings
    // A piece larger than a bound may go when nothing else waits: otherwise it could never go.
    const queued = this.queued.bytes
    if (queued > 0 && queued + length > requeueBytesMax) return true
    const held = this.held.bytes
    return held > 0 && held + length > heldBytesMax
  }

  #send(io: OpenIo, id: number, offset: number, length: number, block: PoolBlock | null): void {
    if (io.op === 'write' && io.data !== null && block !== null && io.borrowed === null) {
      gather(io.data, offset - io.offset, block.bytes)
    }
    const bio = new Bio(this, io, id, offset, length, null, block)
    if (io.signal !== null) this.#abortable.get(io)?.add(bio)
    bio.trace = this.#head.tracer.begin()
    submitBio(this.#head, bio)
  }

  #abort(io: OpenIo): void {
    guarded(this.#head.core, () => {
      this.#callers.delete(io)
      const unsent = io.pieces - io.sent
      const at = io.sent === 0 ? 'never sent' : 'answered'
      io.sent = io.pieces
      for (const bio of [...(this.#abortable.get(io) ?? [])]) abortBio(this.#head, bio)
      const left = this.#flushes.leave(io) + unsent
      if (left > 0) this.#end(io, abortedError(this.#head, io.op, at, io.signal), left)
    })
  }

  /** What of it was not sent is never sent. Returns how many pieces. */
  #endRest(io: OpenIo, error: PathledgerError): number {
    const unsent = io.pieces - io.sent
    io.sent = io.pieces
    if (unsent > 0) this.#end(io, error, unsent)
    return unsent
  }

  /** Memory that hangs is told; a queue that is full waits as long as what is in it. */
  #tellStuck(): void {
    if (!this.#queueIsFull(1)) this.#refuseCallers(waitTooLongError(this.#head, null, 'memory'))
  }

  /** A piece has ended. */
  bioDone(bio: Bio, answer: PathledgerError | null): void {
    const { io, block } = bio
    const error = answer ?? this.#intoGone(bio)
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

  /** What was read has nowhere to go: its caller moved, shrank or resized their memory under it. */
  #intoGone(bio: Bio): PathledgerError | null {
    const { op, data, length } = bio.io
    return op === 'read' && data !== null && vectorLength(data) !== length
      ? memoryGoneError(this.#head, bio)
      : null
  }

  #end(io: OpenIo, error: PathledgerError | null, pieces = 1): void {
    // What is told only once is what its caller hears, whatever else went wrong.
    if (io.error === null || error?.code === 'NOT_DURABLE' || isWorse(error, io.error))
      io.error = error ?? io.error
    io.left -= pieces
    this.#open -= pieces
    if (io.left > 0) {
      if (io.hasRest && !io.sending) this.#goOn(io, io.error)
      return
    }
    if (io.hasRest) this.#keepAhead(io)
    if (io.signal !== null) this.#abortable.delete(io)
    this.#keptBytes -= io.keptBytes
    if (io.error !== null) this.#head.counters.callerErrors += 1
    // The caller's own memory: they hear of it when no attempt has it any more.
    if (io.memory !== 'callersOwn') this.#tell(io)
    io.borrowed?.release()
  }

  /** One of many pieces has ended: the next one may go, unless the whole has failed. */
  #goOn(io: OpenIo, error: PathledgerError | null): void {
    if (error === null) void this.#sendPieces(io)
    else this.#endRest(io, error)
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
