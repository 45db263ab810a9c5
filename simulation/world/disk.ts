// The medium of a simulated LUN behind a volatile cache: what was written is seen at once by every path, and is on the
// medium only when it was flushed or written with FUA. A power cut takes what was only in the cache, block by block.
import type { Random } from '../../adapters/ports.ts'
import { BLOCK } from './shadow.ts'

/** A write that a path has and has not done. */
export interface Pending {
  readonly offset: number
  readonly data: Uint8Array
}

/** What a power cut did. */
export interface CutResult {
  /** Blocks that were acknowledged by the cache and are gone. */
  readonly lost: number
  /** Writes of which some blocks landed and others did not. */
  readonly torn: number
}

export class Disk {
  /** What a read sees. */
  readonly medium: Uint8Array
  readonly #stable: Uint8Array
  readonly #dirty = new Set<number>()
  readonly #pending = new Set<Pending>()
  /** Bytes that the LUN has now; the medium has room for more. */
  sizeBytes: number
  /** Grows with each power cut: what was under way before it never ends. */
  epoch = 0
  /** The next flush fails, and what it was to write is lost: a cache that could not write back says so once. */
  losesNextFlush = false

  constructor(sizeBytes: number, maxBytes: number) {
    this.sizeBytes = sizeBytes
    this.medium = new Uint8Array(maxBytes)
    this.#stable = new Uint8Array(maxBytes)
  }

  /** Blocks that a power cut could take. */
  get dirty(): number {
    return this.#dirty.size
  }

  begin(offset: number, data: Uint8Array): Pending {
    const pending = { offset, data }
    this.#pending.add(pending)
    return pending
  }

  end(pending: Pending): void {
    this.#pending.delete(pending)
  }

  write(offset: number, data: Uint8Array, onMedium: boolean): void {
    this.medium.set(data, offset)
    for (let block = offset / BLOCK; block < (offset + data.length) / BLOCK; block += 1) {
      this.#dirty.add(block)
      if (onMedium) this.#persist(block)
    }
  }

  zero(offset: number, length: number): void {
    this.write(offset, new Uint8Array(length), false)
  }

  /** False when it could not be done, and the cache is lost. */
  flush(): boolean {
    if (this.losesNextFlush) {
      this.losesNextFlush = false
      for (const block of this.#dirty) this.#revert(block)
      this.#dirty.clear()
      return false
    }
    for (const block of [...this.#dirty]) this.#persist(block)
    return true
  }

  /** Each block that was only in the cache stays or goes, each block of a write under way lands or does not. */
  powerCut(random: Random): CutResult {
    const stays = () => random.nextUint32() % 2 === 0
    let [lost, torn] = [0, 0]
    for (const block of [...this.#dirty]) {
      if (stays()) continue
      this.#revert(block)
      lost += 1
    }
    for (const { offset, data } of this.#pending) {
      const landed: boolean[] = []
      for (let at = 0; at < data.length; at += BLOCK) {
        landed.push(stays())
        if (landed.at(-1) === true) this.medium.set(data.subarray(at, at + BLOCK), offset + at)
      }
      if (landed.includes(true) && landed.includes(false)) torn += 1
    }
    this.#stable.set(this.medium)
    this.#dirty.clear()
    this.#pending.clear()
    this.losesNextFlush = false
    this.epoch += 1
    return { lost, torn }
  }

  #persist(block: number): void {
    this.#stable.set(this.medium.subarray(block * BLOCK, (block + 1) * BLOCK), block * BLOCK)
    this.#dirty.delete(block)
  }

  #revert(block: number): void {
    this.medium.set(this.#stable.subarray(block * BLOCK, (block + 1) * BLOCK), block * BLOCK)
  }
}
