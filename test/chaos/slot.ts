// The engine of the moment: killed and started again, with the paths that it can have. One after the other change that.
import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import { takeLog } from './account.ts'
import { ChaosEngine, EngineGone } from './engine.ts'
import type { ChaosPath } from './path.ts'
import type { ChaosReport } from './report.ts'
import type { Shadow } from './shadow.ts'
import type { GhostInfo } from '../../index.ts'
import { until } from '../system/hang/servers.ts'

export interface SlotParts {
  readonly folder: string
  readonly ledger: string
  readonly wwid: string
  readonly paths: readonly ChaosPath[]
  readonly shadow: Shadow
  readonly report: ChaosReport
  readonly guardsOff: boolean
  /** The size that every path is to have. */
  readonly sizeBytes: () => number
  /** Of each start: its settings may differ. */
  readonly options: (start: number) => object
}

const WORKERS = 24
const ADD_MS = 30_000
/** Somebody still holds the device, its server is slow, or the head has grown in between: it is asked again. */
const AGAIN = new Set([
  'PATH_GHOST_CLAIM',
  'PATH_BUSY',
  'HELPER_TIMEOUT',
  'PATH_OPEN',
  'LOOP_IOCTL',
  'PATH_SIZE_MISMATCH',
])

export class Slot {
  readonly #parts: SlotParts
  #engine: ChaosEngine | null = null
  #lock: Promise<unknown> = Promise.resolve()
  #starts = 0
  /** Its writes wait until somebody vouches for what its predecessor left. */
  unsettled = false

  constructor(parts: SlotParts) {
    this.#parts = parts
  }

  get log(): string {
    return join(this.#parts.folder, `load-${this.#starts}.log`)
  }

  get died(): boolean {
    return this.#engine?.died === true
  }

  /** Does something with the engine, alone; undefined when there is none, or when it was killed meanwhile. */
  use<Value>(work: (engine: ChaosEngine) => Promise<Value>): Promise<Value | undefined> {
    const done = this.#lock.then(async () => {
      const engine = this.#engine
      if (engine?.alive !== true) return undefined
      return work(engine).catch((error: unknown) => {
        if (error instanceof EngineGone) return undefined
        throw error
      })
    })
    this.#lock = done.catch(() => undefined)
    return done
  }

  /** Starts an engine with every path that opens. Not to be called from within {@link use}. */
  start(): Promise<void> {
    const started = this.#lock.then(() => this.#start())
    this.#lock = started.catch(() => undefined)
    return started
  }

  async #start(): Promise<void> {
    const { folder, ledger, wwid, shadow, guardsOff, options, report, paths, sizeBytes } = this.#parts
    this.#starts += 1
    const shadowFile = join(folder, 'shadow.json')
    writeFileSync(shadowFile, shadow.dump())
    writeFileSync(this.log, '')
    const settings = {
      ...{ ledger, wwid, shadow: shadowFile, log: this.log, guardsOff, workers: WORKERS },
      seed: `${report.seed} load ${this.#starts}`,
      options: options(this.#starts),
    }
    const engine = new ChaosEngine(settings, (hctl) => this.#fence(hctl))
    this.#engine = engine
    this.unsettled = this.#starts > 1
    try {
      await engine.ready
      const open = paths.filter(({ opens }) => opens)
      for (const path of open) path.resize(sizeBytes())
      await Promise.all(open.map((path) => this.#add(engine, path)))
      await engine.ask('load')
    } catch (error) {
      if (!(error instanceof EngineGone)) throw error
    }
  }

  /** Gives the engine a path that it has not, and the path the size that it is to have. */
  ensureAdded(path: ChaosPath): Promise<unknown> {
    return this.use(async (engine) => {
      if (!path.opens) return
      if (!engine.has.has(path.hctl)) await this.#add(engine, path)
      path.resize(this.#parts.sizeBytes())
      await engine.ask('rescan')
    })
  }

  async #add(engine: ChaosEngine, path: ChaosPath): Promise<void> {
    const { report, sizeBytes } = this.#parts
    let last = ''
    await until(
      `${path.hctl} is added`,
      async () => {
        if (!path.opens) return true
        // A path comes with the size of its head, and grows with the others.
        const { value } = await engine.ask('size')
        path.resize(value === 0 ? sizeBytes() : Number(value))
        const { device } = path
        const added = await engine.ask('add', { path: { device: device ?? '', hctl: path.hctl } })
        if (added.ok) engine.has.add(path.hctl)
        last = added.error ?? ''
        if (!added.ok && !AGAIN.has(added.code ?? '')) {
          report.violations.push(`${path.hctl} was not taken: ${last}`)
          return true
        }
        return added.ok
      },
      ADD_MS,
    ).catch((error: unknown) => {
      if (error instanceof EngineGone) throw error
      report.violations.push(`${String(error)}: ${last}`)
    })
  }

  async remove(path: ChaosPath): Promise<void> {
    await this.use(async (engine) => {
      if (!engine.has.delete(path.hctl)) return
      await engine.ask('remove', { hctl: path.hctl })
    })
  }

  /** Somebody has seen the end of these ghosts' servers. */
  async release(which: (ghost: GhostInfo) => boolean, reason: string): Promise<void> {
    await this.use(async (engine) => {
      const { value } = await engine.ask('ghosts')
      const ids = (value as GhostInfo[]).filter(which).map(({ id }) => id)
      if (ids.length === 0) return
      const { value: released } = await engine.ask('release', { ids, reason })
      this.#parts.report.released += Number(released)
    })
  }

  /** SIGKILL, whatever it is doing; what its load had written is taken into account. */
  async kill(): Promise<void> {
    const engine = this.#engine
    if (engine === null) return
    await engine.kill()
    // Whoever was using it has noticed; a start under way comes to its end.
    await this.#lock
    this.#engine = null
    this.takeLog()
  }

  /** Lets it end by itself. */
  async end(): Promise<void> {
    await this.#engine?.end()
    this.#engine = null
    this.takeLog()
  }

  takeLog(): void {
    const { shadow, report } = this.#parts
    takeLog(this.log, shadow, report)
  }

  /** The engine wants a path fenced. */
  async #fence(hctl: string): Promise<string | null> {
    const path = this.#parts.paths.find((other) => other.hctl === hctl)
    if (path?.fencing !== 'kill') return null
    await path.killServers()
    this.#parts.report.fences += 1
    return `killed the servers of ${hctl}`
  }
}
