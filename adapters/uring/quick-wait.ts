// Waiting for a ring without a sleep of the event loop, whose wake costs more than most I/Os take. Either the kernel is asked
// to wait, in the call that hands over where there is one: the thread sleeps meanwhile, so that whoever does the I/O can have
// its processor. Or, with few in flight, the ring is watched for a moment, which saves the wake where another processor
// does the I/O. It is done only as long as it pays: a hung path, or a slow one, soon does without.
import type { Clock } from '../ports.ts'

/** With more in flight than this the next completion is never far: watching for it would only make small batches. */
export const FEW_IN_FLIGHT = 4

/**
 * The kernel is asked to wait so long at most. Completions are expected much sooner ({@link PAYS_US}); this is longer than
 * a tick of the kernel's clock (4 ms at 250 Hz), for a timer that is due before the next tick has to be set in the hardware
 * for each wait, and in a virtual machine that takes longer than the I/O does.
 */
export const WAIT_US = 5000

/** How long the ring is watched at most. */
export const WATCH_US = 50

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
  readonly #manner = new Manner()
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

  /** Hands over, and returns when some have completed, or when waiting does not pay. The error's name, or null. */
  submit(inFlight: number): string | null {
    const us = this.#grantedUs()
    if (us === 0) return this.#ring.submit(0, 0)
    const few = inFlight <= FEW_IN_FLIGHT
    const watches = few && us === WAIT_US && this.#manner.watches
    const sinceUs = this.#clock.monoUs()
    const errno = watches ? this.#ring.submit(0, 0) : this.#ring.submit(us, leastOf(inFlight))
    if (watches && !this.#watch(sinceUs + WATCH_US)) this.#ring.wait(us, 1)
    const tookUs = this.#note(sinceUs, us)
    if (few) this.#manner.took(tookUs)
    return errno
  }

  /** Returns when some have completed, or when waiting does not pay. */
  forSome(inFlight: number): void {
    if (this.#ring.isReady()) return
    const us = this.#grantedUs()
    if (us === 0) return
    const sinceUs = this.#clock.monoUs()
    this.#ring.wait(us, leastOf(inFlight))
    this.#note(sinceUs, us)
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

  #note(sinceUs: number, us: number): number {
    const tookUs = this.#clock.monoUs() - sinceUs
    this.#waitedUs += tookUs
    if (tookUs <= PAYS_US && this.#ring.isReady()) this.#left = WAITS
    else this.#left = tookUs >= us ? 0 : this.#left >> 1
    return tookUs
  }
}

/** Completions that are waited for: a few at a time where many are in flight, while the others are being done. */
function leastOf(inFlight: number): number {
  return Math.max(1, inFlight >> 2)
}

/** Waits that are done in the same manner, one after the other: where the scheduler puts who does the I/O depends on it. */
const BLOCK = 32
/** The first of them do not count: the scheduler has to get used to it. */
const SETTLE = 8
/** One block of so many is done in the other manner, to know what it would take. */
const BLOCKS_PER_TRIAL = 16

/** Whether to sleep or to watch: whichever took less of late. */
class Manner {
  watches = false
  #tookUs: [number, number] = [0, 0]
  #sumUs = 0
  #done = 0
  #blocks = 0

  took(us: number): void {
    this.#done += 1
    if (this.#done > SETTLE) this.#sumUs += us
    if (this.#done === BLOCK) this.#choose()
  }

  #choose(): void {
    this.#tookUs[this.watches ? 1 : 0] = this.#sumUs
    this.#sumUs = 0
    this.#done = 0
    this.#blocks += 1
    const [sleepUs, watchUs] = this.#tookUs
    const better = watchUs < sleepUs
    this.watches = this.#blocks % BLOCKS_PER_TRIAL === 1 ? !better : better
  }
}
