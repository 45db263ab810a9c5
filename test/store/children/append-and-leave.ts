// A child that appends and comes to its end without closing: an idle ledger must not keep it alive. Usage: FILE.
import { openLedger } from '../../../store/write/open.ts'
import { HEADER, Scribe, twoPaths } from '../events.ts'

const [file = ''] = process.argv.slice(2)
const store = await openLedger(file, { header: HEADER })
// Not awaited by the program: the commit in flight keeps it alive, and nothing after it does.
void store
  .append({ events: twoPaths(new Scribe()) })
  .then(({ positions }) => process.stdout.write(`${positions.join()}\n`))
