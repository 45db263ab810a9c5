// Hot-plug: what a source of devices shows is compared, every `discoveryPollMs`, with the paths there are. What is new is
// opened and added; what changed under a path is told to its machine.
import type { DeviceSighting, DeviceSource, PathDevice, TimerHandle } from '../adapters/ports.ts'
import { hasCode } from '../errors.ts'
import { guarded, usOfMs, type Core } from './core.ts'
import { recordPath } from './lifecycle.ts'
import type { PathRuntime } from './path-runtime.ts'
import { followSizes } from './resize.ts'
import { failByIdentity } from './verdict.ts'

/** What discovery asks of the engine. */
export interface DiscoveryPorts {
  readonly core: Core
  paths(): readonly PathRuntime[]
  add(device: PathDevice): Promise<unknown>
  remove(path: PathRuntime, why: string): Promise<void>
}

/** Sightings that were no paths, remembered so that each is refused once; the oldest are forgotten. */
const REFUSED_MAX = 1_024

export class Discovery {
  readonly #ports: DiscoveryPorts
  readonly #source: DeviceSource
  readonly #opening = new Map<string, Promise<void>>()
  readonly #refused = new Set<string>()
  #timer: TimerHandle | null = null
  #stopped = false

  constructor(ports: DiscoveryPorts, source: DeviceSource) {
    this.#ports = ports
    this.#source = source
  }

  /** Looks now, and again after each interval. */
  start(): void {
    if (this.#stopped) return
    const { core } = this.#ports
    guarded(core, () => this.#look())
    const dueUs = core.clock.monoUs() + usOfMs(core.settings.discoveryPollMs)
    this.#timer = core.clock.setTimer(dueUs, () => this.start())
  }

  /** Looks no more; resolves when nothing is being opened. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await Promise.all(this.#opening.values())
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
    if (now.autoclear && facts['autoclear'] === false) this.#leaves(path)
  }

  /** A lazy detach: the device works until it is closed. It goes when another path can take its I/O. */
  #leaves(path: PathRuntime): void {
    const why = 'it was detached while it was open (autoclear)'
    if (!path.context.goingAway) recordPath(path, 'path.goingAway', { why })
    const others = path.head.paths.some(
      (other) => other !== path && !other.disabled && !other.context.goingAway,
    )
    if (!others) return
    this.#ports.remove(path, why).catch((error: unknown) => {
      this.#ports.core.log.warn({ path: path.name, error }, 'a detached path was not removed in order')
    })
  }

  /** A device that is no path: opened and added once for each attach of it. */
  #found(sighting: DeviceSighting): void {
    const id = `${sighting.deviceKey} ${sighting.diskseq}`
    if (this.#opening.has(id) || this.#refused.has(id)) return
    const opening = this.#open(sighting).then(
      () => undefined,
      (error: unknown) => this.#refuse(id, error),
    )
    this.#opening.set(id, opening)
    void opening.finally(() => this.#opening.delete(id))
  }

  async #open(sighting: DeviceSighting): Promise<void> {
    const ports = this.#ports
    const device = await this.#source.open(sighting)
    if (device === null) {
      this.#remember(`${sighting.deviceKey} ${sighting.diskseq}`)
      return
    }
    try {
      if (this.#stopped || ports.core.broken !== null) throw new Error('the engine is closing')
      await ports.add(device)
    } catch (error) {
      // It was not taken, so it is ours to close.
      await device.close()
      throw error
    }
  }

  /** Somebody else may be about to let go of a busy device; whatever else was wrong with it stays wrong. */
  #refuse(id: string, error: unknown): void {
    if (hasCode(error, 'PATH_BUSY')) return
    this.#ports.core.log.warn({ device: id, error }, 'a device that was found is not a path')
    this.#remember(id)
  }

  #remember(id: string): void {
    if (this.#refused.size >= REFUSED_MAX) {
      for (const oldest of this.#refused) {
        this.#refused.delete(oldest)
        break
      }
    }
    this.#refused.add(id)
  }
}

/** Every source that an engine looks at. */
export class Discoveries {
  readonly #ports: DiscoveryPorts
  readonly #running = new Set<Discovery>()

  constructor(ports: DiscoveryPorts) {
    this.#ports = ports
  }

  /** Looks at one more source; returns the way to stop that. */
  watch(source: DeviceSource): () => Promise<void> {
    const discovery = new Discovery(this.#ports, source)
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
  const remove = (path: PathRuntime, why: string) => registry().remove(path, why)
  return new Discoveries({ core, add, remove, paths: () => registry().paths() })
}
