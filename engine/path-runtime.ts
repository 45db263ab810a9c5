// One path while the engine runs: the device, its place on the ledger, and the plain fields that selection reads.
import { isAvailable, isDisabled, isOptimized, rankOf } from '../machines/predicates.ts'
import type { IoCompletion, PathDevice, TimerHandle } from '../adapters/ports.ts'
import type { StreamState } from '../machines/step.ts'
import type { PathContext } from '../machines/path.ts'
import type { PathValue } from '../machines/words.ts'
import { AttemptList } from './attempt-list.ts'
import type { Bio } from './bio.ts'
import type { Core } from './core.ts'
import { pathCounters, type PathCounters } from './counters.ts'
import type { HeadRuntime } from './head-runtime.ts'
import { newTally, type Tally } from './margin.ts'
import type { PoolBlock } from './pool.ts'
import type { RateLimit } from './rate-limit.ts'
import type { Recorded } from './recorder.ts'
import type { Stream } from './stream.ts'
import type { Suspicion } from './suspicion.ts'
import type { Timers } from './timers.ts'

/** A SCSI host: the paths whose H:C:I:L begin with the same number share its queue. */
export interface AdapterRuntime {
  readonly host: string
  /** Requests in flight that were counted under queue-depth: counted, shown and used for selection (D-29). */
  active: number
  /** What was done through its paths, those that are gone included. */
  readonly counters: PathCounters
}

export interface PathParts {
  readonly core: Core
  readonly device: PathDevice
  readonly head: HeadRuntime
  readonly stream: Stream
  readonly adapter: AdapterRuntime
  readonly index: number
  readonly name: string
  readonly errorRows: RateLimit
}

export class PathRuntime {
  readonly core: Core
  readonly device: PathDevice
  readonly head: HeadRuntime
  readonly stream: Stream
  readonly adapter: AdapterRuntime
  readonly index: number
  readonly name: string
  /** How many rows errors that fail no path may still cause. */
  readonly errorRows: RateLimit
  readonly counters: PathCounters = pathCounters()
  sampled: PathCounters = pathCounters()
  /** Since when the next sample counts. */
  sampledUs: number
  timers: Timers | null = null

  // What selection reads. refresh() keeps them equal to the machine's state.
  disabled = true
  optimized = false
  available = false
  rank = 0
  serviceTime = 0

  /** What the kernel has: attempts, abandoned ones included, probes, and what is passed through. */
  inFlight = 0
  /** Bytes of those attempts; each may become memory that a hung path holds. */
  inFlightBytes = 0
  /** Attempts that the engine waits for, oldest first. */
  readonly attempts = new AttemptList()
  /** The time limit of the oldest of them. */
  timeout: TimerHandle | null = null
  /** It has acknowledged writes since the last flush that went down it. */
  dirty = false
  /** Its fence command is running. */
  fencing = false
  /** Bios that wait for room on this path. */
  backlog: Bio[] = []
  /** They are about to be sent on. */
  draining = false
  /** Grows with each failure and each life: what a bio was refused in an earlier epoch is forgotten. */
  epoch = 0
  /** An error whose verdict is still out, or the episode of the failure that holds. */
  suspicion: Suspicion | null = null
  /** The last suspicion that is on the ledger, whatever became of it. */
  lastSuspected: Recorded | null = null
  /** That the device is being taken away. */
  leaving: Recorded | null = null
  /** Bios that failed here and succeeded elsewhere, each within `failWindowMs` of the one before. */
  confirmedFailures = 0
  lastConfirmedUs = 0
  /** Memory of the probe's own: a pool full of parked I/O must not keep paths from healing. */
  probeBlock: PoolBlock | null = null
  /** A probe read is in flight; it may hang for long, and its buffer with it. */
  probing = false
  probingSinceUs = 0
  /** What is to read when it is over. */
  probesWaiting: (() => void)[] = []
  /** Real I/O of late, for its error rate. */
  window: Tally
  /** What the samples of a marginal path have come to so far; null while none are taken. */
  sampling: Tally | null = null
  sampler: TimerHandle | null = null
  /** Why it will not come back by itself: another device is there now. */
  lost: string | null = null
  /** State of the stream when this life of the path ended. */
  #last: StreamState | null = null
  /** Resolved when the last attempt has ended; set by removal. */
  onQuiet: (() => void) | null = null

  constructor(parts: PathParts) {
    this.core = parts.core
    this.sampledUs = parts.core.clock.monoUs()
    this.window = newTally(this.sampledUs)
    this.device = parts.device
    this.head = parts.head
    this.stream = parts.stream
    this.adapter = parts.adapter
    this.index = parts.index
    this.name = parts.name
    this.errorRows = parts.errorRows
  }

  get hctl(): string {
    return this.device.hctl
  }

  get numaNode(): number | null {
    return this.device.numaNode
  }

  get value(): PathValue {
    return (this.#last ?? this.stream.state).value as unknown as PathValue
  }

  get context(): PathContext {
    return (this.#last ?? this.stream.state).context as unknown as PathContext
  }

  /** True once the path was removed. Its stream may go on with another life; this object has no part in it. */
  get gone(): boolean {
    return this.#last !== null
  }

  /**
   * An I/O that was sent at `startedUs` was answered. Where one connection stands behind the descriptor, that proves
   * that what the kernel had given back before it is over.
   */
  answered(startedUs: number): void {
    if (this.device.guarantees.oneConnection !== true || this.head.ghosts.index.size === 0) return
    const { ghosts } = this.head
    const over = ghosts
      .ofPath(this.hctl, this.context.incarnation)
      .filter(({ returnedUs }) => returnedUs !== null && returnedUs < startedUs)
    if (over.length > 0) ghosts.end(over, 'laterIo', `${this.name} answered a later I/O`)
  }

  /** Sense data that came with an I/O is listened to. */
  hear({ sense }: IoCompletion): void {
    if (sense !== undefined) this.core.actions.sense(this, sense)
  }

  /** Ends this life: from now on the path is what it was when it was removed. */
  retire(): void {
    this.#last ??= this.stream.state
  }

  /** True from added to removed. */
  get present(): boolean {
    return this.context.present
  }

  /** Copies what the machine decided into the fields that selection reads. */
  refresh(): void {
    const { value, context } = this
    this.disabled = isDisabled(value, context)
    this.optimized = isOptimized(value, context)
    this.available = isAvailable(value, context)
    this.rank = rankOf(value, context)
  }
}

/** '8' of '8:0:0:0': the adapter a path hangs on. */
export function hostOf(hctl: string): string {
  return hctl.slice(0, hctl.indexOf(':'))
}
