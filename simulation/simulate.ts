// The simulator: the production engine, machines and store port on simulated devices and a virtual clock. A run is a function
// of its seed, alone or in a sweep; its trace hash says so.
import { checkFields, shown } from '../errors/arguments.ts'
import { createHash } from 'node:crypto'
import { PathledgerError } from '../errors.ts'
import { heal } from './deeds/heal.ts'
import { AT_THE_END, EVERY_STEP, WHEN_CLOSED, type Violation } from './invariants.ts'
import { begin, close, playStep } from './play.ts'
import { plantNamed } from './plants/plants.ts'
import { ALL_SITUATIONS, type Situation } from './world/sometimes.ts'
import { makeWorld } from './world/world.ts'
import type { World } from './world/parts.ts'

/** Which seeds to run, and how long. */
export interface SimulateOptions {
  /** First and last seed, both included. */
  readonly from: number
  readonly to: number
  /** Things each seed does; default 400. */
  readonly steps?: number
  /** Name of a planted bug (docs/simulator.md): the sweep must then find violations. Default: none. */
  readonly plant?: string
  /** Called after each seed, for a progress bar. */
  readonly onSeed?: (result: SeedResult) => void
  /** Runs a seed elsewhere (a thread, another machine): what it comes to is the same. Default: here. */
  readonly elsewhere?: (seed: number) => Promise<SeedResult>
  /** So many of those at once; default 1. */
  readonly lanes?: number
  /** Called with a line for each thing that happens, and each change of a state. */
  readonly onLine?: (step: number, line: string) => void
}

/** What one seed came to. */
export interface SeedResult {
  readonly seed: number
  readonly violations: readonly Violation[]
  /** The rare situations that it reached. */
  readonly reached: readonly string[]
  /** I/Os that the workload started. */
  readonly ios: number
  /** Errors that paths gave. */
  readonly faults: number
  /** Engines that died. */
  readonly crashes: number
  /** SHA-256 over the ledgers of the run: the same for the same seed, whatever ran before it. */
  readonly trace: string
}

/** What a sweep came to. */
export interface SimulateResult {
  readonly seeds: number
  /** What did not hold; in a sweep of 1,000 seeds or more also each rare situation that none of them reached. */
  readonly violations: readonly Violation[]
  /** In how many seeds each rare situation came up. */
  readonly sometimes: Readonly<Record<string, number>>
  readonly ios: number
  readonly faults: number
  readonly crashes: number
  /** SHA-256 over the seeds' traces. */
  readonly trace: string
}

/** Seeds of one sweep: a result is kept for each. */
const SEEDS_MAX = 10_000_000
/** Steps of a seed. */
const STEPS = 400
/** A sweep of so many seeds must reach every rare situation. */
const SEEDS_FOR_ALL = 1_000

/**
 * Runs seeds, one after the other or side by side: the result is the same. Throws SEEDS_INVALID for a range that is none,
 * PLANT_UNKNOWN for a bug that is none.
 */
export async function simulate(options: SimulateOptions): Promise<SimulateResult> {
  const calls = { onSeed: 'call?', elsewhere: 'call?', onLine: 'call?' } as const
  checkFields('simulate', 'options', options, { steps: 'count?', plant: 'text?', lanes: 'count?', ...calls })
  checkSeeds(options)
  plantNamed(options.plant ?? null)
  const { from, to, onSeed, lanes = 1, elsewhere = (seed: number) => simulateSeed(seed, options) } = options
  const results: SeedResult[] = []
  let next = from
  const lane = async () => {
    while (next <= to) {
      const seed = next
      next += 1
      const result = await elsewhere(seed)
      results.push(result)
      onSeed?.(result)
    }
  }
  await Promise.all(Array.from({ length: lanes }, () => lane()))
  return sumUp(results, options.plant === undefined)
}

/** Throws SEEDS_INVALID. */
function checkSeeds({ from, to }: Pick<SimulateOptions, 'from' | 'to'>): void {
  if (
    Number.isSafeInteger(from) &&
    Number.isSafeInteger(to) &&
    from >= 0 &&
    to >= from &&
    to - from < SEEDS_MAX
  )
    return
  throw new PathledgerError('SEEDS_INVALID', {
    message: `${shown(from)}..${shown(to)} is not a range of seeds.`,
    why: `It is FIRST..LAST, whole numbers from 0, the first not above the last, and ${SEEDS_MAX} at most.`,
    todo: 'For one seed write 7..7.',
  })
}

/** What seeds that ran one by one, or side by side, come to; in the order of the seeds. Pure. */
function sumUp(results: readonly SeedResult[], mustReachAll: boolean): SimulateResult {
  const inOrder = [...results].sort((one, other) => one.seed - other.seed)
  const sum = (of: (result: SeedResult) => number) => inOrder.reduce((total, result) => total + of(result), 0)
  const counts = new Map<string, number>(ALL_SITUATIONS.map((situation) => [situation, 0]))
  for (const { reached } of inOrder) {
    for (const situation of reached) counts.set(situation, (counts.get(situation) ?? 0) + 1)
  }
  const traces = createHash('sha256')
  for (const { trace } of inOrder) traces.update(trace)
  const missed =
    mustReachAll && inOrder.length >= SEEDS_FOR_ALL
      ? ALL_SITUATIONS.filter((one) => counts.get(one) === 0)
      : []
  return {
    seeds: inOrder.length,
    violations: [
      ...inOrder.flatMap(({ violations }) => violations),
      ...missed.map((one) => neverReached(one, inOrder)),
    ],
    sometimes: Object.fromEntries(counts),
    ios: sum(({ ios }) => ios),
    faults: sum(({ faults }) => faults),
    crashes: sum(({ crashes }) => crashes),
    trace: traces.digest('hex'),
  }
}

function neverReached(situation: Situation, results: readonly SeedResult[]): Violation {
  const detail = `no seed reached '${situation}': what is never reached is not tested`
  return { seed: results[0]?.seed ?? 0, step: 0, invariant: 'sometimes', detail }
}

/** Runs one seed: faults, then healing, then the checks that want everything at rest. */
export async function simulateSeed(
  seed: number,
  { steps = STEPS, plant: name, onLine }: Pick<SimulateOptions, 'steps' | 'plant' | 'onLine'> = {},
): Promise<SeedResult> {
  const plant = plantNamed(name ?? null)
  const at = { step: 0 }
  const unpatch = plant.patch?.()
  try {
    const tell = onLine === undefined ? {} : { tell: (line: string) => onLine(at.step, line) }
    const world = makeWorld(seed, { plant, ...tell })
    const violations = await live(world, steps, at)
    return resultOf(world, violations)
  } finally {
    unpatch?.()
  }
}

interface Lived {
  readonly violations: readonly Violation[]
  readonly ios: number
}

async function live(world: World, steps: number, at: { step: number }): Promise<Lived> {
  const { seed } = world
  const play = await begin(world)
  const { scene } = play
  const violations: Violation[] = []
  const note = (invariant: string, detail: string) => {
    // What still does not hold is told once.
    if (violations.some((one) => one.invariant === invariant && one.detail === detail)) return
    world.tell?.(`! ${invariant}: ${detail}`)
    violations.push({ seed, step: at.step, invariant, detail })
  }
  const check = (checks: typeof EVERY_STEP) => {
    for (const { invariant, detail } of world.wrong.splice(0)) note(invariant, detail)
    for (const [invariant, holds] of Object.entries(checks)) {
      const detail = holds(scene)
      if (detail !== null) note(invariant, detail)
    }
  }
  while (at.step < steps && violations.length === 0) {
    at.step += 1
    await playStep(play)
    check(EVERY_STEP)
  }
  const isWhole = violations.length === 0
  world.tell?.('. heal')
  await heal(scene)
  check(EVERY_STEP)
  // What has gone wrong already has its own name; what follows from it would only hide it.
  if (isWhole) check(AT_THE_END)
  await close(play)
  if (isWhole) check(WHEN_CLOSED)
  return { violations, ios: scene.workload.tally.started }
}

function resultOf(world: World, { violations, ios }: Lived): SeedResult {
  const trace = createHash('sha256')
  for (const { ledger } of world.hosts) for (const { hash } of ledger.rows()) trace.update(hash)
  const { seed, faults, crashes, sometimes } = world
  return { seed, violations, reached: sometimes.reached, ios, faults, crashes, trace: trace.digest('hex') }
}
