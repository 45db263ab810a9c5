// Heads and their paths while the engine runs: plain data, told together because each knows the other. What selection reads, what
// the machines decided, and what the I/O keeps there. Nothing is decided, recorded or sent in this file.
import type { HeadContext } from '../../machines/head/head.ts'
import type { HeadValue, IoPolicy, Quantum, PathValue } from '../../machines/words.ts'
import type { DeviceLimits, IoCompletion, PathDevice } from '../../adapters/ports.ts'
import { headCounters, type HeadCounters, pathCounters, type PathCounters } from '../accounting/counters.ts'
import { DiskStats } from '../accounting/disk-stat.ts'
import type { LostPath } from './lost-path.ts'
import type { Attach } from '../lun/attach.ts'
import type { LunRuntime } from '../lun/lun.ts'
import type { SelectionTable } from '../select/table.ts'
import { LOCAL_DISTANCE } from '../select/table.ts'
import { Tracer, tracingOf } from '../accounting/trace.ts'
import { isAccessUsable, isAvailable, isDisabled, isOptimized, rankOf } from '../../machines/predicates.ts'
import type { StreamState } from '../../machines/step.ts'
import type { PathContext } from '../../machines/path/path.ts'
import type { Core } from '../core/core.ts'
import { newTally, PathHealth } from './path-health.ts'
import type { Tally } from './path-health.ts'
import type { Share } from '../memory/pool.ts'
import type { RateLimit } from '../ledger/rate-limit.ts'
import type { Recorded } from '../ledger/recorder.ts'
import type { Stream } from '../ledger/stream.ts'
import type { Timers } from '../ledger/timers.ts'
import { WriteCache } from '../lun/write-caches.ts'

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
  readonly attach: Attach
  readonly head: HeadRuntime
  readonly stream: Stream
  readonly adapter: AdapterRuntime
  readonly index: number
  readonly name: string
  readonly errorRows: RateLimit
  readonly queue: object
  readonly limits: DeviceLimits
}

export class PathRuntime {
  readonly core: Core
  readonly device: PathDevice
  /** What every ghost of this path names. */
  readonly attach: Attach
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
  silent = false
  rank = 0
  serviceTime = 0

  /** What the kernel has: attempts, abandoned ones included, probes, and what is passed through. */
  inFlight = 0
  /** Bytes of those attempts; each may become memory that a hung path holds. */
  inFlightBytes = 0
  /** Bytes of those that the engine waits for. */
  liveBytes = 0
  /** What it has of I/O: the I/O's own (queues.ts). */
  readonly queue: object
  /** What one I/O may be here, as it was last asked, and when that was. */
  limits: DeviceLimits
  limitsLookedUs: number
  /** What stands between it and the medium, which a flush has to reach; set when it arrives. */
  cache = new WriteCache(null, '')
  /** Grows with each failure and each life: what a bio was refused in an earlier epoch is forgotten. */
  epoch = 0
  /** What is remembered of how well it works, but for what every I/O touches. */
  readonly health = new PathHealth()
  /** That the device is being taken away. */
  leaving: Recorded | null = null
  /** Completions of its I/O, errors included: while they grow, it is not silent. */
  heard = 0
  /** How often it came back into use: an error of an attempt from before such a return is not held against it. */
  returns = 0
  /** It turns I/O away for being busy: since when, how often, and what told so. */
  busy: { readonly sinceUs: number; times: number; readonly recorded: Recorded } | null = null
  /** It is being asked whether it is still the device that was added: until that is known, it gets no I/O. */
  proving: 'no' | 'once' | 'again' = 'no'
  /** I/Os and probes that it answered well: more of them than before means that it is there. */
  answers = 0
  /** Real I/O of late, for its error rate. */
  window: Tally
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
    this.attach = parts.attach
    this.head = parts.head
    this.stream = parts.stream
    this.adapter = parts.adapter
    this.index = parts.index
    this.name = parts.name
    this.errorRows = parts.errorRows
    this.queue = parts.queue
    this.limits = parts.limits
    this.limitsLookedUs = this.sampledUs
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
    this.answers += 1
    if (this.device.guarantees.oneConnection !== true || this.head.lun.ghosts.index.size === 0) return
    const { ghosts } = this.head.lun
    const over = ghosts.index
      .ofAttach(this.attach.id)
      .filter(({ returnedUs }) => returnedUs !== null && returnedUs < startedUs)
    if (over.length > 0) ghosts.end(over, 'laterIo', `${this.name} answered a later I/O`)
  }

  /** Sense data that came with an I/O is listened to. */
  hear({ sense }: IoCompletion): void {
    if (sense !== undefined) this.head.actions.sense(this, sense)
  }

  /** Ends this life: from now on the path is what it was when it was removed. */
  retire(): void {
    this.#last ??= this.stream.state
  }

  /** True from added to removed. */
  get present(): boolean {
    return this.context.present
  }

  /** The nodes whose cached path this is. An unusable access state clears no cache, and yet the path serves no node then. */
  get nodes(): number[] {
    if (!isAccessUsable(this.value)) return []
    return this.head.current.flatMap((cached, node) => (cached === this ? [node] : []))
  }

  /** Copies what the machine decided into the fields that selection reads. */
  refresh(): void {
    const { value, context } = this
    this.disabled = isDisabled(value, context)
    this.optimized = isOptimized(value, context)
    this.available = isAvailable(value, context)
    this.rank = rankOf(value, context)
    this.silent = context.silent === true
  }
}

/** The effects that reach outside the lifecycle: I/O, and what the world sees. */
export interface Actions {
  /** Send the head's parked bios again, later and in order. */
  resubmitParked(head: HeadRuntime): void
  /** End the head's parked bios: it has no path and none will come. */
  failParked(head: HeadRuntime): void
  /** Read from the path and report what came. */
  probe(path: PathRuntime): void
  /** Check a path that is well, and report what came. */
  check(path: PathRuntime): void
  /** The path carries I/O again: prove that it is still the device that was added. */
  prove(path: PathRuntime, cause: Recorded | null): void
  /** Begin to sample a marginal path. */
  sample(path: PathRuntime): void
  /** End that, and report what it came to. */
  tally(path: PathRuntime): void
  /** Its loss time is over: take it out of its head. */
  removePath(path: PathRuntime, cause: Recorded): void
  /** The path has room again, or is not usable any more: its backlog goes on, or elsewhere. */
  drainBacklog(path: PathRuntime): void
  /** It has no usable path, and access states alone keep some out; or that is over. */
  awaitGroups(head: HeadRuntime, waits: boolean, cause: Recorded): void
  /** It has I/O: whether it answers is looked at from time to time. */
  watchSilence(path: PathRuntime): void
  /** The head is gone from the machine's point of view: take it away. */
  headRemoved(head: HeadRuntime): void
  /** Sense data came with an I/O on a path. */
  sense(path: PathRuntime, bytes: Uint8Array): void
}

export interface HeadParts {
  readonly core: Core
  readonly lun: LunRuntime
  readonly stream: Stream
  readonly index: number
  readonly name: string
  readonly policy: IoPolicy
  readonly sizeBytes: number
  readonly logicalBlockBytes: number
  readonly distance: ((from: number, to: number) => number) | null
  readonly errorRows: RateLimit
  readonly queue: object
  readonly actions: Actions
}

/** Distance between two nodes when nobody says better: the kernel's own defaults. */
const REMOTE_DISTANCE = 20

/** One I/O, then the next path: as the kernel does. */
const NO_QUANTUM: Quantum = { unit: 'ios', size: 1 }

export class HeadRuntime implements SelectionTable<PathRuntime> {
  readonly core: Core
  /** What the machines' effects do. */
  readonly actions: Actions
  /** It outlives this head. */
  readonly lun: LunRuntime
  readonly stream: Stream
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
  /** What waits here: the I/O's own (queues.ts). */
  readonly queue: object
  /** Its part of the pool. */
  readonly memory: Share
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
    this.index = parts.index
    this.name = parts.name
    this.sizeBytes = parts.sizeBytes
    this.logicalBlockBytes = parts.logicalBlockBytes
    this.errorRows = parts.errorRows
    this.policy = parts.policy
    this.distance = parts.distance ?? ((from, to) => (from === to ? LOCAL_DISTANCE : REMOTE_DISTANCE))
    const { numaNodes } = parts.core.settings
    this.current = new Array<PathRuntime | null>(numaNodes).fill(null)
    this.quantum = NO_QUANTUM
    this.left = new Array<number>(numaNodes).fill(0)
    this.turn = new Array<number>(numaNodes).fill(-1)
    this.queue = parts.queue
    this.memory = parts.core.pool.join()
    this.actions = parts.actions
    this.tracer = new Tracer(parts.core, parts.stream, tracingOf(parts.core.settings))
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
