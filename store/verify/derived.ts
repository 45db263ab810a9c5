// What is derived from the rows and read in their place: indexes and caches. `verify` compares all of it, however long that takes;
// whoever only reads compares what is quick to compare, before the first answer.
import { PathledgerError } from '../../errors.ts'
import { connectReadOnly, ledgerFile } from '../file/connection.ts'
import { READ_CHECK_EVENTS } from '../limits.ts'
import { checkCaches } from '../state/check-caches.ts'
import { indexFaults } from './index-faults.ts'

/**
 * Throws LEDGER_DERIVED where an index or a cache of a ledger of at most `eventsMax` events does not say what its rows say. A longer one
 * is not looked at: only `verify` does that.
 */
export function refuseWrongDerived(name: string, eventsMax = READ_CHECK_EVENTS): void {
  const file = ledgerFile(name)
  const wrong = faultsOf(file, eventsMax)
  if (wrong.length > 0) throw wrongDerived(file, wrong)
}

function faultsOf(file: string, eventsMax: number): readonly string[] {
  const db = connectReadOnly(file)
  try {
    const events = Number(db.prepare('SELECT max(position) FROM events').pluck().get())
    if (events > eventsMax) return []
    return [...indexFaults(db).filter((fault) => fault.includes(' index ')), ...checkCaches(file).wrong]
  } catch {
    // What cannot be read is told by whoever reads on to it: what lies before it is still evidence.
    return []
  } finally {
    db.close()
  }
}

function wrongDerived(file: string, wrong: readonly string[]): PathledgerError {
  return new PathledgerError('LEDGER_DERIVED', {
    message: `The indexes or caches of the ledger ${file} differ from its rows.`,
    why: `${wrong.join('; ')}. Answers that use them would be wrong, and nobody would notice.`,
    todo: 'Run `pathledger verify`. If every row is right, `pathledger backup` makes a file with new indexes, and `snapshot --drop` deletes the caches.',
    details: { file, wrong },
  })
}
