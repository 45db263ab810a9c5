// What the simulated world consists of, and how it is noted that something does not hold.
import type { DelayControl } from '../../adapters/filters/delay.ts'
import type { ErrorControl } from '../../adapters/filters/error.ts'
import type { HangControl } from '../../adapters/filters/hang.ts'
import type { SeededRandom } from '../../adapters/seeded-random.ts'
import type { VirtualClock } from '../../adapters/virtual-clock.ts'
import type { Multipath } from '../../engine/multipath.ts'
import type { Path } from '../../engine/api/path.ts'
import type { SimulatedDevice } from './device.ts'
import type { Disk } from './disk.ts'
import type { Boot, Life } from './life.ts'
import type { Mix } from './mix.ts'
import type { Plant } from './plant.ts'
import type { Shadow, ShadowWrite } from './shadow.ts'
import type { SharedLun } from './shared-lun.ts'
import type { SimLedger } from './sim-ledger.ts'
import type { Sometimes } from './sometimes.ts'
import type { Tap } from './tap.ts'

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

/** A device in a slot: from inside out the device, hang, delay, error, and the tap. */
export interface Attachment {
  readonly sim: SimulatedDevice
  readonly hang: HangControl
  readonly delay: DelayControl
  readonly error: ErrorControl
  readonly tap: Tap
  /** The engine's path; null while it is none, or none any more. */
  path: Path | null
  /** A flush that is to fail is under way: nothing else may happen to the device meanwhile. */
  spared: boolean
  /** When its failure was last told, virtual monotonic microseconds; -1: never. */
  failedAtUs: number
}

export interface Slot {
  readonly hctl: string
  readonly host: Host
  readonly lun: SimLun
  now: Attachment
  /** Devices that were in it before, as long as they have I/O. */
  before: Attachment[]
  /** Since when a program that is not ours has the device open, virtual monotonic microseconds; null while none has. */
  bystanderUs: number | null
  /** Its path is being added: not there yet, and not to be added twice. */
  adding: boolean
  /** Another one for each time that something is attached. */
  diskseq: number
  /** The cache of the device that is in it, where paths have caches of their own. */
  cache: string
}

/** An I/O whose caller waits. */
export interface OpenIo {
  readonly host: Host
  readonly life: Life
  readonly lun: SimLun
  readonly op: string
  readonly first: number
  readonly count: number
  readonly write: ShadowWrite | null
  readonly startedUs: number
  /** A ghost lay on its blocks as it began. */
  readonly haunted: boolean
  /** No path was usable as it began. */
  readonly queued: boolean
  readonly controller: AbortController
  /** Paths have got it so many times and have not answered. */
  flying: number
  /** One of them has done it. */
  landed: boolean
  /** A younger write that overlaps it and was sent while it waited. */
  overtakenBy: number | null
  /** Its cache lost what it was to write. */
  lost: boolean
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
  /** When the last one died, and which life that was. */
  diedUs: number
  diedLife: number
  /** Its operators start nothing on it before; virtual monotonic microseconds. */
  keptDownUntilUs: number
  /** Engines that were started on it. */
  lives: number
  /** Writes of engines that are dead: until the next one has the LUN, they are still under way. */
  limbo: { readonly lun: SimLun; readonly write: ShadowWrite }[]
  /** Ghosts that its ledger tells of: path, range, and when. */
  readonly ghostsTold: SeenError[]
  /** Paths of which its ledger says that something was wrong with them. */
  readonly explained: Set<string>
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
  /** Called as a path answers it. */
  onAnswered: (generation: number, well: boolean) => void
  /** The faults are over: nothing may begin one any more. */
  healed: boolean
  faults: number
  crashes: number
  attaches: number
  /** Where a line of the story goes; null where nobody reads it. */
  readonly tell: ((line: string) => void) | null
}

/** So long an operator waits at the most, whatever the storage of the LUN does. */
const ANSWER_MAX_US = 300_000

/** Looks, where the storage of LUNs fails, whether an operator is answered in time. */
export function inTime<Value>(world: World, life: Life, what: string, asked: Promise<Value>): Promise<Value> {
  if (!world.mix.storageFails) return asked
  const { clock } = world
  const late = clock.setTimer(clock.monoUs() + ANSWER_MAX_US, () => {
    if (life.alive) report(world, 'storageWaitsEnd', `${what} is waited for since ${ANSWER_MAX_US} us`)
  })
  return asked.finally(() => late.cancel())
}

/** Notes that something does not hold. */
export function report(world: World, invariant: string, detail: string): void {
  world.wrong.push({ invariant, detail })
}
