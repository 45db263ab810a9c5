// What the engines of a LUN tell each other, and what a dead one left: its ghosts, and for each path it still had a ghost
// of the whole LUN, until proof.
import type { LunContents, LunStore } from '../store/lun/types.ts'
import type { IoOp } from '../machines/words.ts'
import type { GhostReason } from '../machines/lun-events.ts'
import type { Core } from './core.ts'
import { Gate } from './gate.ts'
import type { EngineIdentity, GhostBook } from './ghost-book.ts'
import type { Ghost } from './ghosts.ts'
import type { PathRuntime } from './path-runtime.ts'

export class LunState {
  readonly #core: Core
  readonly #storage: LunStore
  readonly #book: GhostBook
  readonly #identity: EngineIdentity
  #looked = false

  constructor(core: Core, storage: LunStore, book: GhostBook, identity: EngineIdentity) {
    this.#core = core
    this.#storage = storage
    this.#book = book
    this.#identity = identity
  }

  /** Takes over what is on the storage: called once, when the LUN is first used. */
  start(sizeBytes: number): void {
    const contents = this.#storage.load()
    this.#adopt(contents)
    for (const { engine, path, incarnation } of contents.attachments) {
      if (engine === this.#identity.id || this.#storage.isAlive(engine)) continue
      // It died with this path open: nothing says what was in flight, so everything may have been.
      this.#book.open({
        path,
        incarnation,
        op: 'write',
        offset: 0,
        length: sizeBytes,
        reason: 'unclean',
        bio: null,
        returned: true,
      })
      this.#forget(engine, path)
    }
  }

  /** Looks whether another engine opened or ended ghosts; at most once a turn, before writes. */
  refresh(): void {
    if (this.#looked) return
    this.#looked = true
    queueMicrotask(() => {
      this.#looked = false
    })
    if (this.#storage.changed()) this.#adopt(this.#storage.load())
  }

  /** Says that this engine has the path now. */
  async attach(path: PathRuntime): Promise<void> {
    const { id: engine, bootId } = this.#identity
    const { incarnation } = path.context
    await this.#storage.attach({ engine, path: path.hctl, incarnation, device: path.device.device, bootId })
  }

  /** Says that it has let go of it, with nothing in flight or with ghosts that say what was. */
  async detach(hctl: string): Promise<void> {
    await this.#storage.detach(this.#identity.id, hctl)
  }

  close(): Promise<void> {
    return this.#storage.close()
  }

  #adopt({ ghosts }: LunContents): void {
    const there = new Set(ghosts.map(({ id }) => id))
    const nowUs = this.#core.clock.monoUs()
    const foreign = ghosts.filter(({ engine }) => engine !== this.#identity.id)
    const adopted = foreign.map(({ id, engine, path, incarnation, op, offset, length, reason }): Ghost => {
      const gate = new Gate()
      gate.open(null)
      // Of a dead engine nobody waits for the completion any more: from now on time counts.
      const returnedUs = this.#storage.isAlive(engine) ? null : nowUs
      return {
        id,
        path,
        incarnation,
        op: op as IoOp,
        offset,
        length,
        reason: reason as GhostReason,
        bio: null,
        openedUs: nowUs,
        returnedUs,
        gate,
        ending: null,
        foreign: true,
      }
    })
    this.#book.adopt(adopted)
    this.#book.drop((ghost) => ghost.foreign && !there.has(ghost.id))
  }

  #forget(engine: string, path: string): void {
    this.#storage.detach(engine, path).catch((error: unknown) => {
      this.#core.log.warn({ engine, path, error }, 'attachment of a dead engine not removed')
    })
  }
}
