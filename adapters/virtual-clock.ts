// A clock that moves only when told to. With it a run is a function of its inputs: no test of ours sleeps.
import { argumentInvalid, checkArguments, checkFields, shown } from '../errors/arguments.ts'
import { invariant } from '../errors.ts'
import type { Clock, TimerHandle } from './ports.ts'
import { TimerHeap } from './timer-heap.ts'

/**
 * Microtask turns without clock activity after which promises count as settled. No API tells that the microtask
 * queue is empty; one turn runs every microtask queued before it, so this is the longest chain of awaits, between
 * one timer and the next, that `settle` still sees to its end. A hundred is far above what the engine has.
 */
const QUIET_TURNS = 100

/** Timers after which `drain` gives up: a timer that always arms the next one would otherwise never end. */
const DRAIN_LIMIT = 1_000_000

/** Where a virtual clock begins. */
export interface VirtualClockStart {
  /** Wall clock at the start, microseconds since the epoch. Default 0. */
  readonly wallUs?: number
  /** Monotonic clock at the start, microseconds. Default 0. */
  readonly monoUs?: number
}

/**
 * A {@link Clock} for tests and simulation. Time stands still between calls of `runNext`, `advanceTo`, `advanceBy`
 * and `drain`. Timers fire strictly in the order (due, insertion), and each sees `monoUs()` equal to its own due time;
 * a timer whose due time has passed when it is set is due now. The core is synchronous; `settle` and `drain` let
 * promises run between two timers.
 */
export class VirtualClock implements Clock {
  #nowUs: number
  /** Wall minus monotonic. */
  #wallOffsetUs: number
  readonly #timers = new TimerHeap()
  /** Grows with every timer set or cancelled: how `settle` sees that promises still do something. */
  #activity = 0

  constructor(start: VirtualClockStart = {}) {
    checkFields('VirtualClock', 'start', start, { monoUs: 'whole?', wallUs: 'whole?' })
    this.#nowUs = start.monoUs ?? 0
    this.#wallOffsetUs = (start.wallUs ?? 0) - this.#nowUs
  }

  wallUs(): number {
    return this.#nowUs + this.#wallOffsetUs
  }

  monoUs(): number {
    return this.#nowUs
  }

  /** Arms a timer; `dueMonoUs` is rounded up to a whole microsecond. */
  setTimer(dueMonoUs: number, fire: () => void): TimerHandle {
    checkArguments('setTimer', { dueMonoUs, fire }, { dueMonoUs: 'number', fire: 'call' })
    const dueUs = Math.max(Math.ceil(dueMonoUs), this.#nowUs)
    if (!Number.isSafeInteger(dueUs))
      throw argumentInvalid('setTimer', `A due time is a number of microseconds, not ${shown(dueMonoUs)}.`)
    const timer = this.#timers.add(dueUs, fire)
    this.#activity += 1
    return {
      cancel: () => {
        this.#timers.cancel(timer)
        this.#activity += 1
      },
    }
  }

  /** Moves the wall clock alone, forward or back, as an operator or NTP does. Microseconds. */
  stepWall(byUs: number): void {
    checkArguments('stepWall', { byUs }, { byUs: 'whole' })
    this.#wallOffsetUs += byUs
  }

  /** Timers armed and not fired. */
  pendingTimers(): number {
    return this.#timers.size
  }

  /** When the next timer is due, or null when none is armed. */
  nextDueUs(): number | null {
    return this.#timers.first()?.dueUs ?? null
  }

  /** Moves to the next timer and fires it. False, and nothing moves, when none is armed. */
  runNext(): boolean {
    const timer = this.#timers.takeFirst()
    if (timer === null) return false
    this.#nowUs = timer.dueUs
    timer.fire()
    return true
  }

  /** Fires every timer due until `monoUs`, those set on the way included, then stands at `monoUs`. */
  advanceTo(monoUs: number): void {
    checkArguments('advanceTo', { monoUs }, { monoUs: 'number' })
    if (!(monoUs >= this.#nowUs) || monoUs === Infinity)
      throw argumentInvalid('advanceTo', `A clock never goes back, from ${this.#nowUs} to ${monoUs}.`)
    while (this.#dueBy(monoUs)) this.runNext()
    this.#nowUs = monoUs
  }

  /** {@link advanceTo}, `us` microseconds from now. */
  advanceBy(us: number): void {
    checkArguments('advanceBy', { us }, { us: 'number' })
    this.advanceTo(this.#nowUs + us)
  }

  /** Lets promises run until they have left the clock alone for 100 microtask turns. Time does not move. */
  async settle(): Promise<void> {
    let seen = this.#activity
    for (let quiet = 0; quiet < QUIET_TURNS; quiet += 1) {
      await Promise.resolve()
      if (this.#activity === seen) continue
      seen = this.#activity
      quiet = 0
    }
  }

  /**
   * Fires timers with promises settled before the first, between each two and after the last, until none is due by
   * `untilUs` (default: until none is armed), then stands at `untilUs`. Returns how many fired.
   * Throws INVARIANT_BROKEN when `limit` timers have fired and another one is due.
   */
  async drain(untilUs: number = Infinity, limit: number = DRAIN_LIMIT): Promise<number> {
    checkArguments('drain', { untilUs, limit }, { untilUs: 'number', limit: 'number' })
    let fired = 0
    await this.settle()
    while (this.#dueBy(untilUs)) {
      invariant(fired < limit, `timers come to an end within ${limit}`)
      this.runNext()
      fired += 1
      await this.settle()
    }
    if (untilUs !== Infinity) this.advanceTo(untilUs)
    return fired
  }

  #dueBy(monoUs: number): boolean {
    const dueUs = this.nextDueUs()
    return dueUs !== null && dueUs <= monoUs
  }
}
