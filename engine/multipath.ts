// The class that programs open.
import type { ErrorCode } from '../errors/codes.ts'
import { checkArguments, checkFields, shown } from '../errors/arguments.ts'
import { serveControl, type ControlServer } from '../adapters/control/server.ts'
import type { DeviceSource, PathDevice } from '../adapters/ports.ts'
import { PathledgerError } from '../errors.ts'
import { foldAll } from '../store/state/fold.ts'
import type { LedgerState, LedgerStore } from '../store/types.ts'
import { openLedger } from '../store/write/open.ts'
import { addPath, type AddPathOptions } from './attach/add-path.ts'
import { Alua } from './alua/alua.ts'
import type { MemoryUse } from './api/memory-use.ts'
import {
  checkOpen,
  createCore,
  initiatorOf,
  isRunning,
  ledgerFacts,
  lunStorageOf,
  SILENT,
  systemPorts,
  type MultipathOptions,
  type Ports,
} from './assemble.ts'
import { Adapter } from './api/adapter.ts'
import { controlHandler } from './views/control.ts'
import type { Core } from './core/core.ts'
import { discoveriesOf, type Discoveries, type WatchOptions } from './attach/discovery.ts'
import { ghostInfo, noReason, type GhostInfo } from './api/ghost-info.ts'
import { Head } from './api/head.ts'
import { closedError } from './core/closed.ts'
import { PATH_ACTIONS } from './actions.ts'
import { breakEngine, closeEngine } from './closing.ts'
import { checkAccess, Path } from './api/path.ts'
import type { PathRuntime, Actions } from './heads/runtime.ts'
import type { LiveEvent } from './ledger/recorder.ts'
import { recoverLastRun } from './attach/recovery.ts'
import { Registry, type HeadEntry } from './attach/registry.ts'
import { Sampler } from './heads/samples.ts'
import { checkNuma, distanceBy } from './core/numa.ts'
import { removeOverdue } from './health/rules.ts'
import { parseSettings } from './core/settings.ts'
import { checkWords } from './core/spoken.ts'
import { liveSource } from './views/sysfs/live-source.ts'
import { SysfsView } from './views/sysfs/view.ts'
import type { Stream } from './ledger/stream.ts'
import { Streams } from './ledger/streams.ts'
import { Luns } from './lun/luns.ts'
import { VERSION } from './core/version.ts'

/**
 * A multipath block layer with its ledger. One at a time per ledger file: a second one gets LEDGER_LOCKED with the pid of
 * the first.
 *
 * @example
 * const mp = await Multipath.open({ ledger: 'mp.ledger', multipath: 'always' })
 */
export class Multipath {
  readonly #core: Core
  readonly #engine: Stream
  readonly #streams: Streams
  readonly #luns: Luns
  readonly #registry: Registry
  readonly #sampler: Sampler
  readonly #discoveries: Discoveries
  readonly #alua: Alua
  readonly #store: LedgerStore
  readonly #heads = new Map<HeadEntry, Head>()
  readonly #paths = new Map<PathRuntime, Path>()
  #closing: Promise<void> | null = null
  #control: ControlServer | null = null

  private constructor(store: LedgerStore, before: LedgerState, options: MultipathOptions, ports: Ports) {
    const {
      ledger,
      controlSocket: _socket,
      lunFolder: _lunFolder,
      initiator: _initiator,
      logger,
      numaDistance,
      ports: _ports,
      ...settings
    } = options
    const core = createCore(store, before, parseSettings(settings), ports, logger ?? SILENT, {
      onBroken: (error) => this.#break(error),
      onDegraded: (why) => void this.#engine.record('engine.ledgerDegraded', { why: why.slice(0, 512) }),
      onRecovered: (gap) => void this.#engine.record('engine.ledgerRecovered', gap),
      onWentOn: (gates) =>
        void this.#engine.record('engine.proceededWithoutRecord', { gates, why: 'ledgerStall' }),
    })
    core.breakEngine = (error) => this.#break(error)
    const engineId = ports.newId()
    this.#core = core
    this.#store = store
    this.#streams = new Streams(core, before.streams)
    this.#engine = this.#streams.of('engine')
    this.#discoveries = discoveriesOf(
      core,
      () => this.#registry,
      (device, trust) => this.addPath(device, trust),
    )
    this.#sampler = new Sampler(core, () => this.#registry.runtimes())
    this.#alua = new Alua(core)
    const actions: Actions = {
      ...PATH_ACTIONS,
      removePath: (path, cause) => {
        removeOverdue(path, (why) => this.#registry.remove(path, why, { cause }))
      },
      headRemoved: (head) => this.#registry.headRemoved(head),
      sense: (path, bytes) => this.#alua.sense(path, bytes),
      awaitGroups: (head, waits, cause) => this.#alua.awaitGroups(head, waits, cause),
    }
    this.#luns = new Luns({
      core,
      identity: { ...ports, id: engineId, initiator: initiatorOf(options.initiator, before, store) },
      streams: this.#streams,
      store,
      before: { streams: before.streams, unclean: isRunning(before) },
      storage: ports.lunStorage ?? lunStorageOf(options, engineId, ports.stateFolder),
    })
    this.#registry = new Registry({
      actions,
      onRemoved: (path) => this.#alua.left(path),
      core,
      engine: this.#engine,
      streams: this.#streams,
      luns: this.#luns,
      ledgerFile: typeof ledger === 'string' ? ledger : null,
      distance: distanceBy(numaDistance),
      onIo: () => this.#sampler.touch(),
    })
  }

  /**
   * Opens a ledger and starts an engine on it. Rejects with SETTINGS_INVALID, LEDGER_LOCKED, NOT_A_LEDGER,
   * LEDGER_FROM_THE_FUTURE, LEDGER_PERMISSION, LEDGER_IO or NUMA_DISTANCES; nothing is changed then.
   */
  static async open(options: MultipathOptions): Promise<Multipath> {
    checkOpen(options)
    const { ledger, ports: given, ...others } = options
    const {
      controlSocket,
      lunFolder: _folder,
      initiator: _initiator,
      logger: _logger,
      numaDistance,
      ...settings
    } = others
    const { multipath, numaNodes } = parseSettings(settings)
    checkNuma(numaDistance, numaNodes)
    const ports = { ...systemPorts(), ...given }
    const store = typeof ledger === 'string' ? await openLedger(ledger, ledgerFacts(ports)) : ledger
    try {
      const before = foldAll(store)
      const mp = new Multipath(store, before, options, ports)
      await mp.#start(before, multipath, ports)
      await mp.#listen(controlSocket)
      return mp
    } catch (error) {
      await store.close()
      throw error
    }
  }

  /**
   * Takes a device as a path: asks it what it is where it speaks SCSI, finds its head by the LUN's id, or makes it.
   * Resolves when that is durable.
   * Rejects with why it was not taken (PATH_DUPLICATE, PATH_SIZE_MISMATCH, PATH_INCOHERENT, PATH_READ_ONLY,
   * LEDGER_ON_PATH, MULTIPATH_OFF, ...), which is on the ledger too; the device is then still yours, to close or to use
   * as it is ({@link plainDevice}). The promise of a device, as `loopPath` gives it, may be handed in as it is: then a
   * device that cannot be opened is on the ledger too.
   */
  async addPath(device: PathDevice | Promise<PathDevice>, options: AddPathOptions = {}): Promise<Path> {
    // Where it is not waited for below, its failure is nobody's.
    Promise.resolve(device).catch(() => undefined)
    this.#refuseIfOver()
    checkFields('addPath', 'options', options, { preferred: 'flag?', blocked: 'flag?' })
    checkAccess(options.access ?? 'optimal')
    const parts = {
      core: this.#core,
      registry: this.#registry,
      streams: this.#streams,
      luns: this.#luns,
      alua: this.#alua,
      refuseIfOver: () => this.#refuseIfOver(),
    }
    const path = await addPath(parts, device, options)
    return this.#path(path)
  }

  /**
   * Makes paths of what a source shows, and tells paths what changes under them: every `discoveryPollMs`, and at once where
   * `uevents` tell of it. Returns the way to stop that.
   */
  watch(source: DeviceSource, options: WatchOptions = {}): () => Promise<void> {
    this.#refuseIfOver()
    checkFields('watch', 'source', source, { list: 'call', covers: 'call', open: 'call' })
    checkFields('watch', 'options', options, { uevents: 'object?' })
    const { uevents } = options
    if (uevents !== undefined)
      checkFields('watch', 'uevents', uevents, { start: 'call', take: 'call', stop: 'call' })
    return this.#discoveries.watch(source, options)
  }

  /** The head of a LUN, by wwid or name. Throws HEAD_NOT_FOUND. */
  head(wwidOrName: string): Head {
    if (this.#closing !== null) throw closedError()
    const entry = this.#registry.find(wwidOrName)
    if (entry !== null) return this.#head(entry)
    throw notFound(
      'HEAD_NOT_FOUND',
      `There is no head ${shown(wwidOrName)}.`,
      this.heads.map(({ name }) => name),
    )
  }

  /** A path, by name ('sda:0') or H:C:I:L. Throws PATH_NOT_FOUND. */
  path(nameOrHctl: string): Path {
    if (this.#closing !== null) throw closedError()
    const path = this.#registry.findPath(nameOrHctl)
    if (path !== null) return this.#path(path)
    const names = this.heads.flatMap(({ paths }) => paths.map(({ name }) => name))
    throw notFound('PATH_NOT_FOUND', `There is no path ${shown(nameOrHctl)}.`, names)
  }

  /** Every head there is, in the order they were made. */
  get heads(): Head[] {
    return [...this.#registry.heads()].map((entry) => this.#head(entry))
  }

  /** Every adapter that has or had a path, in the order in which their first paths came. */
  get adapters(): Adapter[] {
    const parts = { engine: this.#engine, paths: () => this.#registry.paths() }
    return [...this.#registry.adapters()].map((runtime) => new Adapter({ ...parts, runtime }))
  }

  /** An adapter, by its number ('8' for the path 8:0:0:0). Throws ADAPTER_NOT_FOUND. */
  adapter(host: string): Adapter {
    const found = this.adapters.find((adapter) => adapter.host === host)
    if (found !== undefined) return found
    const hosts = this.adapters.map((adapter) => adapter.host)
    throw notFound('ADAPTER_NOT_FOUND', `There is no adapter ${shown(host)}.`, hosts)
  }

  /** /sys as it would show these heads and paths: read, written and listed (docs/sysfs.md). */
  get sysfs(): SysfsView {
    const parts = { core: this.#core, registry: this.#registry, streams: this.#streams }
    const lookUp = { heads: () => this.heads, path: (hctl: string) => this.path(hctl) }
    return new SysfsView(liveSource({ ...parts, ...lookUp }))
  }

  /** Attempts that ended without proof and may still land, oldest first. */
  get ghosts(): GhostInfo[] {
    return this.#luns.all().flatMap((lun) => {
      lun.refresh()
      return lun.ghosts.index.all().map((ghost) => ghostInfo(lun.wwid, ghost))
    })
  }

  /**
   * The operator answers for it that these ghosts are over; by id, or all of them. Their reason is on the ledger.
   * Returns how many there were. Throws GHOST_REASON without a reason.
   */
  releaseGhosts(word: {
    readonly reason: string
    readonly ids?: readonly string[]
    readonly actor?: string
  }): number {
    checkFields('releaseGhosts', 'word', word, { ids: 'texts?' })
    if (typeof word.reason !== 'string' || word.reason.trim() === '') throw noReason()
    checkWords({ reason: word.reason, actor: word.actor })
    const { ids, reason, actor = 'operator' } = word
    let released = 0
    for (const { ghosts } of this.#luns.all()) {
      const over = ghosts.index.all().filter(({ id }) => ids === undefined || ids.includes(id))
      ghosts.end(over, 'operator', reason, { actor, reason })
      released += over.length
    }
    return released
  }

  /**
   * The engine's memory for I/O: bytes in use of `poolBytes`, what of them is lent (in callers' hands, in flight, or held
   * by a hung path), and the lent buffers that callers have in their hands. Figures that only grow are a leak.
   */
  get memory(): MemoryUse {
    const { pool, lender } = this.#core
    return { usedBytes: pool.usedBytes, lentBytes: lender.lentBytes, buffersOut: lender.out.buffers }
  }

  /** The error that stopped the engine, or null while it runs. */
  get broken(): PathledgerError | null {
    return this.#core.broken
  }

  /**
   * Every event from now on, once it is durable and in order, with the live state of its stream after it.
   * Returns the way to stop it.
   */
  subscribe(listener: (live: LiveEvent) => void): () => void {
    checkArguments('subscribe', { listener }, { listener: 'call' })
    return this.#core.recorder.subscribe(listener)
  }

  /**
   * Ends what waits with CLOSED, calls in lent buffers, waits for what is in flight, removes every path and head, writes
   * the last events and lets go of the ledger. A head that is waiting out its delayed removal stays, for the next engine.
   * Resolves when every event of this run is durable; else it rejects with CLOSE_INCOMPLETE, which says how many are not. The
   * engine is closed either way. Calling it again gives the same promise.
   */
  close(): Promise<void> {
    this.#closing ??= closeEngine({
      core: this.#core,
      engine: this.#engine,
      registry: this.#registry,
      luns: this.#luns,
      alua: this.#alua,
      discoveries: this.#discoveries,
      sampler: this.#sampler,
      store: this.#store,
      control: this.#control,
    })
    return this.#closing
  }

  async #start(before: LedgerState, multipath: string, { pid, bootId }: Ports): Promise<void> {
    const unclean = isRunning(before)
    const started = { version: VERSION, multipath, unclean, pid }
    const { recorded } = this.#engine.record('engine.started', started)
    const why = unclean ? 'the engine ended without closing' : 'the engine was closed while it waited'
    const parts = { core: this.#core, registry: this.#registry, streams: this.#streams }
    recoverLastRun({ ...parts, store: this.#store, before, bootId, cause: recorded, why })
    await this.#core.recorder.durable(recorded)
  }

  async #listen(controlSocket: string | undefined): Promise<void> {
    if (controlSocket === undefined) return
    try {
      this.#control = await serveControl(controlSocket, controlHandler(this), this.#core.clock)
    } catch (error) {
      // That the ledger did not take all of it would be the smaller news.
      await this.close().catch(() => undefined)
      throw error
    }
  }

  #break(error: PathledgerError): void {
    breakEngine(this.#core, this.#engine, this.#registry, error)
  }

  #refuseIfOver(): void {
    if (this.#closing !== null) throw closedError()
    if (this.#core.broken !== null) throw this.#core.broken
  }

  #head(entry: HeadEntry): Head {
    const known = this.#heads.get(entry)
    if (known !== undefined) return known
    const head = new Head(entry.runtime, entry.io, (path) => this.#path(path))
    this.#heads.set(entry, head)
    return head
  }

  #path(runtime: PathRuntime): Path {
    const known = this.#paths.get(runtime)
    if (known !== undefined) return known
    const path = new Path(runtime, async (gone, why, actor) => {
      this.#paths.delete(gone)
      await this.#registry.remove(gone, why, { actor, reason: why })
    })
    this.#paths.set(runtime, path)
    return path
  }
}

function notFound(code: ErrorCode, message: string, there: readonly string[]): PathledgerError {
  const why = there.length === 0 ? 'There are none.' : `There are ${there.join(', ')}.`
  return new PathledgerError(code, {
    message,
    why,
    todo: 'Use one of these names, or add a path.',
    errno: 'ENODEV',
  })
}
