// What the engines of a LUN tell each other, and what a dead one left: its ghosts, and for each path it still had a ghost
// of the whole LUN, until proof.
import type { LunContents, LunStore } from '../store/lun/types.ts'
import type { IoOp } from '../machines/words.ts'
import type { GhostReason } from '../machines/lun-events.ts'
import type { Core } from './core.ts'
import { Gate } from './gate.ts'
import type { EngineIdentity, GhostBook } from './ghost-book.ts'
import type { GhostsOnLedger } from './ghost-ledger.ts'
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
  start(sizeBytes: number, onLedger: GhostsOnLedger): void {
    const contents = this.#storage.load()
    // The ledger has their end, and the crash came before the storage heard of it: it hears now.
    const over = contents.ghosts.filter(({ id }) => onLedger.ended.has(id)).map(({ id }) => id)
    if (over.length > 0) this.#later(this.#storage.endGhosts(over), 'ended ghosts not taken from the storage')
    this.#adopt({ ...contents, ghosts: contents.ghosts.filter(({ id }) => !over.includes(id)) })
    const dead = contents.attachments.filter(
      ({ engine }) => engine !== this.#identity.id && !this.#storage.isAlive(engine),
    )
    for (const { engine, path, incarnation } of dead) {
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
      this.#later(this.#storage.detach(engine, path), 'attachment of a dead engine not removed')
    }
    const there = new Set(contents.ghosts.map(({ id }) => id))
    const halfOpened = [...onLedger.open].filter((id) => !there.has(id))
    this.#book.supersede(
      halfOpened,
      dead.length > 0
        ? 'the whole LUN is held for the paths that were attached'
        : 'another engine of the LUN has ended them',
    )
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

  #later(done: Promise<void>, otherwise: string): void {
    done.catch((error: unknown) => this.#core.log.warn({ error }, otherwise))
  }
}
