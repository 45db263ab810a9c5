// Every LUN that the engine has to do with, by wwid.
import { AttachNames } from './attach.ts'
import { LunRuntime, type LunParts } from './lun.ts'

export class Luns {
  readonly #parts: LunParts
  readonly #known = new Map<string, LunRuntime>()
  readonly attaches: AttachNames

  constructor(parts: LunParts) {
    this.#parts = parts
    this.attaches = new AttachNames(parts.identity.id, parts.identity.bootId)
  }

  /** Made when it is first asked for. */
  of(wwid: string): LunRuntime {
    const known = this.#known.get(wwid)
    if (known !== undefined) return known
    const made = new LunRuntime(wwid, this.#parts)
    this.#known.set(wwid, made)
    return made
  }

  /** In the order in which they were met. */
  all(): LunRuntime[] {
    return [...this.#known.values()]
  }

  /** Lets go of what they share with other engines. */
  async close(): Promise<void> {
    for (const { ghosts } of this.all()) ghosts.stop()
    const open = this.all().flatMap(({ shared }) => (shared === null ? [] : [shared]))
    await Promise.allSettled(open.map((shared) => shared.close()))
  }
}
