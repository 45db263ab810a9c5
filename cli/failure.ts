// How the command tells that it failed: one paragraph for people, one JSON object for programs, both on stderr.
import { messageOf, PathledgerError } from '../errors.ts'
import { exitCodeOf } from './exit-codes.ts'
import type { Io } from './io.ts'
import { lines } from './text.ts'

/** A command line that is wrong: what, why, and how it is right. */
export function usageError(message: string, why: string, todo: string): PathledgerError {
  return new PathledgerError('USAGE', { message, why, todo, errno: 'EINVAL' })
}

/** Tells of an error and returns the exit code for it. A bug keeps its stack: somebody has to find it. */
export function tellFailure(io: Io, error: unknown, json: boolean): number {
  if (json) io.err(`${JSON.stringify({ error: errorDocument(error) })}\n`)
  else if (error instanceof PathledgerError) io.err(lines([`pathledger: ${error.message}`]))
  else io.err(`pathledger stopped because of a bug of its own: ${stackOf(error)}\n`)
  return exitCodeOf(error)
}

function errorDocument(error: unknown): Record<string, string | null> {
  if (error instanceof PathledgerError) {
    const { code, message, why, todo, errno } = error
    return { code, message, why, todo, errno }
  }
  return {
    code: 'BUG',
    message: messageOf(error),
    why: stackOf(error),
    todo: 'This is a bug of pathledger: report it together with this object.',
    errno: null,
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
