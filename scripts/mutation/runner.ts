// Runs the tests of one mutant after the other, in a process that may be killed when one of them never ends. Arguments: the
// copy of the tree, the seed of the property tests, and a mutant that is on before anything is loaded (0: none). The first
// process notes which tests come by which mutant.
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { runTest, takeEntries, testsOf, type Entry, type Test } from './harness.ts'
import { LONG, OWN, REST_MS, TESTS, TWINS, TWINS_HOLD } from './scope.ts'

/** What the tests make of a mutant; `again` wants a process of its own for it. */
export interface Outcome {
  readonly status: 'killed' | 'survived' | 'timeout' | 'uncovered' | 'again'
  /** The test that notices it. */
  readonly by?: string
}

/** What a run without a mutant came to: of each file its suites, which are looked into, and its tests. */
interface Baseline {
  /** Mutants that are passed while modules load. */
  readonly statics: readonly number[]
  readonly suites: Readonly<Record<string, Covered>>
  readonly tests: Readonly<Record<string, Readonly<Record<string, Covered>>>>
}

interface Covered {
  readonly ms: number
  readonly ids: readonly number[]
}

/** A loop that a mutant never lets end asks for it again and again. */
const HITS_MAX = 5_000_000
/** A test that takes so much longer than without a mutant never ends. Counted in ticks, of which a process that is stopped has none. */
const TICK_MS = 100
const TICKS_MIN = 100
const TIMES_SLOWER = 20
/** Of a test of which nothing is known yet. */
const ALLOWED_MS = 20_000

const [folder = '', seed = '1', first = '0'] = process.argv.slice(2)
const isAlone = first !== '0'
const mutants = { active: Number(first), hits: 0, stalled: false, passed: new Set<number>() }
const recording = { on: false }

Object.assign(globalThis, {
  __m: (id: number): boolean => {
    if (recording.on) mutants.passed.add(id)
    if (id !== mutants.active) return false
    mutants.hits += 1
    if (mutants.hits > HITS_MAX) {
      mutants.stalled = true
      throw new Error('the mutant runs for ever')
    }
    return true
  },
})

const harness = new URL('./harness.ts', import.meta.url).href
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'vitest' && context.parentURL !== harness
      ? { url: harness, shortCircuit: true }
      : next(specifier, context),
})
// A counterexample will do; nobody reads the smallest.
fc.configureGlobal({ seed: Number(seed), endOnFailure: true })
process.chdir(folder)

const strays: unknown[] = []
process.on('uncaughtException', (error) => strays.push(error))
process.on('unhandledRejection', (error) => strays.push(error))

/** null: it passes. */
async function failureOf(test: Test, ms: number): Promise<'failed' | 'timeout' | null> {
  Object.assign(mutants, { hits: 0, stalled: false })
  strays.length = 0
  let ticks = 0
  const allowed = Math.max(TICKS_MIN, (ms * TIMES_SLOWER) / TICK_MS)
  let ticker: NodeJS.Timeout | undefined
  const late = new Promise<'timeout'>((resolve) => {
    ticker = setInterval(() => {
      ticks += 1
      if (ticks > allowed) resolve('timeout')
    }, TICK_MS)
  })
  const ran = runTest(test).then(
    () => (strays.length > 0 ? 'failed' : null),
    () => 'failed' as const,
  )
  const failure = await Promise.race([ran, late])
  clearInterval(ticker)
  return mutants.stalled ? 'timeout' : failure
}

async function loadFiles(): Promise<Map<string, Entry[]>> {
  const entries = new Map<string, Entry[]>()
  for (const file of globSync(TESTS, { cwd: folder }).sort()) {
    if (LONG.includes(file)) continue
    await import(pathToFileURL(join(folder, file)).href)
    entries.set(file, takeEntries())
  }
  return entries
}

/** What `act` passes. */
async function passedIn<Result>(act: () => Result | Promise<Result>): Promise<[Result, number[]]> {
  mutants.passed.clear()
  recording.on = true
  const result = await act()
  recording.on = false
  return [result, [...mutants.passed]]
}

async function measure(loaded: ReadonlyMap<string, Entry[]>, statics: readonly number[]): Promise<Baseline> {
  const suites: Record<string, Covered> = {}
  const tests: Record<string, Record<string, Covered>> = {}
  for (const [file, entries] of loaded) {
    const startMs = performance.now()
    const [inside, ids] = await passedIn(() => testsOf(entries))
    const covered: Record<string, Covered> = {}
    suites[file] = { ms: performance.now() - startMs, ids }
    for (const test of inside) {
      const testMs = performance.now()
      const [failure, passed] = await passedIn(() => failureOf(test, ALLOWED_MS))
      if (failure === null) covered[test.name] = { ms: performance.now() - testMs, ids: passed }
      else process.stderr.write(`left out: ${file}: ${test.name}\n`)
    }
    tests[file] = covered
  }
  return { statics, suites, tests }
}

/** A test, or all of a file's whose suites pass the mutant. */
interface Candidate {
  readonly file: string
  readonly name: string | null
  readonly ms: number
  readonly ids: ReadonlySet<number>
  kills: number
}

function candidatesIn({ suites, tests }: Baseline): Candidate[] {
  return Object.entries(suites).flatMap(([file, suite]) => {
    const inside = Object.entries(tests[file] ?? {})
    const all = inside.reduce((sum, [, { ms }]) => sum + ms, suite.ms)
    return [
      { file, name: null, ms: all, ids: new Set(suite.ids), kills: 0 },
      ...inside.map(([name, { ms, ids }]) => ({ file, name, ms, ids: new Set(ids), kills: 0 })),
    ]
  })
}

async function main(): Promise<void> {
  const known = join(folder, 'baseline.json')
  const [loaded, statics] = await passedIn(loadFiles)
  const isFirst = !existsSync(known)
  const baseline = isFirst
    ? await measure(loaded, statics)
    : (JSON.parse(readFileSync(known, 'utf8')) as Baseline)
  if (isFirst) writeFileSync(known, JSON.stringify(baseline))
  const early = new Set(baseline.statics)
  const all = candidatesIn(baseline)

  const bodies = new Map<string, Map<string, Test>>()
  const lookInto = (file: string) =>
    new Map(testsOf(loaded.get(file) ?? []).map((test) => [test.name, test] as const))
  /** As they are without the mutant. */
  const testOf = (file: string, name: string): Test | undefined => {
    const inside = bodies.get(file) ?? lookInto(file)
    bodies.set(file, inside)
    return inside.get(name)
  }

  /** The tests that may notice a mutant, the likeliest and cheapest first. */
  const candidates = (id: number, source: string): Candidate[] => {
    let restMs = 0
    const isWithin = ({ file, ms }: Candidate): boolean => {
      if (OWN.test(file)) return true
      restMs += ms
      return restMs <= REST_MS
    }
    const whole = new Set(all.filter(({ name, ids }) => name === null && ids.has(id)).map(({ file }) => file))
    return all
      .filter(({ file, name, ids }) =>
        whole.has(file) ? name === null : name !== null && (early.has(id) || ids.has(id)),
      )
      .filter(({ file }) => !TWINS.includes(file) || TWINS_HOLD.includes(source))
      .sort((one, other) => one.ms - other.ms)
      .filter(isWithin)
      .sort((one, other) => one.ms / (1 + one.kills) - other.ms / (1 + other.kills))
  }

  const noticed = async ({ file, name, ms }: Candidate): Promise<'failed' | 'timeout' | null> => {
    if (name !== null) {
      const { active } = mutants
      if (!isAlone) mutants.active = 0
      const test = testOf(file, name)
      mutants.active = active
      return test === undefined ? null : failureOf(test, ms)
    }
    Object.assign(mutants, { hits: 0, stalled: false })
    let inside: Map<string, Test>
    try {
      inside = lookInto(file)
    } catch {
      return mutants.stalled ? 'timeout' : 'failed'
    }
    for (const [known, { ms }] of Object.entries(baseline.tests[file] ?? {})) {
      const test = inside.get(known)
      const failure = test === undefined ? null : await failureOf(test, ms)
      if (failure !== null) return failure
    }
    return null
  }

  const tryOut = async (id: number, source: string): Promise<Outcome> => {
    if (early.has(id) && !isAlone) return { status: 'again' }
    const tests = candidates(id, source)
    if (tests.length === 0) return { status: 'uncovered' }
    for (const candidate of tests) {
      mutants.active = id
      const failure = await noticed(candidate)
      mutants.active = 0
      if (failure === null) continue
      candidate.kills += 1
      const by = `${candidate.file}: ${candidate.name ?? 'its suites'}`
      if (failure === 'timeout') return { status: 'timeout', by }
      // What a mutant leaves behind must not be taken for the next one.
      if (!isAlone && (await noticed(candidate)) !== null) return { status: 'again' }
      return { status: 'killed', by }
    }
    return { status: 'survived' }
  }

  process.on('message', (asked) => {
    const { id, source } = asked as { id: number; source: string }
    void tryOut(id, source).then((outcome) => process.send?.(outcome))
  })
  process.send?.({ status: 'uncovered' })
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? String(error.stack) : String(error)}\n`)
  process.exit(1)
})
