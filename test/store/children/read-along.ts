// Reads a ledger while another process writes it, up to a position; ends with 1 for an event that is out of order.
import { openLedgerReader } from '../../../store/read/reader.ts'
import { systemClock } from '../../../adapters/system.ts'

const [file = '', last = '0'] = process.argv.slice(2)
const reader = openLedgerReader(file)
let next = 1
const stop = reader.follow(
  (events) => {
    for (const { position } of events) {
      if (position !== next) process.exit(1)
      next += 1
    }
    if (next <= Number(last)) return
    process.stdout.write(`read ${next - 1} in order\n`)
    stop()
    queueMicrotask(() => reader.close())
  },
  { clock: systemClock, intervalUs: 2_000, fromPosition: 1 },
)
process.stdout.write('ready\n')
