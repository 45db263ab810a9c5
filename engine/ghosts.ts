// Ghosts: attempts that ended without proof that they can no longer change the medium. They belong to the LUN, outlive
// path and head, and newer writes that overlap one wait for its end.
//
// Looked up by the pages of 64 KiB that a range touches, so that a look-up costs what lies there, not what there is.
import type { GhostProof, GhostReason } from '../machines/lun-events.ts'
import type { IoOp } from '../machines/words.ts'
import type { Gate } from './gate.ts'

export interface Ghost {
  readonly id: string
  /** H:C:I:L of the path, and in which life of it the attempt was sent. */
  readonly path: string
  readonly incarnation: number
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
  /** Proof has come and is on its way to the ledger. */
  ending: GhostProof | null
}

const PAGE = 65_536
/** A range over more pages than this is kept apart: an unclean start makes a ghost of the whole LUN. */
const PAGES_MAX = 64

export class GhostIndex {
  readonly #all = new Map<string, Ghost>()
  readonly #pages = new Map<number, Set<Ghost>>()
  readonly #wide = new Set<Ghost>()

  get size(): number {
    return this.#all.size
  }

  /** Every ghost there is, oldest first. */
  all(): Ghost[] {
    return [...this.#all.values()]
  }

  get(id: string): Ghost | null {
    return this.#all.get(id) ?? null
  }

  add(ghost: Ghost): void {
    this.#all.set(ghost.id, ghost)
    if (isWide(ghost)) this.#wide.add(ghost)
    else for (const page of pagesOf(ghost)) this.#page(page).add(ghost)
  }

  delete(ghost: Ghost): void {
    if (!this.#all.delete(ghost.id)) return
    this.#wide.delete(ghost)
    if (isWide(ghost)) return
    for (const page of pagesOf(ghost)) {
      const set = this.#pages.get(page)
      set?.delete(ghost)
      if (set?.size === 0) this.#pages.delete(page)
    }
  }

  /** A ghost that overlaps the range and is not of this bio: re-sending the same bytes over their own ghost is safe. */
  conflict(range: { offset: number; length: number }, bio: number): Ghost | null {
    if (this.#all.size === 0) return null
    for (const ghost of this.#wide) if (ghost.bio !== bio && overlaps(ghost, range)) return ghost
    for (const page of pagesOf(range)) {
      for (const ghost of this.#pages.get(page) ?? []) {
        if (ghost.bio !== bio && overlaps(ghost, range)) return ghost
      }
    }
    return null
  }

  #page(page: number): Set<Ghost> {
    const known = this.#pages.get(page)
    if (known !== undefined) return known
    const made = new Set<Ghost>()
    this.#pages.set(page, made)
    return made
  }
}

/** True when two byte ranges share a byte. */
export function overlaps(
  one: { offset: number; length: number },
  other: { offset: number; length: number },
): boolean {
  return one.offset < other.offset + other.length && other.offset < one.offset + one.length
}

function* pagesOf({ offset, length }: { offset: number; length: number }): Generator<number> {
  const last = Math.floor((offset + length - 1) / PAGE)
  for (let page = Math.floor(offset / PAGE); page <= last; page += 1) yield page
}

function isWide({ offset, length }: Ghost): boolean {
  return Math.floor((offset + length - 1) / PAGE) - Math.floor(offset / PAGE) >= PAGES_MAX
}
