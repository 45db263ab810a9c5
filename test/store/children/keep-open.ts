// A child that holds a ledger until it is killed. Usage: keep-open.ts FILE. Prints 'open' once it has it.
import { openLedger } from '../../../store/write/open.ts'
import { HEADER } from '../events.ts'

const [file = ''] = process.argv.slice(2)
await openLedger(file, { header: HEADER })
process.stdout.write('open\n')
setInterval(() => null, 60_000)
