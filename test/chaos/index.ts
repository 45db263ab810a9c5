// `npm run test:chaos`: faults of every kind on real devices (docs/chaos.md). Needs root.
import { parseArgs } from 'node:util'
import { chaos } from './chaos.ts'

const USAGE = `Examples (root; nbdkit, libnbd-bin, fuse3):
  npm run test:chaos -- --minutes 10
  npm run --silent test:chaos -- --minutes 1 --seed 7 --json

--minutes 10      how long; healing and looking at everything comes on top
--seed S          what is drawn from: the faults, their order, their times. Default: another one each time
--json            one line on stdout; else the same, indented. What is being done goes to stderr
--without-guards  shows that the run can fail: ghosts are not waited for

Exit codes: 0 nothing was lost, 5 something was (its folder stays), 130 interrupted, 1 it could not be run, 2 usage.`

const OPTIONS = {
  minutes: { type: 'string', default: '10' },
  seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  json: { type: 'boolean', default: false },
  'without-guards': { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

function typed(): ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'] | null {
  try {
    const { values } = parseArgs({ options: OPTIONS })
    return Number(values.minutes) > 0 ? values : null
  } catch {
    return null
  }
}

async function main(): Promise<number> {
  const values = typed()
  if (values === null || values.help) {
    process.stderr.write(`${USAGE}\n`)
    return values === null ? 2 : 0
  }
  const interrupt = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt.abort())
  const report = await chaos({
    minutes: Number(values.minutes),
    seed: values.seed,
    guardsOff: values['without-guards'],
    signal: interrupt.signal,
    tell: (line) => process.stderr.write(`${new Date().toISOString()} ${line}\n`),
  })
  process.stdout.write(`${JSON.stringify(report, null, values.json ? 0 : 2)}\n`)
  if (interrupt.signal.aborted) return 130
  return report.violations.length === 0 ? 0 : 5
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  process.exitCode = 1
}
