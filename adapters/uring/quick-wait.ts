// Waiting for a ring without a sleep of the event loop, whose wake costs more than most I/Os take. Either the kernel is asked
// to wait, in the call that hands over where there is one: the thread sleeps meanwhile, so that whoever does the I/O can have
// its processor. Or the rings are watched for a moment, which saves the wakes of both where another processor does the I/O.
// It is done only as long as it pays: a hung path, or a slow one, soon does without.
import type { Clock } from '../ports.ts'
import { BY_WAITS, Manner } from './manner.ts'

/** With at most so many in flight each is waited for; with more, what has completed is gathered for a moment. */
export const FEW_IN_FLIGHT = 4

/**
 * The kernel is asked to wait so long at most. Completions are expected much sooner ({@link PAYS_US}); this is longer than
 * a tick of the kernel's clock (4 ms at 250 Hz), for a timer that is due before the next tick has to be set in the hardware
 * for each wait, and in a virtual machine that takes longer than the I/O does.
 */
export const WAIT_US = 5000

/** How long the ring is watched at most. */
export const WATCH_US = 50

/** With many in flight the watch goes on so long after the first completion: a batch of one costs as many calls as of ten. */
export const GATHER_US = 8

/** A wait has paid when something has completed within this. */
export const PAYS_US = 200

/** Waits of one turn of the event loop take so long together, then it has its turn. */
export const TURN_US = 1000

/** Each wait that did not pay halves what is left of so many, and one for nothing ends them; one that paid restores them. */
const WAITS = 16
/** With none left one of so many is tried, for {@link PAYS_US} at most. */
const TRIAL = 32

/** Looks at the ring between two looks at the clock. */
const LOOKS = 32

/** All rings of the event loop: they are watched together, and what one wait takes is told of all of them. */
interface Others {
  readonly manner: Manner
  isAnyReady(): boolean
  waited(nowUs: number): void
}

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
  readonly #others: Others
  /** With few in flight, and no other ring that has any. */
  readonly #manner = new Manner(BY_WAITS)
  #left = WAITS
  #refused = 0
  #waitedUs = 0

  constructor(clock: Pick<Clock, 'monoUs'>, ring: Awaited, others: Others) {
    this.#clock = clock
    this.#ring = ring
    this.#others = others
  }

  /** The event loop had its turn. */
  turn(): void {
    this.#waitedUs = 0
  }

  /** Hands over, and returns when some have completed, or when waiting does not pay. The error's name, or null. */
  submit(inFlight: number): string | null {
    const us = this.#grantedUs()
    if (us === 0) return this.#ring.submit(0, 0)
    if (inFlight > FEW_IN_FLIGHT) return this.#forMany(inFlight, us, true)
    const watches = us === WAIT_US && this.#manner.watches
    const sinceUs = this.#clock.monoUs()
    const errno = watches ? this.#ring.submit(0, 0) : this.#ring.submit(us, 1)
    if (watches && !this.#watch(sinceUs + WATCH_US)) this.#ring.wait(us, 1)
    this.#manner.took(this.#note(sinceUs, us, this.#ring.isReady()), 1, 1)
    return errno
  }

  /** Returns when some have completed, or when waiting does not pay. */
  forSome(inFlight: number): void {
    if (this.#ring.isReady()) return
    const us = this.#grantedUs()
    if (us > 0) this.#forMany(inFlight, us, false)
  }

  #forMany(inFlight: number, us: number, handsOver: boolean): string | null {
    const { manner } = this.#others
    const least = leastOf(inFlight)
    const sinceUs = this.#clock.monoUs()
    let errno: string | null = null
    let ready = false
    if (us === WAIT_US && manner.watches) {
      if (handsOver) errno = this.#ring.submit(0, 0)
      ready = this.#gather(sinceUs + WATCH_US)
      if (!ready) this.#ring.wait(us, least)
    } else if (handsOver) {
      errno = this.#ring.submit(us, least)
    } else {
      this.#ring.wait(us, least)
    }
    const tookUs = this.#note(sinceUs, us, ready || this.#ring.isReady())
    this.#others.waited(sinceUs + tookUs)
    return errno
  }

  #grantedUs(): number {
    if (this.#waitedUs >= TURN_US) return 0
    if (this.#left > 0) return WAIT_US
    this.#refused += 1
    return this.#refused % TRIAL === 0 ? PAYS_US : 0
  }

  /** True as soon as the ring has something. */
  #watch(untilUs: number): boolean {
    do for (let look = 0; look < LOOKS; look += 1) if (this.#ring.isReady()) return true
    while (this.#clock.monoUs() < untilUs)
    return false
  }

  /** True when any ring has something, a moment later: others may have completed meanwhile. */
  #gather(untilUs: number): boolean {
    do {
      for (let look = 0; look < LOOKS; look += 1) {
        if (!this.#others.isAnyReady()) continue
        const gatheredUs = this.#clock.monoUs() + GATHER_US
        while (this.#clock.monoUs() < gatheredUs);
        return true
      }
    } while (this.#clock.monoUs() < untilUs)
    return false
  }

  #note(sinceUs: number, us: number, ready: boolean): number {
    const tookUs = this.#clock.monoUs() - sinceUs
    this.#waitedUs += tookUs
    if (tookUs <= PAYS_US && ready) this.#left = WAITS
    else this.#left = tookUs >= us ? 0 : this.#left >> 1
    return tookUs
  }
}

/** Completions that are waited for: a few at a time where many are in flight, while the others are being done. */
function leastOf(inFlight: number): number {
  return Math.max(1, inFlight >> 2)
}
