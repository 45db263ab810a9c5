// A tap on a simulated path: sees every I/O as the path gets it, so that the checkers need not believe the engine.
import type { IoRequest, PathDevice } from '../../adapters/ports.ts'
import { wrapPath } from '../../adapters/filters/wrap.ts'

export interface Tap {
  readonly device: PathDevice
  /** I/Os submitted to the path and not completed. */
  inFlight: number
  submitted: number
  errors: number
}

export interface TapHooks {
  onSubmit(request: IoRequest): void
  onError(request: IoRequest, errno: string): void
}

/** Puts a tap around a path. */
export function tapPath(inner: PathDevice, hooks: TapHooks): Tap {
  const tap = { inFlight: 0, submitted: 0, errors: 0 }
  const device = wrapPath(inner, (request, done) => {
    tap.inFlight += 1
    tap.submitted += 1
    hooks.onSubmit(request)
    inner.submit(request, (completion) => {
      tap.inFlight -= 1
      if (completion.errno !== null) {
        tap.errors += 1
        hooks.onError(request, completion.errno)
      }
      done(completion)
    })
  })
  return Object.assign(tap, { device })
}
