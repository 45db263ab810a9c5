// A path's helper process: for what has no asynchronous form and may hang with the server behind the path.
import { askIo, isSendable } from '../child/backend.ts'
import { Caller, noAnswer } from '../child/caller.ts'
import { completeSoon, failed } from '../completions.ts'
import type { Clock, IoBackend } from '../ports.ts'
import { fromWire } from './calls.ts'
import type { CallName, ErrorOnTheWire, HelperCalls } from './calls.ts'

/** How long a helper may take for one request before it is given up on. */
export const HELPER_TIMEOUT_MS = 30_000

/** What a helper is made of. */
export interface HelperSettings {
  readonly clock: Clock
  /** The path's open descriptor; null for a helper that opens what it needs itself. */
  readonly fd: number | null
  /** Default {@link HELPER_TIMEOUT_MS}. */
  readonly timeoutMs?: number
}

/** A helper process, started when it is first needed. */
export interface Helper {
  /**
   * Flush, writeZeroes, discard, and reads and writes that must be allowed to wait, on the helper's own descriptor. What
   * it does not answer in time completes with ETIMEDOUT and `abandoned`: it may still happen. Then the next request
   * starts another helper, up to ABANDONED_MAX that hang at once; beyond that ETIMEDOUT comes at once, without
   * `abandoned`, and nothing was done.
   */
  readonly backend: IoBackend
  /** Processes that run for it, those that hang included. */
  readonly running: number
  /** Rejects with the error of the call, or with HELPER_TIMEOUT or HELPER_LOST. */
  call<Name extends CallName>(
    name: Name,
    given: HelperCalls[Name]['given'],
  ): Promise<HelperCalls[Name]['answer']>
  /** Kills it, and waits for its end only briefly. */
  close(): Promise<void>
}

/** Makes the helper of one path. It never keeps this process from exiting, and ends with it. */
export function pathHelper({ clock, fd, timeoutMs = HELPER_TIMEOUT_MS }: HelperSettings): Helper {
  const caller = new Caller(clock, fd)
  const close = (): Promise<void> => caller.close()
  return {
    backend: {
      name: 'helper',
      isolatesExit: true,
      submit: (on, request, done) => {
        if (on !== fd || !isSendable(on, request)) completeSoon(done, failed('EINVAL'))
        else askIo(caller, request, timeoutMs, done)
      },
      close,
    },
    get running() {
      return caller.running
    },
    call: (name, given) =>
      new Promise((resolve, reject) => {
        caller.ask({ call: name, given }, null, timeoutMs, (reply) => {
          const { value, error } = reply.head as { value?: never; error?: ErrorOnTheWire }
          if (error !== undefined) reject(fromWire(error))
          else if (reply.errno !== null) reject(noAnswer(`the call ${name} of a helper process`, reply))
          else resolve(value as never)
        })
      }),
    close,
  }
}
