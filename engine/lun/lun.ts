// A logical unit while the engine runs: what belongs to it and not to its head, and outlives every head that it has. Its
// ghosts, its reservations, its stream, and what its engines tell each other.
import type { PathDevice } from '../../adapters/ports.ts'
import type { LunStore } from '../../store/lun/types.ts'
import type { LedgerStore } from '../../store/types.ts'
import { guarded, type Core } from '../core/core.ts'
import type { Stream } from '../ledger/stream.ts'
import type { Streams } from '../ledger/streams.ts'
import { GhostBook, type EngineIdentity } from './ghost-book.ts'
import { lunOnLedger, type RunBefore } from './ghost-ledger.ts'
import { LunReservations } from './lun-reservations.ts'
import { LunState } from './lun-state.ts'
import { deadlineOf, timely } from './timely.ts'
import { WriteCaches } from './write-caches.ts'
import { leftOnLedger } from './writes-left.ts'

/** Opens the storage that every engine of a LUN shares; null where there is only this engine. */
export type LunStorage = (wwid: string, kind: PathDevice['kind']) => Promise<LunStore | null>

export interface LunParts {
  readonly core: Core
  readonly identity: EngineIdentity
  readonly streams: Streams
  readonly store: LedgerStore
  readonly before: RunBefore
  readonly storage: LunStorage | null
}

/** The head that a LUN has now, as the LUN knows it. */
export interface LunHead {
  /** Ghosts have ended: what was held for them may go on. */
  ghostsEnded(): void
  /** What waited for a reservation is to ask again. */
  askAgain(): void
}

const NO_HEAD: LunHead = { ghostsEnded: () => undefined, askAgain: () => undefined }

export class LunRuntime {
  readonly wwid: string
  readonly stream: Stream
  readonly ghosts: GhostBook
  readonly reservations: LunReservations
  /** Which acknowledged writes a flush has to cover, and where they may be. */
  readonly writes = new WriteCaches()
  readonly #parts: LunParts
  #head = NO_HEAD
  #opening: Promise<LunState | null> | null = null
  #shared: LunState | null = null

  constructor(wwid: string, parts: LunParts) {
    const { core, identity, streams } = parts
    this.wwid = wwid
    this.#parts = parts
    this.stream = streams.of(`lun/${wwid}`)
    this.ghosts = new GhostBook(core, {
      stream: this.stream,
      identity,
      onEnded: () => this.#head.ghostsEnded(),
    })
    this.reservations = new LunReservations({
      core,
      stream: streams.of(`reservation/${wwid}`),
      book: this.ghosts,
      id: identity.id,
      initiator: identity.initiator,
      wake: () => this.#head.askAgain(),
    })
    for (const path of leftOnLedger(parts.store, wwid)) this.writes.inherit(path)
  }

  /** It has another head now. */
  serve(head: LunHead): void {
    this.#head = head
  }

  /** Opens what its engines share, once; what other engines left there holds from then on. */
  open(sizeBytes: number, kind: PathDevice['kind']): Promise<LunState | null> {
    if (this.#opening !== null) return this.#opening
    const opening = this.#open(sizeBytes, kind)
    this.#opening = opening
    opening.catch(() => {
      this.#opening = null
    })
    return opening
  }

  async #open(sizeBytes: number, kind: PathDevice['kind']): Promise<LunState | null> {
    const { core, identity, store, before } = this.#parts
    const storage = await this.#storage(kind)
    if (storage === null) return null
    const ledger = lunOnLedger(store, this.wwid, before)
    const shared = new LunState(core, storage, this.ghosts, identity)
    // Before anybody may write: who was shut out stays so.
    if (shared.isLost(ledger)) await this.#restore(storage)
    this.ghosts.keepIn(storage)
    shared.start(sizeBytes, ledger)
    this.#shared = shared
    this.reservations.keepIn(shared.reservations, shared)
    return shared
  }

  /** What this ledger knows of its reservations. A storage that does not take them is let go of: who comes next opens it anew. */
  async #restore(storage: LunStore): Promise<void> {
    try {
      await this.reservations.restore(storage.reservations)
    } catch (error) {
      storage.close().catch(() => undefined)
      throw error
    }
  }

  /** The storage, each of whose answers comes in time or fails; so does its open, and what comes later is closed. */
  async #storage(kind: PathDevice['kind']): Promise<LunStore | null> {
    const { core, storage: open } = this.#parts
    if (open === null) return null
    const within = deadlineOf(core)
    const opening = open(this.wwid, kind)
    try {
      const storage = await within('an engine', () => opening)
      return storage === null ? null : timely(storage, within)
    } catch (error) {
      opening.then((late) => late?.close()).catch(() => undefined)
      throw error
    }
  }

  /** What its engines share, where that is open. */
  get shared(): LunState | null {
    return this.#shared
  }

  /** Looks whether another engine opened or ended ghosts. Before every write, so nothing is made where nothing is to look at. */
  refresh(): void {
    const shared = this.#shared
    if (shared !== null && !shared.looked) guarded(this.#parts.core, () => shared.refresh())
  }

  /** The same, while something waits for such ghosts: also whether their engine has died. */
  tend(): void {
    guarded(this.#parts.core, () => this.#shared?.tend())
  }
}
