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

/** The same of a promise: null when its time is over; what it comes to later is nobody's. */
export function inTime<Value>(
  core: Core,
  limitMs: number,
  promise: Promise<Value>,
): Promise<{ readonly value: Value } | null> {
  type Ended = { readonly value: Value } | { readonly error: Error }
  return new Promise((resolve, reject) => {
    const begin = (answer: (ended: Ended) => void) => {
      promise.then(
        (value) => answer({ value }),
        (error: unknown) => answer({ error: error instanceof Error ? error : new Error(String(error)) }),
      )
    }
    within(core, limitMs, begin, (ended) => {
      if (ended !== null && 'error' in ended) reject(ended.error)
      else resolve(ended)
    })
  })
}
