// Runs the tests of one mutant after the other, in a process that may be killed when one of them never ends. Argument: the
// copy of the tree. Says once that it is ready, and then what came of each mutant that it is told.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createVitest } from 'vitest/node'

export interface Outcome {
  readonly status: 'killed' | 'survived' | 'unreached'
}

/** What holds the machines and the selection. */
const TESTS = [
  'test/machines/**/*.test.ts',
  'test/engine/select.test.ts',
  'test/histories/*.test.ts',
  'test/requirements/submission.test.ts',
  'test/requirements/alua.test.ts',
]
/** Tests of a mutant that run first; the others follow when these notice nothing. */
const FIRST = 3

const folder = process.argv[2] ?? ''
process.env['PATHLEDGER_MUTATION'] = folder
const activate = (id: number) => writeFileSync(join(folder, 'active'), String(id))
activate(0)

const vitest = await createVitest({
  root: folder,
  config: false,
  watch: false,
  include: TESTS,
  setupFiles: [join(import.meta.dirname, 'setup.ts')],
  globals: false,
  maxWorkers: 2,
  testTimeout: 20_000,
  reporters: [{}],
})

const all = await vitest.globTestSpecifications()
type Specification = (typeof all)[number]

async function passes(specifications: Specification[]): Promise<boolean> {
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications, false)
  // The result has every file that ever ran.
  const ran = testModules.filter((module) =>
    specifications.some(({ moduleId }) => moduleId === module.moduleId),
  )
  return unhandledErrors.length === 0 && ran.every((module) => module.ok())
}

/** Files that look at the sources themselves fail on every mutant alike: they say nothing. */
const usable: {
  readonly specification: Specification
  readonly ids: ReadonlySet<number>
  readonly ms: number
}[] = []
const known = join(folder, 'usable.json')
if (existsSync(known)) {
  const kept = JSON.parse(readFileSync(known, 'utf8')) as { file: string; ids: number[]; ms: number }[]
  for (const { file, ids, ms } of kept) {
    const specification = all.find(({ moduleId }) => moduleId === file)
    if (specification !== undefined) usable.push({ specification, ids: new Set(ids), ms })
  }
} else {
  for (const specification of all) {
    const startMs = performance.now()
    const ok = await passes([specification])
    const ms = performance.now() - startMs
    const lines = readFileSync(join(folder, 'reached'), 'utf8').trimEnd().split('\n')
    const { file, ids } = JSON.parse(lines.at(-1) ?? '') as { file: string; ids: number[] }
    if (ok && file === specification.moduleId) usable.push({ specification, ids: new Set(ids), ms })
    else process.stderr.write(`left out: ${specification.moduleId}\n`)
  }
  usable.sort((one, other) => one.ms - other.ms)
  const kept = usable.map(({ specification, ids, ms }) => ({
    file: specification.moduleId,
    ids: [...ids],
    ms,
  }))
  writeFileSync(known, JSON.stringify(kept))
}

async function run(id: number): Promise<Outcome> {
  const tests = usable.filter(({ ids }) => ids.has(id)).map(({ specification }) => specification)
  if (tests.length === 0) return { status: 'unreached' }
  activate(id)
  for (const part of [tests.slice(0, FIRST), tests.slice(FIRST)]) {
    if (part.length > 0 && !(await passes(part))) return { status: 'killed' }
  }
  return { status: 'survived' }
}

process.on('message', (id) => {
  void run(Number(id)).then((outcome) => process.send?.(outcome))
})
process.send?.({ status: 'unreached' })
