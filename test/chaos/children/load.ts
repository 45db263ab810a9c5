// The verifying load: writes, zeroes and discards blocks, reads them back, flushes. What it does is in a log before it is done
// and once more when it is acknowledged, so that whoever outlives it knows what must be there:
//
//   S CHANGE GENERATION FIRST COUNT   it begins          A GENERATION           it was acknowledged
//   E GENERATION OUTCOME CODE         it failed          e CODE                 a read or a flush failed
//   R                                 a read was right   F                      a flush was acknowledged
//   V WORDS                           something that must not be
import { openSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../../../index.ts'
import type { Head, PathledgerError, Random } from '../../../index.ts'
import { BLOCK, blocksOf } from '../shadow.ts'
import type { Change, Shadow } from '../shadow.ts'

export interface LoadParts {
  readonly head: () => Head
  readonly shadow: Shadow
  readonly log: string
  readonly seed: string
  readonly workers: number
}

/** Half of what is done meets in so many blocks. */
const HOT_BLOCKS = 64
const COUNT_MAX = 16
const ABORT_AFTER_MS = 40

export class Load {
  readonly #parts: LoadParts
  readonly #fd: number
  readonly #random: Random
  readonly #busy = new Set<number>()
  #running = true
  #working: Promise<unknown> = Promise.resolve()

  constructor(parts: LoadParts) {
    this.#parts = parts
    this.#fd = openSync(parts.log, 'a')
    this.#random = seededRandom(parts.seed)
  }

  start(): void {
    this.#working = Promise.all(Array.from({ length: this.#parts.workers }, () => this.#work()))
  }

  /** Resolves when everything that was begun has ended. */
  async stop(): Promise<void> {
    this.#running = false
    await this.#working
  }

  /** Reads every block through the head; resolves with how many there are. */
  async readAll(): Promise<number> {
    const blocks = this.#blocks()
    for (let first = 0; first < blocks; first += COUNT_MAX) {
      await this.#read(first, Math.min(COUNT_MAX, blocks - first))
    }
    return blocks
  }

  async #work(): Promise<void> {
    while (this.#running) {
      try {
        await this.#once()
      } catch (error) {
        this.#failed(error)
        // A head that is gone for a moment, or refuses, is asked again a little later.
        await sleep(10)
      }
    }
  }

  async #once(): Promise<void> {
    const what = this.#draw(100)
    if (what < 3) {
      await this.#parts.head().flush()
      this.#say('F')
      return
    }
    const blocks = this.#blocks()
    const count = 1 + this.#draw(this.#draw(4) === 0 ? COUNT_MAX : 2)
    const room = this.#draw(2) === 0 ? Math.min(HOT_BLOCKS, blocks) : blocks
    const first = this.#draw(Math.max(1, room - count))
    if (what < 48) return this.#read(first, count)
    const change = what < 52 ? 'zero' : what < 55 ? 'discard' : 'write'
    await this.#alter(change, first, count, what >= 96)
  }

  async #read(first: number, count: number): Promise<void> {
    const { head, shadow } = this.#parts
    const reading = shadow.beginRead(first, count)
    try {
      const bytes = await head().read({ offset: first * BLOCK, length: count * BLOCK })
      for (const wrong of shadow.endRead(reading, bytes)) this.#say(`V a read: ${wrong}`)
      this.#say('R')
    } finally {
      shadow.dropRead(reading)
    }
  }

  /** One at a time changes a block: of two at once nobody could say which one is to be there. */
  async #alter(change: Change, first: number, count: number, aborted: boolean): Promise<void> {
    const blocks = Array.from({ length: count }, (_, at) => first + at)
    if (blocks.some((block) => this.#busy.has(block))) return sleep(1)
    for (const block of blocks) this.#busy.add(block)
    try {
      await this.#altered(change, first, count, aborted)
    } finally {
      for (const block of blocks) this.#busy.delete(block)
    }
  }

  async #altered(change: Change, first: number, count: number, aborted: boolean): Promise<void> {
    const { head, shadow } = this.#parts
    // Without a head nothing is begun.
    const at = head()
    const generation = shadow.last + 1
    const range = { offset: first * BLOCK, length: count * BLOCK }
    const stop = new AbortController()
    if (aborted) setTimeout(() => stop.abort(), this.#draw(ABORT_AFTER_MS))
    shadow.begin({ generation, change, first, count })
    this.#say(`S ${change} ${generation} ${first} ${count}`)
    try {
      const data = blocksOf(first, count, generation)
      if (change === 'write') await at.write({ offset: range.offset, data, signal: stop.signal })
      else if (change === 'zero') await at.writeZeroes(range)
      else await at.discard(range)
      shadow.acknowledge(generation)
      this.#say(`A ${generation}`)
    } catch (error) {
      const { code = 'BUG', outcome = 'unknown' } = error as Partial<PathledgerError>
      shadow.fail(generation, outcome)
      this.#say(`E ${generation} ${outcome} ${code}`)
      if (code === 'BUG') this.#say(`V ${String(error)}`)
      if (code !== 'ABORTED') await sleep(10)
    }
  }

  #failed(error: unknown): void {
    const { code } = error as Partial<PathledgerError>
    this.#say(code === undefined ? `V ${String(error)}` : `e ${code}`)
  }

  #blocks(): number {
    return Math.floor(this.#parts.head().sizeBytes / BLOCK)
  }

  #draw(below: number): number {
    return this.#random.nextUint32() % below
  }

  /** What is written is with the kernel: it outlives us. */
  #say(line: string): void {
    writeSync(this.#fd, `${line.replaceAll('\n', ' ')}\n`)
  }
}
