// A bound on rows: so many a minute, refilled evenly, in whole numbers only.
import type { Clock } from '../../adapters/ports.ts'

const MINUTE_US = 60_000_000

export class RateLimit {
  readonly #clock: Clock
  readonly #perMinute: number
  #windowStartUs: number
  #used = 0

  constructor(clock: Clock, perMinute: number) {
    this.#clock = clock
    this.#perMinute = perMinute
    this.#windowStartUs = clock.monoUs()
  }

  /** True while there is room; takes one. */
  take(): boolean {
    const nowUs = this.#clock.monoUs()
    if (nowUs - this.#windowStartUs >= MINUTE_US) {
      this.#windowStartUs = nowUs
      this.#used = 0
    }
    if (this.#used >= this.#perMinute) return false
    this.#used += 1
    return true
  }
}
