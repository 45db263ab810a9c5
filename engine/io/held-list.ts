// The writes of a head that wait for a ghost, in the order in which they began to wait. To put one on, to take it off and to
// find what it overlaps costs the same however many there are.
import { weightOf, type Bio } from './bio.ts'
import { RangeIndex } from '../lun/range-index.ts'

export class HeldList {
  readonly #bios = new Set<Bio>()
  readonly #index = new RangeIndex<Bio>()
  #bytes = 0

  get length(): number {
    return this.#bios.size
  }

  /** Bytes that wait here. */
  get bytes(): number {
    return this.#bytes
  }

  /** The one that has waited longest; null when none does. */
  get oldest(): Bio | null {
    for (const bio of this.#bios) return bio
    return null
  }

  add(bio: Bio): void {
    this.#bios.add(bio)
    this.#index.add(bio)
    this.#bytes += weightOf(bio)
  }

  /** Takes a bio off; false when it was not here. */
  delete(bio: Bio): boolean {
    if (!this.#bios.delete(bio)) return false
    this.#index.delete(bio)
    this.#bytes -= weightOf(bio)
    return true
  }

  /** Whether a bio that was submitted before this one waits for bytes that this one overlaps. */
  hasOlder(bio: Bio): boolean {
    if (this.#bios.size === 0) return false
    return this.#index.find(bio, (held) => held.id < bio.id) !== null
  }

  /** All of them as they are now, in order. */
  all(): Bio[] {
    return [...this.#bios]
  }

  /** Takes all of them off, in order. */
  takeAll(): Bio[] {
    const all = this.all()
    for (const bio of all) this.delete(bio)
    return all
  }
}
