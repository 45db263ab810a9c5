// What selection reads of a path, and what it goes by.
import type { IoPolicy, Quantum } from '../../machines/words.ts'

/** NUMA distance of a node to itself. */
export const LOCAL_DISTANCE = 10

/** What selection knows of a path: plain fields that the path's transitions keep up to date. */
export interface Selectable {
  readonly disabled: boolean
  /** How good it is while it is not disabled; 0 is best. */
  readonly rank: number
  readonly numaNode: number | null
  /** Requests in flight on the path's adapter, counted under queue-depth. */
  readonly adapter: { readonly active: number }
  /** I/Os and bytes that the path has now. */
  readonly inFlight: number
  readonly inFlightBytes: number
  /** How long its I/Os took of late, sixteenths of a microsecond; 0 while nothing is known. */
  readonly serviceTime: number
}

export interface SelectionTable<Path extends Selectable> {
  policy: IoPolicy
  /** In the order they were added. */
  readonly paths: readonly Path[]
  /** The cached path of each NUMA node. */
  readonly current: (Path | null)[]
  readonly distance: (from: number, to: number) => number
  /** The path that the operator prefers: while it is well, everything goes there. */
  preferred: Path | null
  /** How much round-robin sends down one path before it goes on. */
  quantum: Quantum
  /** Per NUMA node: what is left of its quantum. */
  readonly left: number[]
  /** Per NUMA node: where the last turn of a policy that goes round ended. */
  readonly turn: number[]
}
