// Aligned memory for every I/O in flight, with a bound in bytes. O_DIRECT needs it, and the bytes are the engine's own:
// what the caller does with their buffer after the submit cannot reach the medium.
//
// One WebAssembly memory is page-aligned without FFI, and the kernel gives its pages only when they are touched.
// Blocks are powers of two from 4 KiB (a buddy allocator), so that memory given back is whole again.
import { invariant } from '../../errors.ts'

/** Node has it; TypeScript's own library declares it only for browsers. */
declare const WebAssembly: {
  Memory: new (size: { initial: number; maximum: number }) => { buffer: ArrayBuffer }
}

const WASM_PAGE = 65_536
const BLOCK_MIN = 4096
/** Blocks of one size that lie ready: the I/Os in flight on a few paths. */
const READY_MAX = 256

/**
 * A LUN's part of the pool. So much of the pool is kept for each, half of it for all together, that the attempts of other LUNs
 * which hang with their memory leave it enough to go on; what is kept for nobody goes to who comes first.
 */
export class Share {
  usedBytes = 0
  isKept = true
}

export interface PoolBlock {
  /** As many bytes as were asked for; starts on a multiple of 4096. */
  readonly bytes: Uint8Array
  readonly offset: number
  readonly order: number
  /** Who holds it: its bio, and each attempt until the kernel gives it back. */
  holders: number
  /** Whose part of the pool it is counted to; null: nobody's. */
  readonly share: Share | null
  /** Called by the last holder where the memory is not the pool's own (borrowed.ts); else null. */
  readonly whenFree: (() => void) | null
}

export class BufferPool {
  readonly #memory: ArrayBuffer
  /** Free blocks by order; order n is 4096 << n bytes. */
  readonly #free: Set<number>[]
  readonly #top: number
  readonly #sizeBytes: number
  /** Blocks just given back, by order, to be taken again as they are. */
  readonly #ready: number[][]
  readonly #views: (Uint8Array | undefined)[]
  #wanted = false
  #usedBytes = 0
  readonly #shares = new Set<Share>()
  /** What is kept for each LUN, and how much of all that none of them uses. */
  #keptBytes = 0
  #unusedBytes = 0
  /** Called when memory comes back that somebody wanted: those who wait for it may go on. */
  onFreed: (() => void) | null = null

  /** `allocate` gives the memory; the default is page-aligned, which O_DIRECT needs. */
  constructor(sizeBytes: number, allocate: (bytes: number) => ArrayBuffer = alignedMemory) {
    let top = 0
    while (BLOCK_MIN * (1 << (top + 1)) <= sizeBytes && top < 18) top += 1
    this.#top = top
    this.#sizeBytes = sizeBytes
    // The rest above the largest power of two is used as well: 96 MiB is one block of 64 and one of 32.
    const pages = Math.floor(sizeBytes / WASM_PAGE)
    this.#memory = allocate(pages * WASM_PAGE)
    this.#free = Array.from({ length: top + 1 }, () => new Set<number>())
    this.#ready = Array.from({ length: top + 1 }, () => [])
    this.#views = new Array<Uint8Array | undefined>((pages * WASM_PAGE) / BLOCK_MIN)
    let offset = 0
    for (let order = top; order >= 0; order -= 1) {
      const size = BLOCK_MIN * (1 << order)
      while (offset + size <= pages * WASM_PAGE) {
        this.#free[order]?.add(offset)
        offset += size
      }
    }
  }

  /** What the blocks are cut from: it never moves, and the lowest blocks are handed out first. */
  get memory(): ArrayBuffer {
    return this.#memory
  }

  /** Bytes handed out, rounded up to whole blocks, and those reserved for memory beside the pool's own. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Counts memory that lies elsewhere against the bound. False when there is no room for it. */
  reserve(bytes: number): boolean {
    if (this.#usedBytes + this.#unusedBytes + bytes > this.#sizeBytes) return false
    this.#usedBytes += bytes
    return true
  }

  /** Gives back what was reserved. */
  unreserve(bytes: number): void {
    this.#usedBytes -= bytes
    invariant(this.#usedBytes >= 0, 'what is given back was reserved')
    if (!this.#wanted) return
    this.#wanted = false
    this.onFreed?.()
  }

  /** One LUN more: a part is kept for it. */
  join(): Share {
    const share = new Share()
    this.#shares.add(share)
    this.#recount()
    return share
  }

  /** A LUN less; what its attempts still hold is counted as before. */
  leave(share: Share): void {
    share.isKept = false
    this.#shares.delete(share)
    this.#recount()
  }

  #recount(): void {
    this.#keptBytes = Math.floor(this.#sizeBytes / 2 / Math.max(1, this.#shares.size))
    this.#unusedBytes = 0
    for (const share of this.#shares) this.#unusedBytes += this.#unusedOf(share)
  }

  #unusedOf(share: Share | null): number {
    return share?.isKept === true ? Math.max(0, this.#keptBytes - share.usedBytes) : 0
  }

  /** Bytes more or fewer that a LUN uses. */
  #count(share: Share | null, bytes: number): void {
    this.#usedBytes += bytes
    if (share === null) return
    const before = this.#unusedOf(share)
    share.usedBytes += bytes
    this.#unusedBytes += this.#unusedOf(share) - before
  }

  /** A block of at least `length` bytes, or null when there is none for this LUN: the caller waits in order. */
  take(length: number, share: Share | null = null): PoolBlock | null {
    const order = orderOf(length)
    invariant(order <= this.#top, `a bio of ${length} bytes fits the pool`)
    const size = BLOCK_MIN << order
    // What is reserved lies elsewhere, but counts; and so does what is kept for others.
    if (this.#usedBytes + this.#unusedBytes - this.#unusedOf(share) + size > this.#sizeBytes) return null
    const offset = this.#ready[order]?.pop() ?? this.#cut(order)
    if (offset === null) return null
    this.#count(share, size)
    return { bytes: this.#view(offset, length), offset, order, holders: 1, share, whenFree: null }
  }

  /** Whether a block of so many bytes could be had now, but for how the free ones lie. */
  hasRoom(length: number, share: Share | null): boolean {
    const kept = this.#unusedBytes - this.#unusedOf(share)
    return this.#usedBytes + kept + (BLOCK_MIN << orderOf(length)) <= this.#sizeBytes
  }

  /** Somebody waits for memory, or for what ends when memory comes back: `onFreed` is called then, once. */
  want(): void {
    this.#wanted = true
  }

  /** One more holder of the block. */
  hold(block: PoolBlock): void {
    invariant(block.holders > 0, 'a pool block in use is held')
    block.holders += 1
  }

  /** One holder less; the last one gives the block back. */
  release(block: PoolBlock): void {
    invariant(block.holders > 0, 'a pool block is given back once')
    block.holders -= 1
    if (block.holders > 0) return
    if (block.whenFree === null) this.#give(block)
    else block.whenFree()
  }

  #give({ offset, order, share }: PoolBlock): void {
    this.#count(share, -(BLOCK_MIN << order))
    invariant(this.#usedBytes >= 0, 'a pool block is given back once')
    // The next one of this size is likely to come soon, and these bytes are still in the processor's cache.
    const ready = this.#ready[order]
    if (ready !== undefined && ready.length < READY_MAX) ready.push(offset)
    else this.#merge(offset, order)
    if (!this.#wanted) return
    this.#wanted = false
    this.onFreed?.()
  }

  /** A free block of this order, cut from a larger one where needed; null when there is none. */
  #cut(order: number): number | null {
    const from = this.#lowestFree(order) ?? (this.#mergeReady() ? this.#lowestFree(order) : null)
    if (from === null) return null
    const offset = this.#pop(from)
    for (let level = from - 1; level >= order; level -= 1)
      this.#free[level]?.add(offset + (BLOCK_MIN << level))
    return offset
  }

  /** The order of the lowest free block that is large enough: the start of the memory is what backends make ready. */
  #lowestFree(order: number): number | null {
    let found: number | null = null
    let lowest = Infinity
    for (let level = order; level <= this.#top; level += 1) {
      const first = this.#free[level]?.values().next().value
      if (first === undefined || first > lowest) continue
      found = level
      lowest = first
    }
    return found
  }

  /** What lies ready becomes whole again, for somebody who needs a larger block. False when nothing lay ready. */
  #mergeReady(): boolean {
    let merged = false
    for (const [order, ready] of this.#ready.entries()) {
      for (const offset of ready.splice(0)) {
        this.#merge(offset, order)
        merged = true
      }
    }
    return merged
  }

  #merge(offset: number, order: number): void {
    let at = offset
    let level = order
    while (level < this.#top) {
      const size = BLOCK_MIN << level
      const buddy = at % (size * 2) === 0 ? at + size : at - size
      if (this.#free[level]?.delete(buddy) !== true) break
      at = Math.min(at, buddy)
      level += 1
    }
    invariant(this.#free[level]?.has(at) === false, 'a pool block is given back once')
    this.#free[level]?.add(at)
  }

  /** Most I/O is of one size: then a block has the same view as the last time. */
  #view(offset: number, length: number): Uint8Array {
    const page = offset / BLOCK_MIN
    const known = this.#views[page]
    if (known?.length === length) return known
    const view = new Uint8Array(this.#memory, offset, length)
    this.#views[page] = view
    return view
  }

  #pop(order: number): number {
    const free = this.#free[order]
    const first = free?.values().next()
    invariant(free !== undefined && first?.done === false, 'a block is free')
    free.delete(first.value)
    return first.value
  }
}

function alignedMemory(bytes: number): ArrayBuffer {
  const pages = bytes / WASM_PAGE
  return new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer
}

/** The smallest order whose blocks hold `length` bytes. */
function orderOf(length: number): number {
  return length <= BLOCK_MIN ? 0 : 32 - Math.clz32(Math.ceil(length / BLOCK_MIN) - 1)
}
