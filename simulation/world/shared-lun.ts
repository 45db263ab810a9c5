// What the engines of a simulated LUN share: its ghosts, who has its paths, and its reservations. It outlives them all, and
// each change takes a moment, before which its engine may die.
import { isRegistered, type ReservationState } from '../../machines/reservation/rules.ts'
import type { GroupStore } from '../../adapters/ports.ts'
import type { VirtualClock } from '../../adapters/virtual-clock.ts'
import { memoryReservations } from '../../store/lun/memory-reservations.ts'
import type { LunAttachment, LunEngine, LunGhost, LunStore } from '../../store/lun/types.ts'
import { never, type Life } from './life.ts'

const WRITE_US = 60

/** Nothing behind these paths speaks SCSI. */
const NO_GROUPS: GroupStore = {
  read: () => [],
  begin: () => undefined,
  write: () => undefined,
  onChange: () => undefined,
}

/** An engine of the LUN: which life, and what it has said of itself. */
interface Member {
  readonly life: Life
  /** It has let go of the LUN in order. */
  closed: boolean
}

export class SharedLun {
  readonly ghosts = new Map<string, LunGhost>()
  /** Ghosts that were there: when the storage heard of their end, and by whom. */
  readonly ended = new Map<string, { readonly atUs: number; readonly by: Life }>()
  attachments: LunAttachment[] = []
  readonly #clock: VirtualClock
  readonly #reservations = memoryReservations()
  readonly #members = new Map<string, Member>()
  readonly #listeners = new Set<{ readonly life: Life; readonly tell: () => void }>()
  #engines: LunEngine[] = []
  #version = 0
  /** Whether the kernel holds nothing of a device any more. */
  readonly #isLetGo: (device: string) => boolean
  /** By initiator: the epoch from which on it may not write; absent while it may. */
  readonly #barredSince = new Map<string, number>()
  /** The epoch that the last command of an engine made; null where it changed nothing. */
  readonly #commanded = new Map<Life, number | null>()

  constructor(clock: VirtualClock, isLetGo: (device: string) => boolean) {
    this.#clock = clock
    this.#isLetGo = isLetGo
  }

  get epoch(): number {
    return this.#reservations.read().epoch
  }

  get reservation(): ReservationState {
    return this.#reservations.read().state
  }

  /** Whether an initiator was barred from writing at this epoch, and has been ever since. */
  isBarredSince(initiator: string, epoch: number): boolean {
    const since = this.#barredSince.get(initiator)
    return since !== undefined && since <= epoch
  }

  /** The epoch of the last command of an engine; null where it changed nothing. */
  commandedAt(life: Life): number | null {
    return this.#commanded.get(life) ?? null
  }

  /** The storage as one life of an engine has it. */
  open(life: Life, initiators: readonly string[]): LunStore {
    const seen = { version: this.#version }
    const write = <Value>(change: () => Value): Promise<Value> => this.#write(life, change)
    return {
      load: () => {
        seen.version = this.#version
        return { ghosts: [...this.ghosts.values()], attachments: [...this.attachments] }
      },
      changed: () => seen.version !== this.#version,
      openGhosts: (ghosts) => write(() => ghosts.forEach((ghost) => this.ghosts.set(ghost.id, ghost))),
      endGhosts: (ids) => write(() => ids.forEach((id) => this.#end(id, life))),
      attach: (attachment) =>
        write(() => {
          this.#members.set(attachment.engine, { life, closed: false })
          this.attachments.push(attachment)
        }),
      detach: (engine, path) =>
        write(() => {
          this.attachments = this.attachments.filter((one) => one.engine !== engine || one.path !== path)
        }),
      join: (engine, initiator) =>
        write(() => {
          this.#members.set(engine, { life, closed: false })
          this.#engines.push({ engine, initiator, acked: this.epoch })
        }),
      isLetGo: async (device) => this.#isLetGo(device),
      reservations: {
        word: () => this.#reservations.word(),
        read: () => this.#reservations.read(),
        engines: () => this.#engines,
        request: (request) =>
          write(() => request).then(async (asked) => {
            const before = this.epoch
            const reply = await this.#reservations.request(asked)
            if (asked.kind === 'command') this.#commanded.set(life, reply.changed ? reply.epoch : null)
            if (this.epoch > before) this.#changed(life, initiators)
            return life.alive ? reply : never()
          }),
        acknowledge: (engine, epoch) =>
          write(() => {
            this.#engines = this.#engines.map((one) =>
              one.engine === engine ? { ...one, acked: Math.max(one.acked, epoch) } : one,
            )
          }),
        leave: (engine) =>
          write(() => {
            this.#engines = this.#engines.filter((one) => one.engine !== engine)
          }),
        isAlive: (engine) => this.#isAlive(engine),
        onChange: (tell) => void this.#listeners.add({ life, tell }),
      },
      groups: NO_GROUPS,
      isAlive: (engine) => this.#isAlive(engine),
      close: async () => {
        for (const member of this.#members.values()) if (member.life === life) member.closed = true
      },
    }
  }

  #end(id: string, by: Life): void {
    if (this.ghosts.delete(id)) this.ended.set(id, { atUs: this.#clock.monoUs(), by })
  }

  #isAlive(engine: string): boolean {
    const member = this.#members.get(engine)
    return member !== undefined && member.life.alive && !member.closed
  }

  async #write<Value>(life: Life, change: () => Value): Promise<Value> {
    if (!life.step('lunWrite')) return never()
    await new Promise<void>((resolve) => void this.#clock.setTimer(this.#clock.monoUs() + WRITE_US, resolve))
    if (!life.alive) return never()
    const value = change()
    this.#version += 1
    return life.step('lunWritten') ? value : never()
  }

  /** The reservations are other ones: who may not write from now on, and who is to look. */
  #changed(by: Life, initiators: readonly string[]): void {
    const { epoch, reservation } = this
    for (const initiator of initiators) {
      if (mayWrite(reservation, initiator)) this.#barredSince.delete(initiator)
      else if (!this.#barredSince.has(initiator)) this.#barredSince.set(initiator, epoch)
    }
    for (const { life, tell } of this.#listeners) {
      if (life === by || !life.alive) continue
      this.#clock.setTimer(this.#clock.monoUs() + WRITE_US, () => {
        if (life.alive) tell()
      })
    }
  }
}

/** Who may write, in words of our own: holder for the plain types, any registrant for the others. */
function mayWrite(state: ReservationState, initiator: string): boolean {
  const { type, holder } = state
  if (type === null) return true
  const forHolderAlone = type === 'write-exclusive' || type === 'exclusive-access'
  return forHolderAlone ? holder?.initiator === initiator : isRegistered(state, initiator)
}
