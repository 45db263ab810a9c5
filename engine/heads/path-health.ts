// What a path remembers of how well it works: counts, and the sampling that goes on. Data alone.
import type { TimerHandle } from '../../adapters/ports.ts'
import type { Recorded } from '../ledger/recorder.ts'
import type { PoolBlock } from '../memory/pool.ts'
import type { Suspicion } from './suspicion.ts'

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

/** What one path remembers: the verdict that is out, its checks, its samples, its fence. */
export class PathHealth {
  /** An error whose verdict is still out, or the episode of the failure that holds. */
  suspicion: Suspicion | null = null
  /** The last suspicion that is on the ledger, whatever became of it. */
  lastSuspected: Recorded | null = null
  /** Bios that failed here and succeeded elsewhere, each within `failWindowMs` of the one before. */
  confirmedFailures = 0
  lastConfirmedUs = 0
  /** Memory of the probe's own: a pool full of parked I/O must not keep paths from healing. */
  probeBlock: PoolBlock | null = null
  /** A probe read is in flight; it may hang for long, and its buffer with it. */
  probing = false
  probingSinceUs = 0
  /** Places of it that could not be read while others could, and that are on the ledger. */
  readonly unreadable = new Set<number>()
  /** What is to read when a probe that hangs is over. */
  probesWaiting: (() => void)[] = []
  /** What the samples of a marginal path have come to so far; null while none are taken. */
  sampling: Tally | null = null
  sampler: TimerHandle | null = null
  /** Its fence command is running. */
  fencing = false

  /** No more samples of a path that failed or is gone. */
  stopSampling(): void {
    this.sampling = null
    this.sampler?.cancel()
    this.sampler = null
  }
}
