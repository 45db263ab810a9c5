// The flushes of a head. A caller's flush covers what was acknowledged when they called, in every write cache that may hold some
// of it. One run for each cache; another caller joins a run that was not sent yet, or was sent after all of their writes had been
// acknowledged, and no other. A run belongs to nobody: a caller who aborts leaves it.
import type { PathledgerError } from '../../errors.ts'
import { countDone } from '../accounting/counters.ts'
import type { HeadRuntime } from '../heads/runtime.ts'
import type { WriteCache } from '../lun/write-caches.ts'
import { Bio, type BioOwner } from './bio.ts'
import { submitBio } from './dispatch.ts'
import { isWithinReach, stopWaiting } from './flush-way.ts'
import { OpenIo } from './open-io.ts'

/** A caller's flush has ended for one cache. */
export type FlushEnded = (io: OpenIo, error: PathledgerError | null) => void

/** One flush of one cache, for those who wait for it. */
export class FlushRun {
  readonly cache: WriteCache
  readonly bio: Bio
  /** By the I/O that waits: the last write that it has to cover. */
  readonly waiters = new Map<OpenIo, number>()

  constructor(cache: WriteCache, bio: Bio) {
    this.cache = cache
    this.bio = bio
  }

  /** Whether it covers a write of this number, acknowledged before now: it is still to be sent, or was sent after that. */
  covers(number: number): boolean {
    const { live, ended } = this.bio
    return !ended && (live === null || live.covers >= number)
  }
}

export class Flushes implements BioOwner {
  readonly #head: HeadRuntime
  readonly #onEnded: FlushEnded
  readonly #runs = new Map<Bio, FlushRun>()
  readonly #callers = new Map<OpenIo, number>()

  constructor(head: HeadRuntime, onEnded: FlushEnded) {
    this.#head = head
    this.#onEnded = onEnded
  }

  /** Callers who wait for a run. */
  get callers(): number {
    return this.#callers.size
  }

  /** The caches that a flush of now has to reach, those out of reach included of which nobody was told yet. */
  toCover(): WriteCache[] {
    const head = this.#head
    return head.lun.writes.uncovered().filter((cache) => cache.untold || isWithinReach(head, cache))
  }

  /** Has a cache flushed for a caller. */
  join(io: OpenIo, cache: WriteCache): void {
    const number = cache.acknowledged
    const known = [...this.#runs.values()].find((run) => run.cache === cache && run.covers(number))
    const run = known ?? this.#begin(cache, io.node)
    run.waiters.set(io, number)
    this.#callers.set(io, (this.#callers.get(io) ?? 0) + 1)
    if (known === undefined) submitBio(this.#head, run.bio)
  }

  /** Its caller does not wait any more. Returns for how many caches they did. */
  leave(io: OpenIo): number {
    this.#callers.delete(io)
    return [...this.#runs.values()].filter(({ waiters }) => waiters.delete(io)).length
  }

  #ended(io: OpenIo, error: PathledgerError | null): void {
    const left = (this.#callers.get(io) ?? 1) - 1
    if (left === 0) this.#callers.delete(io)
    else this.#callers.set(io, left)
    this.#onEnded(io, error)
  }

  #begin(cache: WriteCache, node: number): FlushRun {
    const head = this.#head
    const io = new OpenIo('flush', 0, 0, null, 'copied', { node }, () => undefined)
    head.core.nextBio += 1
    const bio = new Bio(this, io, head.core.nextBio, 0, 0, cache, null)
    bio.trace = head.tracer.begin()
    const run = new FlushRun(cache, bio)
    this.#runs.set(bio, run)
    return run
  }

  bioDone(bio: Bio, error: PathledgerError | null): void {
    const head = this.#head
    const run = this.#runs.get(bio)
    this.#runs.delete(bio)
    stopWaiting(bio)
    head.stats.end(bio, 0, head.core.clock.monoUs())
    bio.trace?.ended(bio, error)
    if (error === null) countDone(head.counters, bio)
    if (run === undefined) return
    if (error !== null) this.#noteTold(run, error)
    for (const io of run.waiters.keys()) this.#ended(io, error)
  }

  /** What no flush can reach any more is told once: the next flush says what has become of the writes after it. */
  #noteTold({ cache, waiters }: FlushRun, { code }: PathledgerError): void {
    if (waiters.size === 0 || code !== 'NOT_DURABLE') return
    const number = [...waiters.values()].reduce((one, other) => Math.max(one, other), 0)
    this.#head.lun.writes.told(cache, number)
  }
}
