// One head while the engine runs: its paths in the order they were added, the caches, the requeue list.
import type { HeadContext } from '../machines/head.ts'
import type { StreamState } from '../machines/step.ts'
import type { HeadValue, IoPolicy, Quantum } from '../machines/words.ts'
import type { DeviceLimits, Lun, TimerHandle } from '../adapters/ports.ts'
import type { Core } from './core.ts'
import { headCounters, type HeadCounters } from './counters.ts'
import { DiskStats } from './disk-stat.ts'
import type { GhostBook } from './ghost-book.ts'
import { HeldList } from './held-list.ts'
import type { LostPath } from './lost-path.ts'
import type { PathRuntime } from './path-runtime.ts'
import type { LunReservations } from './reservations/lun-reservations.ts'
import type { RateLimit } from './rate-limit.ts'
import { RequeueList } from './requeue.ts'
import { LOCAL_DISTANCE, type SelectionTable } from './select.ts'
import type { Stream } from './stream.ts'
import type { Timers } from './timers.ts'
import { Tracer, tracingOf } from './trace.ts'

export interface HeadParts {
  readonly core: Core
  readonly lun: Lun
  readonly stream: Stream
  readonly lunStream: Stream
  readonly index: number
  readonly name: string
  readonly policy: IoPolicy
  readonly sizeBytes: number
  readonly logicalBlockBytes: number
  readonly distance: ((from: number, to: number) => number) | null
  readonly errorRows: RateLimit
  readonly ghosts: GhostBook
  readonly refreshGhosts: () => void
  readonly tendGhosts: () => void
  readonly reservations: LunReservations
}

/** Distance between two nodes when nobody says better: the kernel's own defaults. */
const REMOTE_DISTANCE = 20

/** One I/O, then the next path: as the kernel does. */
const NO_QUANTUM: Quantum = { unit: 'ios', size: 1 }

export class HeadRuntime implements SelectionTable<PathRuntime> {
  readonly core: Core
  readonly lun: Lun
  readonly stream: Stream
  readonly lunStream: Stream
  readonly index: number
  readonly name: string
  sizeBytes: number
  readonly logicalBlockBytes: number
  /** Of all its paths at once; those of the last ones while it has none. */
  limits: DeviceLimits | null = null
  readonly errorRows: RateLimit
  readonly counters: HeadCounters = headCounters()
  sampled: HeadCounters = headCounters()
  readonly stats = new DiskStats()
  readonly tracer: Tracer
  /** Since when the next sample counts. */
  sampledUs: number
  readonly requeue: RequeueList
  /** Of the LUN: they outlive this head. */
  readonly ghosts: GhostBook
  /** Looks whether another engine of the LUN opened or ended ghosts. */
  readonly refreshGhosts: () => void
  /** The same, while something waits for them: also whether such an engine has died. */
  readonly tendGhosts: () => void
  /** Of the LUN, like the ghosts. */
  readonly reservations: LunReservations
  /** Bios that wait for a ghost to end, in order. */
  readonly held = new HeldList()
  holdTimer: TimerHandle | null = null
  /** Looks for the end of another engine's ghosts while something is held. */
  lookTimer: TimerHandle | null = null
  timers: Timers | null = null
  /** By H:C:I:L: paths that the last run left and that are not attached again yet. They keep their index. */
  readonly lost = new Map<string, LostPath>()
  /** State of the stream when this life of the head ended. */
  #last: StreamState | null = null

  // The selection table. Paths leave it when they are removed, at once (D-17).
  policy: IoPolicy
  readonly paths: PathRuntime[] = []
  readonly current: (PathRuntime | null)[]
  readonly distance: (from: number, to: number) => number
  preferred: PathRuntime | null = null
  quantum: Quantum
  readonly left: number[]
  readonly turn: number[]

  constructor(parts: HeadParts) {
    this.core = parts.core
    this.sampledUs = parts.core.clock.monoUs()
    this.lun = parts.lun
    this.stream = parts.stream
    this.lunStream = parts.lunStream
    this.index = parts.index
    this.name = parts.name
    this.sizeBytes = parts.sizeBytes
    this.logicalBlockBytes = parts.logicalBlockBytes
    this.errorRows = parts.errorRows
    this.ghosts = parts.ghosts
    this.refreshGhosts = parts.refreshGhosts
    this.tendGhosts = parts.tendGhosts
    this.reservations = parts.reservations
    parts.reservations.serve(this)
    this.policy = parts.policy
    this.distance = parts.distance ?? ((from, to) => (from === to ? LOCAL_DISTANCE : REMOTE_DISTANCE))
    const { numaNodes } = parts.core.settings
    this.current = new Array<PathRuntime | null>(numaNodes).fill(null)
    this.quantum = NO_QUANTUM
    this.left = new Array<number>(numaNodes).fill(0)
    this.turn = new Array<number>(numaNodes).fill(-1)
    this.requeue = new RequeueList(parts.core)
    this.tracer = new Tracer(this, tracingOf(parts.core.settings))
  }

  get value(): HeadValue {
    return (this.#last ?? this.stream.state).value as unknown as HeadValue
  }

  get context(): HeadContext {
    return (this.#last ?? this.stream.state).context as unknown as HeadContext
  }

  /** True once the head was removed. Its stream may go on with another head of the same LUN. */
  get gone(): boolean {
    return this.#last !== null
  }

  /** Ends this life: from now on the head is what it was when it was removed. */
  retire(): void {
    this.#last ??= this.stream.state
  }

  /** True while the head takes I/O: live, or waiting for a path to come back before it is removed. */
  get live(): boolean {
    const { life } = this.value
    return life === 'live' || life === 'removalPending'
  }
}
