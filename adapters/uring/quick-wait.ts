// Waiting for a ring without a sleep of the event loop, whose wake costs more than most I/Os take: the kernel is asked to
// wait, in the call that hands over where there is one. The thread sleeps meanwhile, so that whoever does the I/O can have
// its processor. It is done only as long as it pays: a hung path, or a slow one, soon does without.
import type { Clock } from '../ports.ts'

/**
 * The kernel is asked to wait so long at most. Completions are expected much sooner ({@link PAYS_US}); this is longer than
 * a tick of the kernel's clock (4 ms at 250 Hz), for a timer that is due before the next tick has to be set in the hardware
 * for each wait, and in a virtual machine that takes longer than the I/O does.
 */
export const WAIT_US = 5000

/** A wait has paid when something has completed within this. */
export const PAYS_US = 200

/** Waits of one turn of the event loop take so long together, then it has its turn. */
export const TURN_US = 1000

/** Each wait that did not pay halves what is left of so many, and one for nothing ends them; one that paid restores them. */
const WAITS = 16
/** With none left one of so many is tried, for {@link PAYS_US} at most. */
const TRIAL = 32

/** What is waited for. */
interface Awaited {
  /** Something has completed, or would if the kernel were asked. */
  isReady(): boolean
  /** Lets the kernel wait for `least` completions, so long at most. */
  wait(us: number, least: number): void
  /** Hands over what is prepared, and then waits like `wait`. Answers the name of the error, or null. */
  submit(us: number, least: number): string | null
}

export class QuickWait {
  readonly #clock: Pick<Clock, 'monoUs'>
  readonly #ring: Awaited
  #left = WAITS
  #refused = 0
  #waitedUs = 0

  constructor(clock: Pick<Clock, 'monoUs'>, ring: Awaited) {
    this.#clock = clock
    this.#ring = ring
  }

  /** The event loop had its turn. */
  turn(): void {
    this.#waitedUs = 0
  }

  /** Hands over, and returns when `least` have completed, or when waiting does not pay. The error's name, or null. */
  submit(least: number): string | null {
    const us = this.#grantedUs()
    if (us === 0) return this.#ring.submit(0, 0)
    const sinceUs = this.#clock.monoUs()
    const errno = this.#ring.submit(us, least)
    this.#note(sinceUs, us)
    return errno
  }

  /** Returns when `least` have completed, or when waiting does not pay. */
  forSome(least: number): void {
    if (this.#ring.isReady()) return
    const us = this.#grantedUs()
    if (us === 0) return
    const sinceUs = this.#clock.monoUs()
    this.#ring.wait(us, least)
    this.#note(sinceUs, us)
  }

  #grantedUs(): number {
    if (this.#waitedUs >= TURN_US) return 0
    if (this.#left > 0) return WAIT_US
    this.#refused += 1
    return this.#refused % TRIAL === 0 ? PAYS_US : 0
  }

  #note(sinceUs: number, us: number): void {
    const tookUs = this.#clock.monoUs() - sinceUs
    this.#waitedUs += tookUs
    if (tookUs <= PAYS_US && this.#ring.isReady()) this.#left = WAITS
    else this.#left = tookUs >= us ? 0 : this.#left >> 1
  }
}
