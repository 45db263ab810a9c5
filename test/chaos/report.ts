// What a run of chaos comes to.

export const FAULTS = ['EIO', 'HANG', 'DEAD', 'GONE', 'SLOW', 'SWAP', 'RESIZE'] as const
export type Fault = (typeof FAULTS)[number]

export interface ChaosReport {
  readonly seed: string
  readonly seconds: number
  /** How often each fault was used; a SWAP counts when the other LUN was refused. */
  readonly faults: Record<Fault, number>
  /** SIGKILLs of the engine; of them while a path hung, and while the engine was starting. */
  kills: number
  killsWhileHung: number
  killsWhileStarting: number
  /** Fences that were asked for and killed a server. */
  fences: number
  /** Ghosts that the run vouched for after it had seen the end of their server. */
  released: number
  /** SWAPs that came back on the same /dev/loopN. */
  swapsOnSameDevice: number
  grown: number
  readonly ios: { reads: number; writes: number; zeroes: number; discards: number; flushes: number }
  /** I/Os that their caller was told have failed, by code. */
  readonly errors: Record<string, number>
  ledger: { events: number; chain: string; replay: string; fold: string } | null
  readonly violations: string[]
}

export function emptyReport(seed: string): ChaosReport {
  return {
    seed,
    seconds: 0,
    faults: { EIO: 0, HANG: 0, DEAD: 0, GONE: 0, SLOW: 0, SWAP: 0, RESIZE: 0 },
    kills: 0,
    killsWhileHung: 0,
    killsWhileStarting: 0,
    fences: 0,
    released: 0,
    swapsOnSameDevice: 0,
    grown: 0,
    ios: { reads: 0, writes: 0, zeroes: 0, discards: 0, flushes: 0 },
    errors: {},
    ledger: null,
    violations: [],
  }
}
