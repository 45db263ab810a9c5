// A bio: one piece of a caller's I/O, small enough for the pool, sent in full with every try.
import type { Evidence } from '../machines/events.ts'
import type { PathledgerError } from '../errors.ts'
import type { BlkStatus, IoOp } from '../machines/words.ts'
import type { Ghost } from './ghosts.ts'
import type { PathRuntime } from './path-runtime.ts'
import type { PoolBlock } from './pool.ts'
import type { Suspicion } from './suspicion.ts'

/** That a path refused this bio, in which life of the path, and how. */
export interface Refusal {
  readonly path: PathRuntime
  readonly epoch: number
  readonly status: BlkStatus
  readonly evidence: Evidence
  readonly suspicion: Suspicion | null
}

export interface Bio {
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
  /** The path a flush is for: it has acknowledged writes. Another one takes it over where this one cannot. */
  readonly pinned: PathRuntime | null
  /** Kept per incarnation of the path: what a path refused before it failed and healed is forgotten. */
  refusals: Refusal[]
  attempts: number
  resourceRetries: number
  /** Why it was ever re-sent: its completion waits until these are on the ledger. */
  readonly reasons: Set<Suspicion>
  /** The attempt the engine waits for; null while the bio waits for something else. */
  live: Attempt | null
  /** What its attempts left behind: its caller hears of nothing before they are durable. */
  readonly ghosts: Ghost[]
  parkedAtUs: number
  /** When it was first sent, while the statistics of the disk count it; null before and after. */
  statSinceUs: number | null
  heldSinceUs: number
  /** Its end is decided; only records are waited for. */
  ended: boolean
  /** Called exactly once. */
  readonly done: (error: PathledgerError | null) => void
}

/** One try of a bio on a path. Accounting starts and ends with it, exactly once (D-28, D-30). */
export interface Attempt {
  readonly bio: Bio
  readonly path: PathRuntime
  /** Whether it was counted when it started: this decides at its end, not the policy of then. */
  readonly countedActive: boolean
  /** Memory that the attempt holds until the kernel gives it back. */
  readonly block: PoolBlock | null
  readonly startedUs: number
  /** The engine no longer waits for it: completed, or given up. */
  ended: boolean
  /** The kernel has given it back. */
  returned: boolean
  ghost: Ghost | null
}

/** Evidence of an error of this bio, as the ledger keeps it. */
export function evidenceOf(bio: Bio, errno: string | null, status: BlkStatus): Evidence {
  return { errno, status, op: bio.op, offset: bio.offset, length: bio.length }
}

/** True for what changes the medium: an attempt of it may land late. */
export function isMutation({ op }: Bio): boolean {
  return op === 'write' || op === 'discard' || op === 'writeZeroes'
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
