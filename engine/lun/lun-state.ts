// What the engines of a LUN tell each other, and what a dead one left: its ghosts, and for each path it still had a ghost
// of the whole LUN, until proof.
import type { PathDevice, ScsiTarget } from '../../adapters/ports.ts'
import type { LunAttachment, LunContents, LunStore, ReservationStore } from '../../store/lun/types.ts'
import type { IoOp } from '../../machines/words.ts'
import type { GhostReason } from '../../machines/lun/events.ts'
import type { Core } from '../core/core.ts'
import { Gate } from '../ledger/gate.ts'
import type { EngineIdentity, GhostBook } from './ghost-book.ts'
import type { GhostsOnLedger } from './ghost-ledger.ts'
import type { Ghost } from './ghosts.ts'

/** How often it is looked for dead engines while something waits for one. */
const LOOK_FOR_DEAD_US = 1_000_000

/** What the other engines of a LUN hear of a path. */
interface Attached {
  readonly hctl: string
  readonly context: { readonly incarnation: number }
  readonly device: Pick<PathDevice, 'device' | 'guarantees'>
}

export class LunState {
  readonly #core: Core
  readonly #storage: LunStore
  readonly #book: GhostBook
  readonly #identity: EngineIdentity
  #looked = false
  #sizeBytes = 0
  #joined = false
  /** When it was last looked for dead engines, and whether one is seen to now. */
  #tendedUs = 0
  #burying = false
  /** Paths of dead engines, until it is proved that the kernel has let go of their devices. */
  #buried: LunAttachment[] = []
  /** Targets that keep their port groups here, and what ends that. */
  readonly #targets = new Map<ScsiTarget, () => void>()

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
    const dead = contents.attachments.filter(({ engine }) => this.#isDead(engine))
    this.#sizeBytes = sizeBytes
    this.#holdFor(dead)
    const there = new Set(contents.ghosts.map(({ id }) => id))
    const halfOpened = [...onLedger.open].filter((id) => !there.has(id))
    this.#book.supersede(
      halfOpened,
      dead.length > 0
        ? 'the whole LUN is held for the paths that were attached'
        : 'another engine of the LUN has ended them',
    )
  }

  /** Whether it was looked in this turn. */
  get looked(): boolean {
    return this.#looked
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

  /** Looks while something waits for a ghost of another engine: whether it has ended, and now and then whether that has died. */
  tend(): void {
    this.refresh()
    const nowUs = this.#core.clock.monoUs()
    if (this.#burying || nowUs < this.#tendedUs + LOOK_FOR_DEAD_US) return
    this.#tendedUs = nowUs
    if (!this.#storage.load().ghosts.some(({ engine }) => this.#isDead(engine))) return
    this.#burying = true
    const over = this.bury().finally(() => {
      this.#burying = false
    })
    this.#later(over, 'a dead engine of the LUN not buried')
  }

  /** Says that this engine has the path now. */
  async attach(path: Attached): Promise<void> {
    const { id: engine, bootId } = this.#identity
    const { incarnation } = path.context
    const { device, guarantees } = path.device
    const final = guarantees.errorsAreFinal ? 1 : 0
    if (!this.#joined) await this.#storage.join(engine, this.#identity.initiator)
    this.#joined = true
    await this.#storage.attach({ engine, path: path.hctl, incarnation, device, bootId, final })
  }

  /** The target of one of its paths keeps its port groups with the LUN: they are what another engine made of them. */
  share(target: ScsiTarget | undefined): void {
    if (target?.share === undefined || this.#targets.has(target)) return
    this.#targets.set(target, target.share(this.#storage.groups))
  }

  /** The reservations that the LUN's engines share. */
  get reservations(): ReservationStore {
    return this.#storage.reservations
  }

  /**
   * Engines have died while this one runs: what they had open is held off as ghosts, and ends where the kernel has let
   * go of their devices and an error of those proves that nothing lands after it.
   */
  async bury(): Promise<void> {
    const { attachments, ghosts } = this.#storage.load()
    this.#adopt({ attachments, ghosts })
    this.#holdFor(attachments.filter(({ engine }) => this.#isDead(engine)))
    for (const { id } of ghosts.filter(({ engine }) => this.#isDead(engine))) {
      const ghost = this.#book.index.get(id)
      if (ghost !== null) this.#book.returned(ghost)
    }
    for (const one of [...this.#buried]) {
      if (one.final === 0 || !(await this.#storage.isLetGo(one.device))) continue
      const left = this.#book.index
        .all()
        .filter(({ path, bio, returnedUs }) => path === one.path && bio === null && returnedUs !== null)
      this.#book.end(left, 'claim', `the kernel holds nothing of ${one.device} for the engine that died`)
      this.#buried = this.#buried.filter((other) => other !== one)
    }
  }

  /** They died with these paths open: nothing says what was in flight, so everything may have been. */
  #holdFor(dead: readonly LunAttachment[]): void {
    for (const { engine, path, incarnation } of dead) {
      this.#book.open({
        path,
        incarnation,
        op: 'write',
        offset: 0,
        length: this.#sizeBytes,
        reason: 'unclean',
        bio: null,
        returned: true,
      })
      this.#later(this.#storage.detach(engine, path), 'attachment of a dead engine not removed')
    }
    this.#buried.push(...dead)
  }

  /** Says that it has let go of it, with nothing in flight or with ghosts that say what was. */
  async detach(hctl: string): Promise<void> {
    await this.#storage.detach(this.#identity.id, hctl)
  }

  async close(): Promise<void> {
    for (const end of this.#targets.values()) end()
    // Nobody need wait for an engine that has let go of every path.
    if (this.#joined) await this.#storage.reservations.leave(this.#identity.id).catch(() => undefined)
    await this.#storage.close()
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

  #isDead(engine: string): boolean {
    return engine !== this.#identity.id && !this.#storage.isAlive(engine)
  }

  #later(done: Promise<void>, otherwise: string): void {
    done.catch((error: unknown) => this.#core.log.warn({ error }, otherwise))
  }
}
