// Hot-plug: what a source of devices shows is compared, every `discoveryPollMs` and when the kernel told of devices, with the
// paths there are. What is new is opened and added; what changed under a path is told to its machine.
import type { DeviceSighting, DeviceSource, PathDevice, TimerHandle, Uevents } from '../../adapters/ports.ts'
import { hasCode } from '../../errors.ts'
import { guarded, usOfMs, type Core } from '../core/core.ts'
import { inTime } from '../core/within.ts'
import { Hearing } from './hearing.ts'
import { recordPath } from '../heads/lifecycle.ts'
import { followLimits } from '../heads/limits.ts'
import type { PathRuntime } from '../heads/runtime.ts'
import type { Origin } from '../ledger/recorder.ts'
import { followSizes } from '../heads/resize.ts'
import { failByIdentity } from '../health/verdict.ts'

/** What discovery asks of the engine. */
export interface DiscoveryPorts {
  readonly core: Core
  paths(): readonly PathRuntime[]
  add: (device: PathDevice | Promise<PathDevice>, options: { trustIdentity: boolean }) => Promise<unknown>
  remove: (path: PathRuntime, why: string, origin: Origin) => Promise<void>
}

/** How a source is watched. */
export interface WatchOptions {
  /** Word of the kernel ({@link kernelUevents}): what came or went is then seen at once. Default: none is listened to. */
  readonly uevents?: Uevents
  /** As {@link AddPathOptions.trustIdentity}, for every device of the source. Default false. */
  readonly trustIdentity?: boolean
}

/** Busy for the first time; in the way of something that may pass; or wrong for good. */
type Refusal = 'busy' | 'passing' | 'lasting'

/** Sightings that were no paths, remembered so that each is refused once; the oldest are forgotten. */
const REFUSED_MAX = 1_024

export class Discovery {
  readonly #ports: DiscoveryPorts
  readonly #source: DeviceSource
  readonly #trust: { readonly trustIdentity: boolean }
  readonly #opening = new Map<string, Promise<void>>()
  readonly #refused = new Map<string, Refusal>()
  readonly #hearing: Hearing | null
  #timer: TimerHandle | null = null
  #stopped = false

  constructor(ports: DiscoveryPorts, source: DeviceSource, options: WatchOptions = {}) {
    const { uevents, trustIdentity = false } = options
    this.#trust = { trustIdentity }
    this.#ports = ports
    this.#source = source
    this.#hearing = uevents === undefined ? null : new Hearing(ports.core, uevents, () => this.#lookAgain())
  }

  /** Looks now, and again after each interval, and whenever the kernel tells of devices. */
  start(): void {
    // First: what comes between the two is then heard or seen, or both.
    this.#hearing?.start()
    this.#lookAgain()
  }

  /** Looks now; the next interval begins anew. */
  #lookAgain(): void {
    if (this.#stopped) return
    const { core } = this.#ports
    this.#timer?.cancel()
    guarded(core, () => this.#look())
    const dueUs = core.clock.monoUs() + usOfMs(core.settings.discoveryPollMs)
    this.#timer = core.clock.setTimer(dueUs, () => this.#lookAgain())
  }

  /** Looks no more; resolves when nothing is being opened. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    this.#hearing?.stop()
    const { core } = this.#ports
    const { closeGraceMs } = core.settings
    // A device that hangs while it is opened keeps nobody.
    const opened = await inTime(core, closeGraceMs, Promise.all(this.#opening.values()))
    if (opened === null)
      core.log.warn(
        {},
        `devices are still being opened after closeGraceMs, ${closeGraceMs} ms: not waited for`,
      )
  }

  #look(): void {
    const ports = this.#ports
    if (ports.core.broken !== null) return
    const sightings = this.#sightings()
    if (sightings === null) return
    const byKey = new Map(sightings.map((sighting) => [sighting.deviceKey, sighting]))
    const taken = new Set<string>()
    for (const path of ports.paths()) {
      const { deviceKey } = path.device
      if (deviceKey === null || !this.#source.covers(deviceKey)) continue
      taken.add(deviceKey)
      this.#compare(path, byKey.get(deviceKey) ?? null)
    }
    for (const sighting of sightings) if (!taken.has(sighting.deviceKey)) this.#found(sighting)
  }

  #sightings(): readonly DeviceSighting[] | null {
    try {
      return this.#source.list()
    } catch (error) {
      this.#ports.core.log.warn({ error }, 'devices could not be listed')
      return null
    }
  }

  /** What the source shows of a device that is a path. */
  #compare(path: PathRuntime, now: DeviceSighting | null): void {
    const { facts, geometry } = path.device
    if (now === null) return failByIdentity(path, 'nothing is attached to it any more')
    if (now.diskseq !== facts['diskseq'])
      return failByIdentity(path, `diskseq was ${String(facts['diskseq'])} and is ${now.diskseq} now`)
    if (facts['direct'] === true && !now.direct)
      return failByIdentity(path, 'direct I/O was switched off under it: it would read what is stale')
    const sizeBytes = path.context.newSizeBytes ?? geometry.sizeBytes
    // The open device is asked, and its head follows: here is only seen that it is worth asking.
    if (now.sizeBytes !== sizeBytes) followSizes(path.head)
    followLimits(path)
    if (now.autoclear && facts['autoclear'] === false) this.#leaves(path)
  }

  /** A lazy detach: the device works until it is closed. It goes when another path can take its I/O. */
  #leaves(path: PathRuntime): void {
    const why = 'it was detached while it was open (autoclear)'
    if (!path.context.goingAway) path.leaving = recordPath(path, 'path.goingAway', { why }).recorded
    const others = path.head.paths.some(
      (other) => other !== path && !other.disabled && !other.context.goingAway,
    )
    if (!others) return
    this.#ports.remove(path, why, { cause: path.leaving }).catch((error: unknown) => {
      this.#ports.core.log.warn({ path: path.name, error }, 'a detached path was not removed in order')
    })
  }

  /** A device that is no path: opened and added once for each attach of it, and once for each change of what it was refused as. */
  #found(sighting: DeviceSighting): void {
    const id = `${sighting.deviceKey} ${sighting.diskseq}`
    if (this.#opening.has(id) || this.#refused.get(seenAs(sighting)) === 'lasting') return
    const opening = this.#open(sighting).then(
      () => undefined,
      (error: unknown) => this.#refuse(sighting, error),
    )
    this.#opening.set(id, opening)
    void opening.finally(() => this.#opening.delete(id))
  }

  async #open(sighting: DeviceSighting): Promise<void> {
    const ports = this.#ports
    const device = await this.#openDevice(sighting)
    if (device === null) {
      this.#remember(sighting, 'lasting')
      return
    }
    try {
      if (this.#stopped || ports.core.broken !== null) throw new Error('the engine is closing')
      await ports.add(device, this.#trust)
    } catch (error) {
      // It was not taken, so it is ours to close.
      await device.close()
      throw error
    }
  }

  /** What cannot be opened is on the ledger, once, as if it had been given by hand: behind a dead claim there may be ghosts. */
  async #openDevice(sighting: DeviceSighting): Promise<PathDevice | null> {
    const opening = this.#source.open(sighting)
    try {
      return await opening
    } catch (error) {
      const isOver = this.#stopped || this.#ports.core.broken !== null
      if (!isOver && this.#isNews(sighting, error))
        await this.#ports.add(opening as Promise<PathDevice>, this.#trust).catch(() => undefined)
      throw error
    }
  }

  /** Told once. The kernel itself claims a device while it is attached: busy is news when it still is at the next look. */
  #isNews(sighting: DeviceSighting, error: unknown): boolean {
    const before = this.#refused.get(seenAs(sighting))
    return before === 'busy' || (before === undefined && !hasCode(error, 'PATH_BUSY'))
  }

  /** A device that could not be opened, or was not taken: tried again where what was in the way may pass. */
  #refuse(sighting: DeviceSighting, error: unknown): void {
    const before = this.#refused.get(seenAs(sighting))
    const isNews = this.#isNews(sighting, error)
    const passes = PASSING.some((code) => hasCode(error, code))
    if (before === undefined && hasCode(error, 'PATH_BUSY')) this.#remember(sighting, 'busy')
    else this.#remember(sighting, passes ? 'passing' : 'lasting')
    if (!isNews) return
    this.#ports.core.log.warn({ device: sighting.device, error }, 'a device that was found is not a path')
  }

  #remember(sighting: DeviceSighting, how: Refusal): void {
    if (this.#refused.size >= REFUSED_MAX) {
      for (const oldest of this.#refused.keys()) {
        this.#refused.delete(oldest)
        break
      }
    }
    this.#refused.set(seenAs(sighting), how)
  }
}

/** Somebody else may be about to let go of it, or what hangs may go on; whatever else is wrong with it stays wrong. */
const PASSING = ['PATH_BUSY', 'PATH_GHOST_CLAIM', 'PATH_MEDIUM_UNPROVED', 'HELPER_TIMEOUT'] as const

/** Word of it comes early: a device may be seen before whoever attaches it has switched direct I/O on. */
function seenAs({ deviceKey, diskseq, direct, sizeBytes }: DeviceSighting): string {
  return `${deviceKey} ${diskseq} ${direct} ${sizeBytes}`
}

/** Every source that an engine looks at. */
export class Discoveries {
  readonly #ports: DiscoveryPorts
  readonly #running = new Set<Discovery>()

  constructor(ports: DiscoveryPorts) {
    this.#ports = ports
  }

  /** Looks at one more source; returns the way to stop that. */
  watch(source: DeviceSource, options: WatchOptions = {}): () => Promise<void> {
    const discovery = new Discovery(this.#ports, source, options)
    this.#running.add(discovery)
    discovery.start()
    return async () => {
      this.#running.delete(discovery)
      await discovery.stop()
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running].map((discovery) => discovery.stop()))
  }
}

/** What an engine looks at, over its registry. */
export function discoveriesOf(
  core: Core,
  registry: () => Pick<DiscoveryPorts, 'paths' | 'remove'>,
  add: DiscoveryPorts['add'],
): Discoveries {
  const remove: DiscoveryPorts['remove'] = (path, why, origin) => registry().remove(path, why, origin)
  return new Discoveries({ core, add, remove, paths: () => registry().paths() })
}
