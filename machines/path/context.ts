// What a path remembers beside the states of its machine.
import type { Evidence } from '../events.ts'
import type { HealthRules } from './health-events.ts'
import type { PathFlags } from '../predicates.ts'

/** What the context of a path keeps for it. */
export interface PathHealth extends PathFlags {
  readonly rules: HealthRules | null
  /** Time until the next check of a path that is well. */
  readonly checkIntervalUs: number
  /** Failures that came soon one after the other. */
  readonly flaps: number
  readonly lastFailedUs: number | null
  /** Capacity that the device says it has now, when that is another one than the path was added with. */
  readonly newSizeBytes: number | null
}

export const NO_HEALTH: PathHealth = {
  ...{ override: 'none', waiting: false, heldBack: false, goingAway: false },
  ...{ rules: null, checkIntervalUs: 0, flaps: 0, lastFailedUs: null, newSizeBytes: null },
}

export interface PathContext extends PathHealth {
  readonly wwid: string
  readonly hctl: string
  readonly name: string
  readonly index: number
  /** 'loop /dev/loop0': what the path is made of. */
  readonly device: string
  readonly numaNode: number | null
  readonly sizeBytes: number
  readonly logicalBlockBytes: number
  readonly errorsAreFinal: boolean
  /** Between added and removed. */
  readonly present: boolean
  /** The engine that had it is gone, and it was not attached again since. */
  readonly lost: boolean
  /** The program answers for it that it leads to the LUN's medium: nothing else shows it. */
  readonly trusted?: boolean
  /** Counts the lives of this path: 1 when first added, one more with each return. */
  readonly incarnation: number
  /** ALUA's preferred bit, kept apart from the access state (D-20). */
  readonly preferred: boolean
  readonly checker: { readonly minUs: number; readonly maxUs: number }
  /** An error whose verdict is still out. */
  readonly suspect: Evidence | null
  /** First evidence of the failure that holds now. */
  readonly failure: Evidence | null
  /** Fenced: the checker leaves it alone, and it needs a new attach. */
  readonly fenced: boolean
  /** Time until the next probe of a failed path; doubles from minUs to maxUs. */
  readonly probeIntervalUs: number
  /** Armed timers and the monotonic time each is due at. */
  readonly timers: Readonly<Record<string, number>>
  /** Why the path is where it is, in the words of the event that put it there. */
  readonly why: string
}

/** No path yet. */
export const NO_PATH: PathContext = {
  ...NO_HEALTH,
  wwid: '',
  hctl: '',
  name: '',
  index: 0,
  device: '',
  numaNode: null,
  sizeBytes: 0,
  logicalBlockBytes: 0,
  errorsAreFinal: false,
  present: false,
  lost: false,
  incarnation: 0,
  preferred: false,
  checker: { minUs: 0, maxUs: 0 },
  suspect: null,
  failure: null,
  fenced: false,
  probeIntervalUs: 0,
  timers: {},
  why: '',
}
