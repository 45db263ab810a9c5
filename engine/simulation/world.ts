// The simulated world: one LUN in memory, paths with faults to throw, a virtual clock, and the production engine on top.
import { delayFilter, type DelayControl } from '../../adapters/filters/delay.ts'
import { errorFilter, type ErrorControl } from '../../adapters/filters/error.ts'
import { hangFilter, type HangControl } from '../../adapters/filters/hang.ts'
import { memoryLun, memoryPath, type MemoryLun } from '../../adapters/memory.ts'
import { seededRandom, type SeededRandom } from '../../adapters/seeded-random.ts'
import { VirtualClock } from '../../adapters/virtual-clock.ts'
import { IO_POLICIES } from '../../machines/words.ts'
import { memoryStore, type MemoryStore } from '../../store/memory-store.ts'
import { Multipath } from '../multipath.ts'
import type { Path } from '../path.ts'
import { VERSION, XSTATE_VERSION } from '../version.ts'
import { BLOCK, Shadow } from './shadow.ts'
import { tapPath, type Tap } from './tap.ts'

export const WWID = 'naa.6001405000000000000000000000517e'
const BLOCKS = 256
/** One million and a bit after the epoch: any start will do, and 0 would hide a forgotten addition. */
const START_US = 1_700_000_000_000_000

/** How late a write may land after its path has answered with an error. */
export const LATENESS_MAX_US = 60_000

/** One simulated path with its switches. A slot keeps its H:C:I:L when its path is removed and added again. */
export interface Slot {
  readonly hctl: string
  path: Path | null
  /** Its path is being added: not there yet, and not to be added twice. */
  adding: boolean
  tap: Tap
  error: ErrorControl
  delay: DelayControl
  hang: HangControl
}

export interface World {
  readonly seed: number
  readonly clock: VirtualClock
  readonly store: MemoryStore
  readonly lun: MemoryLun
  readonly shadow: Shadow
  readonly mp: Multipath
  readonly slots: Slot[]
  readonly random: SeededRandom
  /** Whether an error of a path proves that nothing lands any more. Where not, some do land. */
  readonly final: boolean
  /** What the taps saw and the checkers must hear of. */
  readonly seen: Seen
}

export interface Seen {
  /** Broken promises that only a tap can see: I/O where none may be. */
  readonly wrong: string[]
  /** Errors that paths gave, by the offset of the I/O: whose re-send must be explained. */
  errors: { offset: number; hctl: string }[]
  faults: number
}

export interface WorldOptions {
  /** Without the guard against ghosts: the checkers must see the corruption. */
  readonly guardsOff?: boolean
}

/** Builds the world of a seed, with its paths added. */
export async function buildWorld(seed: number, options: WorldOptions = {}): Promise<World> {
  const random = seededRandom(seed)
  const clock = new VirtualClock({ wallUs: START_US, monoUs: 1_000_000 })
  const ids = counter()
  const commits = random.fork('commits')
  const store = memoryStore({
    header: {
      eventId: ids(),
      recordedAtUs: clock.wallUs(),
      monoUs: clock.monoUs(),
      bootId: 'simulated',
      engine: VERSION,
      xstate: XSTATE_VERSION,
    },
    schedule: (deliver) => void clock.setTimer(clock.monoUs() + 50 + (commits.nextUint32() % 400), deliver),
  })
  const pick = random.fork('settings')
  const mp = await drive(
    clock,
    Multipath.open({
      ledger: store,
      multipath: 'always',
      iopolicy: IO_POLICIES[pick.nextUint32() % 3] ?? 'numa',
      noPathRetry: pick.nextUint32() % 2 === 0 ? 'queue' : pick.nextUint32() % 2 === 0 ? 'fail' : 5,
      noPathCheckMs: 50,
      delayedRemovalMs: pick.nextUint32() % 2 === 0 ? 0 : 200,
      checker: { minMs: 5, maxMs: 40 },
      probeTimeoutMs: 20,
      sampleMs: 25,
      numaNodes: 2,
      poolBytes: 1024 * 1024,
      requeueBytesMax: 65_536,
      attemptTimeoutMs: 15,
      ghostHoldMaxMs: 400,
      // Longer than anything is late in this world, so that time may stand for proof.
      ghostQuiesceMs: LATENESS_MAX_US / 1000 + 20,
      closeGraceMs: 10,
      errorRowsPerMinute: 1_000_000,
      ports: {
        guardsOff: options.guardsOff ?? false,
        clock,
        newId: ids,
        bootId: 'simulated',
        pid: 0,
        allocate: (bytes) => new ArrayBuffer(bytes),
      },
    }),
  )
  const lun = memoryLun({ wwid: WWID, sizeBytes: BLOCKS * BLOCK, logicalBlockBytes: BLOCK })
  const seen: Seen = { wrong: [], errors: [], faults: 0 }
  const final = pick.nextUint32() % 2 === 0
  const shadow = new Shadow(BLOCKS)
  const world: World = { seed, clock, store, lun, shadow, mp, slots: [], random, seen, final }
  const count = 2 + (pick.nextUint32() % 3)
  for (let index = 0; index < count; index += 1) {
    const slot = makeSlot(world, `${7 + index}:0:0:0`)
    world.slots.push(slot)
    await drive(clock, addSlot(world, slot))
  }
  return world
}

/** Adds the slot's path to the engine, with a new device behind the same address. */
export async function addSlot(world: World, slot: Slot): Promise<void> {
  const made = makeSlot(world, slot.hctl)
  Object.assign(slot, made, { adding: true })
  try {
    slot.path = await world.mp.addPath(slot.tap.device)
    // The tap of this life looks here, also when the slot has another one by then.
    made.path = slot.path
  } finally {
    slot.adding = false
  }
}

/** Awaits a promise that needs the clock to move: fires timers until it has settled. */
export async function drive<Value>(clock: VirtualClock, promise: Promise<Value>): Promise<Value> {
  const state = { settled: false }
  const watched = promise.finally(() => void (state.settled = true))
  watched.catch(() => undefined)
  await clock.settle()
  while (!state.settled && clock.runNext()) await clock.settle()
  return watched
}

function makeSlot(world: World, hctl: string): Slot {
  const { clock, lun, seen } = world
  const latency = world.random.fork(`latency ${hctl} ${clock.monoUs()}`)
  const memory = memoryPath(lun, {
    hctl,
    clock,
    latencyUs: () => 20 + (latency.nextUint32() % 300),
    errorsAreFinal: world.final,
  })
  const hang = hangFilter(memory)
  const delay = delayFilter(hang.path, { delayUs: 2_000 }, { clock })
  const error = errorFilter(delay.path, {}, { random: world.random.fork(`errors ${hctl}`) })
  const slot: Partial<Slot> = { hctl, path: null, adding: false }
  const tap = tapPath(error.path, {
    onSubmit: (request) => {
      // Probes are pages; the workload never does an I/O of that size. A path under I/O must be usable.
      const { path } = slot
      if (path === null || path === undefined || request.length === 4096 || mayTakeIo(path)) return
      seen.wrong.push(`I/O at ${request.offset} was sent down ${hctl}, which is not usable`)
    },
    onError: ({ op, offset }, errno) => {
      seen.faults += 1
      // A busy path is tried again: nothing to explain. Reads may overlap each other, writes do not: an error at an
      // offset is that write's.
      if (op === 'write' && errno !== 'EAGAIN') seen.errors.push({ offset, hctl })
    },
  })
  return Object.assign(slot, { tap, error: error.control, delay: delay.control, hang: hang.control }) as Slot
}

/** The rule again, in words of its own: this checker believes neither the engine's fields nor its predicates. */
function mayTakeIo({ state: { device, access, health, admin } }: Path): boolean {
  const [deviceOk, adminOk] = [device === 'running', admin === 'enabled']
  return deviceOk && adminOk && /^(optimal|active)$/.test(access) && /^(online|marginal)$/.test(health)
}

/** Ids in order: the simulator's ledger is the same bytes for the same seed. */
function counter(): () => string {
  let last = 0
  return () => {
    last += 1
    return `e${String(last).padStart(8, '0')}`
  }
}
