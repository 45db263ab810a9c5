// The one error class of the project. A leaf: every folder may import it. Beside it, in errors/, are the codes that there are,
// and the look at what a program without types hands over.
// Errors are recognised by `code`, never by class or message.

import type { ErrorCode } from './errors/codes.ts'

export interface ErrorParts {
  /** What happened, in one sentence. */
  readonly message: string
  /** Why it is so: the rule, or what was seen. */
  readonly why: string
  /** What the reader can do about it. */
  readonly todo: string
  /** The kernel's name for it, where it has one: 'EIO', 'EBUSY'. Never a number. */
  readonly errno?: string
  /** For I/O: 'failed' is certain, 'unknown' means a write may still land. */
  readonly outcome?: 'failed' | 'unknown'
  /** Figures and names that a program may want. */
  readonly details?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
}

/**
 * Every error that leaves pathledger. `code` is stable; `message` holds what happened, why, and what to do.
 */
export class PathledgerError extends Error {
  readonly code: ErrorCode
  readonly why: string
  readonly todo: string
  readonly errno: string | null
  readonly outcome: 'failed' | 'unknown'
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, parts: ErrorParts) {
    super(`${parts.message} ${parts.why} ${parts.todo}`.trim(), { cause: parts.cause })
    this.name = 'PathledgerError'
    this.code = code
    this.why = parts.why
    this.todo = parts.todo
    this.errno = parts.errno ?? null
    this.outcome = parts.outcome ?? 'failed'
    this.details = parts.details ?? {}
  }
}

/** True for an error of ours with this code. */
export function hasCode(error: unknown, code: ErrorCode): error is PathledgerError {
  return error instanceof PathledgerError && error.code === code
}

/** Adds figures and names to an error of ours; what it has already stays. Returns the error, of whatever kind. */
export function withDetails(error: unknown, details: Readonly<Record<string, unknown>>): unknown {
  if (error instanceof PathledgerError) Object.assign(error, { details: { ...details, ...error.details } })
  return error
}

/** What an error says, of whatever kind: what is thrown need not be an Error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Asserts in production what must hold. A broken invariant is a bug of ours and stops the engine. */
export function invariant(holds: boolean, what: string): asserts holds {
  if (holds) return
  throw new PathledgerError('INVARIANT_BROKEN', {
    message: `An invariant of pathledger does not hold: ${what}.`,
    why: 'This is a bug of pathledger, not of your program.',
    todo: 'Keep the ledger file and report it together with this message.',
  })
}
