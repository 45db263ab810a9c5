// One life of an engine: all that it has of the world goes through here, so that it can be ended at any call of it. What is
// under way in the world goes on; the engine hears of nothing any more, and nothing that it still asks for is done.
import { wrapPath } from '../../adapters/filters/wrap.ts'
import type { Clock, PathDevice, TimerHandle } from '../../adapters/ports.ts'
import type { VirtualClock } from '../../adapters/virtual-clock.ts'

/** Where a life can end: at a call of the engine, before it is done or after it was done and before it is answered. */
export type DeathPoint =
  | 'append'
  | 'committed'
  | 'submit'
  | 'completion'
  | 'timer'
  | 'lunWrite'
  | 'lunWritten'
  | 'identify'
  | 'moment'

/** Time as a machine has it since its boot. */
export interface Boot {
  readonly id: string
  /** What its monotonic clock lags behind the world's. */
  readonly lagUs: number
}

export class Life {
  readonly clock: Clock
  readonly boot: Boot
  alive = true
  /** Where it ended; null while it goes on. */
  diedAt: DeathPoint | null = null
  /** Calls until it ends; null: it does not. */
  #fuse: number | null
  readonly #onDeath: (() => void)[] = []
  readonly #timers = new Set<TimerHandle>()

  constructor(clock: VirtualClock, boot: Boot, fuse: number | null) {
    this.boot = boot
    this.#fuse = fuse
    this.clock = this.#guardedClock(clock)
  }

  /** The engine calls: false when it is dead, or dies with this. */
  step(point: DeathPoint): boolean {
    if (!this.alive) return false
    if (this.#fuse !== null) this.#fuse -= 1
    if (this.#fuse === 0) this.end(point)
    return this.alive
  }

  /** It dies so many calls from now; null: it does not. */
  light(calls: number | null): void {
    this.#fuse = calls
  }

  /** It is dead from now on. */
  end(point: DeathPoint): void {
    if (!this.alive) return
    this.alive = false
    this.diedAt = point
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
    for (const tell of this.#onDeath) tell()
  }

  onDeath(tell: () => void): void {
    this.#onDeath.push(tell)
  }

  /** Timers that it has armed and that have not fired. */
  get timers(): number {
    return this.#timers.size
  }

  /** A device as this life has it. */
  hold(inner: PathDevice): PathDevice {
    const device = wrapPath(inner, (request, done) => {
      if (!this.step('submit')) return
      inner.submit(request, (completion) => {
        if (this.step('completion')) done(completion)
      })
    })
    return Object.defineProperties(device, {
      identify: {
        value: async () => {
          const verdict = await inner.identify()
          return this.step('identify') ? verdict : never()
        },
      },
    })
  }

  #guardedClock(clock: VirtualClock): Clock {
    const { lagUs } = this.boot
    return {
      wallUs: () => clock.wallUs(),
      monoUs: () => clock.monoUs() - lagUs,
      setTimer: (dueUs, fire) => {
        if (!this.alive) return NO_TIMER
        const timer = clock.setTimer(dueUs + lagUs, () => {
          this.#timers.delete(handle)
          if (this.step('timer')) fire()
        })
        const handle = {
          cancel: () => {
            this.#timers.delete(handle)
            timer.cancel()
          },
        }
        this.#timers.add(handle)
        return handle
      },
    }
  }
}

const NO_TIMER: TimerHandle = { cancel: () => undefined }

/** What a dead engine waits for. */
export function never<Value>(): Promise<Value> {
  return new Promise(() => undefined)
}
