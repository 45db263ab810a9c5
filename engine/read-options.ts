// What a program says about the bytes that it wants of a head.

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
