// Rows that are not what was written: told with their position, and never gone on with. SQLite does not notice a flipped bit
// in a page; `verify` does, and everything else that reads must at least not mistake it for a row.
import { messageOf, PathledgerError } from '../../errors.ts'

/** A row that cannot be read as an event. */
export function damagedRow(position: unknown, why: string): PathledgerError {
  const known = typeof position === 'number'
  return new PathledgerError('LEDGER_DAMAGED', {
    message: known
      ? `The event at position ${position} cannot be read.`
      : 'An event has no position any more.',
    why: `${why.replace(/\.$/, '')}.`,
    todo: 'Run `pathledger verify` on the ledger: it names the first position that was changed.',
    details: known ? { position } : {},
  })
}

/** What came of reading JSON that a row holds, or LEDGER_DAMAGED with the position. */
export function readStored<Value>(position: number, read: () => Value): Value {
  try {
    return read()
  } catch (error) {
    if (error instanceof PathledgerError) throw error
    throw damagedRow(position, messageOf(error))
  }
}

/** Throws LEDGER_DAMAGED where positions do not grow: whoever pages by them would read for ever. */
export function checkOrder(rows: readonly { readonly position: number }[], from: number): void {
  let next = from
  for (const { position } of rows) {
    if (position < next) throw damagedRow(position, `It is where position ${next} or a later one should be.`)
    next = position + 1
  }
}
