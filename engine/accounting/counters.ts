// What is counted per path and per head. Plain numbers, added to in the hot path, read for the ledger's samples.
import type { IoOp } from '../../machines/words.ts'

/** What was done through a path since it was added: I/Os, bytes, errors. */
export interface PathCounters {
  reads: number
  writes: number
  flushes: number
  readBytes: number
  writeBytes: number
  /** Attempts that ended with an error. */
  errors: number
  /** Bios that went elsewhere after an error here. */
  resent: number
}

/** What was done through a head since it was created: I/Os, bytes, and what became of them. */
export interface HeadCounters {
  reads: number
  writes: number
  flushes: number
  readBytes: number
  writeBytes: number
  /** I/Os that ended with an error at the caller. */
  callerErrors: number
  /** Times a bio was parked because no path was usable (the kernel's requeue_no_usable_path_cnt). */
  requeued: number
  /** Times an I/O failed because no path was usable and none was worth waiting for (fail_no_avail_path_cnt). */
  failedNoPath: number
  /** Times a bio was sent again in full after a path error. */
  resent: number
}

export function pathCounters(): PathCounters {
  return { reads: 0, writes: 0, flushes: 0, readBytes: 0, writeBytes: 0, errors: 0, resent: 0 }
}

export function headCounters(): HeadCounters {
  return {
    reads: 0,
    writes: 0,
    flushes: 0,
    readBytes: 0,
    writeBytes: 0,
    callerErrors: 0,
    requeued: 0,
    failedNoPath: 0,
    resent: 0,
  }
}

type IoCounters = Pick<PathCounters, 'reads' | 'writes' | 'flushes' | 'readBytes' | 'writeBytes'>

/** Counts a bio that succeeded. */
export function countDone(counters: IoCounters, bio: { readonly op: IoOp; readonly length: number }): void {
  if (bio.op === 'read') {
    counters.reads += 1
    counters.readBytes += bio.length
  } else if (bio.op === 'flush') {
    counters.flushes += 1
  } else {
    counters.writes += 1
    counters.writeBytes += bio.length
  }
}

interface Counted {
  readonly counters: PathCounters
  readonly adapter: { readonly counters: PathCounters }
}

/** Counts an attempt that ended with an error. */
export function countError({ counters, adapter }: Counted): void {
  counters.errors += 1
  adapter.counters.errors += 1
}

/** Counts a bio that goes elsewhere after an error here. */
export function countResent({ counters, adapter }: Counted): void {
  counters.resent += 1
  adapter.counters.resent += 1
}

/** What was added since `before`; null when nothing was. */
export function difference<Counters extends object>(now: Counters, before: Counters): Counters | null {
  const entries = Object.entries(now) as [keyof Counters, number][]
  const grown = entries.map(([key, value]) => [key, value - (before[key] as number)] as const)
  return grown.some(([, value]) => value !== 0) ? (Object.fromEntries(grown) as Counters) : null
}
