// What the engine asks of the world. Types only: every adapter implements these, every contract suite tests them.
import type { AccessState, BlkStatus, IoOp } from '../machines/words.ts'
import type { UniqueIdType } from './unique-id.ts'

/** Time, passed in. Microseconds fit a JS number exactly until the year 2255; nanoseconds do not. */
export interface Clock {
  /** Wall clock, microseconds since the epoch. */
  wallUs(): number
  /** Monotonic clock, microseconds since any fixed point. Deadlines are kept in it. */
  monoUs(): number
  /** Calls `fire` once, not before `dueMonoUs` and never inside this call. */
  setTimer(dueMonoUs: number, fire: () => void): TimerHandle
}

/** A timer that was set; `cancel()` may be called at any time, and again. */
export interface TimerHandle {
  /** After it, `fire` is not called. Cancelling twice, or after the timer fired, does nothing. */
  cancel(): void
}

/** The turns of the event loop, passed in. */
export interface Turns {
  /** Calls `call` once, in the next turn: whatever else the loop has to do is done in between. */
  next(call: () => void): void
}

/** A source of unsigned 32-bit integers. */
export interface Random {
  nextUint32(): number
}

/** Makes an event id nobody has used. */
export type NewId = () => string

/** One I/O as a device gets it. Offset and length are bytes, whole logical blocks; `data` is null where there is none. */
export interface IoRequest {
  readonly op: IoOp
  /** Bytes from the start of the device; a multiple of its logical block. */
  readonly offset: number
  /** Bytes; 0 for flush. */
  readonly length: number
  /** Where a read puts its bytes and a write takes them, exactly `length` long, page-aligned; null for the others. */
  readonly data: Uint8Array | null
  /** Force unit access: the write is on the medium before it is acknowledged. */
  readonly fua: boolean
}

export interface IoCompletion {
  /** 'EIO', 'ENOSPC' ...; null when it succeeded. */
  readonly errno: string | null
  /** Set when the target itself classed the error (sense data); else the engine maps `errno` by its table. */
  readonly status: BlkStatus | null
  /** Bytes moved. Fewer than asked with `errno` null is a short completion. */
  readonly bytes: number
  /** The operation was given up on and may still happen: whoever did it could not be waited for. Default false. */
  readonly abandoned?: boolean
  /** Sense data that came with it, where the path is a SCSI one. */
  readonly sense?: Uint8Array
}

/** Called once for each I/O, never inside `submit`. */
export type IoDone = (completion: IoCompletion) => void

/** Size and blocks of a device, all in bytes. */
export interface PathGeometry {
  readonly sizeBytes: number
  readonly logicalBlockBytes: number
  readonly readOnly: boolean
  /** What one I/O may be, where the device says so. */
  readonly limits?: Partial<DeviceLimits>
}

/** What a block device says of the I/O that suits it, bytes (queue/ of its sysfs directory). */
export interface DeviceLimits {
  readonly physicalBlockBytes: number
  readonly ioMinBytes: number
  /** 0: nothing is best. */
  readonly ioOptBytes: number
  /** A read or write has at most so many. */
  readonly maxTransferBytes: number
  /** A discard has at most so many; 0: the device has none. */
  readonly discardMaxBytes: number
  readonly discardGranularityBytes: number
}

/** What a path promises. The contract suite tests what is declared. */
export interface PathGuarantees {
  /** An error completion proves that the attempt can no longer change the medium. */
  readonly errorsAreFinal: boolean
  /** Opening it proves that the kernel holds nothing of an engine that is dead (O_EXCL). Default false. */
  readonly claimsExclusively?: boolean
  /** One connection stands behind the descriptor: an answer to a later I/O proves an earlier one over. Default false. */
  readonly oneConnection?: boolean
  /** A hung I/O on this path does not keep the process from exiting. */
  readonly isolatesExit: boolean
  /** Name of the I/O backend behind it: 'fs', 'memory'. */
  readonly backend: string
}

/** The logical unit behind a set of paths. */
export interface Lun {
  readonly wwid: string
  /** Implicit ALUA by INQUIRY's TPGS bits; mode `on` asks for it. */
  readonly implicitAlua: boolean
  /** What answers SCSI commands for it. Its bytes then say what the LUN is, not the two fields above. */
  readonly scsi?: ScsiTarget
}

/** A SCSI command as it goes down a path. */
export interface ScsiCommand {
  readonly cdb: Uint8Array
  /** Parameter data; null for none. */
  readonly dataOut: Uint8Array | null
}

/** What came back: an errno when it did not get through, else the target's status byte, sense data and data-in. */
export interface ScsiAnswer {
  readonly errno: string | null
  readonly status: number
  readonly sense: Uint8Array | null
  readonly data: Uint8Array
}

/** A target in this process: the one of a virtual LUN. */
export interface ScsiTarget {
  /** One path's way in. */
  connect(hctl: string): ScsiNexus
  /** Its target port groups are kept with the LUN from now on, for every engine of it; until the function is called. */
  share?(groups: GroupStore): () => void
}

/** What a target keeps of one of its port groups. */
export interface KeptGroup {
  readonly id: number
  readonly access: AccessState
  readonly preferred: boolean
  /** Whether REPORT TARGET PORT GROUPS lists it. */
  readonly listed: boolean
}

/** Where the engines of a LUN keep its target port groups, as one array would. */
export interface GroupStore {
  read(): readonly KeptGroup[]
  /** Keeps each group as it is given, unless it is kept already. */
  begin(groups: readonly KeptGroup[]): void
  /** Keeps it as it is given. */
  write(group: KeptGroup): void
  /** Called, soon, when another engine has changed one. */
  onChange(listener: () => void): void
}

/** An I_T nexus of such a target. */
export interface ScsiNexus {
  execute(cdb: Uint8Array, dataOut: Uint8Array | null): ScsiAnswer
  /** Null when a read or a write may go in; else the sense data of the refusal. */
  admit(): Uint8Array | null
  close(): void
}

/** What makes two paths to the same bytes coherent, or not (docs/loop-devices.md). */
export interface Coherence {
  /** The inode behind the path ('major:minor:inode'), or null where there is none. */
  readonly inode: string | null
  /** No page cache of the path's own between us and the inode. */
  readonly direct: boolean
}

/** Whether a device still is the one that was added; if not, why, in words. */
export type IdentityVerdict = { readonly same: true } | { readonly same: false; readonly why: string }

/** An ioctl of a device, by its kernel name: 'BLKGETSIZE64'. */
export interface DeviceIoctl {
  readonly command: string
  /** What it takes: the bytes of its argument. Null where it takes none. */
  readonly argument: Uint8Array | null
}

/** The answer to an ioctl that was passed through: its result, or the name of the error. */
export interface DeviceIoctlAnswer {
  /** 'ENOTTY' where the device has no such ioctl; null when it went well. */
  readonly errno: string | null
  /** What the call returned. */
  readonly value: number
  /** What it filled in; empty where it fills in nothing. */
  readonly data: Uint8Array
}

/** One way to a logical unit. Filters implement it too, around another one. */
export interface PathDevice {
  readonly kind: 'loop' | 'file' | 'memory'
  /** '/dev/loop0', '/srv/lun.img', 'memory'. */
  readonly device: string
  /** Host:channel:target:lun, '8:0:0:0'. The host is the adapter. */
  readonly hctl: string
  readonly lun: Lun
  /** NUMA node of the path, or null when it belongs to none. */
  readonly numaNode: number | null
  readonly geometry: PathGeometry
  readonly guarantees: PathGuarantees
  readonly coherence: Coherence
  /** The medium itself, where this program has it: two of them are two media, whatever their LUNs are called. */
  readonly medium?: object
  /** Names the kernel device, so that one device is not two paths ('loop:7:0'); null where two paths may share it. */
  readonly deviceKey: string | null
  /** Facts worth keeping on the ledger when the path is added: diskseq, direct I/O, backing file. */
  readonly facts: Readonly<Record<string, string | number | boolean | null>>
  /** Bytes that the device has now. Waits for no server. Without it the size never changes. */
  sizeNow?(): number
  /** What one I/O may be now, as `geometry.limits` said at first. Waits for no server. Without it that never changes. */
  limitsNow?(): Partial<DeviceLimits>
  /** Starts one I/O. `done` is called exactly once and never inside `submit`. Never throws. */
  submit(request: IoRequest, done: IoDone): void
  /**
   * Told once, before any I/O: most I/O will be in this memory, which outlives the path and never moves. A backend may
   * make it ready for that.
   */
  useMemory?(memory: ArrayBufferLike): void
  /** Sends one SCSI command; as `submit` in all else. Absent where nothing behind the path speaks SCSI. */
  command?(command: ScsiCommand, done: (answer: ScsiAnswer) => void): void
  /** Does one ioctl. Absent where the device has none. Rejects for no answer of the device. */
  ioctl?(request: DeviceIoctl): Promise<DeviceIoctlAnswer>
  /** Unique id of the LUN, as this kind of designator; empty where it has none. Absent where the device cannot tell. */
  uniqueId?(type: UniqueIdType): Promise<Uint8Array>
  /** Proves again that this is still the device that was opened. */
  identify(): Promise<IdentityVerdict>
  /** Says why a file lies on this path (or on a stack above it), or null when it does not. */
  carries(file: string): string | null
  /** Lets go of the device. Called once, after every I/O has completed. */
  close(): Promise<void>
}

/** A device that a source shows, without asking the device itself. */
export interface DeviceSighting {
  readonly device: string
  /** As {@link PathDevice.deviceKey}. */
  readonly deviceKey: string
  /** Another one for each attach. */
  readonly diskseq: number
  readonly direct: boolean
  readonly autoclear: boolean
  readonly sizeBytes: number
}

/** Where devices come and go. */
export interface DeviceSource {
  /** Every device there is now. Waits for none of them. */
  list(): readonly DeviceSighting[]
  /** Whether a device of this key would be in the list while it is attached. */
  covers(deviceKey: string): boolean
  /** Opens a device of the last list as a path; null when it is not wanted. */
  open(sighting: DeviceSighting): Promise<PathDevice | null>
}

/** Word that devices came, changed or went: a reason to look at a {@link DeviceSource} at once, and nothing more. */
export interface Uevents {
  /** Begins to listen. Null when it does; else the errno why it cannot. */
  start(): string | null
  /** What came since the last time. Waits for nothing, and takes a bounded number of messages. */
  take(): Heard
  /** Listens no more. Does nothing the second time. */
  stop(): void
}

/** What was heard at once. */
export interface Heard {
  /** Messages that told of a block device. */
  readonly devices: number
  /** Some were lost, or could not be read: they may have told of anything. */
  readonly lost: boolean
  /** Why nothing will be heard any more; null while something may. */
  readonly errno: string | null
}

/** How bytes reach an open descriptor. */
export interface IoBackend {
  readonly name: string
  readonly isolatesExit: boolean
  /** I/Os that it has under way at most for one path; it queues the others. Default: no bound of its own. */
  readonly inFlightMax?: number
  /** Same contract as {@link PathDevice.useMemory}. */
  useMemory?(memory: ArrayBufferLike): void
  /** Same contract as {@link PathDevice.submit}. */
  submit(fd: number, request: IoRequest, done: IoDone): void
  /** The device may take other I/O than it did: looks at it again. Waits for nothing. Without it there is nothing to know. */
  lookAgain?(): void
  /** Ends what the backend started, and waits for none of it. Nothing may be submitted afterwards. */
  close?(): Promise<void>
}

/** A filter's switch, thrown at run time. */
export interface FilterControl<Settings> {
  readonly active: boolean
  readonly settings: Settings
  /** Turns it on, with new settings where given. */
  enable(settings?: Partial<Settings>): void
  disable(): void
}

/** Which path is to be fenced. A fence command has it in its environment: PATHLEDGER_WWID, PATHLEDGER_HCTL, PATHLEDGER_DEVICE. */
export interface FenceTarget {
  readonly wwid: string
  readonly hctl: string
  readonly device: string
}

/** Runs the fence of a path; resolves with what it did, or null when the path has none. Rejects when it failed. */
export type Fence = (target: FenceTarget, timeoutMs: number) => Promise<string | null>
