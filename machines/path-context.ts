// What a path remembers beside the states of its machine.
import type { Evidence } from './events.ts'
import { NO_HEALTH, type PathHealth } from './path-health.ts'

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
