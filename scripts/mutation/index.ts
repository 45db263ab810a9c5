// `npm run mutation`: changes the machines and the selection of a path in small ways, one at a time, and runs the tests that
// come by. A change that no test notices has survived. Works in a copy of the tree; every change is compiled in at once and
// switched on by number (setup.ts), so that nothing is compiled twice.
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { seededRandom } from '../../adapters/seeded-random.ts'
import { mutate } from './mutate.ts'
import type { Mutant } from './mutate.ts'
import type { Outcome } from './runner.ts'

const ROOT = join(import.meta.dirname, '../..')
/** Events and effects are shapes, which other tests hold; what decides is mutated. */
const SOURCES = ['machines/*.ts', 'engine/select*.ts']
const SHAPES = /-events\.ts$|\/(events|effects|words)\.ts$/
const COPIED = [
  'machines',
  'engine',
  'store',
  'adapters',
  'cli',
  'test',
  'scripts',
  'index.ts',
  'errors.ts',
  'package.json',
  'tsconfig.json',
  'docs',
  'bench',
]
/** A mutant whose tests take longer runs for ever. */
const STALLED_MS = 90_000

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  process.stdout.write(`Examples:
  npm run mutation                        every mutant, as far as twenty minutes reach
  npm run --silent mutation -- --minutes 5 --seed 7 --json

Mutants are taken in the order that --seed draws, until the time is over: a sample, whose score is that of all but for chance.
`)
  process.exit(0)
}

const folder = mkdtempSync(join(tmpdir(), 'pathledger-mutation-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

for (const name of COPIED) cpSync(join(ROOT, name), join(folder, name), { recursive: true })
symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
const mutants: Mutant[] = []
for (const file of globSync(SOURCES, { cwd: ROOT }).sort()) {
  if (SHAPES.test(file)) continue
  const { text, made } = mutate(file, readFileSync(join(ROOT, file), 'utf8'), mutants.length + 1)
  writeFileSync(join(folder, file), text)
  mutants.push(...made)
}
process.stderr.write(`${mutants.length} mutants\n`)

interface Runner {
  readonly child: ChildProcess
  ask(mutant: number): Promise<Outcome>
}

async function startRunner(): Promise<Runner> {
  const entry = join(import.meta.dirname, 'runner.ts')
  const child = fork(entry, [folder], { detached: true, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  let answer: (outcome: Outcome) => void = () => undefined
  const next = () => new Promise<Outcome>((resolve) => (answer = resolve))
  child.on('message', (message) => answer(message as Outcome))
  // Whoever makes it run for ever, or out of memory, was noticed.
  child.once('exit', () => answer({ status: 'killed' }))
  const ready = next()
  await ready
  return {
    child,
    ask: async (mutant) => {
      const answered = next()
      child.send(mutant)
      const timer = setTimeout(() => end(child), STALLED_MS)
      const outcome = await answered
      clearTimeout(timer)
      return outcome
    },
  }
}

function end(child: ChildProcess): void {
  try {
    process.kill(-(child.pid ?? 0), 'SIGKILL')
  } catch {
    // It has ended.
  }
}

const random = seededRandom(values.seed)
const left = [...mutants]
const endMs = performance.now() + Number(values.minutes) * 60_000
const counts = { killed: 0, survived: 0, unreached: 0 }
const survivors: (Mutant & { status: string })[] = []
let runner = await startRunner()
process.on('exit', () => end(runner.child))
while (left.length > 0 && performance.now() < endMs) {
  const [mutant] = left.splice(random.nextUint32() % left.length, 1)
  if (mutant === undefined) break
  const outcome = await runner.ask(mutant.id)
  counts[outcome.status] += 1
  if (outcome.status !== 'killed') {
    survivors.push({ ...mutant, status: outcome.status })
    process.stderr.write(`${outcome.status} ${mutant.file}:${mutant.line} ${mutant.what}\n`)
  }
  if (runner.child.exitCode !== null || runner.child.signalCode !== null) runner = await startRunner()
}
end(runner.child)
const run = counts.killed + counts.survived + counts.unreached
const report = {
  mutants: mutants.length,
  run,
  ...counts,
  scorePercent: Math.round((1000 * counts.killed) / run) / 10,
  survivors: survivors
    .sort((one, other) => one.id - other.id)
    .map(
      ({ file, line, what, status }) =>
        `${file}:${line} ${what}${status === 'unreached' ? ' (no test comes by)' : ''}`,
    ),
}
process.stdout.write(`${JSON.stringify(report, null, values.json ? 0 : 2)}\n`)
