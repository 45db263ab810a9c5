// The reservations of every LUN, by wwid: like a LUN's ghosts, they outlive its head.
import type { Core } from '../core/core.ts'
import type { EngineIdentity, GhostBook } from './ghost-book.ts'
import type { Stream } from '../ledger/stream.ts'
import { LunReservations } from './lun-reservations.ts'

/** What a LUN has, by name. */
interface Luns {
  stream(name: string): Stream
  book(wwid: string): GhostBook
}

export class ReservationDesk {
  readonly #core: Core
  readonly #identity: EngineIdentity
  readonly #luns: Luns
  readonly #known = new Map<string, LunReservations>()

  constructor(core: Core, identity: EngineIdentity, luns: Luns) {
    this.#core = core
    this.#identity = identity
    this.#luns = luns
  }

  /** Those of a LUN, made when they are first asked for. */
  of(wwid: string): LunReservations {
    const known = this.#known.get(wwid)
    if (known !== undefined) return known
    const { id, initiator } = this.#identity
    const [stream, book] = [this.#luns.stream(`reservation/${wwid}`), this.#luns.book(wwid)]
    const made = new LunReservations({ core: this.#core, stream, book, id, initiator })
    this.#known.set(wwid, made)
    return made
  }
}
