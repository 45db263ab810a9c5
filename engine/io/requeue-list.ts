// The requeue list: bios without a path, in the order of their submission, bounded in bytes.
import { weightOf, type Bio } from './bio.ts'
import type { Core } from '../core/core.ts'

export class RequeueList {
  readonly #core: Core
  #bios: Bio[] = []
  #bytes = 0
  #workScheduled = false
  /** A read waits here for memory, not for a path. */
  starved = false

  constructor(core: Core) {
    this.#core = core
  }

  get length(): number {
    return this.#bios.length
  }

  /** Bytes that wait here. */
  get bytes(): number {
    return this.#bytes
  }

  /** Appends a bio. */
  park(bio: Bio): void {
    bio.parkedAtUs = this.#core.clock.monoUs()
    this.#bios.push(bio)
    this.#bytes += weightOf(bio)
  }

  /** Takes one bio off the list; false when it is not there. */
  take(bio: Bio): boolean {
    const at = this.#bios.indexOf(bio)
    if (at < 0) return false
    this.#bios.splice(at, 1)
    this.#bytes -= weightOf(bio)
    return true
  }

  /** Takes everything, in the order of submission: a dying path gives bios back in any order (D-33). */
  takeAll(): Bio[] {
    const bios = this.#bios.sort((one, other) => one.id - other.id)
    this.#bios = []
    this.#bytes = 0
    return bios
  }

  /**
   * Runs `work` once, later: however often it is asked for before it has run, and never inside the caller, so that a
   * completion neither sleeps nor recurses (D-33, D-34).
   */
  scheduleWork(work: () => void): void {
    if (this.#workScheduled) return
    this.#workScheduled = true
    queueMicrotask(() => {
      this.#workScheduled = false
      work()
    })
  }
}
