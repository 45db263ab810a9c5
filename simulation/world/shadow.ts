// What the medium may hold: for every block the generations that a read may see now, and those that may be there after a
// power cut. The model is simpler than the system: it knows nothing of paths, engines or caches.
//
// A write may be seen from its start on. It may no longer be seen once a write that began after its end is acknowledged;
// and it may no longer come back after a power cut once that later write is on the medium: flushed, or written with FUA.

/** Bytes of a block in the simulated LUN. */
export const BLOCK = 512

interface Candidate {
  readonly generation: number
  /** A discard or zeroing: its blocks hold zeroes, and no generation. */
  readonly zero: boolean
  /** Its caller has heard, or is dead: what begins now is later. */
  ended: boolean
}

type Candidates = Map<number, Candidate>

interface BlockShadow {
  /** What a read may see. */
  now: Candidates
  /** What may be there after a power cut. */
  medium: Candidates
  /** What reads that are under way may see besides. */
  readonly readers: Set<Candidates>
}

/** A write, discard or zeroing under way. */
export interface ShadowWrite {
  readonly generation: number
  readonly first: number
  readonly count: number
  readonly candidate: Candidate
  /** Caches lost before it began, with a word to their owner and without one. */
  readonly losses: number
  readonly deaths: number
  /** Per block, what had ended before it began: it takes their place. */
  readonly before: readonly { readonly now: readonly number[]; readonly medium: readonly number[] }[]
}

interface Unflushed {
  readonly writes: ShadowWrite[]
  /** How many were acknowledged so far. */
  acknowledged: number
}

/** The blocks of a write. */
export function blocksOf({ first, count }: Pick<ShadowWrite, 'first' | 'count'>): number[] {
  return Array.from({ length: count }, (_, at) => first + at)
}

/** What a read may see, block by block; asked once, at its end. */
export type LegalAtEnd = () => readonly Candidates[]

export class Shadow {
  readonly #blocks: BlockShadow[]
  /** Gives generations: no two writes of a world have the same. */
  readonly #next: () => number
  /** By who flushes them: acknowledged, in order, and perhaps only in a cache. */
  readonly #unflushed = new Map<string, Unflushed>()
  #losses = 0
  #deaths = 0

  constructor(blocks: number, next: () => number) {
    this.#next = next
    const zeroed = { generation: 0, zero: true, ended: true }
    this.#blocks = Array.from({ length: blocks }, () => ({
      now: new Map([[0, zeroed]]),
      medium: new Map([[0, zeroed]]),
      readers: new Set(),
    }))
  }

  get blocks(): number {
    return this.#blocks.length
  }

  /** Starts a write: from now on it may be on the medium. */
  startWrite(first: number, count: number, zero = false): ShadowWrite {
    const generation = this.#next()
    const candidate = { generation, zero, ended: false }
    const before = this.#range(first, count).map(({ now, medium }) => ({
      now: endedOf(now),
      medium: endedOf(medium),
    }))
    for (const block of this.#range(first, count)) {
      for (const seen of [block.now, block.medium, ...block.readers]) seen.set(generation, candidate)
    }
    return { generation, first, count, candidate, losses: this.#losses, deaths: this.#deaths, before }
  }

  /** The write was acknowledged: nothing that had ended before it began may be seen any more. */
  acknowledge(write: ShadowWrite, onMedium: boolean, flusher = ''): void {
    write.candidate.ended = true
    // It may have been in the cache that was lost meanwhile.
    if (write.losses !== this.#losses) return
    if (write.deaths === this.#deaths) this.#overtake(write)
    if (onMedium) return this.#persist(write)
    const unflushed = this.#of(flusher)
    unflushed.acknowledged += 1
    unflushed.writes.push(write)
  }

  /** Nothing that had ended before the write began may be seen any more. */
  #overtake({ first, count, before }: ShadowWrite): void {
    this.#range(first, count).forEach(({ now }, at) => {
      for (const generation of before[at]?.now ?? []) now.delete(generation)
    })
  }

  #of(flusher: string): Unflushed {
    const known = this.#unflushed.get(flusher)
    if (known !== undefined) return known
    const made = { writes: [], acknowledged: 0 }
    this.#unflushed.set(flusher, made)
    return made
  }

  /** Its caller heard an error, or died: it may be on the medium or not, and writes that begin now are later. */
  fail({ candidate }: ShadowWrite): void {
    candidate.ended = true
  }

  /** Starts a flush; gives what it covers. */
  startFlush(flusher = ''): number {
    return this.#of(flusher).acknowledged
  }

  /**
   * The flush was acknowledged: what was acknowledged before it began outlives a power cut and the death of any server.
   * Gives the blocks.
   */
  acknowledgeFlush(covered: number, flusher = ''): number[] {
    return this.#takeUpTo(covered, flusher).flatMap((write) => {
      this.#persist(write)
      return blocksOf(write)
    })
  }

  /** The flush was refused for good: nobody knows any more whether these outlive anything. */
  giveUpFlush(covered: number, flusher = ''): void {
    this.#takeUpTo(covered, flusher)
  }

  #takeUpTo(covered: number, flusher: string): ShadowWrite[] {
    const { writes, acknowledged } = this.#of(flusher)
    return writes.splice(0, Math.max(0, covered - (acknowledged - writes.length)))
  }

  /** Starts a read; ends it with what is legal for each block. */
  startRead(first: number, count: number): LegalAtEnd {
    const blocks = this.#range(first, count)
    const legal = blocks.map(({ now }) => new Map(now))
    blocks.forEach(({ readers }, at) => readers.add(legal[at] as Candidates))
    return () => {
      blocks.forEach(({ readers }, at) => readers.delete(legal[at] as Candidates))
      return legal
    }
  }

  /** A cache lost what was in it, and its owner was told: what was acknowledged may be there, or what was before it. */
  loseCache(): void {
    this.#losses += 1
    // No later flush brings these to the medium.
    this.#unflushed.clear()
    this.#showMedium()
  }

  /** A server died with what was in its cache, and says nothing. What no flush covered may be gone; a flush has to say so. */
  killCache(): void {
    this.#deaths += 1
    this.#showMedium()
  }

  #showMedium(): void {
    for (const block of this.#blocks) {
      for (const [generation, candidate] of block.medium) {
        for (const seen of [block.now, ...block.readers]) seen.set(generation, candidate)
      }
    }
  }

  /** Everything stopped at once: nothing is under way any more, and what was only in a cache may be gone. */
  powerCut(): void {
    for (const block of this.#blocks) {
      for (const candidate of block.medium.values()) candidate.ended = true
      block.now = new Map(block.medium)
      block.readers.clear()
    }
    this.#unflushed.clear()
  }

  /** What a block may hold now. */
  legal(block: number): Candidates {
    return (this.#blocks[block] as BlockShadow).now
  }

  /** What may be on the medium itself in this block. */
  onMedium(block: number): Candidates {
    return (this.#blocks[block] as BlockShadow).medium
  }

  #persist(write: ShadowWrite): void {
    this.#overtake(write)
    this.#range(write.first, write.count).forEach(({ now, medium }, at) => {
      for (const generation of write.before[at]?.medium ?? []) {
        medium.delete(generation)
        // A server that died may have shown it again.
        now.delete(generation)
      }
    })
  }

  #range(first: number, count: number): BlockShadow[] {
    return this.#blocks.slice(first, first + count)
  }
}

function endedOf(candidates: Candidates): number[] {
  return [...candidates.values()].filter(({ ended }) => ended).map(({ generation }) => generation)
}

/** Whether a block may hold this generation; null is a block that holds none whole. */
export function isLegal(candidates: Candidates, generation: number | null): boolean {
  if (generation === null) return false
  if (generation !== 0) return candidates.get(generation)?.zero === false
  return [...candidates.values()].some(({ zero }) => zero)
}

/** The legal generations, in words. */
export function legalWords(candidates: Candidates): string {
  return [...candidates.values()]
    .map(({ generation, zero }) => `${generation}${zero ? ' (zeroes)' : ''}`)
    .join(', ')
}

/** Fills blocks with their number and generation, all over, so that a torn or misplaced block is seen. */
export function fillBlocks(data: Uint8Array, first: number, generation: number): void {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  for (let at = 0; at < data.length; at += 8) {
    view.setUint32(at, first + Math.floor(at / BLOCK))
    view.setUint32(at + 4, generation)
  }
}

/** The generation that a block holds whole, or null when it is torn or another block's. A zeroed block is 0. */
export function generationOf(data: Uint8Array, block: number): number | null {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const generation = view.getUint32(4)
  const number = generation === 0 ? 0 : block
  for (let at = 0; at < BLOCK; at += 8) {
    if (view.getUint32(at) !== number || view.getUint32(at + 4) !== generation) return null
  }
  return generation
}

/** The generation that a write carries. */
export function generationIn(data: Uint8Array): number {
  return new DataView(data.buffer, data.byteOffset, data.byteLength).getUint32(4)
}
