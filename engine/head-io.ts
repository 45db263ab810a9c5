// From a caller's I/O to bios: check it, cut it, copy it into the engine's own memory, and give the answer back once.
// Where memory or the queue is full callers wait, in order.
import { PathledgerError } from '../errors.ts'
import type { IoOp } from '../machines/words.ts'
import type { Bio } from './bio.ts'
import { guarded } from './core.ts'
import { countDone } from './counters.ts'
import { submitBio } from './dispatch.ts'
import type { HeadRuntime } from './head-runtime.ts'
import { abortBio } from './abort.ts'
import { Borrowed } from './borrowed.ts'
import { finishBio } from './finish.ts'
import { takeHeld } from './hold.ts'
import { abortedError, headGoneError } from './io-errors.ts'
import { PAGE_BYTES, type LentBuffer } from './lender.ts'
import { nodeRefusal } from './numa.ts'
import type { PathRuntime } from './path-runtime.ts'
import type { PoolBlock } from './pool.ts'

/** An I/O as a caller asks for it. */
export interface CallerIo {
  readonly op: IoOp
  readonly offset: number
  readonly length: number
  /** What a write writes; for reads where the bytes go. */
  readonly data: Uint8Array | null
  /**
   * Where the bytes of a write are while it is under way: copied into the pool, in a buffer that is taken from the
   * caller, or in the caller's own memory, when the I/O settles after its last attempt has ended.
   */
  readonly memory?: 'copied' | 'callersOwn' | LentBuffer
  readonly node: number
  readonly fua: boolean
  /** Aborting ends the I/O for its caller; an attempt in flight becomes a ghost. */
  readonly signal?: AbortSignal | null
}

interface OpenIo extends CallerIo {
  /** Memory of its own, which no piece takes from the pool; null when it is copied. */
  borrowed: Borrowed | null
  left: number
  error: PathledgerError | null
  /** Pieces that are on their way. */
  readonly bios: Set<Bio>
  readonly settle: (error: PathledgerError | null) => void
}

interface Piece {
  readonly io: OpenIo
  readonly pinned: PathRuntime | null
  readonly offset: number
  readonly length: number
}

/** Bytes of one discard or zeroing; they carry none, so the pool does not bound them. */
const BYTELESS_MAX = 64 * 1024 * 1024

export class HeadIo {
  readonly #head: HeadRuntime
  readonly #onIo: () => void
  #waiting: Piece[] = []
  #open = 0
  #onQuiet: (() => void) | null = null

  /** `onIo` is called with every I/O. */
  constructor(head: HeadRuntime, onIo: () => void) {
    this.#head = head
    this.#onIo = onIo
  }

  /** Bios and waiting pieces that have not been answered. */
  get open(): number {
    return this.#open
  }

  /** Does an I/O; the promise settles once every piece has ended. Rejects with a PathledgerError. */
  submit(io: CallerIo): Promise<void> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refusal(io)
      if (refusal !== null) return reject(refusal)
      this.#onIo()
      const { signal = null } = io
      const abort = () => this.#abort(open)
      const settle = (error: PathledgerError | null) => {
        signal?.removeEventListener('abort', abort)
        if (error === null) resolve()
        else reject(error)
      }
      const open: OpenIo = { ...io, borrowed: null, left: 0, error: null, bios: new Set(), settle }
      open.borrowed = this.#borrow(open)
      signal?.addEventListener('abort', abort)
      this.#waiting.push(...this.#cut(open))
      this.pump()
    })
  }

  /** Sends on what waits for memory or for room in the queue. */
  pump(): void {
    guarded(this.#head.core, () => {
      while (this.#waiting.length > 0) {
        const piece = this.#waiting[0] as Piece
        const block = this.#admit(piece)
        if (block === 'wait') return
        this.#waiting.shift()
        this.#send(piece, block)
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
    const bytes = head.requeue.bytes + head.heldBytes
    const bios = [...head.requeue.takeAll(), ...takeHeld(head)]
    const waiting = this.#waiting.length
    this.refuseWaiting(error)
    for (const bio of bios) finishBio(head, bio, error)
    return { bios: bios.length + waiting, bytes }
  }

  /** Resolves when nothing is open any more. */
  quiet(): Promise<void> {
    if (this.#open === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onQuiet = resolve
    })
  }

  /** From here on the memory is the engine's, or not to be touched by its owner. */
  #borrow(io: OpenIo): Borrowed | null {
    const { data, memory = 'copied' } = io
    if (memory === 'copied' || data === null) return null
    if (memory === 'callersOwn') return new Borrowed(data, () => io.settle(io.error))
    const { lender } = this.#head.core
    const loan = memory.take()
    return new Borrowed(loan.bytes, () => lender.giveBack(loan))
  }

  #refusal(io: CallerIo): PathledgerError | null {
    const { op, node, signal } = io
    const { core, live } = this.#head
    if (core.broken !== null) return core.broken
    if (signal?.aborted === true) return abortedError(this.#head, op, false)
    if (!live) return headGoneError(this.#head)
    // What carries no bytes is bounded by no bytes: those that are parked or held count here.
    const byteless = op === 'read' || op === 'write' ? 0 : this.#head.requeue.length + this.#head.held.length
    if (this.#waiting.length + byteless >= core.settings.waitersMax) return queueFull(this.#head)
    const unknownNode = nodeRefusal(core, node)
    if (unknownNode !== null || op === 'flush') return unknownNode
    return this.#badRange(io) ?? this.#badMemory(io)
  }

  /** What is wrong with the memory that a write is to be done from, or null. */
  #badMemory({ data, memory = 'copied' }: CallerIo): PathledgerError | null {
    if (memory === 'copied' || data === null) return null
    const { lender } = this.#head.core
    if (memory === 'callersOwn') return lender.isAligned(data) ? null : unalignedMemory()
    if (memory.isOf(lender)) return null
    const why = 'Its memory belongs to that engine, which counts it.'
    return invalid('BUFFER_FOREIGN', 'This buffer was lent by another engine.', why)
  }

  /** What is wrong with the bytes an I/O names, or null. */
  #badRange({
    op,
    offset,
    length,
    data,
  }: Pick<CallerIo, 'op' | 'offset' | 'length' | 'data'>): PathledgerError | null {
    const { sizeBytes, logicalBlockBytes } = this.#head
    if (op === 'write' && !(data instanceof Uint8Array)) {
      return invalid('IO_DATA', 'A write needs its data.', 'data must be a Uint8Array (a Buffer is one).')
    }
    const aligned = [offset, length].every(
      (value) => Number.isSafeInteger(value) && value % logicalBlockBytes === 0,
    )
    if (!aligned || offset < 0 || length <= 0) {
      const what = `${op} of ${length} bytes at ${offset} is not aligned.`
      const why = `Offset and length must be multiples of ${logicalBlockBytes} bytes, the logical block of ${this.#head.name}.`
      return invalid('IO_UNALIGNED', what, why)
    }
    if (offset + length > sizeBytes) {
      const what = `${op} of ${length} bytes at ${offset} goes beyond the end.`
      return invalid('IO_OUT_OF_RANGE', what, `${this.#head.name} has ${sizeBytes} bytes.`)
    }
    if (op !== 'read' || (data instanceof Uint8Array && data.length === length)) return null
    return invalid(
      'IO_DATA',
      'The memory for a read is not as long as the read.',
      `${length} bytes are read.`,
    )
  }

  #cut(io: OpenIo): Piece[] {
    const pieces = io.op === 'flush' ? this.#flushPieces(io) : this.#bytePieces(io)
    io.left = pieces.length
    this.#open += pieces.length
    return pieces
  }

  #bytePieces(io: OpenIo): Piece[] {
    const carriesBytes = io.op === 'read' || io.op === 'write'
    const { logicalBlockBytes } = this.#head
    const { bioBytesMax, poolBytes } = this.#head.core.settings
    // A piece is a block at least, and never so large that the pool could not hold it beside what hangs.
    const most = carriesBytes ? Math.min(bioBytesMax, Math.floor(poolBytes / 4)) : BYTELESS_MAX
    // Each piece of borrowed memory begins on a page, as the whole of it does.
    const unit = io.borrowed === null ? logicalBlockBytes : Math.max(logicalBlockBytes, PAGE_BYTES)
    const step = Math.max(logicalBlockBytes, most - (most % unit))
    const pieces: Piece[] = []
    for (let done = 0; done < io.length; done += step) {
      pieces.push({ io, pinned: null, offset: io.offset + done, length: Math.min(step, io.length - done) })
    }
    return pieces
  }

  /**
   * A flush covers the writes acknowledged through every path. Paths over one inode share what is to be flushed, so one
   * of them is enough; else each that has acknowledged writes is flushed.
   */
  #flushPieces(io: OpenIo): Piece[] {
    const { paths } = this.#head
    const inode = paths[0]?.device.coherence.inode ?? null
    const shared = inode !== null && paths.every(({ device }) => device.coherence.inode === inode)
    const dirty = shared ? [] : paths.filter((path) => path.dirty && !path.disabled)
    for (const path of dirty) path.dirty = false
    const pinned = dirty.length === 0 ? [null] : dirty
    return pinned.map((path) => ({ io, pinned: path, offset: 0, length: 0 }))
  }

  #admit(piece: Piece): PoolBlock | null | 'wait' {
    const { length } = piece
    const { core, requeue, heldBytes } = this.#head
    if (piece.io.op !== 'read' && piece.io.op !== 'write') return null
    const { requeueBytesMax, heldBytesMax } = core.settings
    // A piece larger than a bound may go when nothing else waits: otherwise it could never go.
    const queueIsFull = requeue.bytes > 0 && requeue.bytes + length > requeueBytesMax
    const heldIsFull = heldBytes > 0 && heldBytes + length > heldBytesMax
    if (queueIsFull || heldIsFull) return 'wait'
    const { borrowed, offset } = piece.io
    return borrowed?.block(piece.offset - offset, length) ?? core.pool.take(length) ?? 'wait'
  }

  #send(piece: Piece, block: PoolBlock | null): void {
    const { io, offset, length } = piece
    const { core } = this.#head
    if (io.op === 'write' && io.data !== null && io.borrowed === null) {
      const from = offset - io.offset
      block?.bytes.set(io.data.subarray(from, from + length))
    }
    const bio: Bio = {
      id: (core.nextBio += 1),
      op: io.op,
      offset,
      length,
      fua: io.fua,
      node: io.node,
      block,
      pinned: piece.pinned,
      refusals: [],
      attempts: 0,
      resourceRetries: 0,
      reasons: new Set(),
      live: null,
      ghosts: [],
      parkedAtUs: 0,
      statSinceUs: null,
      heldSinceUs: 0,
      ended: false,
      done: (error) => this.#bioDone(piece, bio, error),
    }
    io.bios.add(bio)
    submitBio(this.#head, bio)
  }

  #abort(io: OpenIo): void {
    guarded(this.#head.core, () => {
      const waiting = this.#waiting.filter((piece) => piece.io === io)
      this.#waiting = this.#waiting.filter((piece) => piece.io !== io)
      for (const bio of [...io.bios]) abortBio(this.#head, bio)
      for (const _piece of waiting) this.#end(io, abortedError(this.#head, io.op, false))
    })
  }

  #bioDone({ io }: Piece, bio: Bio, error: PathledgerError | null): void {
    this.#head.stats.end(bio, error === null ? bio.length : 0, this.#head.core.clock.monoUs())
    if (error !== null && bio.pinned !== null) bio.pinned.dirty = true
    if (error === null) {
      countDone(this.#head.counters, bio)
      if (io.op === 'read' && bio.block !== null) io.data?.set(bio.block.bytes, bio.offset - io.offset)
    }
    io.bios.delete(bio)
    if (bio.block !== null) this.#head.core.pool.release(bio.block)
    this.#end(io, error)
  }

  #end(io: OpenIo, error: PathledgerError | null): void {
    io.error ??= error
    io.left -= 1
    this.#open -= 1
    if (io.left === 0) {
      if (io.error !== null) this.#head.counters.callerErrors += 1
      // The caller's own memory: his promise waits until no attempt has it any more.
      if (io.memory !== 'callersOwn') io.settle(io.error)
      io.borrowed?.release()
    }
    if (this.#open === 0) this.#onQuiet?.()
  }
}

function invalid(code: string, message: string, why: string): PathledgerError {
  return new PathledgerError(code, {
    message,
    why,
    todo: 'Nothing was sent. Correct the call.',
    errno: 'EINVAL',
  })
}

function unalignedMemory(): PathledgerError {
  const why = `Direct I/O takes memory that starts on a multiple of ${PAGE_BYTES} bytes, and ghostSafe: false copies none.`
  return invalid('BUFFER_UNALIGNED', "The write's memory does not start on a page.", why)
}

function queueFull(head: HeadRuntime): PathledgerError {
  return new PathledgerError('QUEUE_FULL', {
    message: `${head.name} has too many I/Os waiting.`,
    why: `${head.core.settings.waitersMax} callers wait for memory or for a path already.`,
    todo: 'Wait for some of them, bring a path back, or end the waiting ones.',
    errno: 'EAGAIN',
  })
}
