// The simulator: the production engine, machines and store port on memory paths and a virtual clock. A run is a function
// of its seed, alone or in a sweep; its trace hash says so.
import { createHash } from 'node:crypto'
import { PathledgerError } from '../../errors.ts'
import { AT_THE_END, EVERY_STEP, type Violation } from './invariants.ts'
import { Workload } from './workload.ts'
import { buildWorld, drive, type World, type WorldOptions } from './world.ts'

/** Which seeds to run, and how long. */
export interface SimulateOptions {
  /** First and last seed, both included. */
  readonly from: number
  readonly to: number
  /** Things each seed does; default 400. */
  readonly steps?: number
  /** Switches the guard against ghosts off: the sweep must then find violations. For tests. */
  readonly guardsOff?: boolean
  /** Called after each seed, for a progress bar. */
  readonly onSeed?: (result: SeedResult) => void
}

/** What one seed came to. */
export interface SeedResult {
  readonly seed: number
  readonly violations: readonly Violation[]
  /** I/Os that the workload started. */
  readonly ios: number
  /** Errors that paths gave. */
  readonly faults: number
  /** SHA-256 over the ledger of the run: the same for the same seed, whatever ran before it. */
  readonly trace: string
}

/** What a sweep came to. */
export interface SimulateResult {
  readonly seeds: number
  readonly violations: readonly Violation[]
  readonly ios: number
  readonly faults: number
  /** SHA-256 over the seeds' traces. */
  readonly trace: string
}

const STEPS = 400
/** Virtual time in which everything must end once the faults are gone. */
const HEAL_US = 5_000_000

/** Runs seeds one after the other. Throws SEEDS_INVALID for a range that is none. */
export async function simulate(options: SimulateOptions): Promise<SimulateResult> {
  const { from, to, steps = STEPS, guardsOff = false, onSeed } = options
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 0 || to < from) {
    throw new PathledgerError('SEEDS_INVALID', {
      message: `${from}..${to} is not a range of seeds.`,
      why: 'It is FIRST..LAST, whole numbers from 0, the first not above the last.',
      todo: 'For one seed write 7..7.',
    })
  }
  const violations: Violation[] = []
  const traces = createHash('sha256')
  let [ios, faults] = [0, 0]
  for (let seed = from; seed <= to; seed += 1) {
    const result = await simulateSeed(seed, steps, { guardsOff })
    violations.push(...result.violations)
    ios += result.ios
    faults += result.faults
    traces.update(result.trace)
    onSeed?.(result)
  }
  return { seeds: to - from + 1, violations, ios, faults, trace: traces.digest('hex') }
}

/** Runs one seed: faults, then healing, then the checks that want everything at rest. */
export async function simulateSeed(seed: number, steps: number, options: WorldOptions): Promise<SeedResult> {
  const world = await buildWorld(seed, options)
  const workload = new Workload(world)
  const violations: Violation[] = []
  const check = (step: number, checks: typeof EVERY_STEP) => {
    for (const [invariant, holds] of Object.entries(checks)) {
      const detail = holds(world, workload)
      if (detail !== null) violations.push({ seed, step, invariant, detail })
    }
  }
  const { clock } = world
  for (let step = 1; step <= steps && violations.length === 0; step += 1) {
    workload.step()
    await clock.drain(clock.monoUs() + workload.pauseUs())
    check(step, EVERY_STEP)
  }
  await heal(world, workload)
  check(steps, EVERY_STEP)
  check(steps, AT_THE_END)
  await drive(clock, world.mp.close())
  const trace = createHash('sha256')
  for (const { hash } of world.store.rows()) trace.update(hash)
  return {
    seed,
    violations,
    ios: workload.tally.started,
    faults: world.seen.faults,
    trace: trace.digest('hex'),
  }
}

/** Takes every fault away, lets the operator put back what he pulled, brings removed paths back, and gives it time. */
async function heal(world: World, workload: Workload): Promise<void> {
  const { clock, slots } = world
  workload.healFaults()
  await clock.drain(clock.monoUs() + 100_000)
  for (const { path } of slots) {
    if (path === null || path.state.device === 'deleted') continue
    path.setAccessState('optimal')
    if (path.state.admin === 'disabled') path.reinstate({ actor: 'operator:0', reason: 'healed' })
  }
  while (slots.some(({ path }) => path === null)) {
    workload.add()
    await clock.drain(clock.monoUs() + 50_000)
    if (workload.wrong.length > 0) return
  }
  for (const { path } of slots) {
    if (path !== null && path.state.admin === 'disabled')
      path.reinstate({ actor: 'operator:0', reason: 'healed' })
  }
  await clock.drain(clock.monoUs() + HEAL_US)
}
