// A verify load: every block carries its number and generation all over, so that a lost, stale, torn or misplaced write
// is seen. Each worker does one I/O at a time on a block that nobody else is busy with.
import { seededRandom, type SeededRandom } from '../../adapters/seeded-random.ts'
import { fillBlocks, generationOf, BLOCK } from '../../simulation/world/shadow.ts'
import type { Head } from '../../engine/api/head.ts'

export interface LoadTally {
  reads: number
  writes: number
  /** Codes of the errors that the load met. */
  readonly errors: string[]
  /** Blocks read that were not what was last acknowledged. */
  mismatched: number
}

export interface LoadSettings {
  readonly workers: number
  readonly seed: number
  /** Default 64. */
  readonly blocks?: number
}

/** What it runs on: a rig, in memory or of real devices. */
export interface LoadTarget {
  readonly head: Pick<Head, 'read' | 'write'>
  readonly lun: { readonly medium: Uint8Array }
}

export class VerifyLoad {
  readonly tally: LoadTally = { reads: 0, writes: 0, errors: [], mismatched: 0 }
  readonly #rig: LoadTarget
  readonly #random: SeededRandom
  readonly #workers: number
  /** Generations that each block may hold: one, unless the last write of it failed. */
  readonly #legal: Set<number>[]
  readonly #busy = new Set<number>()
  #generation = 0
  #running = false
  #done: Promise<unknown> = Promise.resolve()

  constructor(rig: LoadTarget, { workers, seed, blocks = 64 }: LoadSettings) {
    this.#rig = rig
    this.#random = seededRandom(seed)
    this.#workers = workers
    this.#legal = Array.from({ length: blocks }, () => new Set([0]))
  }

  start(): void {
    this.#running = true
    this.#done = Promise.all(Array.from({ length: this.#workers }, () => this.#work()))
  }

  /** Resolves when every worker has ended its last I/O. */
  async stop(): Promise<void> {
    this.#running = false
    await this.#done
  }

  /** Blocks of the medium that hold something else than was last acknowledged. Call it at rest. */
  verifyMedium(): number {
    const { medium } = this.#rig.lun
    return this.#legal.filter((_legal, block) => !this.#isRight(medium, block, block)).length
  }

  async #work(): Promise<void> {
    while (this.#running) {
      const block = this.#free()
      this.#busy.add(block)
      try {
        await (this.#random.nextUint32() % 2 === 0 ? this.#write(block) : this.#read(block))
      } catch (error) {
        this.tally.errors.push((error as { code?: string }).code ?? String(error))
      }
      this.#busy.delete(block)
    }
  }

  async #write(block: number): Promise<void> {
    const generation = (this.#generation += 1)
    const data = new Uint8Array(BLOCK)
    fillBlocks(data, block, generation)
    this.#legal[block]?.add(generation)
    await this.#rig.head.write({ offset: block * BLOCK, data })
    this.#legal[block] = new Set([generation])
    this.tally.writes += 1
  }

  async #read(block: number): Promise<void> {
    const bytes = await this.#rig.head.read({ offset: block * BLOCK, length: BLOCK })
    this.tally.reads += 1
    if (!this.#isRight(bytes, block, 0)) this.tally.mismatched += 1
  }

  #isRight(bytes: Uint8Array, block: number, at: number): boolean {
    const generation = generationOf(bytes.subarray(at * BLOCK, (at + 1) * BLOCK), block)
    return generation !== null && this.#legal[block]?.has(generation) === true
  }

  #free(): number {
    let block = this.#random.nextUint32() % this.#legal.length
    while (this.#busy.has(block)) block = (block + 1) % this.#legal.length
    return block
  }
}
