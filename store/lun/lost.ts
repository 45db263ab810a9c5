// The error for a storage that was taken away under its engines.
import { PathledgerError } from '../../errors.ts'

/** What was written there is gone, and what is written now would not be found again. */
export function lostError(place: string, why: string): PathledgerError {
  return new PathledgerError('LUN_STORAGE_LOST', {
    message: `The LUN's own storage at ${place} was taken away while it was in use.`,
    why: `Reservations and ghosts that other engines set were in it: ${why}.`,
    todo: 'Stop every engine of the LUN, look what removed it, and start them again: each holds what its own ledger knows.',
    errno: 'EIO',
    outcome: 'unknown',
  })
}
