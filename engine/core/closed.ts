// The error of everything that is asked of a closed engine.
import { PathledgerError } from '../../errors.ts'

/** The engine has been closed. */
export function closedError(): PathledgerError {
  return new PathledgerError('CLOSED', {
    message: 'This Multipath is closed.',
    why: 'close() was called, and ends what still waited.',
    todo: 'Open it again.',
    errno: 'ENODEV',
  })
}
