// A child that appends as fast as it can and prints each acknowledged event: 'position eventId'. Usage: FILE RUN.
import { openLedger } from '../../../store/write/open.ts'
import { failed, HEADER, PATH_A, Scribe } from '../events.ts'

const [file = '', run = ''] = process.argv.slice(2)
const store = await openLedger(file, { header: { ...HEADER, eventId: `header-${run}` } })
const scribe = new Scribe()
let made = 0

async function appendForEver(lane: number): Promise<void> {
  while (true) {
    const events = Array.from({ length: 1 + (made % 3) }, () => {
      made += 1
      return scribe.event(PATH_A, 'path.failed', failed(), { eventId: `${run}-${lane}-${made}` })
    })
    const { positions } = await store.append({ events })
    const lines = events.map(({ eventId }, index) => `${positions[index] ?? 0} ${eventId}\n`)
    // What was printed was acknowledged before: a write to a pipe or file of our own does not come back later.
    process.stdout.write(lines.join(''))
  }
}

await Promise.all([1, 2, 3, 4].map(appendForEver))
