// Listens to the kernel on the engine's own clock: Node cannot wait for such a socket without a thread that keeps the process
// from ending, so it is asked every `ueventPollMs`, and never waited for. What is heard is a reason to look.
import type { TimerHandle, Uevents } from '../../adapters/ports.ts'
import { guarded, usOfMs, type Core } from '../core/core.ts'

export class Hearing {
  readonly #core: Core
  readonly #uevents: Uevents
  readonly #look: () => void
  #timer: TimerHandle | null = null

  constructor(core: Core, uevents: Uevents, look: () => void) {
    this.#core = core
    this.#uevents = uevents
    this.#look = look
  }

  start(): void {
    const errno = this.#uevents.start()
    if (errno === null) this.#arm()
    else this.#isDeaf(errno)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#uevents.stop()
  }

  #arm(): void {
    const { clock, settings } = this.#core
    this.#timer = clock.setTimer(clock.monoUs() + usOfMs(settings.ueventPollMs), () => {
      guarded(this.#core, () => this.#ask())
    })
  }

  #ask(): void {
    if (this.#core.broken !== null) return
    const { devices, lost, errno } = this.#uevents.take()
    if (errno === null) this.#arm()
    else this.#isDeaf(errno)
    if (lost)
      this.#core.log.warn(
        {},
        'the kernel dropped uevents, or some could not be read: every device is looked at',
      )
    if (devices > 0 || lost) this.#look()
  }

  #isDeaf(errno: string): void {
    const { discoveryPollMs } = this.#core.settings
    const what = `uevents cannot be heard: devices are found by looking every ${discoveryPollMs} ms alone`
    this.#core.log.warn({ errno }, what)
  }
}
