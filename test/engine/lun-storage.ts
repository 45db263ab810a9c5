// What the engines of a LUN share, in memory: it outlives an engine that was killed, as the file does.
import type { PathledgerError } from '../../errors.ts'
import type { GroupStore } from '../../adapters/ports.ts'
import { memoryReservations } from '../../store/lun/memory-reservations.ts'
import { lostError } from '../../store/lun/lost.ts'
import type { LunAttachment, LunGhost, LunStore } from '../../store/lun/types.ts'

const ignore = () => undefined
/** A LUN in memory has no target that would keep any. */
export const NO_GROUPS: GroupStore = { read: () => [], begin: ignore, write: ignore, onChange: ignore }

/** One machine's LUN storage. Each {@link engine} that is opened on it takes the place of the one before, which is dead. */
export class SharedLuns {
  readonly ghosts = new Map<string, LunGhost>()
  attachments: LunAttachment[] = []
  /** Ghosts that another engine than theirs has ended. */
  readonly ended = new Set<string>()
  /** Which storage it is, and whether nobody has had it. */
  name = 'storage-1'
  fresh = false
  /** Takes it away under the engine that opened it last. */
  lose: (error: PathledgerError) => void = ignore
  readonly reservations = memoryReservations()
  readonly #unheard: (() => void)[] = []
  #version = 0
  readonly #alive = new Set<string>()
  readonly #listeners = new Set<() => void>()
  /** Set by a test: from now on ghosts are not written, as if the engine died just before. */
  deaf = false
  /** Set by a test: from now on nothing can be written, and why. */
  fails: string | null = null
  /** Set by a test: nothing is written before it has resolved. */
  slow: Promise<void> | null = null
  /** Set by a test: it is not open before this has resolved. */
  opening: Promise<void> | null = null
  onClose: () => void = ignore
  /** Set by a test: nobody is told of changes, who does not ask. */
  quiet = false
  /** Set by a test: why what is there cannot be read. */
  unreadable: Error | null = null
  /** Devices of which the kernel has something, by name and life. */
  readonly busy = new Set<string>()
  /** Whether the kernel has let go of the devices of an engine that died. */
  isLetGo = true

  /** The `lunStorage` port of the next engine. Every engine that was there before it is dead. */
  engine(): (wwid: string) => Promise<LunStore> {
    this.#alive.clear()
    this.deaf = false
    return this.beside()
  }

  /** The same for an engine that lives beside those before it. */
  beside(): (wwid: string) => Promise<LunStore> {
    return async () => {
      await this.opening
      return this.#store()
    }
  }

  /** Every engine that is there now is dead; whoever lives hears of it. */
  kill(): void {
    this.#alive.clear()
    for (const listener of this.#listeners) listener()
  }

  /** It answers again: whoever asked what is there is told. */
  hear(): void {
    this.deaf = false
    for (const answer of this.#unheard.splice(0)) answer()
  }

  /** Somebody has written. */
  touch(): void {
    this.#version += 1
  }

  /** It is taken away under the engine that opened it last. */
  loseNow(): void {
    this.lose(lostError('the folder', 'it was cleaned away'))
  }

  /** One engine is dead. */
  killOne(engine: string): void {
    this.#alive.delete(engine)
    for (const listener of this.#listeners) listener()
  }

  #store(): LunStore {
    let seen = this.#version
    const write = async (change: () => void) => {
      if (this.fails !== null) throw new Error(this.fails)
      if (this.deaf) return new Promise<void>(() => undefined)
      await this.slow
      change()
      this.#version += 1
      if (!this.quiet) for (const listener of this.#listeners) listener()
    }
    const listen = (listener: () => void) => void this.#listeners.add(listener)
    return {
      id: this.name,
      fresh: this.fresh,
      load: () => {
        seen = this.#version
        return {
          ghosts: [...this.ghosts.values()],
          attachments: [...this.attachments],
          ended: [...this.ended],
        }
      },
      changed: () => seen !== this.#version,
      catchUp: async () => {
        if (this.unreadable !== null) throw this.unreadable
        if (this.deaf) await new Promise<void>((resolve) => void this.#unheard.push(resolve))
        seen = this.#version
      },
      openGhosts: (ghosts) => write(() => ghosts.forEach((ghost) => this.ghosts.set(ghost.id, ghost))),
      endGhosts: (ids, by) => write(() => ids.forEach((id) => this.#end(id, by))),
      forgetEnded: (ids) => write(() => ids.forEach((id) => this.ended.delete(id))),
      attach: (attachment) => {
        this.#alive.add(attachment.engine)
        return write(() => void this.attachments.push(attachment))
      },
      detach: (attach) =>
        write(() => {
          this.attachments = this.attachments.filter((one) => one.attach !== attach)
        }),
      join: async () => undefined,
      isLetGo: async (_device, deviceKey) => this.isLetGo && !this.busy.has(deviceKey),
      reservations: this.reservations,
      groups: NO_GROUPS,
      isAlive: (engine) => this.#alive.has(engine),
      onChange: listen,
      onLost: (listener) => void (this.lose = listener),
      close: async () => this.onClose(),
    }
  }

  #end(id: string, by: string): void {
    const ghost = this.ghosts.get(id)
    if (ghost === undefined) return
    this.ghosts.delete(id)
    if (ghost.engine !== by) this.ended.add(id)
  }
}
