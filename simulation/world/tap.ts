// A tap on a simulated path: sees every I/O as the path gets it, so that the checkers need not believe the engine.
import { wrapPath } from '../../adapters/filters/wrap.ts'
import type { IoCompletion, IoRequest, PathDevice } from '../../adapters/ports.ts'

export interface Tap {
  readonly device: PathDevice
  /** I/Os submitted to the path and not completed. */
  inFlight: number
  submitted: number
  /** Flushes among those in flight. */
  flushes: number
}

export interface TapHooks {
  onSubmit(request: IoRequest): void
  onDone(request: IoRequest, completion: IoCompletion, startedUs: number): void
}

/** Puts a tap around a path. */
export function tapPath(inner: PathDevice, nowUs: () => number, hooks: TapHooks): Tap {
  const tap = { inFlight: 0, submitted: 0, flushes: 0 }
  const device = wrapPath(inner, (request, done) => {
    const startedUs = nowUs()
    tap.inFlight += 1
    tap.submitted += 1
    if (request.op === 'flush') tap.flushes += 1
    hooks.onSubmit(request)
    inner.submit(request, (completion) => {
      tap.inFlight -= 1
      if (request.op === 'flush') tap.flushes -= 1
      hooks.onDone(request, completion, startedUs)
      done(completion)
    })
  })
  return Object.assign(tap, { device })
}
