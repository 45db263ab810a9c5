/** What the engine's memory for I/O is used for; see {@link Multipath.memory}. */
export interface MemoryUse {
  readonly usedBytes: number
  readonly lentBytes: number
  readonly buffersOut: number
}
