// The simulated world: hosts with an engine and a ledger each, LUNs that they share, paths with faults to throw, one
// virtual clock. Everything in it outlives the engines.
import type { SeededRandom } from '../../adapters/seeded-random.ts'
import { seededRandom } from '../../adapters/seeded-random.ts'
import { VirtualClock } from '../../adapters/virtual-clock.ts'
import type { Multipath } from '../multipath.ts'
import { VERSION, XSTATE_VERSION } from '../version.ts'
import { Disk } from './disk.ts'
import type { Boot, Life } from './life.ts'
import { mixOf, type Mix } from './mix.ts'
import type { Plant } from './plant.ts'
import { BLOCK, Shadow, type ShadowWrite } from './shadow.ts'
import { SharedLun } from './shared-lun.ts'
import { SimLedger } from './sim-ledger.ts'
import { isLetGo, type Slot } from './slot.ts'
import { Sometimes } from './sometimes.ts'
import type { OpenIo } from './workload.ts'

const BLOCKS = 160
/** A LUN may grow to so many blocks. */
const BLOCKS_MAX = 224
/** Any start will do, and 0 would hide a forgotten addition. */
const START_US = 1_700_000_000_000_000
const START_MONO_US = 1_000_000

export interface SimLun {
  readonly wwid: string
  readonly disk: Disk
  readonly shadow: Shadow
  readonly shared: SharedLun
  /** What was told GOOD is in force from this epoch on. */
  settledEpoch: number
  /** Where writes were whose end nobody knows: newer ones go there rather than elsewhere. */
  haunts: { readonly first: number; readonly count: number }[]
  /** The flush that is to fail because its cache loses what was in it. */
  lossFlush: OpenIo | null
}

/** Errors that paths gave to writes, by generation: a re-sent write must be explained. */
export interface SeenError {
  readonly hctl: string
  readonly atUs: number
  readonly offset: number
  readonly length: number
}

/** A machine with an engine, its ledger, and its paths. */
export interface Host {
  readonly name: string
  readonly ledger: SimLedger
  readonly slots: Slot[]
  boot: Boot
  life: Life | null
  mp: Multipath | null
  /** An engine is being opened. */
  opening: boolean
  /** When a dead one is started again; virtual monotonic microseconds. */
  restartAtUs: number
  /** Engines that were started on it. */
  lives: number
  /** Writes of engines that are dead: until the next one has the LUN, they are still under way. */
  limbo: { readonly lun: SimLun; readonly write: ShadowWrite }[]
  /** Ghosts that its ledger tells of: path, range, and when. */
  readonly ghostsTold: SeenError[]
  /** Paths of which its ledger says that something was wrong with them. */
  readonly explained: Set<string>
  /** Writes that no path has got yet, by generation. */
  readonly writes: Map<number, OpenIo>
  /** The life of each head, as last told. */
  readonly lifeOf: Map<string, string>
}

export interface World {
  readonly seed: number
  readonly mix: Mix
  readonly plant: Plant
  readonly random: SeededRandom
  readonly clock: VirtualClock
  readonly luns: readonly SimLun[]
  readonly hosts: readonly Host[]
  readonly sometimes: Sometimes
  /** Broken promises that were seen between two checks: which, and how. */
  readonly wrong: { readonly invariant: string; readonly detail: string }[]
  /** Errors of paths by the generation of the write. */
  readonly errors: Map<number, SeenError[]>
  /** Generations whose callers heard an error. */
  readonly failedWrites: Set<number>
  /** Called with the generation of a write as a path gets it. */
  onSent: (generation: number) => void
  /** The faults are over: nothing may begin one any more. */
  healed: boolean
  faults: number
  crashes: number
  attaches: number
  /** Where a line of the story goes; null where nobody reads it. */
  readonly tell: ((line: string) => void) | null
}

export interface WorldOptions {
  readonly plant: Plant
  /** What of the seed's mix is to be otherwise. */
  readonly mix?: Partial<Mix>
  readonly tell?: (line: string) => void
}

/** Makes the world of a seed; no engine runs in it yet. */
export function makeWorld(seed: number, { plant, mix: otherwise, tell }: WorldOptions): World {
  const random = seededRandom(seed)
  const mix = { ...mixOf(random), ...otherwise }
  const clock = new VirtualClock({ wallUs: START_US, monoUs: START_MONO_US })
  const hosts: Host[] = []
  let generation = 0
  const next = () => (generation += 1)
  const luns = mix.luns.map((_paths, index): SimLun => {
    const shared = new SharedLun(clock, (device) =>
      hosts.every(({ slots }) => slots.every((slot) => isLetGo(slot, device))),
    )
    const wwid = `naa.60014050000000000000000000005${String(index).padStart(3, '0')}`
    return {
      wwid,
      disk: new Disk(BLOCKS * BLOCK, BLOCKS_MAX * BLOCK),
      shadow: new Shadow(BLOCKS_MAX, next),
      shared,
      settledEpoch: 0,
      haunts: [],
      lossFlush: null,
    }
  })
  const names = mix.rivalPaths > 0 ? ['main', 'rival'] : ['main']
  hosts.push(...names.map((name) => makeHost(name, clock, random)))
  return {
    seed,
    mix,
    plant,
    random,
    clock,
    luns,
    hosts,
    sometimes: new Sometimes(),
    wrong: [],
    errors: new Map(),
    failedWrites: new Set(),
    onSent: () => undefined,
    healed: false,
    faults: 0,
    crashes: 0,
    attaches: 0,
    tell: tell ?? null,
  }
}

function makeHost(name: string, clock: VirtualClock, random: SeededRandom): Host {
  const header = {
    eventId: `${name}-0`,
    recordedAtUs: clock.wallUs(),
    monoUs: clock.monoUs(),
    bootId: `${name}-boot-1`,
    engine: VERSION,
    xstate: XSTATE_VERSION,
  }
  return {
    name,
    ledger: new SimLedger(clock, random.fork(`ledger of ${name}`), header),
    slots: [],
    boot: { id: `${name}-boot-1`, lagUs: 0 },
    life: null,
    mp: null,
    opening: false,
    restartAtUs: 0,
    lives: 0,
    limbo: [],
    ghostsTold: [],
    explained: new Set(),
    writes: new Map(),
    lifeOf: new Map(),
  }
}

/** Notes that something does not hold. */
export function report(world: World, invariant: string, detail: string): void {
  world.wrong.push({ invariant, detail })
}

/** Awaits a promise that needs the clock to move: fires timers until it has settled, or while `goesOn`. */
export async function drive<Value>(
  clock: VirtualClock,
  promise: Promise<Value>,
  goesOn: () => boolean = () => true,
): Promise<Value | undefined> {
  const state = { settled: false }
  const watched = promise.finally(() => void (state.settled = true))
  watched.catch(() => undefined)
  await clock.settle()
  while (!state.settled && goesOn() && clock.runNext()) await clock.settle()
  return state.settled ? watched : undefined
}
