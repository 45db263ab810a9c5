// Waiting for a ring without a sleep of the event loop, whose wake costs more than most I/Os take: with few in flight the
// ring is watched for a moment, and then the kernel is asked to wait a moment. Each is done only as long as it pays: a hung
// path, or a machine without a processor to spare, soon gets neither.
import type { Clock } from '../ports.ts'

/** With more in flight than this the next completion is never far: watching for it would only make small batches. */
export const FEW_IN_FLIGHT = 4

/** How long the ring is watched. */
export const WATCH_US = 15

/** How long the kernel is asked to wait. */
export const WAIT_US = 200

/** Looks at the ring between two looks at the clock. */
const LOOKS = 32

/** So many times in vain, one after the other, and only one of {@link TRIAL} is tried any more. */
const WATCHES_IN_VAIN = 4
const WAITS_IN_VAIN = 16
const TRIAL = 32

/** What is waited for. */
interface Awaited {
  /** Something has completed, or would if the kernel were asked. */
  isReady(): boolean
  /** Lets the kernel wait for `least` completions, so long at most. */
  wait(us: number, least: number): void
}

export class QuickWait {
  readonly #clock: Pick<Clock, 'monoUs'>
  readonly #ring: Awaited
  readonly #watching = new Credit(WATCHES_IN_VAIN)
  readonly #waiting = new Credit(WAITS_IN_VAIN)
  #atOnce = 0

  constructor(clock: Pick<Clock, 'monoUs'>, ring: Awaited) {
    this.#clock = clock
    this.#ring = ring
  }

  /**
   * How long the kernel is to wait in the same call that hands something over: {@link WAIT_US} where watching does not pay
   * and waiting does, else 0. {@link QuickWait.waited} says afterwards whether it did.
   */
  atOnceUs(): number {
    if (this.#watching.left > 0 || this.#waiting.left === 0) return 0
    this.#atOnce += 1
    // Now and then the longer way, for a trial of watching.
    return this.#atOnce % TRIAL === 0 ? 0 : WAIT_US
  }

  waited(): void {
    this.#waiting.paid(this.#ring.isReady())
  }

  /** Returns when something has completed, or after {@link WATCH_US} and {@link WAIT_US} at most. */
  forSome(inFlight: number): void {
    if (this.#ring.isReady()) return
    if (inFlight <= FEW_IN_FLIGHT && this.#watching.granted()) {
      this.#watch()
      const paid = this.#ring.isReady()
      this.#watching.paid(paid)
      if (paid) return
    }
    if (!this.#waiting.granted()) return
    this.#ring.wait(WAIT_US, Math.max(1, inFlight >> 3))
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
  readonly #most: number
  #left: number
  #refused = 0

  constructor(most: number) {
    this.#most = most
    this.#left = most
  }

  get left(): number {
    return this.#left
  }

  granted(): boolean {
    if (this.#left > 0) return true
    this.#refused += 1
    return this.#refused % TRIAL === 0
  }

  paid(did: boolean): void {
    this.#left = did ? this.#most : Math.max(0, this.#left - 1)
  }
}
