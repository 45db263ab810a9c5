// A bio: one piece of a caller's I/O, small enough for the pool, sent in full with every try.
import type { Evidence } from '../../machines/events.ts'
import type { IoRequest, TimerHandle } from '../../adapters/ports.ts'
import type { PathledgerError } from '../../errors.ts'
import type { BlkStatus, IoOp } from '../../machines/words.ts'
import type { Ghost } from '../lun/ghosts.ts'
import type { WriteCache } from '../lun/write-caches.ts'
import type { OpenIo } from './open-io.ts'
import type { PathRuntime } from '../heads/runtime.ts'
import type { PoolBlock } from '../memory/pool.ts'
import type { Suspicion } from '../heads/suspicion.ts'
import type { IoTrace } from '../accounting/trace.ts'

/** That a path refused this bio, in which life of the path, and how. */
export interface Refusal {
  readonly path: PathRuntime
  readonly epoch: number
  readonly status: BlkStatus
  readonly evidence: Evidence
  readonly suspicion: Suspicion | null
}

/**
 * For what a bio waits: a usable path; the LUN's reservations; memory; a ghost that it overlaps; an older write that it
 * overlaps and that is held back itself; its turn
 * after an older one that is on its way; room on a path; a path that was busy; the verdict on a path that refused it.
 */
export type WaitReason =
  'path' | 'reservation' | 'memory' | 'ghost' | 'older' | 'turn' | 'room' | 'busy' | 'verdict'

/** Those that wait for the same, in the order in which they began to. */
export interface WaitList {
  readonly reason: WaitReason
  readonly bios: Set<Bio>
  bytes: number
  /** When the last one left it. */
  movedUs: number
  /** Its time limit, while one runs. */
  timer: TimerHandle | null
}

/** Who is told that a bio has ended. */
export interface BioOwner {
  bioDone(bio: Bio, error: PathledgerError | null): void
}

// Most bios are never refused, explained or haunted: they share these, and get their own with the first.
const NO_REFUSALS: readonly Refusal[] = Object.freeze([])
const NO_REASONS: ReadonlySet<Suspicion> = new Set()
const NOT_BUSY: readonly PathRuntime[] = Object.freeze([])
const NO_GHOSTS: readonly Ghost[] = Object.freeze([])

export class Bio {
  readonly #owner: BioOwner
  readonly io: OpenIo
  /** 1, 2, 3 ... within the engine. */
  readonly id: number
  readonly op: IoOp
  readonly offset: number
  readonly length: number
  readonly fua: boolean
  /** NUMA node of the submitter. */
  readonly node: number
  /** The engine's own memory for it; null for flush, and for a read whose memory a hung path holds. */
  block: PoolBlock | null
  /** The cache that a flush is for; null for a flush of nothing in particular, and for all other I/O. */
  readonly cache: WriteCache | null
  attempts = 0
  resourceRetries = 0
  /** Paths that were busy since it last waited. */
  busy = NOT_BUSY
  /** The path that it waited for, busy or full, which gets it now; null where the policy says. */
  waitedFor: PathRuntime | null = null
  /** The attempt the engine waits for; null while the bio waits for something else. */
  live: Attempt | null = null
  /** Where it waits, and beside which others of one path; null while it does not. Kept by Waiters. */
  waitsIn: WaitList | null = null
  waitsBeside: Set<Bio> | null = null
  waitsSinceUs = 0
  /** How often it has waited: which wait it is that ends. */
  waits = 0
  /** Younger writes that overlap it stay behind it: it waits, or it has waited after a try. */
  isAhead = false
  /** Younger writes that wait for it. */
  followers: Bio[] | null = null
  /** What is told of it when it has ended; null for one that is not traced. */
  trace: IoTrace | null = null
  /** When it was first sent, while the statistics of the disk count it; null before and after. */
  statSinceUs: number | null = null
  /** How long a flush waits for a path to its cache; null while it does not. */
  wayTimer: TimerHandle | null = null
  /** When it succeeded, while its caller hears of it at once; else 0. To ask the clock costs as much as to choose a path. */
  answeredUs = 0
  /** Its end is decided; only records are waited for. */
  ended = false
  #refusals = NO_REFUSALS
  #reasons = NO_REASONS
  #ghosts = NO_GHOSTS

  constructor(
    owner: BioOwner,
    io: OpenIo,
    id: number,
    offset: number,
    length: number,
    cache: WriteCache | null,
    block: PoolBlock | null,
  ) {
    this.#owner = owner
    this.io = io
    this.id = id
    this.op = io.op
    this.offset = offset
    this.length = length
    this.fua = io.fua
    this.node = io.node
    this.cache = cache
    this.block = block
  }

  /** Kept per incarnation of the path: what a path refused before it failed and healed is forgotten. */
  get refusals(): readonly Refusal[] {
    return this.#refusals
  }

  /** Why it was ever re-sent: its completion waits until these are on the ledger. */
  get reasons(): ReadonlySet<Suspicion> {
    return this.#reasons
  }

  /** What its attempts left behind: its caller hears of nothing before they are durable. */
  get ghosts(): readonly Ghost[] {
    return this.#ghosts
  }

  /** A path refused it. */
  refuse(refusal: Refusal): void {
    this.#refusals = [...this.#refusals, refusal]
    if (refusal.suspicion !== null && !this.#reasons.has(refusal.suspicion)) {
      this.#reasons = new Set([...this.#reasons, refusal.suspicion])
    }
  }

  /** Forgets the refusals that `explained` is true for. */
  forget(explained: (refusal: Refusal) => boolean): void {
    if (this.#refusals.some(explained))
      this.#refusals = this.#refusals.filter((refusal) => !explained(refusal))
  }

  /** An attempt of it left a ghost. */
  leave(ghost: Ghost): void {
    this.#ghosts = [...this.#ghosts, ghost]
  }

  /** Tells its owner, once. */
  done(error: PathledgerError | null): void {
    this.#owner.bioDone(this, error)
  }
}

/**
 * One try of a bio on a path, and the request that the path gets. Accounting starts and ends with it, exactly once (D-28,
 * D-30). Each has an object and a function of its own: a path that answers twice must meet the attempt that it answered,
 * not whatever took its place.
 */
export class Attempt implements IoRequest {
  readonly op: IoOp
  readonly offset: number
  readonly length: number
  readonly data: Uint8Array | null
  readonly fua: boolean
  readonly bio: Bio
  readonly path: PathRuntime
  /** Whether it was counted when it started: this decides at its end, not the policy of then. */
  readonly countedActive: boolean
  /** Memory that the attempt holds until the kernel gives it back. */
  readonly block: PoolBlock | null
  readonly startedUs: number
  /** How often the path had come back into use when it was sent: an error of before says nothing of it as it is now. */
  readonly returns: number
  /** Of the LUN's reservations, when it was sent. */
  readonly epoch: number
  /** The engine no longer waits for it: completed, or given up. */
  ended = false
  /** The kernel has given it back. */
  returned = false
  ghost: Ghost | null = null
  /** Of a flush: the number of the last write that was acknowledged when it was sent. */
  covers = 0
  // Its place among the attempts of its path (attempt-list.ts).
  listed = false
  older: Attempt | null = null
  newer: Attempt | null = null

  constructor(bio: Bio, path: PathRuntime, countedActive: boolean, startedUs: number, epoch: number) {
    this.op = bio.op
    this.offset = bio.offset
    this.length = bio.length
    this.data = bio.block === null ? null : bio.block.bytes
    this.fua = bio.fua
    this.bio = bio
    this.path = path
    this.countedActive = countedActive
    this.block = bio.block
    this.startedUs = startedUs
    this.returns = path.returns
    this.epoch = epoch
  }
}

/** Evidence of an error of this bio, as the ledger keeps it. */
export function evidenceOf(bio: Bio, errno: string | null, status: BlkStatus): Evidence {
  return { errno, status, op: bio.op, offset: bio.offset, length: bio.length }
}

/** True for what changes the medium: an attempt of it may land late. */
export function isMutation({ op }: Bio): boolean {
  return op === 'write' || op === 'discard' || op === 'writeZeroes'
}

/** True for what is on the medium when it is acknowledged: no flush need cover it. */
export function isDurable({ op, fua }: Bio): boolean {
  return op === 'write' && fua
}

/** Bytes of memory or of a queue that a bio stands for: discards and zeroings carry none. */
export function weightOf({ op, length }: Bio): number {
  return op === 'read' || op === 'write' ? length : 0
}

/** True when the caller, whose own memory it is, detached or shrank it under the I/O. */
export function memoryIsGone({ block, length }: Bio): boolean {
  return block !== null && block.bytes.length !== length
}

/** True for what must never be driven round until somebody says ok (the kernel reports a lost write once). */
export function isFlushLike(bio: Bio): boolean {
  return bio.op === 'flush' || bio.fua
}
