// With few I/Os in flight there is nothing to do but wait, and the answer is often quicker than a turn of the event loop:
// so the ring is watched for a moment, then the kernel is asked to wait a moment, and only then the event loop goes on.
// Each is done only as long as it pays: a hung path, or a machine without a processor to spare, soon gets neither.
import type { Clock } from '../ports.ts'

/** With more in flight than this there is something to do meanwhile. */
export const FEW_IN_FLIGHT = 4

/** How long the ring is watched. */
export const WATCH_US = 15

/** How long the kernel is asked to wait. */
export const WAIT_US = 50

/** Looks at the ring between two looks at the clock. */
const LOOKS = 32

/** After so many times in vain, one of {@link TRIAL} is tried. */
const CREDIT_MAX = 4
const TRIAL = 32

/** What is waited for. */
interface Awaited {
  /** Something has completed, or would if the kernel were asked. */
  isReady(): boolean
  /** Lets the kernel wait for a completion, so long at most. */
  wait(us: number): void
}

export class QuickWait {
  readonly #clock: Pick<Clock, 'monoUs'>
  readonly #ring: Awaited
  readonly #watching = new Credit()
  readonly #waiting = new Credit()

  constructor(clock: Pick<Clock, 'monoUs'>, ring: Awaited) {
    this.#clock = clock
    this.#ring = ring
  }

  /** Returns when something has completed, or after {@link WATCH_US} and {@link WAIT_US} at most. */
  forOne(): void {
    if (this.#ring.isReady()) return
    if (this.#watching.granted()) {
      this.#watch()
      this.#watching.paid(this.#ring.isReady())
      if (this.#ring.isReady()) return
    }
    if (!this.#waiting.granted()) return
    this.#ring.wait(WAIT_US)
    this.#waiting.paid(this.#ring.isReady())
  }

  #watch(): void {
    const untilUs = this.#clock.monoUs() + WATCH_US
    while (this.#clock.monoUs() < untilUs) {
      for (let look = 0; look < LOOKS; look += 1) if (this.#ring.isReady()) return
    }
  }
}

/** Grants as long as it pays, and a trial now and then. */
class Credit {
  #left = CREDIT_MAX
  #refused = 0

  granted(): boolean {
    if (this.#left > 0) return true
    this.#refused += 1
    return this.#refused % TRIAL === 0
  }

  paid(did: boolean): void {
    this.#left = did ? CREDIT_MAX : Math.max(0, this.#left - 1)
  }
}
