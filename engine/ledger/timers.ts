// The timers that machines arm by name. What fires comes back as an event with the time it was due at.
import type { Clock, TimerHandle } from '../../adapters/ports.ts'

export class Timers {
  readonly #clock: Clock
  readonly #fired: (timer: string, dueUs: number) => void
  readonly #armed = new Map<string, TimerHandle>()

  constructor(clock: Clock, fired: (timer: string, dueUs: number) => void) {
    this.#clock = clock
    this.#fired = fired
  }

  /** Arms a timer; one of the same name is replaced. */
  start(timer: string, dueUs: number): void {
    this.cancel(timer)
    const handle = this.#clock.setTimer(dueUs, () => {
      this.#armed.delete(timer)
      this.#fired(timer, dueUs)
    })
    this.#armed.set(timer, handle)
  }

  cancel(timer: string): void {
    this.#armed.get(timer)?.cancel()
    this.#armed.delete(timer)
  }

  cancelAll(): void {
    for (const handle of this.#armed.values()) handle.cancel()
    this.#armed.clear()
  }
}
