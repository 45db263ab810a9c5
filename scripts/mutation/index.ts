// `npm run mutation`: changes the machines and the selection of a path, or with `io` the way of the data, in small ways, one at a
// time, and runs the tests that come by. A change that no test notices has survived. Works in a copy of the tree; every change is compiled in at once and
// switched on by number (setup.ts), so that nothing is compiled twice.
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { commit } from '../../cli/simulate/commit.ts'
import { seededRandom } from '../../adapters/seeded-random.ts'
import { PRODUCT_FOLDERS } from '../structure/rooms.ts'
import type { Asked } from './baseline.ts'
import { openJournal } from './journal.ts'
import { mutate } from './mutate.ts'
import { hasSurvived, reportOf } from './report.ts'
import { scopeOf } from './scope.ts'
import type { Mutant } from './mutate.ts'
import type { Outcome } from './runner.ts'

const ROOT = join(import.meta.dirname, '../..')
const COPIED = [
  ...PRODUCT_FOLDERS.filter((house) => existsSync(join(ROOT, house))),
  'test',
  'scripts',
  'index.ts',
  'errors.ts',
  'package.json',
  'tsconfig.json',
  'docs',
  'bench',
]
/** So many seconds without an answer: it runs for ever. Counted in ticks, of which a process that is stopped has none. */
const STALLED_TICKS = 180

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    processes: { type: 'string', default: '2' },
    journal: { type: 'string' },
    again: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  process.stdout.write(`Examples:
  npm run mutation                        every mutant, as far as twenty minutes reach
  npm run mutation -- io                  those of the way of the data, with 50 seeds of the simulator as tests
  npm run --silent mutation -- --minutes 5 --seed 7 --json
  npm run --silent mutation -- --journal FILE      goes on where the last run of these sources with FILE ended
  npm run --silent mutation -- --journal FILE --again --write    those that survived once more, and docs/mutation.md

Mutants that have a name come first, the others in the order that --seed draws, until the time is over: a sample, whose score is that of all but for chance.
`)
  process.exit(0)
}

const [scopeName = 'machines'] = positionals
const scope = scopeOf(scopeName)
const folder = mkdtempSync(join(tmpdir(), 'pathledger-mutation-'))
const children = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of children) end(child)
  rmSync(folder, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

for (const name of COPIED) cpSync(join(ROOT, name), join(folder, name), { recursive: true })
symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
const mutants: Mutant[] = []
const sources = createHash('sha256')
const files = [...globSync([...scope.sources], { cwd: ROOT }), ...scope.named.map(({ file }) => file)]
for (const file of [...new Set(files)].sort()) {
  if (scope.shapes.test(file)) continue
  const { text, made } = mutate(file, readFileSync(join(ROOT, file), 'utf8'), mutants.length + 1, scope.named)
  writeFileSync(join(folder, file), text)
  sources.update(text)
  mutants.push(...made)
}
process.stderr.write(`${mutants.length} mutants\n`)

type Answer = Outcome | { readonly status: 'ended' }

interface Runner {
  readonly child: ChildProcess
  ask(mutant: Mutant): Promise<Answer>
}

/** With a mutant: it is on before anything is loaded. */
async function startRunner(mutant = 0): Promise<Runner> {
  const entry = join(import.meta.dirname, 'runner.ts')
  const child = fork(entry, [folder, values.seed, scopeName, String(mutant)], {
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  children.add(child)
  let answer: (outcome: Answer) => void = () => undefined
  const next = () => new Promise<Answer>((resolve) => (answer = resolve))
  child.on('message', (message) => answer(message as Outcome))
  child.once('exit', () => {
    children.delete(child)
    answer({ status: 'ended' })
  })
  const within = async (asked: Promise<Answer>): Promise<Answer> => {
    let ticks = 0
    const ticker = setInterval(() => {
      ticks += 1
      if (ticks > STALLED_TICKS) answer({ status: 'timeout' })
    }, 1_000)
    const outcome = await asked
    clearInterval(ticker)
    if (outcome.status === 'timeout') end(child)
    return outcome
  }
  const ready = await (mutant === 0 ? next() : within(next()))
  return {
    child,
    ask: async (mutant) => {
      if (!isAlive(child)) return ready.status === 'timeout' ? ready : { status: 'ended' }
      const answered = next()
      child.send({ id: mutant.id, source: mutant.file, beside: besides(mutant) } satisfies Asked)
      return within(answered)
    },
  }
}

function besides({ file }: Mutant): number[] {
  return mutants.filter((one) => one.file === file).map(({ id }) => id)
}

function isAlive({ exitCode, signalCode, killed }: ChildProcess): boolean {
  return exitCode === null && signalCode === null && !killed
}

function end(child: ChildProcess): void {
  try {
    child.kill('SIGKILL')
    process.kill(-(child.pid ?? 0), 'SIGKILL')
  } catch {
    // It has ended.
  }
}

async function alone(mutant: Mutant): Promise<Outcome> {
  const runner = await startRunner(mutant.id)
  const outcome = await runner.ask(mutant)
  end(runner.child)
  // Nothing can be loaded with it, or it stops the process.
  return outcome.status === 'ended' ? { status: 'killed', by: 'the process ends' } : outcome
}

const random = seededRandom(values.seed)
const { known, keep } = openJournal(values.journal ?? null, sources.digest('hex'))
const outcomes = new Map(known)
const left = [...mutants].filter(({ id }) => !known.has(id))
/** After all others, for there may be tests now that there were not. */
const again = values.again ? mutants.filter(({ id }) => hasSurvived(known.get(id))) : []
const endMs = performance.now() + Number(values.minutes) * 60_000

function nextMutant(): Mutant | undefined {
  const named = left.findIndex((one) => one.named)
  if (named >= 0) return left.splice(named, 1)[0]
  return left.length > 0 ? left.splice(random.nextUint32() % left.length, 1)[0] : again.pop()
}

async function lane(): Promise<void> {
  let runner = await startRunner()
  for (let mutant = nextMutant(); mutant !== undefined; mutant = nextMutant()) {
    let outcome = await runner.ask(mutant)
    if (outcome.status === 'again' || outcome.status === 'ended') outcome = await alone(mutant)
    outcomes.set(mutant.id, outcome)
    keep(mutant.id, outcome)
    process.stderr.write(
      `${outcomes.size} ${outcome.status} ${mutant.file}:${mutant.line} ${mutant.what} (${outcome.by ?? ''})\n`,
    )
    if (performance.now() > endMs) break
    if (!isAlive(runner.child)) runner = await startRunner()
  }
  end(runner.child)
}

// With no time it only says what the journal has.
if (Number(values.minutes) > 0 && left.length + again.length > 0) {
  // The first process notes which tests come by which mutant, for all.
  end((await startRunner()).child)
  await Promise.all(Array.from({ length: Number(values.processes) }, () => lane()))
}
const report = { commit: commit(), ...reportOf(mutants, outcomes) }
process.stdout.write(`${JSON.stringify(report, null, values.json ? 0 : 2)}\n`)
if (values.write) {
  if (report.run < report.mutants)
    process.stderr.write(`only ${report.run} of ${report.mutants} were tried\n`)
  writeFileSync(join(import.meta.dirname, scope.result), `${JSON.stringify(report, null, 2)}\n`)
  const { mutationPage } = await import('../pages/mutation-page.ts')
  writeFileSync(join(ROOT, 'docs/mutation.md'), await mutationPage())
}
