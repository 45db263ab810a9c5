// One path of the LUN under chaos: a server with a fault switch, and a loop device over it, which outlives the engine.
import { rmSync, writeFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { attachHere } from '../../adapters/loop/control.ts'
import type { AttachedLoop } from '../../adapters/paths/loops.ts'
import { ServedPath, until } from '../system/hang/servers.ts'
import { isAttached, limitSize } from './loops.ts'

export interface ChaosPathSettings {
  readonly folder: string
  readonly name: string
  readonly hctl: string
  readonly wwid: string
  readonly image: string
}

/** How a path takes a fence, by what is wrong with it. */
export type Fencing = 'kill' | 'none'

/** Bits a second, as nbdkit's rate filter counts: some fifty blocks. */
const SLOW_BITS = 1_600_000
const FAST_BITS = 1e12

export class ChaosPath {
  readonly hctl: string
  readonly settings: ChaosPathSettings
  #server: ServedPath | null = null
  #attached: AttachedLoop | null = null
  #lives = 0
  /** A fault is at work on it. */
  busy = false
  /** Its I/O hangs: whoever opens it would, too. */
  hung = false
  /** Its server is dead: it needs another one. */
  broken = false
  fencing: Fencing = 'none'
  /** Fences that killed its servers. */
  fenced = 0

  constructor(settings: ChaosPathSettings) {
    this.settings = settings
    this.hctl = settings.hctl
  }

  get server(): ServedPath {
    if (this.#server === null) throw new Error(`${this.settings.name} has no server`)
    return this.#server
  }

  /** '/dev/loop0', or null while it is detached. */
  get device(): string | null {
    return this.#attached?.device ?? null
  }

  /** Whether an engine can open it now. */
  get opens(): boolean {
    return this.#attached !== null && !this.hung && !this.broken
  }

  async start(sizeBytes: number): Promise<void> {
    this.#lives += 1
    const { folder, name, image, wwid } = this.settings
    this.#server = await ServedPath.start({
      folder,
      name: this.#serverName(name),
      wwid,
      logged: false,
      plugin: ['--filter=rate', 'file', image, `rate=${FAST_BITS}`, `rate-file=${this.#rateFile}`],
    })
    await this.attach(sizeBytes)
    this.broken = false
    this.hung = false
  }

  #serverName(name: string): string {
    return `${name}${this.#lives}`
  }

  async attach(sizeBytes: number): Promise<void> {
    const { folder, name, wwid } = this.settings
    this.#attached = await attachHere({ image: join(folder, this.#serverName(name), 'nbd'), wwid })
    this.resize(sizeBytes)
  }

  /** Another file on what was its device, if nobody else takes it meanwhile. */
  async attachOther(image: string, wwid: string): Promise<{ sameDevice: boolean; other: AttachedLoop }> {
    const before = this.device
    await this.detach()
    const other = await attachHere({ image, wwid })
    return { sameDevice: other.device === before, other }
  }

  /** Lets go of the device; it is detached at its last close. */
  async detach(): Promise<void> {
    const attached = this.#attached
    this.#attached = null
    if (attached === null) return
    await attached.release()
    const { folder, name } = this.settings
    const file = join(folder, this.#serverName(name))
    await until(`${attached.device} is detached`, () => !isAttached(attached.device, file))
  }

  /** RESIZE: the device has so many bytes from now on. Waits for the I/O under way on it. */
  resize(sizeBytes: number): void {
    if (this.#attached !== null) limitSize(this.#attached.device, sizeBytes)
  }

  /** SLOW, or as fast as it goes. */
  slow(on: boolean): void {
    // The filter wants the file to change at once.
    writeFileSync(`${this.#rateFile}.new`, String(on ? SLOW_BITS : FAST_BITS))
    renameSync(`${this.#rateFile}.new`, this.#rateFile)
  }

  /** Everything of the server is over after this; the device stays and answers EIO. */
  async killServers(): Promise<void> {
    this.broken = true
    this.hung = false
    await this.server.dead()
    await this.server.gone()
  }

  /** Undoes everything, hung or not. */
  async cleanUp(): Promise<void> {
    const server = this.#server
    if (server === null) return
    await server.cleanUp()
    await this.#attached?.release()
    this.#attached = null
    rmSync(this.#rateFile, { force: true })
  }

  get #rateFile(): string {
    return join(this.settings.folder, `${this.settings.name}.rate`)
  }
}
