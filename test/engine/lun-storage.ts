// What the engines of a LUN share, in memory: it outlives an engine that was killed, as the file does.
import type { GroupStore } from '../../adapters/ports.ts'
import { memoryReservations } from '../../store/lun/memory-reservations.ts'
import type { LunAttachment, LunGhost, LunStore } from '../../store/lun/types.ts'

const ignore = () => undefined
/** A LUN in memory has no target that would keep any. */
export const NO_GROUPS: GroupStore = { read: () => [], begin: ignore, write: ignore, onChange: ignore }

/** One machine's LUN storage. Each {@link engine} that is opened on it takes the place of the one before, which is dead. */
export class SharedLuns {
  readonly ghosts = new Map<string, LunGhost>()
  attachments: LunAttachment[] = []
  readonly reservations = memoryReservations()
  #version = 0
  readonly #alive = new Set<string>()
  /** Set by a test: from now on ghosts are not written, as if the engine died just before. */
  deaf = false
  /** Set by a test: from now on nothing can be written, and why. */
  fails: string | null = null
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
    return async () => this.#store()
  }

  /** Every engine that is there now is dead. */
  kill(): void {
    this.#alive.clear()
  }

  #store(): LunStore {
    const seen = { version: this.#version }
    const write = async (change: () => void) => {
      if (this.fails !== null) throw new Error(this.fails)
      if (this.deaf) return new Promise<void>(() => undefined)
      change()
      this.#version += 1
    }
    return {
      load: () => {
        seen.version = this.#version
        return { ghosts: [...this.ghosts.values()], attachments: [...this.attachments] }
      },
      changed: () => seen.version !== this.#version,
      openGhosts: (ghosts) => write(() => ghosts.forEach((ghost) => this.ghosts.set(ghost.id, ghost))),
      endGhosts: (ids) => write(() => ids.forEach((id) => this.ghosts.delete(id))),
      attach: (attachment) => {
        this.#alive.add(attachment.engine)
        return write(() => void this.attachments.push(attachment))
      },
      detach: (engine, path) =>
        write(() => {
          this.attachments = this.attachments.filter((one) => one.engine !== engine || one.path !== path)
        }),
      join: async () => undefined,
      isLetGo: async () => this.isLetGo,
      reservations: this.reservations,
      groups: NO_GROUPS,
      isAlive: (engine) => this.#alive.has(engine),
      close: async () => undefined,
    }
  }
}
