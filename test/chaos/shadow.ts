// What every block of the LUN may hold: the newest write that was acknowledged, and whatever was started after it and has
// not been. A block says who wrote it: its own number and a generation, over and over.

export const BLOCK = 4096
const WORDS = BLOCK / 4

export type Change = 'write' | 'zero' | 'discard'

export interface Begun {
  readonly generation: number
  readonly change: Change
  /** The first block, and how many. */
  readonly first: number
  readonly count: number
}

/** A read under way: all that its blocks held or might have held since it began. */
export interface Reading {
  readonly first: number
  readonly legal: readonly Set<number>[]
}

/** Generation 0 is a block that nobody has written, or that was zeroed. */
const ZERO = 0

export class Shadow {
  readonly #legal = new Map<number, Set<number>>()
  readonly #begun = new Map<number, Begun>()
  readonly #readings = new Set<Reading>()
  last = 0

  /** The blocks that may hold something else than zeros, as {@link load} takes them. */
  dump(): string {
    const blocks = [...this.#legal].map(([block, legal]) => [block, ...legal])
    return JSON.stringify({ last: this.last, blocks })
  }

  static load(text: string): Shadow {
    const { last, blocks } = JSON.parse(text) as { last: number; blocks: number[][] }
    const shadow = new Shadow()
    shadow.last = last
    for (const [block = 0, ...legal] of blocks) shadow.#legal.set(block, new Set(legal))
    return shadow
  }

  legal(block: number): ReadonlySet<number> {
    return this.#legal.get(block) ?? new Set([ZERO])
  }

  /** From now on it may be there. */
  begin(begun: Begun): void {
    const { generation, first, count } = begun
    this.last = Math.max(this.last, generation)
    this.#begun.set(generation, begun)
    const tag = tagOf(begun)
    for (let block = first; block < first + count; block += 1) {
      this.#legal.set(block, new Set([...this.legal(block), tag]))
      for (const reading of this.#readings) reading.legal[block - reading.first]?.add(tag)
    }
  }

  /** It is there, and nothing older may ever be again. What a discard leaves is nobody's promise. */
  acknowledge(generation: number): void {
    const begun = this.#take(generation)
    if (begun.change === 'discard') return
    for (let at = 0; at < begun.count; at += 1) this.#legal.set(begun.first + at, new Set([tagOf(begun)]))
  }

  /** It ended with an error: 'failed' means that it is not there, 'unknown' that it may be, now or later. */
  fail(generation: number, outcome: string): void {
    const begun = this.#take(generation)
    if (outcome !== 'failed' || begun.change !== 'write') return
    for (let at = 0; at < begun.count; at += 1) {
      const rest = [...this.legal(begun.first + at)].filter((tag) => tag !== generation)
      this.#legal.set(begun.first + at, new Set(rest))
    }
  }

  /** Whoever wrote is dead: what he had not heard of may be there. */
  forgetBegun(): void {
    this.#begun.clear()
  }

  beginRead(first: number, count: number): Reading {
    const legal = Array.from({ length: count }, (_, at) => new Set(this.legal(first + at)))
    const reading = { first, legal }
    this.#readings.add(reading)
    return reading
  }

  /** What is wrong with the bytes of a read; they may hold whatever was legal at any time of it. */
  endRead(reading: Reading, bytes: Uint8Array): string[] {
    this.#readings.delete(reading)
    return reading.legal.flatMap((legal, at) => {
      const found = wrongBlock(bytes.subarray(at * BLOCK, (at + 1) * BLOCK), reading.first + at, legal)
      return found ?? []
    })
  }

  dropRead(reading: Reading): void {
    this.#readings.delete(reading)
  }

  /** What is wrong with an image of the whole LUN. */
  wrong(image: Uint8Array): string[] {
    return Array.from({ length: image.length / BLOCK }, (_, block) =>
      wrongBlock(image.subarray(block * BLOCK, (block + 1) * BLOCK), block, this.legal(block)),
    ).flatMap((found) => found ?? [])
  }

  #take(generation: number): Begun {
    const begun = this.#begun.get(generation)
    if (begun === undefined) throw new Error(`generation ${generation} was not begun`)
    this.#begun.delete(generation)
    return begun
  }
}

function tagOf({ change, generation }: Begun): number {
  return change === 'write' ? generation : ZERO
}

/** The bytes of `count` blocks of one generation. */
export function blocksOf(first: number, count: number, generation: number): Uint8Array {
  const words = new Uint32Array(count * WORDS)
  for (let at = 0; at < words.length; at += 2) {
    words[at] = first + Math.floor(at / WORDS)
    words[at + 1] = generation
  }
  return new Uint8Array(words.buffer)
}

/**
 * What is wrong with one block; null when nothing is. A block that more than one generation may hold may be a mixture: a
 * write is landing. Otherwise it is torn.
 */
function wrongBlock(bytes: Uint8Array, block: number, legal: ReadonlySet<number>): string | null {
  const words = new Uint32Array(new Uint8Array(bytes).buffer)
  const first = words[1] ?? -1
  for (let at = 0; at < WORDS; at += 2) {
    const tag = words[at + 1] ?? -1
    const owner = words[at] ?? -1
    const mine = tag === ZERO ? owner === 0 : owner === block
    const whole = tag === first || legal.size > 1
    if (legal.has(tag) && mine && whole) continue
    const holds = mine ? `generation ${tag}` : `generation ${tag} of block ${owner}`
    return `block ${block} holds ${holds}${whole ? '' : ' in part'}, not ${[...legal].join(' or ')}`
  }
  return null
}
