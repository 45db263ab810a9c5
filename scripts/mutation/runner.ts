// Runs the tests of one mutant after the other, in a process that may be killed when one of them never ends. Arguments: the
// copy of the tree, the seed of the property tests, the scope, and a mutant that is on before anything is loaded (0: none). The first
// process notes which tests come by which mutant.
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import type * as simulation from '../../simulation/simulate.ts'
import { Candidates, type Asked, type Baseline, type Candidate, type Covered } from './baseline.ts'
import { it as declare, runTest, takeEntries, testsOf, type Entry, type Test } from './harness.ts'
import { scopeOf } from './scope.ts'

/** What the tests make of a mutant; `again` wants a process of its own for it. */
export interface Outcome {
  readonly status: 'killed' | 'survived' | 'timeout' | 'uncovered' | 'again'
  /** The test that notices it. */
  readonly by?: string
}

/** A loop that a mutant never lets end asks for it again and again. */
const HITS_MAX = 5_000_000
/** A test that takes so much longer than without a mutant never ends. Counted in ticks, of which a process that is stopped has none. */
const TICK_MS = 100
const TICKS_MIN = 100
const TIMES_SLOWER = 20
/** Of a test of which nothing is known yet. */
const ALLOWED_MS = 20_000

const [folder = '', seed = '1', scopeName = '', first = '0'] = process.argv.slice(2)
const scope = scopeOf(scopeName)
const isAlone = first !== '0'
process.env.PATHLEDGER_MUTANT = first
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

function switchOn(id: number): void {
  mutants.active = id
  // For the threads and processes that a test starts.
  process.env.PATHLEDGER_MUTANT = String(id)
}

/** null: it passes. */
type Failure = 'failed' | 'timeout' | null

async function failureOf(test: Test, ms: number): Promise<Failure> {
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
  for (const file of globSync([...scope.tests], { cwd: folder }).sort()) {
    if (scope.long.includes(file)) continue
    await import(pathToFileURL(join(folder, file)).href)
    entries.set(file, takeEntries())
  }
  if (scope.seeds > 0) entries.set('simulation', await seedsAsTests(scope.seeds))
  return entries
}

/** The simulator of the copy. */
type Simulator = typeof simulation

/** The simulator's seeds, each a test that finds no violation. */
async function seedsAsTests(count: number): Promise<Entry[]> {
  const simulator = pathToFileURL(join(folder, 'simulation/simulate.ts')).href
  const { simulateSeed } = (await import(simulator)) as Simulator
  for (let seed = 1; seed <= count; seed += 1) {
    declare(`seed ${seed}`, async () => {
      const { violations } = await simulateSeed(seed)
      if (violations.length > 0) throw new Error(violations[0]?.invariant)
    })
  }
  return takeEntries()
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

class Trial {
  readonly #loaded: ReadonlyMap<string, readonly Entry[]>
  readonly #baseline: Baseline
  readonly #candidates: Candidates
  readonly #bodies = new Map<string, Map<string, Test>>()

  constructor(loaded: ReadonlyMap<string, readonly Entry[]>, baseline: Baseline) {
    this.#loaded = loaded
    this.#baseline = baseline
    this.#candidates = new Candidates(baseline, scope)
  }

  async of(asked: Asked): Promise<Outcome> {
    if (this.#candidates.isStatic(asked.id) && !isAlone) return { status: 'again' }
    const tests = this.#candidates.for(asked)
    if (tests.length === 0) return { status: 'uncovered' }
    for (const candidate of tests) {
      switchOn(asked.id)
      const failure = await this.#failureOf(candidate)
      switchOn(0)
      if (failure === null) continue
      candidate.kills += 1
      const by = `${candidate.file}: ${candidate.name ?? 'its suites'}`
      if (failure === 'timeout') return { status: 'timeout', by }
      // What a mutant leaves behind must not be taken for the next one.
      if (!isAlone && (await this.#failureOf(candidate)) !== null) return { status: 'again' }
      return { status: 'killed', by }
    }
    return { status: 'survived' }
  }

  async #failureOf({ file, name, ms }: Candidate): Promise<Failure> {
    if (name === null) return this.#failureIn(file)
    const test = this.#testOf(file, name)
    return test === undefined ? null : failureOf(test, ms)
  }

  /** Of a file whose suites the mutant is in: all that they come to with it. */
  async #failureIn(file: string): Promise<Failure> {
    Object.assign(mutants, { hits: 0, stalled: false })
    let inside: Map<string, Test>
    try {
      inside = this.#lookInto(file)
    } catch {
      return mutants.stalled ? 'timeout' : 'failed'
    }
    for (const [name, { ms }] of Object.entries(this.#baseline.tests[file] ?? {})) {
      const test = inside.get(name)
      const failure = test === undefined ? null : await failureOf(test, ms)
      if (failure !== null) return failure
    }
    return null
  }

  /** Where its suites pass no mutant: looked into once. */
  #testOf(file: string, name: string): Test | undefined {
    const { active } = mutants
    if (!isAlone) mutants.active = 0
    const inside = this.#bodies.get(file) ?? this.#lookInto(file)
    this.#bodies.set(file, inside)
    mutants.active = active
    return inside.get(name)
  }

  #lookInto(file: string): Map<string, Test> {
    return new Map(testsOf(this.#loaded.get(file) ?? []).map((test) => [test.name, test] as const))
  }
}

async function main(): Promise<void> {
  const known = join(folder, 'baseline.json')
  const [loaded, statics] = await passedIn(loadFiles)
  const isFirst = !existsSync(known)
  const baseline = isFirst
    ? await measure(loaded, statics)
    : (JSON.parse(readFileSync(known, 'utf8')) as Baseline)
  if (isFirst) writeFileSync(known, JSON.stringify(baseline))
  const trial = new Trial(loaded, baseline)
  process.on('message', (asked) => {
    void trial.of(asked as Asked).then((outcome) => process.send?.(outcome))
  })
  process.send?.({ status: 'uncovered' })
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? String(error.stack) : String(error)}\n`)
  process.exit(1)
})
