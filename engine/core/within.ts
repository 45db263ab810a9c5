// One way to wait for something that may never come: it is answered once, by what came or by the time that ran out.
import { guarded, usOfMs, type Core } from './core.ts'

/**
 * Begins something and calls `then` once: with what it answered, or with null when `limitMs` is over. What comes later is not
 * heard. Nothing is left armed afterwards.
 */
export function within<Value>(
  core: Core,
  limitMs: number,
  begin: (answer: (value: Value) => void) => void,
  then: (value: Value | null) => void,
): void {
  let open = true
  const end = (value: Value | null) => {
    if (!open) return
    open = false
    timer.cancel()
    guarded(core, () => then(value))
  }
  const timer = core.clock.setTimer(core.clock.monoUs() + usOfMs(limitMs), () => end(null))
  begin(end)
}
