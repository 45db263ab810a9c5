// Ghosts: attempts that ended without proof that they can no longer change the medium. They belong to the LUN, outlive
// path and head, and newer writes that overlap one wait for its end.
import type { GhostProof, GhostReason } from '../../machines/lun/events.ts'
import type { IoOp } from '../../machines/words.ts'
import { Gate } from '../ledger/gate.ts'
import type { Attach } from './attach.ts'
import { RangeIndex, type ByteRange } from './range-index.ts'

export interface Ghost {
  readonly id: string
  /** What its attempt was sent down; proof speaks of that, or of nothing. */
  readonly attach: Attach
  /** H:C:I:L of it, for people. */
  readonly path: string
  readonly op: IoOp
  readonly offset: number
  readonly length: number
  readonly reason: GhostReason
  /** The bio whose attempt it was; null when it is another engine's or an earlier run's. */
  readonly bio: number | null
  /** When it was opened, monotonic microseconds. */
  readonly openedUs: number
  /** When the kernel gave the attempt back, with an error that proves nothing; null while it still has it. */
  returnedUs: number | null
  /** Open once the ghost is durable: only then may a re-sent bio be acknowledged. */
  readonly gate: Gate
  /** Another engine's: it ends it, or its death does. */
  readonly foreign: boolean
  /** The engine whose attempt it was is dead: the device alone can tell whether it is over. */
  readonly orphan: boolean
  /** Proof has come and is on its way to the ledger. */
  ending: GhostProof | null
}

/** Stands for what another engine has changed and this one has not read yet: it may overlap anything. */
const UNREAD: Ghost = {
  id: 'unread',
  attach: { id: 'unread', path: '-', incarnation: 0, device: '-', deviceKey: '', final: false, bootId: '' },
  path: '-',
  ...{ op: 'write', offset: 0, length: Number.MAX_SAFE_INTEGER, reason: 'unclean', bio: null },
  ...{ openedUs: 0, returnedUs: null, gate: new Gate(), foreign: true, orphan: false, ending: null },
}

export class GhostIndex {
  readonly #all = new Map<string, Ghost>()
  readonly #index = new RangeIndex<Ghost>()
  /** The LUN's storage has changed, and it is not known yet what is there. */
  unread = false

  get size(): number {
    return this.#all.size
  }

  /** Every ghost there is, oldest first. */
  all(): Ghost[] {
    return [...this.#all.values()]
  }

  /** Those of one attach. */
  ofAttach(id: string): Ghost[] {
    return this.all().filter(({ attach }) => attach.id === id)
  }

  /** Whether one of them is another engine's. */
  hasForeign(): boolean {
    for (const { foreign } of this.#all.values()) if (foreign) return true
    return false
  }

  get(id: string): Ghost | null {
    return this.#all.get(id) ?? null
  }

  add(ghost: Ghost): void {
    this.#all.set(ghost.id, ghost)
    this.#index.add(ghost)
  }

  delete(ghost: Ghost): void {
    if (this.#all.delete(ghost.id)) this.#index.delete(ghost)
  }

  /** What a write that is to be sent waits for: a ghost that it overlaps, or word of what there is. */
  holder(range: ByteRange, bio: number): Ghost | null {
    return this.unread ? UNREAD : this.conflict(range, bio)
  }

  /**
   * A ghost that overlaps the range and is not of this bio or a younger one. To send the same bytes again over their own
   * ghost is safe; and where a younger write lands later, the order is that of submission. Were an older one to wait for a
   * younger one's ghost, each would wait for the other.
   */
  conflict(range: ByteRange, bio: number): Ghost | null {
    if (this.#all.size === 0) return null
    return this.#index.find(range, (ghost) => ghost.bio === null || ghost.bio < bio)
  }
}
