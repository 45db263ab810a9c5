// `npm run bench -- soak --minutes N`: load and faults for a long time, and nothing may grow: no memory, no descriptor, no
// promise that never settles. Exits with 1 when something did.
import { readdirSync } from 'node:fs'
import { errorFilter, hangFilter, seededRandom } from '../../index.ts'
import type { Head } from '../../index.ts'
import { Backing } from '../io/backing.ts'
import { openEngine } from '../io/engines.ts'
import { BLOCK_BYTES } from '../shared/load.ts'
import { median, rounded } from '../shared/stats.ts'

export interface SoakSettings {
  readonly minutes: number
}

export interface SoakReport {
  readonly minutes: number
  readonly ios: number
  readonly errors: number
  readonly faults: number
  /** Medians of the first and the last quarter, after a tenth of the time to warm up. */
  readonly rss_mb: readonly [number, number]
  readonly external_mb: readonly [number, number]
  readonly heap_mb: readonly [number, number]
  readonly descriptors: readonly [number, number]
  /** Promises that the engine gave and had not settled a while after the load ended. */
  readonly unsettled: number
  /** What the pool still counts when everything is closed. */
  readonly bytes_in_use: number
  readonly flat: boolean
  readonly why: readonly string[]
}

const DEPTH = 32
const FAULT_MS = 250
const SAMPLE_MS = 1000
/** Growth that is noise: of the garbage collector's mood, not of a leak. */
const GROWTH_MAX = 1.1
const GROWTH_MB = 16
/** The load ends, then this long is waited for what is under way. */
const SETTLE_MS = 15_000

interface Sample {
  readonly rssMb: number
  readonly externalMb: number
  readonly heapMb: number
  readonly descriptors: number
}

/** Runs the soak over loop devices on tmpfs, the ledger on the same. Needs root. */
export async function soak({ minutes }: SoakSettings): Promise<SoakReport> {
  const backing = await Backing.make('/dev/shm', 128, 3)
  const [first, second, third] = backing.lend(3)
  if (first === undefined || second === undefined || third === undefined)
    throw new Error('it takes three devices')
  const random = seededRandom('soak')
  const hang = hangFilter(first)
  const error = errorFilter(second, {}, { random: seededRandom('errors') })
  const engine = await openEngine(backing, 'soak', [hang.path, error.path, third], {
    checker: { minMs: 20, maxMs: 100 },
    attemptTimeoutMs: 100,
    probeTimeoutMs: 100,
    noPathRetry: 'queue',
    ghostQuiesceMs: 1000,
  })
  let faults = 0
  const fault = setInterval(() => {
    faults += 1
    const which = random.nextUint32() % 4
    if (which === 0) hang.control.enable()
    if (which === 1) hang.control.disable()
    if (which === 2) error.control.enable({ ratePerMillion: 1 + (random.nextUint32() % 1_000_000) })
    if (which === 3) error.control.disable()
  }, FAULT_MS)
  const samples: Sample[] = []
  const sampling = setInterval(() => void samples.push(sample()), SAMPLE_MS)
  const load = new SoakLoad(engine.head, () => random.nextUint32())
  await load.run(minutes * 60_000)
  clearInterval(fault)
  hang.control.disable()
  error.control.disable()
  const unsettled = await load.settled(SETTLE_MS)
  clearInterval(sampling)
  await engine.close()
  const bytesInUse = engine.mp.memory.usedBytes
  await backing.close()
  return report(minutes, load, faults, samples, unsettled, bytesInUse)
}

/** Reads, writes in all three ways, flushes and aborts, through promises. */
class SoakLoad {
  ios = 0
  errors = 0
  readonly #head: Head
  readonly #random: () => number
  #pending = 0
  #over = false
  #onSettled: (() => void) | null = null

  constructor(head: Head, random: () => number) {
    this.#head = head
    this.#random = random
  }

  async run(milliseconds: number): Promise<void> {
    for (let slot = 0; slot < DEPTH; slot += 1) void this.#worker()
    await new Promise((resolve) => setTimeout(resolve, milliseconds))
    this.#over = true
  }

  /** How many have not settled when `milliseconds` have passed. */
  async settled(milliseconds: number): Promise<number> {
    if (this.#pending > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds)
        this.#onSettled = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    return this.#pending
  }

  async #worker(): Promise<void> {
    const into = new Uint8Array(BLOCK_BYTES)
    while (!this.#over) {
      this.#pending += 1
      try {
        await this.#one(into)
        this.ios += 1
      } catch {
        this.errors += 1
      }
      this.#pending -= 1
      if (this.#pending === 0) this.#onSettled?.()
    }
  }

  async #one(into: Uint8Array): Promise<void> {
    const head = this.#head
    const kind = this.#random() % 256
    const offset = (this.#random() % Math.floor(head.sizeBytes / BLOCK_BYTES)) * BLOCK_BYTES
    if (kind < 128) {
      await head.read({ offset, length: BLOCK_BYTES, into })
      return
    }
    if (kind < 220) return head.write({ offset, data: into })
    if (kind < 250) return this.#lent(offset)
    if (kind < 252) return head.flush()
    const abort = new AbortController()
    const writing = head.write({ offset, data: into, signal: abort.signal })
    setTimeout(() => abort.abort(), 1)
    return writing
  }

  #lent(offset: number): Promise<void> {
    const buffer = this.#head.alloc(BLOCK_BYTES)
    buffer.bytes.fill(offset)
    return this.#head.write({ offset, buffer })
  }
}

function sample(): Sample {
  const { rss, external, heapUsed } = process.memoryUsage()
  return {
    rssMb: rss / 1_000_000,
    externalMb: external / 1_000_000,
    heapMb: heapUsed / 1_000_000,
    descriptors: readdirSync('/proc/self/fd').length,
  }
}

function report(
  minutes: number,
  { ios, errors }: SoakLoad,
  faults: number,
  samples: readonly Sample[],
  unsettled: number,
  bytesInUse: number,
): SoakReport {
  const warm = samples.slice(Math.floor(samples.length / 10))
  const quarter = Math.max(1, Math.floor(warm.length / 4))
  const ends = (of: (one: Sample) => number): [number, number] => [
    rounded(median(warm.slice(0, quarter).map(of))),
    rounded(median(warm.slice(-quarter).map(of))),
  ]
  const grown = ([before, after]: [number, number]) =>
    after > before * GROWTH_MAX && after > before + GROWTH_MB
  const rss = ends(({ rssMb }) => rssMb)
  const external = ends(({ externalMb }) => externalMb)
  const descriptors = ends(({ descriptors: count }) => count)
  const why = [
    ...(grown(rss) ? ['resident memory grew'] : []),
    ...(grown(external) ? ['external memory grew'] : []),
    ...(descriptors[1] > descriptors[0] + 2 ? ['descriptors grew'] : []),
    ...(unsettled > 0 ? [`${unsettled} promises did not settle`] : []),
    ...(bytesInUse > 0 ? [`${bytesInUse} bytes of the pool were not given back`] : []),
  ]
  return {
    minutes,
    ios,
    errors,
    faults,
    rss_mb: rss,
    external_mb: external,
    heap_mb: ends(({ heapMb }) => heapMb),
    descriptors,
    unsettled,
    bytes_in_use: bytesInUse,
    flat: why.length === 0,
    why,
  }
}
