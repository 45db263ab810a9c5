// The simulated world: hosts with an engine and a ledger each, LUNs that they share, paths with faults to throw, one
// virtual clock. Everything in it outlives the engines.
import type { SeededRandom } from '../../adapters/seeded-random.ts'
import { seededRandom } from '../../adapters/seeded-random.ts'
import { VirtualClock } from '../../adapters/virtual-clock.ts'
import { VERSION, XSTATE_VERSION } from '../../engine/core/version.ts'
import { Disk } from './disk.ts'
import type { Plant } from './plant.ts'
import { BLOCK, Shadow } from './shadow.ts'
import { SharedLun } from './shared-lun.ts'
import { SimLedger } from './sim-ledger.ts'
import { isLetGo } from './slot.ts'
import type { Host, SimLun, World } from './parts.ts'
import { Sometimes } from './sometimes.ts'
import { mixOf, type Mix } from './mix.ts'

const BLOCKS = 160
/** A LUN may grow to so many blocks. */
const BLOCKS_MAX = 224
/** Any start will do, and 0 would hide a forgotten addition. */
const START_US = 1_700_000_000_000_000
const START_MONO_US = 1_000_000
/** Its engines are on one machine. */
const FIRST_BOOT = 'boot-1'

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
    onAnswered: () => undefined,
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
    bootId: FIRST_BOOT,
    engine: VERSION,
    xstate: XSTATE_VERSION,
  }
  return {
    name,
    ledger: new SimLedger(clock, random.fork(`ledger of ${name}`), header),
    slots: [],
    boot: { id: FIRST_BOOT, lagUs: 0 },
    life: null,
    mp: null,
    opening: false,
    restartAtUs: 0,
    diedUs: -1,
    diedLife: 0,
    keptDownUntilUs: 0,
    lives: 0,
    limbo: [],
    ghostsTold: [],
    explained: new Set(),
    lifeOf: new Map(),
  }
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
