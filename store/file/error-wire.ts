// Our errors across a thread boundary: structured clone keeps an Error's message and forgets everything of ours.
import type { ErrorCode } from '../../errors/codes.ts'
import { PathledgerError } from '../../errors.ts'

/** A PathledgerError as plain data. */
export interface WireError {
  readonly code: ErrorCode
  readonly message: string
  readonly why: string
  readonly todo: string
  readonly errno: string | null
  readonly outcome: 'failed' | 'unknown'
  readonly details: Readonly<Record<string, unknown>>
}

/** For postMessage. */
export function toWire(error: PathledgerError): WireError {
  const { code, message, why, todo, errno, outcome, details } = error
  return { code, message, why, todo, errno, outcome, details }
}

/** The same error on the other side, with the same message. */
export function fromWire(wire: WireError): PathledgerError {
  const { code, why, todo, errno, outcome, details } = wire
  const tail = ` ${why} ${todo}`.trimEnd()
  const message = wire.message.endsWith(tail) ? wire.message.slice(0, -tail.length) : wire.message
  return new PathledgerError(code, {
    ...{ message, why, todo, outcome, details },
    ...(errno === null ? {} : { errno }),
  })
}
