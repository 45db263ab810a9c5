// What every engine test stands on: a LUN in memory, paths with switches, a virtual clock, a ledger in memory and the
// production engine. Nothing here sleeps; time moves when a test says so.
import { expect, onTestFinished } from 'vitest'
import { delayFilter, type DelayControl } from '../../adapters/filters/delay.ts'
import { errorFilter, type ErrorControl, type ErrorSettings } from '../../adapters/filters/error.ts'
import { hangFilter, type HangControl } from '../../adapters/filters/hang.ts'
import { wrapPath } from '../../adapters/filters/wrap.ts'
import { memoryLun, memoryPath, type MemoryLun, type MemoryPath } from '../../adapters/paths/memory.ts'
import type { IoRequest, PathDevice } from '../../adapters/ports.ts'
import { seededRandom } from '../../adapters/seeded-random.ts'
import { VirtualClock } from '../../adapters/virtual-clock.ts'
import type { MultipathOptions, Ports } from '../../engine/assemble.ts'
import type { AddPathOptions } from '../../engine/attach/add-path.ts'
import { Multipath } from '../../engine/multipath.ts'
import type { Head } from '../../engine/api/head.ts'
import type { Path } from '../../engine/api/path.ts'
import { PathledgerError } from '../../errors.ts'
import { memoryStore, type MemoryStore } from '../../store/write/memory-store.ts'
import type { LedgerStore, StoredEvent } from '../../store/types.ts'
import type { LiveEvent } from '../../engine/ledger/recorder.ts'
import { checkLedger, streamsAt } from './ledger.ts'
import type { SharedLuns } from './lun-storage.ts'

export const WWID = 'naa.600140500000000000000000000000a1'
export const BLOCK = 512
const LUN_BYTES = 1024 * 1024
const START_US = 1_700_000_000_000_000
const BOOT_ID = 'virtual'
/** More timers than any test needs: what has not settled by then never will. */
const TIMERS_MAX = 200_000

/** What a path is made of in a test. */
export interface RigPathSettings extends AddPathOptions {
  readonly lun?: MemoryLun
  readonly numaNode?: number | null
  readonly latencyUs?: number | ((request: IoRequest) => number)
  readonly errorsAreFinal?: boolean
  /** Changes the device after every filter, before the engine gets it. */
  readonly wrap?: (device: PathDevice) => PathDevice
}

/** A path with its switches. From inside out: memory, hang, delay, error, and a tap that sees what the engine sends. */
export interface RigPath {
  readonly hctl: string
  readonly device: PathDevice
  readonly memory: MemoryPath
  readonly hang: HangControl
  readonly delay: DelayControl
  readonly error: ErrorControl
  /** What the engine sent down this path. */
  readonly requests: readonly SeenRequest[]
  /** The same without the checker's reads of a page: no test does an I/O of that size. */
  readonly ios: SeenRequest[]
  readonly probes: SeenRequest[]
  /** Submitted to the device and not completed, probes included. */
  readonly inFlight: number
  /** The engine's path. Throws before it was added. */
  readonly path: Path
  /** Every I/O fails, from now on; with settings some of them, or otherwise. */
  fail(settings?: Partial<ErrorSettings>): void
  heal(): void
}

export interface SeenRequest {
  readonly op: string
  readonly offset: number
  readonly length: number
  readonly fua: boolean
  readonly atUs: number
}

export interface RigOptions extends Omit<MultipathOptions, 'ledger' | 'ports'> {
  readonly lun?: MemoryLun
  /** A store to open instead of a new one in memory. */
  readonly store?: (inner: MemoryStore) => LedgerStore
  /** The ledger that a run before this one left. */
  readonly rows?: readonly StoredEvent[]
  /** The boot of the machine, and its clocks at the start. Default: the same boot, a second after the last row. */
  readonly boot?: { readonly bootId?: string; readonly wallUs?: number; readonly monoUs?: number }
  readonly fence?: Ports['fence']
  /** What the engines of the LUN share; default: nothing. The engine takes the place of those before it ... */
  readonly luns?: SharedLuns
  /** ... or lives beside them. */
  readonly beside?: boolean
  /** The first of its ids: two engines that live beside each other must not share any. Default: after the rows. */
  readonly firstId?: number
  /** Without the guard against ghosts. */
  readonly guardsOff?: boolean
  /** Default true: when the test is over, the engine is closed and its ledger checked as a whole. */
  readonly checked?: boolean
}

export class Rig {
  readonly clock: VirtualClock
  readonly lun: MemoryLun
  readonly memory: MemoryStore
  readonly mp: Multipath
  /** What a subscriber collected since the engine was opened. */
  readonly lives: readonly LiveEvent[]
  /** Rows that were there when the subscriber came. */
  readonly rowsBefore: number
  #closed = false

  private constructor(parts: { clock: VirtualClock; lun: MemoryLun; memory: MemoryStore; mp: Multipath }) {
    this.clock = parts.clock
    this.lun = parts.lun
    this.memory = parts.memory
    this.mp = parts.mp
    const lives: LiveEvent[] = []
    this.lives = lives
    this.rowsBefore = parts.memory.rows().length
    parts.mp.subscribe((live) => void lives.push(live))
  }

  static async open(options: RigOptions = {}): Promise<Rig> {
    const { lun = testLun(), store, rows, checked = true, fence, guardsOff = false, ...others } = options
    const { boot = {}, luns, beside = false, firstId = rows?.length ?? 0, ...settings } = others
    const { wallUs, monoUs, bootId } = { ...startOf(rows), bootId: BOOT_ID, ...boot }
    const clock = new VirtualClock({ wallUs, monoUs })
    const newId = counter(firstId)
    const memory = memoryStore({
      header: {
        eventId: newId(),
        recordedAtUs: wallUs,
        monoUs,
        bootId,
        engine: '0',
        xstate: '0',
      },
      ...(rows === undefined ? {} : { rows }),
    })
    const opened = Multipath.open({
      ledger: store === undefined ? memory : store(memory),
      multipath: 'always',
      poolBytes: 4 * 1024 * 1024,
      ports: {
        clock,
        newId,
        bootId,
        pid: 4711,
        guardsOff,
        allocate: (bytes) => new ArrayBuffer(bytes),
        // Every memory starts on a page, so that alignment is what a test says it is.
        addressOf: () => 0,
        ...(fence === undefined ? {} : { fence }),
        ...lunStorageOf(luns, beside),
      },
      ...settings,
    })
    const rig = new Rig({ clock, lun, memory, mp: await driveOn(clock, opened) })
    if (checked) onTestFinished(() => rig.end())
    return rig
  }

  /** A path that is not added yet. */
  makePath(hctl: string, settings: RigPathSettings = {}): RigPath {
    return makePath(this, hctl, settings)
  }

  /** Makes a path and adds it to the engine. */
  async add(hctl: string, settings: RigPathSettings = {}): Promise<RigPath> {
    const made = this.makePath(hctl, settings)
    await this.addMade(made, settings)
    return made
  }

  async addMade(made: RigPath, { access, preferred }: AddPathOptions = {}): Promise<Path> {
    const options = {
      ...(access === undefined ? {} : { access }),
      ...(preferred === undefined ? {} : { preferred }),
    }
    return this.drive(this.mp.addPath(made.device, options))
  }

  get head(): Head {
    return this.mp.head(this.lun.wwid)
  }

  /** Awaits what needs time to pass: fires timers until it has settled. */
  drive<Value>(promise: Promise<Value>): Promise<Value> {
    return driveOn(this.clock, promise)
  }

  /** Lets milliseconds of virtual time pass. */
  async pass(milliseconds: number): Promise<void> {
    await this.clock.drain(this.clock.monoUs() + Math.round(milliseconds * 1000))
  }

  /** Lets promises run; time stands still. */
  settle(): Promise<void> {
    return this.clock.settle()
  }

  async write(offset: number, data: Uint8Array, more: { fua?: boolean; node?: number } = {}): Promise<void> {
    await this.drive(this.head.write({ offset, data, ...more }))
  }

  read(offset: number, length: number = BLOCK, node = 0): Promise<Uint8Array> {
    return this.drive(this.head.read({ offset, length, node }))
  }

  /** The error that a promise ends with. Fails the test when it ends well or with an error that is none of ours. */
  async errorOf(promise: Promise<unknown>): Promise<PathledgerError> {
    const error = await this.drive(
      promise.then(
        () => new Error('it succeeded'),
        (cause: unknown) => cause,
      ),
    )
    if (!(error instanceof PathledgerError)) throw error
    return error
  }

  /** Rows on the ledger so far, those of one type or of one path ('8:0:0:0') if asked for. */
  rows(type?: string, hctl?: string): StoredEvent[] {
    const stream = hctl === undefined ? null : `path/${this.lun.wwid}/${hctl}`
    return this.memory
      .rows()
      .filter((row) => (type === undefined || row.type === type) && (stream ?? row.stream) === row.stream)
  }

  /** The payloads of those rows. */
  events(type: string, hctl?: string): Record<string, unknown>[] {
    return this.rows(type, hctl).map(({ data }) => JSON.parse(data) as Record<string, unknown>)
  }

  /** The states of one path ('8:0:0:0') or of the head when the ledger had so many rows; null before its first. */
  stateAt(position: number, hctl?: string): unknown {
    const { wwid } = this.lun
    const streams = streamsAt(this.memory.rows(), position)
    return streams[hctl === undefined ? `head/${wwid}` : `path/${wwid}/${hctl}`]?.value ?? null
  }

  /** That replaying the ledger up to now gives the live state of every path and head there is. */
  expectReplayEqualsLive(): void {
    const { position } = this
    for (const head of this.mp.heads) {
      expect(this.stateAt(position), head.name).toEqual(head.state)
      for (const { hctl, state } of head.paths) expect(this.stateAt(position, hctl), hctl).toEqual(state)
    }
  }

  /** Position of the last row. */
  get position(): number {
    return this.memory.rows().length
  }

  /** Closes the engine, once, and checks the ledger as a whole. */
  async end(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.drive(this.mp.close())
    checkLedger(this.memory.rows(), this.lives, this.rowsBefore)
  }
}

export function testLun(
  more: { wwid?: string; sizeBytes?: number; logicalBlockBytes?: number } = {},
): MemoryLun {
  return memoryLun({ wwid: WWID, sizeBytes: LUN_BYTES, logicalBlockBytes: BLOCK, ...more })
}

/** Bytes that say what they are: a pattern of `mark`. */
export function bytesOf(mark: number, length: number = BLOCK): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (mark * 31 + at) % 251)
}

/** Awaits a promise that needs the clock to move. Throws when nothing that could settle it is left. */
export async function driveOn<Value>(clock: VirtualClock, promise: Promise<Value>): Promise<Value> {
  const state = { settled: false }
  const watched = promise.finally(() => void (state.settled = true))
  watched.catch(() => undefined)
  await clock.settle()
  for (let fired = 0; !state.settled; fired += 1) {
    expect(fired, 'timers fired before the promise settled').toBeLessThan(TIMERS_MAX)
    expect(clock.runNext(), 'a timer that may settle the promise').toBe(true)
    await clock.settle()
  }
  return watched
}

function lunStorageOf(luns: SharedLuns | undefined, beside: boolean): Pick<Ports, 'lunStorage'> {
  if (luns === undefined) return {}
  return { lunStorage: beside ? luns.beside() : luns.engine() }
}

function makePath(rig: Rig, hctl: string, settings: RigPathSettings): RigPath {
  const { clock } = rig
  const { lun = rig.lun, numaNode = null, latencyUs = 100, errorsAreFinal = true } = settings
  const memory = memoryPath(lun, { hctl, clock, latencyUs, numaNode, errorsAreFinal })
  const hang = hangFilter(memory)
  const delay = delayFilter(hang.path, { delayUs: 1_000 }, { clock })
  const error = errorFilter(delay.path, {}, { random: seededRandom(`errors of ${hctl}`) })
  const requests: SeenRequest[] = []
  const seen = { inFlight: 0 }
  const tapped = wrapPath(error.path, (request, done) => {
    const { op, offset, length, fua } = request
    requests.push({ op, offset, length, fua, atUs: clock.monoUs() })
    seen.inFlight += 1
    error.path.submit(request, (completion) => {
      seen.inFlight -= 1
      done(completion)
    })
  })
  const device = settings.wrap === undefined ? tapped : settings.wrap(tapped)
  return {
    hctl,
    device,
    memory,
    hang: hang.control,
    delay: delay.control,
    error: error.control,
    requests,
    get ios() {
      return requests.filter((request) => !isProbe(request))
    },
    get probes() {
      return requests.filter(isProbe)
    },
    get inFlight() {
      return seen.inFlight
    },
    get path() {
      return rig.mp.path(hctl)
    },
    fail: (how = {}) => {
      error.control.enable({ ...ERROR_DEFAULTS, ...how })
    },
    heal: () => error.control.disable(),
  }
}

const PROBE_BYTES = 4096
const ERROR_DEFAULTS: ErrorSettings = {
  errno: 'EIO',
  status: null,
  op: 'all',
  ratePerMillion: 1_000_000,
  count: null,
  range: null,
}

function isProbe({ op, length }: SeenRequest): boolean {
  return op === 'read' && length === PROBE_BYTES
}

/** A run goes on where the one before ended, a second later. */
function startOf(rows: readonly StoredEvent[] | undefined): { wallUs: number; monoUs: number } {
  const last = rows?.at(-1)
  if (last === undefined) return { wallUs: START_US, monoUs: 1_000_000 }
  return { wallUs: last.recordedAtUs + 1_000_000, monoUs: last.monoUs + 1_000_000 }
}

function counter(start: number): () => string {
  let last = start
  return () => {
    last += 1
    return `event-${String(last).padStart(6, '0')}`
  }
}
