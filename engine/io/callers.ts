// Callers that wait for memory or for room in their head's queue, in order. To add and to take one costs the same however many
// wait; and they do not wait for ever where nothing moves.
import type { TimerHandle } from '../../adapters/ports.ts'
import type { PathledgerError } from '../../errors.ts'
import { guarded, usOfMs, type Core } from '../core/core.ts'
import type { OpenIo } from './open-io.ts'

/** A caller that waits for room before they send anything. */
export interface RoomWait {
  readonly bytes: number
  readonly done: (error: PathledgerError | null) => void
}

export function isRoomWait(one: OpenIo | RoomWait): one is RoomWait {
  return 'bytes' in one
}

export class Callers {
  readonly #core: Core
  readonly #waiting = new Set<OpenIo | RoomWait>()
  /** Nothing has moved for `waitMaxMs`. */
  readonly #onStuck: () => void
  /** When the first of them last changed. */
  #movedUs = 0
  #limit: TimerHandle | null = null

  constructor(core: Core, onStuck: () => void) {
    this.#core = core
    this.#onStuck = onStuck
  }

  get size(): number {
    return this.#waiting.size
  }

  add(one: OpenIo | RoomWait): void {
    if (this.#waiting.size === 0) this.#movedUs = this.#core.clock.monoUs()
    this.#waiting.add(one)
    this.#core.pool.want()
    this.#armLimit()
  }

  delete(one: OpenIo): void {
    this.#waiting.delete(one)
  }

  /** Serves them in order; `serve` says false when one must go on waiting, and the others behind it. */
  pump(serve: (one: OpenIo | RoomWait) => boolean): void {
    for (const first of this.#waiting) {
      if (!serve(first)) return this.#core.pool.want()
      this.#waiting.delete(first)
      this.#movedUs = this.#core.clock.monoUs()
    }
    this.#disarm()
  }

  takeAll(): (OpenIo | RoomWait)[] {
    const all = [...this.#waiting]
    this.#waiting.clear()
    this.#disarm()
    return all
  }

  #armLimit(): void {
    const { clock, settings } = this.#core
    const limitUs = usOfMs(settings.waitMaxMs)
    if (this.#limit !== null || limitUs === 0) return
    this.#limit = clock.setTimer(this.#movedUs + limitUs, () => {
      this.#limit = null
      guarded(this.#core, () => {
        const nowUs = clock.monoUs()
        if (this.#waiting.size > 0 && this.#movedUs + limitUs <= nowUs) {
          this.#movedUs = nowUs
          this.#onStuck()
        }
        if (this.#waiting.size > 0) this.#armLimit()
      })
    })
  }

  /** No limit keeps a program from ending when nobody waits any more. */
  #disarm(): void {
    this.#limit?.cancel()
    this.#limit = null
  }
}
