// A small host on a virtual clock: logical units in memory, paths with switches, the production engine, and a log of its own of what
// was injected and what devices answered. The ledger never learns of that log; the score compares the two.
import { delayFilter, type DelayControl } from '../../adapters/filters/delay.ts'
import { errorFilter, type ErrorControl, type ErrorSettings } from '../../adapters/filters/error.ts'
import { hangFilter, type HangControl } from '../../adapters/filters/hang.ts'
import { wrapPath } from '../../adapters/filters/wrap.ts'
import { memoryLun, memoryPath, type MemoryLun, type MemoryPath } from '../../adapters/paths/memory.ts'
import { virtualLun } from '../../adapters/paths/virtual-lun.ts'
import type { PathDevice } from '../../adapters/ports.ts'
import { seededRandom } from '../../adapters/seeded-random.ts'
import { VirtualClock } from '../../adapters/virtual-clock.ts'
import type { Head } from '../../engine/api/head.ts'
import type { Path } from '../../engine/api/path.ts'
import type { SettingsInput } from '../../engine/core/settings.ts'
import { Multipath } from '../../engine/multipath.ts'
import type { LedgerStore, StoredEvent } from '../../store/types.ts'
import { memoryStore, type MemoryStore } from '../../store/write/memory-store.ts'

const START = { wallUs: 1_795_489_620_000_000, monoUs: 5_000_000_000 }
const BLOCK = 512
const LUN_BYTES = 1024 * 1024
const TIMERS_MAX = 200_000
const PROBE_BYTES = 4096

/** An error that a device gave, or an I/O that it did not answer, in the order in which it was sent. */
export interface Met {
  readonly hctl: string
  readonly wwid: string
  readonly op: string
  readonly offset: number
  readonly length: number
  readonly probe: boolean
  readonly monoUs: number
}

/** A path with its switches. */
export interface WorldPath {
  readonly hctl: string
  readonly wwid: string
  readonly stream: string
  readonly memory: MemoryPath
  readonly device: PathDevice
  readonly error: ErrorControl
  readonly hang: HangControl
  readonly delay: DelayControl
}

/** How a world is made. */
export interface WorldSettings extends SettingsInput {
  /** What stands between the engine and its ledger. */
  readonly store?: (inner: MemoryStore) => LedgerStore
}

export class World {
  readonly clock = new VirtualClock(START)
  readonly luns: MemoryLun[] = []
  readonly paths: WorldPath[] = []
  /** What devices answered with an error, or swallowed. */
  readonly met: Met[] = []
  /** I/Os of callers, and tries of them that reached a device. */
  ios = 0
  tries = 0
  readonly #random: ReturnType<typeof seededRandom>
  #store: MemoryStore
  #mp: Multipath | null = null
  #ids = 0
  #boot = 1

  constructor(seed: string) {
    this.#random = seededRandom(seed)
    this.#store = this.#newStore()
  }

  /** A number from 0 to below. */
  pick(below: number): number {
    return this.#random.nextUint32() % below
  }

  one<Value>(...values: readonly Value[]): Value {
    return values[this.pick(values.length)] as Value
  }

  /** The first logical unit, and a path by its place. */
  get unit(): MemoryLun {
    return there(this.luns[0])
  }

  path(at: number): WorldPath {
    return there(this.paths[at])
  }

  /** The first error of a caller's I/O that a device gave. */
  get firstMet(): Met {
    return there(this.met.find(({ probe }) => !probe))
  }

  get mp(): Multipath {
    if (this.#mp === null) throw new Error('the world has no engine')
    return this.#mp
  }

  /** Position of the ledger's last event. */
  get position(): number {
    return this.#store.rows().length
  }

  rows(): readonly StoredEvent[] {
    return this.#store.rows()
  }

  reader(): MemoryStore {
    return memoryStore({ header: HEADER_OF_ROWS, rows: this.#store.rows() })
  }

  /** Opens the engine; after a crash on the ledger that it left. */
  async open(settings: WorldSettings = {}): Promise<void> {
    const { store, ...others } = settings
    const boot = `boot-${this.#boot}`
    this.#mp = await this.drive(
      Multipath.open({
        ...{ ledger: store === undefined ? this.#store : store(this.#store), multipath: 'always' },
        ...{ poolBytes: 4 * 1024 * 1024, attemptTimeoutMs: 5_000, ioTrace: 'full' },
        ...others,
        ports: {
          ...{ clock: this.clock, newId: () => this.#newId(), bootId: boot, pid: this.#boot },
          ...{ allocate: (bytes: number) => new ArrayBuffer(bytes), addressOf: () => 0 },
        },
      }),
    )
  }

  /** The engine dies without a word; its ledger stays. The next one begins with `open`. */
  crash({ reboot = false } = {}): void {
    this.#store = memoryStore({ header: HEADER_OF_ROWS, rows: this.#store.rows() })
    this.#mp = null
    this.paths.length = 0
    if (reboot) this.#boot += 1
  }

  async close(): Promise<void> {
    await this.drive(this.mp.close())
  }

  /** The engine closes and its ledger is taken up by the next one. */
  async closeAndKeep(): Promise<void> {
    await this.close()
    this.crash()
  }

  lun(groups?: readonly { id: number; paths: string[] }[]): MemoryLun {
    const wwid = `naa.6001405000000000000000000000000${this.luns.length}`
    const scsi =
      groups === undefined
        ? {}
        : {
            scsi: virtualLun({
              wwid,
              groups: groups.map((group) => ({ ...group, access: 'optimal' as const })),
            }).scsi,
          }
    const lun = memoryLun({ wwid, sizeBytes: LUN_BYTES, logicalBlockBytes: BLOCK, ...scsi })
    this.luns.push(lun)
    return lun
  }

  async add(lun: MemoryLun, hctl: string, { errorsAreFinal = true } = {}): Promise<WorldPath> {
    const made = this.make(lun, hctl, { errorsAreFinal })
    await this.drive(this.mp.addPath(made.device))
    return made
  }

  /** A path that is not added yet. */
  make(lun: MemoryLun, hctl: string, { errorsAreFinal = true } = {}): WorldPath {
    const { clock } = this
    const memory = memoryPath(lun, { hctl, clock, latencyUs: 200, errorsAreFinal })
    const hang = hangFilter(memory)
    const delay = delayFilter(hang.path, { delayUs: 1_000 }, { clock })
    const error = errorFilter(delay.path)
    const device = wrapPath(error.path, (request, done) => {
      const { op, offset, length } = request
      const probe = op === 'read' && length === PROBE_BYTES
      const entry = { hctl, wwid: lun.wwid, op, offset, length, probe, monoUs: clock.monoUs() }
      if (!probe) this.tries += 1
      const hangs =
        hang.control.active && !error.control.active && ['all', op].includes(hang.control.settings.op)
      if (hangs) this.met.push(entry)
      error.path.submit(request, (completion) => {
        if (completion.errno !== null && !hangs) this.met.push(entry)
        done(completion)
      })
    })
    const path = {
      ...{ hctl, wwid: lun.wwid, stream: `path/${lun.wwid}/${hctl}`, memory, device },
      ...{ error: error.control, hang: hang.control, delay: delay.control },
    }
    this.paths.push(path)
    return path
  }

  head(lun: MemoryLun): Head {
    return this.mp.head(lun.wwid)
  }

  live(path: WorldPath): Path {
    const found = this.head(this.luns.find(({ wwid }) => wwid === path.wwid) as MemoryLun).paths.find(
      ({ hctl }) => hctl === path.hctl,
    )
    if (found === undefined) throw new Error(`${path.stream} is not there`)
    return found
  }

  /** So many I/Os, one after the other; errors are their callers'. Each is of 1 to 4 blocks: no probe is like that. */
  async io(lun: MemoryLun, count: number, op: 'read' | 'write' | 'any' = 'any'): Promise<void> {
    for (let done = 0; done < count; done += 1)
      await this.one_(lun, op === 'any' ? this.one('read', 'write') : op)
  }

  async one_(lun: MemoryLun, op: 'read' | 'write' | 'flush', at?: number): Promise<unknown> {
    const length = BLOCK * (1 + this.pick(4))
    const offset = at ?? BLOCK * this.pick(LUN_BYTES / BLOCK / 2)
    const head = this.head(lun)
    this.ios += 1
    const asked =
      op === 'read'
        ? head.read({ offset, length })
        : op === 'write'
          ? head.write({ offset, data: new Uint8Array(length).fill(this.pick(250)) })
          : head.flush()
    return this.drive(
      asked.then(
        () => null,
        (error: unknown) => error,
      ),
    )
  }

  /** Every I/O of these paths fails from now on, or those of the settings. */
  fail(paths: readonly WorldPath[], settings: Partial<ErrorSettings>): void {
    for (const { error } of paths) error.enable({ ...FAIL_ALL, ...settings })
  }

  heal(paths: readonly WorldPath[]): void {
    for (const { error, hang, delay } of paths) {
      error.disable()
      hang.disable()
      delay.disable()
    }
  }

  async pass(ms: number): Promise<void> {
    await this.clock.drain(this.clock.monoUs() + Math.round(ms * 1000))
  }

  async drive<Value>(promise: Promise<Value>): Promise<Value> {
    const state = { over: false }
    const watched = promise.finally(() => void (state.over = true))
    watched.catch(() => undefined)
    await this.clock.settle()
    for (let fired = 0; !state.over; fired += 1) {
      if (fired > TIMERS_MAX || !this.clock.runNext()) throw new Error('nothing will settle this promise')
      await this.clock.settle()
    }
    return watched
  }

  #newId(): string {
    this.#ids += 1
    return `world-${String(this.#ids).padStart(7, '0')}`
  }

  #newStore(): MemoryStore {
    const facts = {
      recordedAtUs: START.wallUs,
      monoUs: START.monoUs,
      bootId: 'boot-1',
      engine: '0',
      xstate: '0',
    }
    return memoryStore({ header: { eventId: this.#newId(), ...facts } })
  }
}

/** What a kind of incident relies on. */
export function there<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('this incident does not have what its kind relies on')
  return value
}

/** A store that is given rows makes no header. */
const HEADER_OF_ROWS = { eventId: '-', recordedAtUs: 0, monoUs: 0, bootId: '-', engine: '0', xstate: '0' }
const FAIL_ALL: ErrorSettings = {
  ...{ errno: 'EIO', status: null, op: 'all', ratePerMillion: 1_000_000, count: null, range: null },
}
