// Paths with a real fault switch over one shared image, and an engine with short times on them. Everything is undone when
// the test ends, however it ends.
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { loopPath } from '../../../adapters/paths/loops.ts'
import type { PathDevice } from '../../../adapters/ports.ts'
import { systemPorts } from '../../../engine/assemble.ts'
import type { MultipathOptions, Ports } from '../../../engine/assemble.ts'
import type { Head } from '../../../engine/api/head.ts'
import { Multipath } from '../../../engine/multipath.ts'
import type { Path } from '../../../engine/api/path.ts'
import type { LiveEvent } from '../../../engine/ledger/recorder.ts'
import type { ExplainRoot } from '../../../store/explain/types.ts'
import { redecide } from '../../../store/state/fold.ts'
import { openLedgerReader } from '../../../store/read/reader.ts'
import { verifyLedger } from '../../../store/verify/verify.ts'
import { expectExplained } from '../../explained.ts'
import { attachedUnder, requireTools, ServedPath, until } from './servers.ts'

export { end, until } from './servers.ts'

export const WWID = 'naa.600140500000abcd'
export const BLOCK = 4096
export const LUN_BYTES = 32 * 1024 * 1024

/** Times of a hang test: short, and nothing is released by time alone. */
export const SHORT = {
  multipath: 'always',
  attemptTimeoutMs: 300,
  probeTimeoutMs: 300,
  checker: { minMs: 50, maxMs: 100 },
  ghostHoldMaxMs: 30_000,
  ghostQuiesceMs: 0,
  closeGraceMs: 300,
} as const

export interface HangRigSettings {
  /** Default A and B. */
  readonly paths?: readonly string[]
  readonly sizeBytes?: number
  /** Whether the servers write down each request. Default true. */
  readonly logged?: boolean
  /** nbdkit's plugin and its parameters, of one path. Default: its file plugin over the image. */
  readonly plugin?: (image: string) => readonly string[]
}

export type OpenSettings = Partial<MultipathOptions> & {
  readonly guardsOff?: boolean
  readonly fence?: Ports['fence']
  /** Which paths to add; default all. */
  readonly with?: readonly string[]
}

export class HangRig {
  readonly folder: string
  readonly image: string
  readonly ledger: string
  readonly events: LiveEvent[] = []
  #served = new Map<string, ServedPath>()
  #engine: Multipath | null = null
  /** Events of the engines before this one. */
  #before = 0
  readonly #undo: (() => Promise<void> | void)[] = []

  private constructor(folder: string) {
    this.folder = folder
    this.image = join(folder, 'lun.img')
    this.ledger = join(folder, 'mp.ledger')
  }

  static async make(settings: HangRigSettings = {}): Promise<HangRig> {
    requireTools()
    const { paths = ['A', 'B'], sizeBytes = LUN_BYTES, logged = true, plugin } = settings
    const rig = new HangRig(mkdtempSync(join(tmpdir(), 'pathledger-hang-')))
    // A machine of its own: the ghosts of another rig are of another medium, though its LUN has the same name.
    process.env['PATHLEDGER_STATE'] = join(rig.folder, 'state')
    onTestFinished(() => rig.cleanUp())
    writeFileSync(rig.image, '')
    truncateSync(rig.image, sizeBytes)
    const making = plugin ?? ((image: string) => ['file', image])
    for (const name of paths) {
      const facts = { folder: rig.folder, name, wwid: WWID, plugin: making(rig.image), logged }
      rig.#served.set(name, await ServedPath.start(facts))
    }
    return rig
  }

  /** Puts a new server in the place of one that is dead or gone, when nothing is attached to it any more. */
  async recreate(name: string): Promise<void> {
    const old = this.served(name)
    await old.cleanUp()
    this.#served.set(name, await ServedPath.start(old.settings))
  }

  /** The fault switch of a path. */
  served(name: string): ServedPath {
    const served = this.#served.get(name)
    if (served === undefined) throw new Error(`there is no path ${name}`)
    return served
  }

  get a(): ServedPath {
    return this.served('A')
  }

  get b(): ServedPath {
    return this.served('B')
  }

  /** H:C:I:L of a path, where it is not named by that: each on an adapter of its own. */
  hctl(name: string): string {
    if (name.includes(':')) return name
    return `${8 + [...this.#served.keys()].indexOf(name)}:0:0:0`
  }

  /** Attaches a path's loop device and opens it. */
  async device(name: string): Promise<PathDevice> {
    const attached = await this.served(name).attach()
    try {
      const lun = { wwid: WWID, implicitAlua: true }
      return await loopPath(attached.device, { lun, hctl: this.hctl(name), helperTimeoutMs: 10_000 })
    } finally {
      await attached.release()
    }
  }

  /** Opens an engine with short times, and adds paths. I/O goes down the first of them while it is well. */
  async open(settings: OpenSettings = {}): Promise<Multipath> {
    const { guardsOff = false, fence, with: names = [...this.#served.keys()], ...options } = settings
    const ports = { ...systemPorts(), guardsOff, ...(fence === undefined ? {} : { fence }) }
    const mp = await Multipath.open({ ledger: this.ledger, ...SHORT, ...options, ports })
    this.#engine = mp
    this.#before = this.events.length
    mp.subscribe((live) => void this.events.push(live))
    for (const name of names) await this.add(name)
    return mp
  }

  async add(name: string): Promise<Path> {
    // Its servers have one image, which nothing but the rig knows.
    return this.mp.addPath(await this.device(name), { trustIdentity: true })
  }

  get mp(): Multipath {
    if (this.#engine === null) throw new Error('no engine is open')
    return this.#engine
  }

  get head(): Head {
    return this.mp.head(WWID)
  }

  path(name: string): Path {
    return this.mp.path(this.hctl(name))
  }

  write(offset: number, mark: number, length = BLOCK): Promise<void> {
    return this.head.write({ offset, data: filled(mark, length) })
  }

  /** Starts an I/O, whose end is looked at later. */
  begin<Value>(promise: Promise<Value>): Pending<Value> {
    return new Pending(promise)
  }

  /** The path has so many attempts of ours in flight. */
  async inFlight(name: string, count: number): Promise<void> {
    const path = this.path(name)
    await until(`${count} in flight on ${name}`, () => path.inFlight >= count)
  }

  /** Bytes of the image, read past every path. */
  medium(offset: number, length = BLOCK): Buffer {
    const fd = openSync(this.image, 'r')
    try {
      const bytes = Buffer.alloc(length)
      readSync(fd, bytes, 0, length, offset)
      return bytes
    } finally {
      closeSync(fd)
    }
  }

  /** The one byte that fills a range of the medium; -1 where it is not one. */
  mark(offset: number, length = BLOCK): number {
    const bytes = this.medium(offset, length)
    const first = bytes[0] ?? -1
    return bytes.every((byte) => byte === first) ? first : -1
  }

  /** Events of a type that are durable so far. */
  seen(type: string): Record<string, unknown>[] {
    return this.events
      .filter(({ event }) => event.type === type)
      .map(({ event }) => JSON.parse(event.data) as Record<string, unknown>)
  }

  /** Closes the engine, and checks its ledger as a whole. */
  async close(): Promise<void> {
    const mp = this.#engine
    if (mp === null) return
    this.#engine = null
    await mp.close()
    this.verify()
    this.#replayEqualsLive()
  }

  /** That replay comes to the states that a subscriber of this engine saw last. */
  #replayEqualsLive(): void {
    const reader = openLedgerReader(this.ledger)
    try {
      const { streams } = redecide(reader)
      const last = new Map(this.events.slice(this.#before).map(({ event, state }) => [event.stream, state]))
      for (const [stream, { value, context }] of last) {
        expect(streams[stream], stream).toMatchObject({ value, context })
      }
    } finally {
      reader.close()
    }
  }

  /** That the chain of the ledger holds and that deciding again gives the same. */
  verify(): void {
    const reader = openLedgerReader(this.ledger)
    try {
      expect(verifyLedger(reader)).toMatchObject({ chain: 'ok', replay: 'equal' })
    } finally {
      reader.close()
    }
  }

  /**
   * That `explain` names the first evidence of what was done to a path, or to the head where none is named: at the first event
   * of a type, that is with the ledger as it was then.
   */
  explains(name: string | null, type: string, expected: Partial<ExplainRoot>): void {
    const reader = openLedgerReader(this.ledger)
    try {
      const stream = name === null ? `head/${WWID}` : `path/${WWID}/${this.hctl(name)}`
      // An event of a path is the named path's; others are of the head's LUN or reservation.
      const own = type.startsWith('path.') ? { stream } : {}
      const [event] = reader.read({ ...own, type, limit: 1 })
      expect(event?.type).toBe(type)
      expectExplained(reader, { stream }, expected, event?.position)
    } finally {
      reader.close()
    }
  }

  /** To be done when the test ends, before anything else is undone. */
  atEnd(undo: () => Promise<void> | void): void {
    this.#undo.push(undo)
  }

  async cleanUp(): Promise<void> {
    for (const undo of this.#undo.splice(0).reverse()) await undo()
    for (const served of this.#served.values()) served.resume()
    const closing = this.#engine?.close()
    closing?.catch(() => undefined)
    // A server that is killed lets everything that waits for it end.
    for (const served of this.#served.values()) await served.cleanUp()
    await closing
    await until('our loop devices are gone', () => !attachedUnder(this.folder))
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** An I/O under way. */
export class Pending<Value> {
  readonly promise: Promise<Value>
  state: 'pending' | 'done' | 'failed' = 'pending'
  error: unknown = null

  constructor(promise: Promise<Value>) {
    this.promise = promise
    promise.then(
      () => void (this.state = 'done'),
      (error: unknown) => {
        this.state = 'failed'
        this.error = error
      },
    )
  }
}

/** Bytes that are all `mark`. */
export function filled(mark: number, length = BLOCK): Uint8Array {
  return new Uint8Array(length).fill(mark)
}
