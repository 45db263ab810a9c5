// What a path remembers of how well it works: counts, and the sampling that goes on. Data alone.
import type { TimerHandle } from '../../adapters/ports.ts'

/** Counts of one window of real I/O, or of one sampling. */
export interface Tally {
  startUs: number
  reads: number
  errors: number
  slow: number
}

export function newTally(startUs: number): Tally {
  return { startUs, reads: 0, errors: 0, slow: 0 }
}

/** What samples come to, and what takes the next one. */
interface Sampled {
  sampling: Tally | null
  sampler: TimerHandle | null
}

/** No more samples of a path that failed or is gone. */
export function stopSampling(path: Sampled): void {
  path.sampling = null
  path.sampler?.cancel()
  path.sampler = null
}
