// What the engines of a simulated LUN share: its ghosts, who has its paths, and its reservations. It outlives them all, and
// each change takes a moment, before which its engine may die.
import { isRegistered, type ReservationState } from '../../machines/reservation/rules.ts'
import type { GroupStore } from '../../adapters/ports.ts'
import type { VirtualClock } from '../../adapters/virtual-clock.ts'
import { memoryReservations } from '../../store/lun/memory-reservations.ts'
import type {
  LunAttachment,
  LunContents,
  LunEngine,
  LunGhost,
  LunStore,
  ReservationStore,
} from '../../store/lun/types.ts'
import type { PathledgerError } from '../../errors.ts'
import { lostError } from '../../store/lun/lost.ts'
import { never, type Life } from './life.ts'

const WRITE_US = 60
/** After how long an engine hears by itself that another one has written, has died, or that the storage is gone. */
const NEWS_US = 5_000
const DEATH_HEARD_US = 5_000
export const LOSS_HEARD_US = 2_000

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

/** Writes to the storage as one life of an engine does. */
type Write = <Value>(change: () => Value) => Promise<Value>

/** The storage as one life of an engine has it open. */
interface Handle {
  readonly life: Life
  readonly storage: number
  changed: () => void
  lost: (error: PathledgerError) => void
  reserved?: () => void
}

export class SharedLun {
  readonly ghosts = new Map<string, LunGhost>()
  /** Ghosts that were there: when the storage heard of their end, and by whom. */
  readonly ended = new Map<string, { readonly atUs: number; readonly by: Life }>()
  attachments: LunAttachment[] = []
  readonly #clock: VirtualClock
  #reservations = memoryReservations()
  readonly #members = new Map<string, Member>()
  readonly #handles = new Set<Handle>()
  /** Ghosts that another engine than theirs has ended. */
  readonly #endedByOthers = new Set<string>()
  /** Which storage it is: another one after each loss; and which of them have been used. */
  storage = 1
  readonly #uses = new Map<number, boolean>()
  /** What waits for its disk to answer again; null while it does. */
  #hung: (() => void)[] | null = null
  #engines: LunEngine[] = []
  #version = 0
  /** Whether the kernel holds nothing of that life of a device any more. */
  readonly #isLetGo: (device: string, deviceKey: string) => boolean
  /** By initiator: the epoch from which on it may not write; absent while it may. */
  readonly #barredSince = new Map<string, number>()
  /** The epoch that the last command of an engine made; null where it changed nothing. */
  readonly #commanded = new Map<Life, number | null>()

  constructor(clock: VirtualClock, isLetGo: (device: string, deviceKey: string) => boolean) {
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
    const { storage } = this
    const seen = { version: this.#version, contents: this.#contents() }
    const handle: Handle = { life, storage, changed: () => undefined, lost: () => undefined }
    this.#handles.add(handle)
    life.onDeath(() => this.#tellOthers(life, DEATH_HEARD_US))
    const write = async <Value>(change: () => Value): Promise<Value> => {
      const value = await this.#write(handle, change)
      // One's own change needs no look, unless somebody else's came before it.
      if (this.#version === seen.version + 1) seen.version = this.#version
      return value
    }
    return {
      id: `storage-${storage}`,
      fresh: this.#uses.get(storage) === undefined,
      load: () => seen.contents,
      changed: () => seen.version !== this.#version && this.storage === storage,
      catchUp: async () => {
        await this.#answer(handle)
        Object.assign(seen, { version: this.#version, contents: this.#contents() })
      },
      openGhosts: (ghosts) =>
        write(() => {
          for (const ghost of ghosts) {
            this.#members.set(ghost.engine, { life, closed: false })
            this.ghosts.set(ghost.id, ghost)
          }
        }),
      endGhosts: (ids, by) => write(() => ids.forEach((id) => this.#end(id, by, life))),
      forgetEnded: (ids) => write(() => ids.forEach((id) => this.#endedByOthers.delete(id))),
      attach: (attachment) =>
        write(() => {
          this.#members.set(attachment.engine, { life, closed: false })
          this.#uses.set(storage, true)
          this.attachments.push(attachment)
        }),
      detach: (attach) =>
        write(() => {
          this.attachments = this.attachments.filter((one) => one.attach !== attach)
        }),
      join: (engine, initiator) =>
        write(() => {
          this.#members.set(engine, { life, closed: false })
          this.#engines.push({ engine, initiator, acked: this.epoch })
        }),
      isLetGo: async (device, deviceKey) => {
        await this.#answer(handle)
        return this.#isLetGo(device, deviceKey)
      },
      reservations: this.#reservationsOf(handle, initiators, write),
      groups: NO_GROUPS,
      isAlive: (engine) => this.#isAlive(engine),
      onChange: (tell) => {
        handle.changed = () => {
          Object.assign(seen, { version: this.#version, contents: this.#contents() })
          tell()
        }
      },
      onLost: (tell) => void (handle.lost = tell),
      close: async () => {
        this.#handles.delete(handle)
        for (const member of this.#members.values()) if (member.life === life) member.closed = true
      },
    }
  }

  #reservationsOf(handle: Handle, initiators: readonly string[], write: Write): ReservationStore {
    const { life } = handle
    return {
      word: () => this.#reservations.word(),
      read: () => this.#reservations.read(),
      readNow: () => this.#reservations.read(),
      engines: () => this.#engines,
      request: (request) =>
        this.#write(handle, () => request).then(async (asked) => {
          const before = this.epoch
          const reply = await this.#reservations.request(asked)
          if (asked.kind === 'command') this.#commanded.set(life, reply.changed ? reply.epoch : null)
          if (this.epoch > before) this.#changed(initiators)
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
      catchUp: () => this.#answer(handle),
      onChange: (tell) => void (handle.reserved = tell),
    }
  }

  /** Its disk answers nobody any more. */
  hang(): void {
    this.#hung ??= []
  }

  /** When it last hung, virtual monotonic microseconds; -1: never. */
  lastHungUs = -1

  get hangs(): boolean {
    return this.#hung !== null
  }

  /** It answers again, in the order in which it was asked. */
  heal(): void {
    if (this.#hung !== null) this.lastHungUs = this.#clock.monoUs()
    const hung = this.#hung ?? []
    this.#hung = null
    for (const resume of hung) resume()
  }

  /** Lives of engines that have it open. */
  get lives(): Life[] {
    return [...this.#handles].filter(({ storage }) => storage === this.storage).map(({ life }) => life)
  }

  /** Somebody cleans it away: what was in it is gone, and every engine that has it hears of that soon. */
  lose(): void {
    this.storage += 1
    this.ghosts.clear()
    this.#endedByOthers.clear()
    this.attachments = []
    this.#engines = []
    this.#reservations = memoryReservations()
    this.#barredSince.clear()
    for (const handle of this.#handles) {
      this.#clock.setTimer(this.#clock.monoUs() + LOSS_HEARD_US, () => {
        if (handle.life.alive && this.#handles.has(handle))
          handle.lost(lostError('the folder', 'it was cleaned away'))
      })
    }
  }

  #contents(): LunContents {
    const { ghosts, attachments } = this
    return { ghosts: [...ghosts.values()], attachments: [...attachments], ended: [...this.#endedByOthers] }
  }

  #end(id: string, engine: string, by: Life): void {
    const ghost = this.ghosts.get(id)
    if (ghost === undefined) return
    this.ghosts.delete(id)
    this.ended.set(id, { atUs: this.#clock.monoUs(), by })
    if (ghost.engine !== engine) this.#endedByOthers.add(id)
  }

  #isAlive(engine: string): boolean {
    const member = this.#members.get(engine)
    return member !== undefined && member.life.alive && !member.closed
  }

  /** Waits for the storage to answer. */
  async #answer({ life, storage }: Handle): Promise<void> {
    const clock = this.#clock
    await new Promise<void>((resolve) => {
      const ask = () => {
        if (this.#hung === null) clock.setTimer(clock.monoUs() + WRITE_US, resolve)
        else this.#hung.push(ask)
      }
      ask()
    })
    if (!life.alive) return never()
    if (this.storage !== storage) throw lostError('the folder', 'it was cleaned away')
  }

  async #write<Value>(handle: Handle, change: () => Value): Promise<Value> {
    const { life } = handle
    if (!life.step('lunWrite')) return never()
    await this.#answer(handle)
    const value = change()
    this.#version += 1
    this.#tellOthers(life, NEWS_US)
    return life.step('lunWritten') ? value : never()
  }

  /** The others hear that something has changed, or that an engine has died. */
  #tellOthers(by: Life, afterUs: number): void {
    for (const handle of this.#handles) {
      if (handle.life === by || !handle.life.alive) continue
      this.#clock.setTimer(this.#clock.monoUs() + afterUs, () => {
        if (handle.life.alive && handle.storage === this.storage) handle.changed()
      })
    }
  }

  /** The reservations are other ones: who may not write from now on, and who is to look. */
  #changed(initiators: readonly string[]): void {
    const { epoch, reservation } = this
    for (const initiator of initiators) {
      if (mayWrite(reservation, initiator)) this.#barredSince.delete(initiator)
      else if (!this.#barredSince.has(initiator)) this.#barredSince.set(initiator, epoch)
    }
    for (const handle of this.#handles) {
      this.#clock.setTimer(this.#clock.monoUs() + WRITE_US, () => {
        if (handle.life.alive && handle.storage === this.storage) handle.reserved?.()
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
