// What the engines of a LUN tell each other, and what a dead one left: its ghosts, and for each path it still had a ghost
// of the whole LUN, until proof.
import type { ScsiTarget } from '../../adapters/ports.ts'
import { hasCode, messageOf, PathledgerError } from '../../errors.ts'
import type { GhostReason } from '../../machines/lun/events.ts'
import type { IoOp } from '../../machines/words.ts'
import type { LedgerGhost } from '../../store/state/open-ghosts.ts'
import type { LunAttachment, LunGhost, LunStore, ReservationStore } from '../../store/lun/types.ts'
import { guarded, type Core } from '../core/core.ts'
import { Gate } from '../ledger/gate.ts'
import { attachFrom, attachName, claimSpeaksOf, isKernelDevice, isSameInode } from './attach.ts'
import type { Attach, Resting } from './attach.ts'
import type { EngineIdentity, GhostBook } from './ghost-book.ts'
import type { LunOnLedger } from './ghost-ledger.ts'
import type { Ghost } from './ghosts.ts'

/** The devices of dead engines are looked at while something of theirs may land: soon, then at doubling intervals. */
const LOOK_FIRST_US = 5_000
const LOOK_LAST_US = 1_000_000
/** After how long a storage that did not say what others wrote is asked again. */
const CATCH_UP_AGAIN_US = 100_000

export class LunState {
  readonly #core: Core
  readonly #storage: LunStore
  readonly #book: GhostBook
  readonly #identity: EngineIdentity
  #looked = false
  #sizeBytes = 0
  #joined = false
  #closed = false
  #burying: Promise<void> | null = null
  #lookTimer: { cancel(): void } | null = null
  /** Attaches of dead engines that are held off already. */
  readonly #held = new Set<string>()
  /** Attaches of an earlier run to what is no device of the kernel's: their paths are to come back, and prove them over. */
  readonly #awaited = new Set<string>()
  /** Devices that we have claimed ourselves, by the ids of their attaches. */
  readonly #claimed = new Map<string, Attach>()
  /** Targets that keep their port groups here, and what ends that. */
  readonly #targets = new Map<ScsiTarget, () => void>()

  constructor(core: Core, storage: LunStore, book: GhostBook, identity: EngineIdentity) {
    this.#core = core
    this.#storage = storage
    this.#book = book
    this.#identity = identity
  }

  /** Takes over what is on the storage, and what the ledger alone knows: called once, when the LUN is first used. */
  start(sizeBytes: number, ledger: LunOnLedger): void {
    const { ghosts, attachments, ended } = this.#storage.load()
    this.#sizeBytes = sizeBytes
    // The ledger has their end, and the crash came before the storage heard of it: it hears now.
    const over = ghosts.filter(({ id }) => ledger.ended.has(id)).map(({ id }) => id)
    if (over.length > 0)
      this.#later(this.#storage.endGhosts(over, this.#identity.id), 'ended ghosts not taken from the storage')
    this.#adopt(ghosts.filter(({ id }) => !over.includes(id)))
    this.#holdFor(attachments)
    const there = new Set(ghosts.map(({ id }) => id))
    const elsewhere = ended.filter((id) => ledger.open.has(id) && !there.has(id))
    this.#hearOfEnds(elsewhere)
    const known = new Set([...there, ...elsewhere])
    this.#takeUp([...ledger.open.values()].filter(({ id }) => !known.has(id)))
    if (this.isLost(ledger)) this.#holdForLedger(ledger, attachments)
    for (const { attach, orphan } of this.#book.index.all()) {
      if (orphan && !isKernelDevice(attach)) this.#awaited.add(attach.id)
    }
    this.#storage.onChange(() => guarded(this.#core, () => this.#hear()))
    this.#storage.onLost((error) => this.#core.breakEngine(error))
    this.lookLater()
  }

  /** The storage is not the one that this ledger knew: what was in that is on no storage any more. */
  isLost({ storage }: LunOnLedger): boolean {
    return storage === null ? this.#storage.fresh : storage !== this.#storage.id
  }

  /** Name of the storage. */
  get name(): string {
    return this.#storage.id
  }

  /** It has been looked in this turn already. */
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
    if (!this.#storage.changed() || this.#book.index.unread) return
    // Until it is known what is there, it may be anything.
    this.#book.index.unread = true
    this.#catchUp()
  }

  /** Looks while something waits for a ghost of another engine. */
  tend(): void {
    this.refresh()
  }

  /** Says that this engine has the path now; durable before the first I/O. */
  async attach(attach: Attach, claimsExclusively: boolean, rests: Resting | null): Promise<void> {
    const { id: engine, initiator } = this.#identity
    if (!this.#joined) await this.#storage.join(engine, initiator)
    this.#joined = true
    const { path, incarnation, bootId } = attach
    const medium = rests === null ? null : { ...rests, bootId, engine }
    await this.#storage.attach({ ...attachName(attach), engine, path, incarnation, bootId }, medium)
    if (claimsExclusively && isKernelDevice(attach)) this.#claimed.set(attach.id, attach)
  }

  /** What its paths rest on where a file cannot be that: it came back over another inode, or a living engine has another one. */
  otherThan(file: Resting): string | null {
    const { bootId } = this.#identity
    for (const known of this.#storage.media?.() ?? []) {
      if (isSameInode(known, { ...file, bootId })) continue
      if (known.name === file.name)
        return `${known.name} was inode ${known.inode} when a path of the LUN last rested on it`
      if (known.engine !== this.#identity.id && this.#storage.isAlive(known.engine))
        return `another engine of the LUN has ${known.name}, which is inode ${known.inode}`
    }
    return null
  }

  /** Says that it has let go of it, with nothing in flight or with ghosts that say what was. */
  async detach({ id }: Attach): Promise<void> {
    this.#claimed.delete(id)
    await this.#storage.detach(id)
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
   * What engines left that have died: it is held off as ghosts, and ends where the kernel has let go of their devices and
   * an error of those proves that nothing lands after it.
   */
  async bury(): Promise<void> {
    await this.#storage.catchUp()
    this.#hear()
    await this.#prove(() => true)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#lookTimer?.cancel()
    for (const end of this.#targets.values()) end()
    // Nobody need wait for an engine that has let go of every path.
    if (this.#joined) await this.#storage.reservations.leave(this.#identity.id).catch(() => undefined)
    await this.#storage.close()
  }

  /** What another engine wrote is here, or one has died. */
  #hear(): void {
    if (this.#closed || this.#core.broken !== null) return
    const { ghosts, attachments } = this.#storage.load()
    this.#adopt(ghosts)
    this.#holdFor(attachments)
    if (this.#book.index.unread && !this.#storage.changed()) {
      this.#book.index.unread = false
      this.#book.askAgain()
    }
    this.lookLater()
  }

  #catchUp(): void {
    const { clock, log } = this.#core
    this.#storage.catchUp().then(
      () => guarded(this.#core, () => (this.#storage.changed() ? this.#catchUp() : this.#hear())),
      (error: unknown) => {
        if (!hasCode(error, 'LUN_STORAGE_STALLED')) return this.#core.breakEngine(asStorageError(error))
        log.warn({ error }, 'what other engines wrote is not known: writes wait')
        clock.setTimer(clock.monoUs() + CATCH_UP_AGAIN_US, () => {
          if (!this.#closed && this.#core.broken === null) this.#catchUp()
        })
      },
    )
  }

  /** They died with these open: nothing says what was in flight, so everything may have been. */
  #holdFor(attachments: readonly LunAttachment[]): void {
    for (const row of attachments) {
      if (!this.#isDead(row.engine) || this.#held.has(row.attach)) continue
      this.#held.add(row.attach)
      const attach = attachFrom(row)
      const ghost = this.#book.openWhole(attach, this.#sizeBytes, !isKernelDevice(attach))
      // Not before the ghost is durable: a crash between the two would leave neither.
      ghost.gate.wait((error) => {
        if (error === null)
          this.#later(this.#storage.detach(row.attach), 'attachment of a dead engine not removed')
      })
    }
  }

  /** What the ledger alone knows stays a ghost, but for what the whole LUN is held for already: the same attach. */
  #takeUp(ghosts: readonly LedgerGhost[]): void {
    const wider = ghosts.filter(({ attach }) => this.#held.has(attach.id))
    if (wider.length > 0) {
      const ids = wider.map(({ id }) => id)
      const told = this.#book.supersede(ids, 'the whole LUN is held for the paths that were attached')
      this.#later(told, 'what is held for a dead engine is not on the ledger')
    }
    this.#book.takeUp(ghosts.filter((ghost) => !wider.includes(ghost)))
  }

  /** The same, by the ledger: the storage that had those attachments is gone. */
  #holdForLedger({ attached }: LunOnLedger, attachments: readonly LunAttachment[]): void {
    const there = new Set(attachments.map(({ attach }) => attach))
    for (const attach of attached) {
      if (!there.has(attach.id)) this.#book.openWhole(attach, this.#sizeBytes, !isKernelDevice(attach))
    }
  }

  #hearOfEnds(ids: readonly string[]): void {
    if (ids.length === 0) return
    const heard = this.#book.supersede(ids, 'another engine of the LUN has ended them')
    this.#later(
      heard.then(() => this.#storage.forgetEnded(ids)),
      'ended ghosts not taken from the storage',
    )
  }

  #adopt(ghosts: readonly LunGhost[]): void {
    const there = new Set(ghosts.map(({ id }) => id))
    const foreign = ghosts.filter(({ engine }) => engine !== this.#identity.id)
    const stale = (ghost: Ghost, orphan: boolean) => ghost.foreign && ghost.orphan !== orphan
    for (const row of foreign) {
      const known = this.#book.index.get(row.id)
      const orphan = this.#isDead(row.engine)
      if (known !== null && !stale(known, orphan)) continue
      if (known !== null) this.#book.index.delete(known)
      this.#book.adopt([this.#ghostOf(row, orphan)])
    }
    this.#book.drop((ghost) => ghost.foreign && !there.has(ghost.id))
  }

  #ghostOf(row: LunGhost, orphan: boolean): Ghost {
    const { id, op, offset, length, reason } = row
    const nowUs = this.#core.clock.monoUs()
    const attach = attachFrom(row)
    return {
      path: attach.path,
      ...{ id, attach, offset, length, op: op as IoOp, reason: reason as GhostReason, bio: null },
      openedUs: nowUs,
      // Of a dead engine nobody waits for the completion any more. What the kernel has goes by its device.
      returnedUs: orphan && !isKernelDevice(attach) ? nowUs : null,
      ...{ gate: new Gate(), ending: null, foreign: true, orphan },
    }
  }

  /** Looks at devices of dead engines again and again, for as long as something of theirs may land. */
  lookLater(afterUs = 0): void {
    const waits = () => this.#book.index.all().some(this.#isToLookAt)
    if (this.#lookTimer !== null || this.#closed || !waits()) return
    let everyUs = LOOK_FIRST_US
    const look = () =>
      this.#prove(this.#isToLookAt)
        .catch((error: unknown) => this.#core.log.warn({ error }, 'devices of dead engines not looked at'))
        .finally(() => {
          const { broken } = this.#core
          this.#lookTimer = null
          if (broken !== null || this.#closed || !waits()) return
          this.#lookTimer = clock.setTimer(clock.monoUs() + everyUs, () => void look())
          everyUs = Math.min(everyUs * 2, LOOK_LAST_US)
        })
    const { clock } = this.#core
    if (afterUs > 0) this.#lookTimer = clock.setTimer(clock.monoUs() + afterUs, () => void look())
    else {
      this.#lookTimer = NO_TIMER
      void look()
    }
  }

  /** Its engine is dead, and a look at its device may prove something. */
  readonly #isToLookAt = ({ orphan, ending, returnedUs, attach }: Ghost): boolean =>
    orphan && ending === null && (returnedUs === null || attach.final) && !this.#awaited.has(attach.id)

  #prove(which: (ghost: Ghost) => boolean): Promise<void> {
    const before = this.#burying ?? Promise.resolve()
    const now = before.catch(() => undefined).then(() => this.#proveNow(which))
    this.#burying = now
    return now
  }

  async #proveNow(which: (ghost: Ghost) => boolean): Promise<void> {
    const left = this.#book.index
      .all()
      .filter((ghost) => ghost.orphan && ghost.ending === null && which(ghost))
    for (const attach of new Map(left.map(({ attach: one }) => [one.id, one])).values()) {
      if (!(await this.#isLetGo(attach))) continue
      const over = this.#book.index.ofAttach(attach.id).filter(({ orphan }) => orphan)
      for (const ghost of over) this.#book.returned(ghost)
      if (attach.final)
        this.#book.end(over, 'claim', `the kernel holds nothing of ${attach.device} for the engine that died`)
    }
  }

  /** Another boot's kernel holds nothing; and what we have claimed ourselves nobody else holds. */
  async #isLetGo(attach: Attach): Promise<boolean> {
    if (attach.bootId !== this.#identity.bootId && attach.bootId !== 'unknown') return true
    for (const mine of this.#claimed.values()) if (claimSpeaksOf(mine, attach)) return true
    return this.#storage.isLetGo(attach.device, attach.deviceKey)
  }

  #isDead(engine: string): boolean {
    return engine !== this.#identity.id && !this.#storage.isAlive(engine)
  }

  #later(done: Promise<void>, otherwise: string): void {
    done.catch((error: unknown) => this.#core.log.warn({ error }, otherwise))
  }
}

const NO_TIMER = { cancel: () => undefined }

/** What others wrote cannot be read, and may be anything: no write is safe. */
function asStorageError(cause: unknown): PathledgerError {
  if (cause instanceof PathledgerError) return cause
  return new PathledgerError('LUN_STORAGE', {
    message: "The LUN's own storage cannot be read.",
    why: messageOf(cause),
    todo: 'Look at the folder and its disk; lunFolder says where it is.',
    errno: 'EIO',
    outcome: 'unknown',
    cause,
  })
}
