// What a program says about the bytes that it wants of a head, or has for it.
import type { LentBuffer } from '../memory/lender.ts'

/** Some bytes of a head: offset and length are multiples of its logical block (IO_UNALIGNED otherwise). */
export interface RangeOptions {
  /** Bytes from the start. */
  readonly offset: number
  /** Bytes; more than 0. */
  readonly length: number
  /** NUMA node of the submitter; default 0. */
  readonly node?: number
  /** Aborting rejects with ABORTED; where a discard or zeroing was in flight, `outcome` is 'unknown': it may still land. */
  readonly signal?: AbortSignal
}

/** A read. Aborting it rejects at once, and nothing is put into `into` afterwards. */
export interface ReadOptions extends RangeOptions {
  /**
   * Where to put the bytes, exactly `length` of them; default new memory. They are copied there when the read succeeds,
   * so it needs no alignment, and a hung read cannot land in it.
   */
  readonly into?: Uint8Array
}

/**
 * A write: offset and length of its bytes are multiples of the head's logical block (IO_UNALIGNED otherwise). The bytes
 * come in one of three ways.
 *
 * - `data` is copied, and yours again when the call returns. What you do to it then cannot reach the medium.
 * - `buffer`, from {@link Head.alloc}, is taken without a copy, and dead from then on. A call that is refused before
 *   anything was sent (IO_UNALIGNED, IO_OUT_OF_RANGE, QUEUE_FULL, HEAD_REMOVED ...) leaves it yours.
 * - `data` with `ghostSafe: false` is used where it is, without a copy. It has to start on a page (BUFFER_UNALIGNED;
 *   `alignedBytes` makes such memory) and must not be changed, detached or shrunk before the promise settles: what you
 *   change lands, perhaps on one path and not on another. The promise settles only when no attempt has the memory any
 *   more. After a time limit the write goes on through another path and is acknowledged there, but you hear of it when
 *   the hung path gave back its attempt too; abort, drain, removal and `close()` end the write at once and tell you as
 *   late. While the path hangs, and that may be for ever, the promise stays pending.
 */
export type WriteOptions = WriteWhere & WriteBytes

/** Where a write goes, and how. */
export interface WriteWhere {
  /** Bytes from the start; a multiple of the head's logical block. */
  readonly offset: number
  /** Force unit access: on the medium before the promise resolves. */
  readonly fua?: boolean
  /** NUMA node of the submitter; default 0. */
  readonly node?: number
  /** Aborting rejects with ABORTED; where an attempt was in flight, `outcome` is 'unknown': it may still land. */
  readonly signal?: AbortSignal
}

/** The bytes of a write: `data`, copied unless `ghostSafe` is false, or a buffer from {@link Head.alloc}. */
export type WriteBytes =
  | { readonly data: Uint8Array; readonly ghostSafe?: boolean; readonly buffer?: never }
  | { readonly buffer: LentBuffer; readonly data?: never; readonly ghostSafe?: never }
