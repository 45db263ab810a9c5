// When to look at a ring: each turn of the event loop while completions keep coming, else when its wake says so.
import type { Clock, TimerHandle, Turns } from '../ports.ts'
import type { Wake } from './wake.ts'

/** Turns of the event loop without a completion, at most, before it sleeps until one comes. */
export const SPIN_TURNS = 32

/** It looks this often at least. */
const SPIN_TURNS_MIN = 2

/** Looks in vain make the next ones fewer; after so many sleeps the full number is tried again. */
const SLEEPS_PER_TRIAL = 16

/** The longest sleep before completions are looked for all the same. */
export const COMPLETION_WAIT_MS = 50

/** What a look found; 'idle' when nothing is in flight any more. */
export type Seen = 'completions' | 'nothing' | 'idle'

interface AttentionParts {
  readonly clock: Clock
  readonly turns: Turns
  readonly wake: Wake
  readonly look: () => Seen
  /** It sleeps from now on, until something comes or time is up. */
  readonly onSleep?: () => void
}

/** Looks while something is in flight, and does nothing at all while nothing is. */
export class Attention {
  readonly #parts: AttentionParts
  #state: 'idle' | 'spinning' | 'asleep' | 'closed' = 'idle'
  #spun = 0
  /** Turns to look before the next sleep: halved when they were in vain, doubled when one of them found something. */
  #patience = SPIN_TURNS
  #sleeps = 0
  #timer: TimerHandle | null = null

  constructor(parts: AttentionParts) {
    this.#parts = parts
  }

  /** Something was handed to the kernel: looks from the next turn on. */
  watch(): void {
    if (this.#state === 'closed') return
    this.#spun = 0
    if (this.#state !== 'spinning') this.#spin()
  }

  /** The wake's word. */
  wakeUp(): void {
    if (this.#state !== 'asleep') return
    // One look, and back to sleep when there was nothing: an idle wake must not cost a round of spinning.
    this.#spun = SPIN_TURNS
    this.#state = 'spinning'
    this.#disarm()
    this.#turn()
  }

  get asleep(): boolean {
    return this.#state === 'asleep'
  }

  close(): void {
    this.#state = 'closed'
    this.#disarm()
  }

  #spin(): void {
    if (this.#state === 'idle') this.#parts.wake.keepAlive(true)
    this.#state = 'spinning'
    this.#disarm()
    this.#nextTurn()
  }

  #nextTurn(): void {
    this.#parts.turns.next(() => this.#turn())
  }

  #turn(): void {
    if (this.#state !== 'spinning') return
    const seen = this.#parts.look()
    if (this.#isClosed()) return
    if (seen === 'idle') return this.#rest()
    if (seen === 'completions') {
      if (this.#spun > 0 && this.#spun < SPIN_TURNS) this.#patience = Math.min(SPIN_TURNS, this.#patience * 2)
      this.#spun = 0
    } else {
      this.#spun += 1
    }
    if (this.#spun < this.#patience) this.#nextTurn()
    else this.#sleep()
  }

  /** A look may close us. */
  #isClosed(): boolean {
    return this.#state === 'closed'
  }

  #rest(): void {
    this.#state = 'idle'
    this.#parts.wake.keepAlive(false)
  }

  #sleep(): void {
    const { clock, wake } = this.#parts
    this.#state = 'asleep'
    this.#sleeps += 1
    const trial = this.#sleeps % SLEEPS_PER_TRIAL === 0
    // On a busy machine, turning round takes the processor away from those who would complete the I/O.
    this.#patience = trial ? SPIN_TURNS : Math.max(SPIN_TURNS_MIN, this.#patience >> 1)
    this.#parts.onSleep?.()
    wake.arm()
    this.#timer = clock.setTimer(clock.monoUs() + COMPLETION_WAIT_MS * 1000, () => this.wakeUp())
  }

  #disarm(): void {
    this.#timer?.cancel()
    this.#timer = null
  }
}
