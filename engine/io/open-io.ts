// A caller's I/O while it is under way.
import type { PathledgerError } from '../../errors.ts'
import type { IoOp } from '../../machines/words.ts'
import type { Borrowed } from '../memory/borrowed.ts'
import type { LentBuffer } from '../memory/lender.ts'
import { gather, type Vector } from '../memory/vector.ts'

/**
 * Where the bytes of a write are while it is under way: copied into the pool, in a buffer that is taken from the caller,
 * or in the caller's own memory, when the I/O is over after its last attempt has ended.
 */
export type IoMemory = 'copied' | 'callersOwn' | LentBuffer

export class OpenIo {
  readonly op: IoOp
  readonly offset: number
  readonly length: number
  /** What a write writes; for reads where the bytes go. */
  data: Vector | null
  /** Bytes of it that are kept beside the pool while it waits. */
  keptBytes = 0
  readonly memory: IoMemory
  readonly node: number
  readonly fua: boolean
  /** Aborting ends the I/O for its caller; an attempt in flight becomes a ghost. */
  readonly signal: AbortSignal | null
  /** Called once, never inside the submit, when the I/O is over. */
  readonly done: (error: PathledgerError | null) => void
  /** Memory of its own, which no piece takes from the pool; null when it is copied. */
  borrowed: Borrowed | null = null
  /** Pieces that it is cut into, those that were sent on their way, and those that have not ended. */
  pieces = 0
  sent = 0
  left = 0
  /** Bytes of a piece, but for the last one. */
  step = 0
  /** The number of its first piece: all have theirs from the moment it was submitted, which is its place in the order. */
  firstBio = 0
  /** A part of it is still to be cut, while younger writes go on beside it. */
  hasRest = false
  /** Its pieces are being sent just now. */
  sending = false
  error: PathledgerError | null = null
  onAbort: (() => void) | null = null

  constructor(
    op: IoOp,
    offset: number,
    length: number,
    data: Vector | null,
    memory: IoMemory,
    { node = 0, fua = false, signal = null }: IoManner,
    done: (error: PathledgerError | null) => void,
  ) {
    this.op = op
    this.offset = offset
    this.length = length
    this.data = data
    this.memory = memory
    this.node = node
    this.fua = fua
    this.signal = signal
    this.done = done
  }

  /** A write that has to wait for memory keeps its bytes: its caller has their memory again when the call returns. */
  keepBytes(): void {
    if (this.op !== 'write' || this.memory !== 'copied' || this.data === null) return
    const bytes = new Uint8Array(this.length)
    gather(this.data, 0, bytes)
    this.data = bytes
    this.keptBytes = this.length
  }
}

/** How an I/O is to be done, as callers say it. */
export interface IoManner {
  /** NUMA node of the submitter; default 0. */
  readonly node?: number | undefined
  readonly fua?: boolean | undefined
  readonly signal?: AbortSignal | null | undefined
}
