// The error of everything that is asked of a closed engine.
import { PathledgerError } from '../../errors.ts'

/** The engine has been closed. */
export function closedError(): PathledgerError {
  return new PathledgerError('CLOSED', {
    message: 'This Multipath is closed.',
    why: 'close() was called, which ends the I/O that still waits.',
    todo: 'Open it again.',
    errno: 'ENODEV',
  })
}

/** The engine has been closed, and its record has a gap at its end. */
export function closedWithout(events: number, cause: PathledgerError | null): PathledgerError {
  return new PathledgerError('CLOSE_INCOMPLETE', {
    message: `This Multipath is closed, and ${events} of its last events never reached the ledger.`,
    why: cause === null ? 'The ledger took no more.' : `${cause.code}: ${cause.why}`,
    todo: 'Every device and the ledger are released. The next start will check everything.',
    errno: cause?.errno ?? 'EIO',
    outcome: 'unknown',
    details: { events, code: cause?.code ?? null },
    cause,
  })
}
