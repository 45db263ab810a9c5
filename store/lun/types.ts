// What every engine of a LUN must see: attempts that may still land, and who has its paths. Types only.

import type { GroupStore } from '../../adapters/ports.ts'
import type {
  ReservationCommand,
  ReservationState,
  ReservationStatus,
} from '../../machines/reservation/rules.ts'

/** An attempt that ended without proof: its write may still change the medium. */
export interface LunGhost {
  /** Unique for ever. */
  readonly id: string
  /** The engine that opened it. */
  readonly engine: string
  /** H:C:I:L of its path, and in which life of the path it was sent. */
  readonly path: string
  readonly incarnation: number
  readonly op: string
  /** Bytes; an unclean start makes a ghost of the whole LUN. */
  readonly offset: number
  readonly length: number
  readonly reason: string
  /** Wall clock, microseconds. */
  readonly openedAtUs: number
  readonly bootId: string
}

/** A path that an engine holds, or held when it died. */
export interface LunAttachment {
  readonly engine: string
  readonly path: string
  readonly incarnation: number
  readonly device: string
  readonly bootId: string
  /** 1: an error of the path proves that nothing lands after it. */
  readonly final: number
}

/** An engine that has the LUN open, or had it when it died. */
export interface LunEngine {
  readonly engine: string
  readonly initiator: string
  /** The last epoch of the reservations for which it has no older write open. */
  readonly acked: number
}

/** The reservations of a LUN, and how many changes there were. */
export interface ReservationSnapshot {
  readonly epoch: number
  readonly state: ReservationState
}

/** What a request came to. */
export interface ReservationReply extends ReservationSnapshot {
  readonly status: ReservationStatus
  readonly before: ReservationState
  readonly changed: boolean
}

/** What an array would keep of its reservations, shared by every engine of the LUN. */
export interface ReservationStore {
  /** The epoch, as one load from memory; it may be behind the snapshot for a moment, never ahead. */
  word(): number
  read(): ReservationSnapshot
  engines(): readonly LunEngine[]
  request(request: ReservationRequest): Promise<ReservationReply>
  /** Says that an engine has no write open that is older than the epoch. */
  acknowledge(engine: string, epoch: number): Promise<void>
  /** Forgets an engine that is gone. */
  leave(engine: string): Promise<void>
  isAlive(engine: string): boolean
  /** Called, soon, when another engine has changed them. */
  onChange(listener: () => void): void
}

/** What the LUN's storage holds now. */
export interface LunContents {
  readonly ghosts: readonly LunGhost[]
  readonly attachments: readonly LunAttachment[]
}

/** Storage of one LUN, shared by every engine of it. Writes resolve when they are durable. */
export interface LunStore {
  load(): LunContents
  /** True when another engine has written since the last `load`; cheap enough to ask before every write. */
  changed(): boolean
  openGhosts(ghosts: readonly LunGhost[]): Promise<void>
  endGhosts(ids: readonly string[]): Promise<void>
  attach(attachment: LunAttachment): Promise<void>
  detach(engine: string, path: string): Promise<void>
  /** An engine has the LUN now, under its lasting name; others wait for it from now on. */
  join(engine: string, initiator: string): Promise<void>
  /** Whether the kernel holds nothing of a device any more: claimed by nobody, or not there. */
  isLetGo(device: string): Promise<boolean>
  readonly reservations: ReservationStore
  /** Target port groups, where the LUN's target keeps them with it. */
  readonly groups: GroupStore
  /** Whether an engine is alive: holds its claim on this storage. */
  isAlive(engine: string): boolean
  close(): Promise<void>
}

/** What an engine asks of a LUN's reservations. */
export type ReservationRequest =
  | { readonly kind: 'command'; readonly command: ReservationCommand }
  | { readonly kind: 'registerNexus'; readonly initiator: string; readonly nexus: string }
  | { readonly kind: 'hearAttentions'; readonly initiator: string }
