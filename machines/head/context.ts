// What a head remembers beside the states of its machine.
import { NO_FAILBACK, type HeadFailback } from './failback.ts'
import type { IoPolicy, NoPathRetry } from '../words.ts'

export interface HeadContext extends HeadFailback {
  readonly wwid: string
  /** 'sda'. */
  readonly name: string
  readonly index: number
  /** Between created and removed. */
  readonly present: boolean
  readonly incarnation: number
  readonly iopolicy: IoPolicy
  readonly noPathRetry: NoPathRetry
  /** Time between two checks while `noPathRetry` counts them. */
  readonly checkIntervalUs: number
  /** How long the head outlives its last path; 0 removes it at once. */
  readonly delayedRemovalUs: number
  readonly sizeBytes: number
  readonly logicalBlockBytes: number
  readonly paths: number
  readonly usable: number
  readonly optimized: number
  readonly available: number
  /** Paths that the last run left: known, and absent until they are attached again or given up. */
  readonly lost: number
  /** Checks left before parked I/O fails; 0 when nothing counts. */
  readonly checksLeft: number
  /** `noPathRetry` counted down to nothing and no path has come back since. */
  readonly exhausted: boolean
  /** Armed timers and the monotonic time each is due at. */
  readonly timers: Readonly<Record<string, number>>
  readonly why: string
}

/** No head yet. */
export const NO_HEAD: HeadContext = {
  ...NO_FAILBACK,
  wwid: '',
  name: '',
  index: 0,
  present: false,
  incarnation: 0,
  iopolicy: 'numa',
  noPathRetry: 'fail',
  checkIntervalUs: 0,
  delayedRemovalUs: 0,
  sizeBytes: 0,
  logicalBlockBytes: 0,
  paths: 0,
  usable: 0,
  optimized: 0,
  available: 0,
  lost: 0,
  checksLeft: 0,
  exhausted: false,
  timers: {},
  why: '',
}
