// Persistent reservations of one LUN, as this engine does and keeps them. The LUN's storage decides each command in a
// transaction; every submit compares the epoch of that storage, one load from memory; a command that takes access away
// is GOOD only when no engine has an older write open.
import { invariant, type PathledgerError } from '../../errors.ts'
import type { ReservationContext } from '../../machines/reservation/reservation.ts'
import {
  keyOfInitiator,
  mayAccess,
  NO_KEY,
  type ReservationCommand,
  type ReservationState,
} from '../../machines/reservation/rules.ts'
import { memoryReservations } from '../../store/lun/memory-reservations.ts'
import type { ReservationReply, ReservationStore } from '../../store/lun/types.ts'
import { guarded, usOfMs, type Core } from '../core/core.ts'
import type { GhostBook } from './ghost-book.ts'
import { LedgerWord } from './ledger-word.ts'
import type { LunState } from './lun-state.ts'
import type { Origin, Recorded } from '../ledger/recorder.ts'
import type { Stream } from '../ledger/stream.ts'
import {
  conflictWords,
  isAnswered,
  isSame,
  OVERTAKEN,
  refusalWords,
  RESTORED,
  stateOf,
  whySettled,
} from './reservation-command.ts'
import type { Asked, Outcome, Wish } from './reservation-command.ts'
import type { IoOp } from '../../machines/words.ts'

export interface ReservationParts {
  readonly core: Core
  readonly stream: Stream
  readonly book: GhostBook
  /** This run of the engine, and its name that lasts. */
  readonly id: string
  readonly initiator: string
  /** Wakes what waits to be admitted. */
  readonly wake: () => void
}

/** What is said of an I/O that wants to go down a path; 'wait': it is woken when it is to ask again. */
export type Admission = 'go' | 'wait' | 'conflict' | PathledgerError

/** A path as reservations know it. */
interface Nexus {
  readonly hctl: string
  readonly name: string
}

/** Between two looks at what others have acknowledged, and at our own open writes. */
const LOOK_US = 2_000
/** After how long a path is asked to be registered again that the storage did not take. */
const RETRY_US = 100_000

export class LunReservations {
  readonly #parts: ReservationParts
  #store: ReservationStore = memoryReservations()
  #lun: LunState | null = null
  /** The epoch that the fields below are of. */
  #seen = 0
  #mayRead = true
  #mayWrite = true
  /** Our key, and the paths that are registered with it. */
  #key: string | null = null
  #nexuses: ReadonlySet<string> = new Set()
  /** Our own commands that are under way: I/O waits for them. */
  #suspended = 0
  #registering = false
  /** Mutations in flight that were sent in this epoch, and in earlier ones. */
  #open = 0
  #openOld = 0
  #acknowledged = 0
  #acknowledging = false
  #unsettled: { readonly wish: string; readonly epoch: number } | null = null
  #last: Promise<unknown> = Promise.resolve()
  /** What explains the access that we have now: nothing follows from it before it is durable. */
  #why: Recorded | null = null
  /** What is in force is not here yet, and is on its way. */
  #catchingUp = false
  readonly #word: LedgerWord

  constructor(parts: ReservationParts) {
    this.#parts = parts
    this.#word = new LedgerWord(parts.core, () => this.#resume())
  }

  /** From now on they are in the LUN's own storage. */
  keepIn(store: ReservationStore, lun: LunState): void {
    this.#store = store
    this.#lun = lun
    store.onChange(() => guarded(this.#parts.core, () => this.look()))
    this.#refresh('it was there when the LUN was opened')
  }

  /** The storage that had them is gone: what this ledger knows of them holds, where nobody has made others since. */
  async restore(store: ReservationStore): Promise<void> {
    const state = stateOf(this.#context)
    if (state.registrants.length === 0) return
    const { changed, epoch } = await store.request({ kind: 'restore', state })
    if (!changed) return
    const adopted = this.#record('reservation.adopted', this.#adoption(state, epoch, RESTORED))
    await this.#parts.core.recorder.durable(adopted)
  }

  /** The epoch that an attempt is sent in. */
  get epoch(): number {
    return this.#seen
  }

  /** What the storage says now. */
  get state(): ReservationState {
    return this.#store.readNow().state
  }

  /** Whether an I/O may be sent down the path now. */
  admit(op: IoOp, path: Nexus): Admission {
    if (this.#store.word() > this.#seen) this.look()
    if (this.#suspended > 0 || this.#catchingUp) return 'wait'
    if (this.#why !== null && !this.#why.durable) {
      const said = this.#word.on(this.#why)
      if (said !== null) return said
    }
    if (!(op === 'read' ? this.#mayRead : this.#mayWrite)) return 'conflict'
    if (this.#key === null || this.#nexuses.has(path.hctl)) return 'go'
    this.#registerPath(path)
    return 'wait'
  }

  /** A write, discard or zeroing was sent, in this epoch. */
  opened(): void {
    this.#open += 1
  }

  /** One that was sent in that epoch has ended, or has left a ghost. */
  closed(epoch: number): void {
    if (epoch === this.#seen) this.#open -= 1
    else this.#openOld -= 1
    invariant(this.#open >= 0 && this.#openOld >= 0, 'counters of open writes are not negative')
  }

  /** Looks whether anything has changed: the storage says so, or somebody asks for the state. */
  look(): void {
    if (this.#parts.core.broken !== null || this.#store.word() <= this.#seen) return
    if (this.#store.read().epoch > this.#seen) this.#refresh('another engine changed it')
    if (this.#store.word() > this.#seen) this.#catchUp()
  }

  /** What is read is older than what is in force: I/O waits until it is here. */
  #catchUp(): void {
    if (this.#catchingUp) return
    this.#catchingUp = true
    const { core } = this.#parts
    this.#store
      .catchUp()
      .catch((error: unknown) => {
        core.log.warn({ error }, 'reservations of the LUN are not known: I/O waits')
        return this.#pause(RETRY_US)
      })
      .finally(() => {
        this.#catchingUp = false
        guarded(core, () => {
          this.look()
          this.#resume()
        })
      })
  }

  /** Does one command, after those before it. `via` is the path that it goes down; it is one that lives. */
  run(wish: Wish, via: Nexus, live: readonly string[], origin: Origin): Promise<Outcome> {
    const done = this.#last.then(() => this.#run(wish, via, live, origin))
    this.#last = done.catch(() => undefined)
    return done
  }

  async #run(wish: Wish, via: Nexus, live: readonly string[], origin: Origin): Promise<Outcome> {
    if (this.#store.word() > this.#seen) await this.#store.catchUp()
    this.look()
    const signature = JSON.stringify(wish)
    // Asked again after BUSY: it is in force already, and only the proof is waited for.
    if (this.#unsettled?.wish === signature) return this.#settle(wish, this.#unsettled.epoch, origin)
    this.#unsettled = null
    const { initiator } = this.#parts
    const command = { ...wish, initiator, nexus: via.hctl, nexuses: this.#nexusesFor(via, live) }
    this.#suspended += 1
    let reply: ReservationReply
    try {
      await this.#ask(command, origin)
      reply = await this.#store.request({ kind: 'command', command })
      if (reply.status !== 'GOOD')
        return { status: reply.status, why: refusalWords(reply), state: reply.state }
      const recorded = this.#recordCommand(command, reply, origin)
      await this.#parts.core.recorder.durable(recorded)
    } finally {
      this.#suspended -= 1
      this.#resume()
    }
    if (!reply.changed || wish.action === 'register' || wish.action === 'registerIgnore') {
      return { status: 'GOOD', why: 'done', state: reply.state }
    }
    this.#unsettled = { wish: signature, epoch: reply.epoch }
    return this.#settle(wish, reply.epoch, origin)
  }

  /** The paths that live, and those that are registered already. */
  #nexusesFor(via: Nexus, live: readonly string[]): string[] {
    const { initiator } = this.#parts
    const mine = this.#context.registrants.filter((one) => one.initiator === initiator)
    return [...new Set([via.hctl, ...live, ...mine.map(({ nexus }) => nexus)])]
  }

  /** Others see what comes of it as soon as the storage has it; that it was asked for is durable before. */
  #ask(command: Asked, origin: Origin = {}): Promise<void> {
    const { action, initiator, nexus, key, serviceKey, type } = command
    const data = { action, initiator, nexus, key, serviceKey, kind: type }
    return this.#parts.core.recorder.durable(this.#record('reservation.asked', data, origin))
  }

  #recordCommand(command: ReservationCommand, reply: ReservationReply, origin: Origin): Recorded {
    if (!this.#knows(reply.before)) {
      const epoch = reply.changed ? reply.epoch - 1 : reply.epoch
      this.#record('reservation.adopted', this.#adoption(reply.before, epoch, 'it was so before our command'))
    }
    const { type: kind, ...rest } = command
    const data = { ...rest, nexuses: [...command.nexuses], kind, epoch: reply.epoch }
    const recorded = this.#record('reservation.commanded', data, origin)
    invariant(this.#knows(reply.state), 'the machine decides a reservation as the storage did')
    this.#take(reply.state, reply.epoch, recorded)
    return recorded
  }

  /** Waits until every other engine has acknowledged the epoch, or is gone and what it left is over. */
  async #settle(wish: Wish, epoch: number, origin: Origin): Promise<Outcome> {
    const { core } = this.#parts
    const untilUs = core.clock.monoUs() + usOfMs(core.settings.reservationWaitMs)
    let pending = await this.#pendingAt(epoch)
    while (pending.length > 0 && core.clock.monoUs() < untilUs && core.broken === null) {
      await this.#pause()
      pending = await this.#pendingAt(epoch)
    }
    this.look()
    const { state } = this.#store.read()
    const overtaken = wish.action !== 'release' && wish.action !== 'clear' && this.#lost(wish)
    const status = overtaken ? 'CONFLICT' : pending.length > 0 ? 'BUSY' : 'GOOD'
    const why = overtaken ? OVERTAKEN : whySettled(pending, core.settings.reservationWaitMs)
    if (status !== 'BUSY') this.#unsettled = null
    const data = { action: wish.action, epoch, status, why: why.slice(0, 512) }
    await core.recorder.durable(this.#record('reservation.settled', data, origin))
    return { status, why, state }
  }

  /** Our key was taken from us while we waited: whoever did that wins. */
  #lost({ key }: Wish): boolean {
    return keyOfInitiator(this.#store.read().state, this.#parts.initiator) !== key
  }

  /** Who may still have an older write open, in words. */
  async #pendingAt(epoch: number): Promise<string[]> {
    const { id: own, book } = this.#parts
    if (!(await isAnswered(this.#store.catchUp()))) return ["the LUN's storage does not answer"]
    const others = this.#store.engines().filter(({ engine, acked }) => engine !== own && acked < epoch)
    const alive = others.filter(({ engine }) => this.#store.isAlive(engine))
    const words = alive.map(({ initiator }) => `engine ${initiator} has not acknowledged it yet`)
    if (alive.length === others.length) return words
    await this.#lun?.bury()
    if (book.index.all().some(({ bio }) => bio === null)) {
      return [...words, 'an engine died, and what it left may still land']
    }
    const dead = others.filter((one) => !alive.includes(one))
    for (const { engine } of dead) await this.#store.leave(engine)
    return words
  }

  #pause(us = LOOK_US): Promise<void> {
    const { clock } = this.#parts.core
    return new Promise((resolve) => void clock.setTimer(clock.monoUs() + us, resolve))
  }

  /** One more path of ours, before its first I/O; not when our key was taken meanwhile. */
  #registerPath(path: Nexus): void {
    if (this.#registering) return
    this.#registering = true
    const { log } = this.#parts.core
    this.#registerNow(path.hctl)
      .catch((error: unknown) => {
        log.warn({ path: path.name, error }, 'path not registered')
        return this.#pause(RETRY_US)
      })
      .finally(() => {
        this.#registering = false
        this.#resume()
      })
  }

  async #registerNow(nexus: string): Promise<void> {
    const { initiator, core } = this.#parts
    const asked = { action: 'registerPath', initiator, nexus, serviceKey: NO_KEY, type: null } as const
    await this.#ask({ ...asked, key: this.#key ?? NO_KEY })
    const reply = await this.#store.request({ kind: 'registerNexus', initiator, nexus })
    if (!this.#knows(reply.before)) {
      const epoch = reply.changed ? reply.epoch - 1 : reply.epoch
      this.#record('reservation.adopted', this.#adoption(reply.before, epoch, 'a path is registered'))
    }
    const recorded = this.#record('reservation.pathRegistered', { initiator, nexus, epoch: reply.epoch })
    this.#take(reply.state, reply.epoch, recorded)
    await core.recorder.durable(recorded)
  }

  #refresh(why: string): void {
    const { epoch, state } = this.#store.read()
    if (this.#knows(state) && epoch === this.#context.epoch) return this.#take(state, epoch, this.#why)
    const adopted = this.#record('reservation.adopted', this.#adoption(state, epoch, why))
    this.#take(state, epoch, adopted)
    if (state.attentions.some(({ initiator }) => initiator === this.#parts.initiator)) this.#hear(adopted)
  }

  /** Our unit attentions are on the ledger with the state: once that is durable they have been heard. */
  #hear(adopted: Recorded): void {
    const { initiator, core } = this.#parts
    const work = async () => {
      await core.recorder.durable(adopted)
      const { epoch } = await this.#store.request({ kind: 'hearAttentions', initiator })
      guarded(core, () => void this.#record('reservation.attentionsHeard', { initiator, epoch }))
    }
    work().catch((error: unknown) => core.log.warn({ error }, 'unit attentions not heard'))
  }

  #adoption(state: ReservationState, epoch: number, why: string): Record<string, unknown> {
    return { initiator: this.#parts.initiator, epoch, why, state }
  }

  /** From now on submits follow this state; what is in flight is of an older epoch. */
  #take(state: ReservationState, epoch: number, why: Recorded | null): void {
    const { initiator } = this.#parts
    if (epoch > this.#seen) {
      this.#openOld += this.#open
      this.#open = 0
      this.#seen = epoch
    }
    this.#mayRead = mayAccess(state, initiator, 'read')
    this.#mayWrite = mayAccess(state, initiator, 'write')
    const mine = state.registrants.filter((one) => one.initiator === initiator)
    this.#key = mine[0]?.key ?? null
    this.#nexuses = new Set(mine.map(({ nexus }) => nexus))
    this.#why = why
    this.#acknowledge()
  }

  /** Tells the others when no write of ours is open that is older than the epoch; ghosts count. */
  #acknowledge(): void {
    if (this.#acknowledging || this.#acknowledged >= this.#seen || this.#lun === null) return
    this.#acknowledging = true
    const { core, id, book } = this.#parts
    const epoch = this.#seen
    const isOpen = () => this.#openOld > 0 || book.index.all().some(({ foreign }) => !foreign)
    const work = async () => {
      while (isOpen() && core.broken === null) await this.#pause()
      if (core.broken !== null) return
      await core.recorder.durable(this.#record('reservation.acknowledged', { epoch }))
      await this.#store.acknowledge(id, epoch)
      this.#acknowledged = epoch
    }
    work()
      .catch((error: unknown) => core.log.warn({ epoch, error }, 'epoch not acknowledged'))
      .finally(() => {
        this.#acknowledging = false
        if (core.broken === null) this.#acknowledge()
      })
  }

  #resume(): void {
    if (this.#suspended === 0 && !this.#catchingUp) this.#parts.wake()
  }

  /** Says on the ledger that an I/O met the reservation of another. No other path is tried, and none is failed. */
  noteConflict(io: { bio: number; op: IoOp; offset: number; length: number }): Recorded {
    return this.#record('reservation.conflict', io)
  }

  /** Why an I/O met a conflict. */
  conflictWords(): string {
    return conflictWords(this.#context)
  }

  get #context(): ReservationContext {
    return this.#parts.stream.state.context as unknown as ReservationContext
  }

  #knows(state: ReservationState): boolean {
    return isSame(this.#context, state)
  }

  #record(type: string, data: Readonly<Record<string, unknown>>, origin: Origin = {}): Recorded {
    return this.#parts.stream.record(type, data, origin).recorded
  }
}
