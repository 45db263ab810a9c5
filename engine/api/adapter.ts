// An adapter (SCSI host) as a program sees it: the paths of any head whose H:C:I:L begin with its number share its queue.
import type { PathCounters } from '../accounting/counters.ts'
import type { AdapterRuntime, PathRuntime } from '../heads/runtime.ts'
import type { OperatorWord } from '../core/spoken.ts'
import { applyCounters, checkCounters, zeros, type CounterValues } from '../accounting/set-counters.ts'
import { checkWord } from '../core/spoken.ts'
import type { Stream } from '../ledger/stream.ts'

/** What an adapter stands on. */
export interface AdapterParts {
  /** The engine's stream: adapters have no life of their own on the ledger. */
  readonly engine: Stream
  readonly runtime: AdapterRuntime
  /** Every path there is. */
  readonly paths: () => Iterable<PathRuntime>
}

/** One adapter: what is in flight on it, and what was done through it. Taken from {@link Multipath.adapters}. */
export class Adapter {
  readonly #parts: AdapterParts

  /** @internal */
  constructor(parts: AdapterParts) {
    this.#parts = parts
  }

  /** '8' for the paths 8:0:0:0, 8:0:0:1 and so on. */
  get host(): string {
    return this.#parts.runtime.host
  }

  /** Names of its paths. */
  get paths(): string[] {
    return this.#own().map(({ name }) => name)
  }

  /** Requests in flight that were counted under queue-depth: what selection compares, and `mpath_queue_depth` shows. */
  get queueDepth(): number {
    return this.#parts.runtime.active
  }

  /** Attempts in flight on its paths, probes included. */
  get inFlight(): number {
    return this.#own().reduce((sum, { inFlight }) => sum + inFlight, 0)
  }

  /** What was done through its paths, those that are removed by now included. */
  get counters(): Readonly<PathCounters> {
    return { ...this.#parts.runtime.counters }
  }

  /** Sets counters; who and why is on the ledger. Throws COUNTER_INVALID (EINVAL), and nothing is changed. */
  setCounters(values: CounterValues<PathCounters>, word: OperatorWord = {}): void {
    checkWord(word)
    const { runtime, engine } = this.#parts
    checkCounters(runtime.counters, values)
    const was = applyCounters(runtime.counters, null, values)
    const origin = { actor: word.actor ?? 'operator', reason: word.reason ?? null }
    engine.record('engine.adapterCountersSet', { host: runtime.host, was, now: { ...values } }, origin)
  }

  /** Sets every counter to 0. */
  resetCounters(word: OperatorWord = {}): void {
    this.setCounters(zeros(this.#parts.runtime.counters), word)
  }

  #own(): PathRuntime[] {
    return [...this.#parts.paths()].filter(({ adapter }) => adapter === this.#parts.runtime)
  }
}
