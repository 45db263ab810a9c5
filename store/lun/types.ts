// What every engine of a LUN must see: attempts that may still land, and who has its paths. Types only.

import type { PathledgerError } from '../../errors.ts'
import type { GroupStore } from '../../adapters/ports.ts'
import type {
  ReservationCommand,
  ReservationState,
  ReservationStatus,
} from '../../machines/reservation/rules.ts'

/** The attach that something is of: what every ghost, proof, claim and detach names. H:C:I:L is a label for people. */
export interface AttachName {
  /** Id of the attach, unique for ever. */
  readonly attach: string
  /** Where its device was found: '/dev/loop0'. */
  readonly device: string
  /** The device itself, and which life of it ('loop:7:0 diskseq 12'); '' where that is not known. */
  readonly deviceKey: string
  /** 1: an error of the path proves that nothing lands after it. */
  readonly final: number
}

/** An attempt that ended without proof: its write may still change the medium. */
export interface LunGhost extends AttachName {
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
export interface LunAttachment extends AttachName {
  readonly engine: string
  readonly path: string
  readonly incarnation: number
  readonly bootId: string
}

/**
 * A file that a path of the LUN rested on, on a file system of this machine: there a name that leads to another inode leads to
 * another medium.
 */
export interface LunMedium {
  /** The file's name. */
  readonly name: string
  /** 'major:minor:inode'. */
  readonly inode: string
  readonly bootId: string
  /** The engine that last took a path over it. */
  readonly engine: string
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
  /** The epoch that is in force, as one load from memory; what is read may be behind it until `catchUp` has ended. */
  word(): number
  /** As they were last heard of. */
  read(): ReservationSnapshot
  /** As they are in force; waits for a moment, and no longer than that. For those who ask, never for an I/O. */
  readNow(): ReservationSnapshot
  engines(): readonly LunEngine[]
  request(request: ReservationRequest): Promise<ReservationReply>
  /** Says that an engine has no write open that is older than the epoch. */
  acknowledge(engine: string, epoch: number): Promise<void>
  /** Forgets an engine that is gone. */
  leave(engine: string): Promise<void>
  isAlive(engine: string): boolean
  /** Resolves when `read` and `engines` have all that was there at the call. */
  catchUp(): Promise<void>
  /** Called, soon, when another engine has changed them. */
  onChange(listener: () => void): void
}

/** What the LUN's storage holds. */
export interface LunContents {
  readonly ghosts: readonly LunGhost[]
  readonly attachments: readonly LunAttachment[]
  /** Ghosts that another engine than theirs has ended, until their own ledger has heard of it. */
  readonly ended: readonly string[]
}

/**
 * Storage of one LUN, shared by every engine of it. Writes resolve when they are durable; none of the others touches the
 * disk, so that a disk that hangs stops nobody but those who wait for it.
 */
export interface LunStore {
  /** Which storage it is: one that was lost and made anew is another. */
  readonly id: string
  /** It was made by this call: no engine has ever had it. */
  readonly fresh: boolean
  /** What it held when it was last caught up with. */
  load(): LunContents
  /** What its paths rested on, of when it was last caught up with. Absent where nothing keeps that. */
  media?(): readonly LunMedium[]
  /** True when another engine has written since; cheap enough to ask before every write. */
  changed(): boolean
  /** Resolves when `load` has all that was there at the call. */
  catchUp(): Promise<void>
  openGhosts(ghosts: readonly LunGhost[]): Promise<void>
  /** Ends ghosts; those of another engine are kept as `ended` until its ledger has heard. */
  endGhosts(ids: readonly string[], by: string): Promise<void>
  /** The ledger of their engine has heard of their end. */
  forgetEnded(ids: readonly string[]): Promise<void>
  /** With `medium` it is remembered what the path rests on. */
  attach(attachment: LunAttachment, medium?: LunMedium | null): Promise<void>
  /** Says that what was attached is let go of; names the attach, and speaks of no other. */
  detach(attach: string): Promise<void>
  /** An engine has the LUN now, under its lasting name; others wait for it from now on. */
  join(engine: string, initiator: string): Promise<void>
  /** Whether the kernel holds nothing of that life of a device any more: claimed by nobody, another life of it, or not there. */
  isLetGo(device: string, deviceKey: string): Promise<boolean>
  readonly reservations: ReservationStore
  /** Target port groups, where the LUN's target keeps them with it. */
  readonly groups: GroupStore
  /** Whether an engine is alive: holds its claim on this storage. */
  isAlive(engine: string): boolean
  /** Called, soon, when another engine has written, or has died. */
  onChange(listener: () => void): void
  /**
   * Called once, when it cannot be used any more: what is written there would not be found again (LUN_STORAGE_LOST), or
   * what is there is not what an engine writes (LUN_STORAGE).
   */
  onLost(listener: (error: PathledgerError) => void): void
  close(): Promise<void>
}

/** What an engine asks of a LUN's reservations. */
export type ReservationRequest =
  | { readonly kind: 'command'; readonly command: ReservationCommand }
  | { readonly kind: 'registerNexus'; readonly initiator: string; readonly nexus: string }
  | { readonly kind: 'hearAttentions'; readonly initiator: string }
  /** What a ledger knows of them, for a storage that has never had any. */
  | { readonly kind: 'restore'; readonly state: ReservationState }
