// The medium of a simulated LUN behind volatile caches: what was written is seen at once by every path, and is on the medium
// only when it was flushed or written with FUA. There is one cache, or one for each path: then a flush brings home what its own
// path took, and a server that dies takes with it what was only in its cache. A power cut takes of all of them, block by block.
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

/** Bytes of a block in a cache: the later one is what counts, wherever it is. */
interface Version {
  readonly cache: string
  readonly number: number
  readonly bytes: Uint8Array
}

/** The cache of a LUN that has but one. */
const ONE_CACHE = 'the array'

export class Disk {
  /** What a read sees. */
  readonly medium: Uint8Array
  readonly #stable: Uint8Array
  /** By block: what is in caches alone, oldest first. */
  readonly #cached = new Map<number, Version[]>()
  readonly #pending = new Set<Pending>()
  /** How many there were so far: a flush covers those before it was sent. */
  writes = 0
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
    return this.#cached.size
  }

  /** A block as it is on the medium itself, whatever the caches have. */
  stable(block: number): Uint8Array {
    return this.#stable.subarray(block * BLOCK, (block + 1) * BLOCK)
  }

  begin(offset: number, data: Uint8Array): Pending {
    const pending = { offset, data }
    this.#pending.add(pending)
    return pending
  }

  end(pending: Pending): void {
    this.#pending.delete(pending)
  }

  write(offset: number, data: Uint8Array, onMedium: boolean, cache = ONE_CACHE): void {
    this.medium.set(data, offset)
    this.writes += 1
    for (let at = 0; at < data.length; at += BLOCK) {
      const block = (offset + at) / BLOCK
      const version = { cache, number: this.writes, bytes: data.slice(at, at + BLOCK) }
      if (onMedium) this.#persist(block, version)
      else this.#cached.set(block, [...(this.#cached.get(block) ?? []), version])
    }
  }

  zero(offset: number, length: number, cache = ONE_CACHE): void {
    this.write(offset, new Uint8Array(length), false, cache)
  }

  /** Covers what was written up to then. False when it could not be done, and the cache is lost. */
  flush(cache = ONE_CACHE, upTo = this.writes): boolean {
    if (this.losesNextFlush) {
      this.losesNextFlush = false
      this.lose(cache)
      return false
    }
    for (const [block, versions] of [...this.#cached]) {
      const last = versions.findLast((version) => version.cache === cache && version.number <= upTo)
      if (last !== undefined) this.#persist(block, last)
    }
    return true
  }

  /** What was in this cache alone is gone. */
  lose(cache: string): void {
    for (const [block, versions] of [...this.#cached]) {
      if (versions.some((version) => version.cache === cache))
        this.#keep(
          block,
          versions.filter((version) => version.cache !== cache),
        )
    }
  }

  /** Each block that was only in a cache stays or goes, each block of a write under way lands or does not. */
  powerCut(random: Random): CutResult {
    const stays = () => random.nextUint32() % 2 === 0
    let [lost, torn] = [0, 0]
    for (const block of [...this.#cached.keys()]) {
      if (stays()) continue
      this.#keep(block, [])
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
    this.#cached.clear()
    this.#pending.clear()
    this.losesNextFlush = false
    this.epoch += 1
    return { lost, torn }
  }

  /** A version is on the medium: what is older than it, in whatever cache, never gets there. */
  #persist(block: number, { number, bytes }: Version): void {
    this.#stable.set(bytes, block * BLOCK)
    const newer = (this.#cached.get(block) ?? []).filter((version) => version.number > number)
    this.#keep(block, newer)
  }

  /** A block has these versions in caches, and shows the last of them. */
  #keep(block: number, versions: Version[]): void {
    if (versions.length === 0) this.#cached.delete(block)
    else this.#cached.set(block, versions)
    this.medium.set(versions.at(-1)?.bytes ?? this.stable(block), block * BLOCK)
  }
}
