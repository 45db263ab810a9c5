// Ordinary I/O is counted, not recorded: while there is I/O, what was counted since the last sample goes to the ledger
// every `sampleMs`. Without I/O no timer runs.
import { guarded, usOfMs, type Core } from '../core/core.ts'
import { difference } from '../accounting/counters.ts'
import type { HeadRuntime, PathRuntime } from './runtime.ts'
import { followSizes } from './resize.ts'

export class Sampler {
  readonly #core: Core
  readonly #heads: () => Iterable<HeadRuntime>
  #armed: { cancel(): void } | null = null

  constructor(core: Core, heads: () => Iterable<HeadRuntime>) {
    this.#core = core
    this.#heads = heads
  }

  /** There was I/O: a sample is due one interval from now. */
  touch(): void {
    if (this.#armed !== null) return
    const { clock, settings } = this.#core
    this.#armed = clock.setTimer(clock.monoUs() + usOfMs(settings.sampleMs), () => {
      this.#armed = null
      guarded(this.#core, () => this.sampleAll())
    })
  }

  /** Puts on the ledger what was counted since the last time. */
  sampleAll(): void {
    let busy = false
    for (const head of this.#heads()) {
      followSizes(head)
      for (const path of head.paths) samplePath(path)
      busy = sampleHead(head) || busy
    }
    if (busy) this.touch()
  }

  stop(): void {
    this.#armed?.cancel()
    this.#armed = null
  }
}

/** What was counted since the path's last sample. True when there was anything. */
export function samplePath(path: PathRuntime): boolean {
  return sample(path, 'path.ioSampled', difference(path.counters, path.sampled), () => {
    path.sampled = { ...path.counters }
  })
}

/** What was counted since the head's last sample. True when there was anything. */
export function sampleHead(head: HeadRuntime): boolean {
  return sample(head, 'head.ioSampled', difference(head.counters, head.sampled), () => {
    head.sampled = { ...head.counters }
  })
}

function sample(
  of: PathRuntime | HeadRuntime,
  type: string,
  grown: object | null,
  taken: () => void,
): boolean {
  const { clock, recorder } = of.core
  const nowUs = clock.monoUs()
  const sinceUs = of.sampledUs
  // Nothing was done: the next sample counts from now.
  if (grown === null) {
    of.sampledUs = nowUs
    return false
  }
  if (recorder.refusesSample()) return true
  of.sampledUs = nowUs
  taken()
  of.stream.record(type, { sinceUs, ...grown })
  return true
}
