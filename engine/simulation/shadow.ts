// What the medium may hold: for every block the last acknowledged generation, and those that are unknown or under way.
// The model is simpler than the system: it knows nothing of paths.

/** Bytes of a block in the simulated LUN. */
export const BLOCK = 512

interface BlockShadow {
  /** Generation last acknowledged; 0 is the zeroed block. */
  acknowledged: number
  /** Generations written, not acknowledged, and perhaps on the medium. */
  maybe: Set<number>
  /** Generations a read under way may see besides. */
  readers: Set<Set<number>>
}

export class Shadow {
  readonly #blocks: BlockShadow[]
  #generation = 0

  constructor(blocks: number) {
    this.#blocks = Array.from({ length: blocks }, () => ({
      acknowledged: 0,
      maybe: new Set(),
      readers: new Set(),
    }))
  }

  get blocks(): number {
    return this.#blocks.length
  }

  /** Starts a write: a new generation, which from now on may be on the medium. */
  startWrite(first: number, count: number): number {
    this.#generation += 1
    for (const block of this.#range(first, count)) {
      block.maybe.add(this.#generation)
      for (const legal of block.readers) legal.add(this.#generation)
    }
    return this.#generation
  }

  /** The write was acknowledged: nothing older may be seen any more, unless it is still under way. */
  acknowledge(first: number, count: number, generation: number): void {
    for (const block of this.#range(first, count)) {
      block.acknowledged = generation
      block.maybe.clear()
    }
  }

  /** Starts a read; ends it with the generations that are legal for each block. */
  startRead(first: number, count: number): () => readonly ReadonlySet<number>[] {
    const blocks = this.#range(first, count)
    const legal = blocks.map((block) => new Set([block.acknowledged, ...block.maybe]))
    blocks.forEach((block, index) => block.readers.add(legal[index] as Set<number>))
    return () => {
      blocks.forEach((block, index) => block.readers.delete(legal[index] as Set<number>))
      return legal
    }
  }

  /** What a block may hold now, with nothing under way. */
  legal(block: number): ReadonlySet<number> {
    const shadow = this.#blocks[block] as BlockShadow
    return new Set([shadow.acknowledged, ...shadow.maybe])
  }

  #range(first: number, count: number): BlockShadow[] {
    return this.#blocks.slice(first, first + count)
  }
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
