import { PathledgerError } from '../../errors.ts'

/** The error of everything that is asked of a ledger after `close()`. */
export function closed(): PathledgerError {
  return new PathledgerError('LEDGER_CLOSED', {
    message: 'The ledger is closed.',
    why: 'close() was called on it.',
    todo: 'Open it again.',
  })
}
