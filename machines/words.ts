// The field's words, once. A kernel name keeps its meaning.

/** SCSI device states (`enum scsi_device_state`). */
export const DEVICE_STATES = [
  'created',
  'running',
  'blocked',
  'createdBlocked',
  'quiesced',
  'offline',
  'transportOffline',
  'cancelled',
  'deleted',
] as const
/** State of the SCSI device of a path, in the kernel's words. */
export type DeviceState = (typeof DEVICE_STATES)[number]

/** ALUA access states (SPC-4). `active` is active/non-optimized. The preferred bit is a flag beside it. */
export const ACCESS_STATES = [
  'optimal',
  'active',
  'standby',
  'unavailable',
  'lbaDependent',
  'offline',
  'transitioning',
] as const
/** One of {@link ACCESS_STATES}. */
export type AccessState = (typeof ACCESS_STATES)[number]

/** What real I/O and the checker say of a path. */
export const HEALTH_STATES = ['online', 'marginal', 'failed', 'probing'] as const
/** What the engine thinks of a path: `online`, `marginal`, `failed`, or `probing` while it is asked. */
export type HealthState = (typeof HEALTH_STATES)[number]

/** What the operator wants of a path. */
export const ADMIN_STATES = ['enabled', 'disabled'] as const
/** What an operator has said of a path: `enabled`, or `disabled` until they say otherwise. */
export type AdminState = (typeof ADMIN_STATES)[number]

/** The value of a path's machine: one word per region. */
export interface PathValue {
  readonly device: DeviceState
  readonly access: AccessState
  readonly health: HealthState
  readonly admin: AdminState
}

export const LIFE_STATES = ['allocated', 'live', 'removalPending', 'removed'] as const
/** Whether a head is live, or going, or gone. */
export type LifeState = (typeof LIFE_STATES)[number]

export const SERVICE_STATES = ['serving', 'degraded', 'queueing', 'failing'] as const
/** What a head does with new I/O: sends it, queues it while no path is usable, or fails it. */
export type ServiceState = (typeof SERVICE_STATES)[number]

/** The value of a head's machine. */
export interface HeadValue {
  readonly life: LifeState
  readonly service: ServiceState
}

/** I/O policies: the kernel's three in its order, numa is the default; then dm-multipath's two, and one of our own. */
export const IO_POLICIES = [
  'numa',
  'round-robin',
  'queue-depth',
  'service-time',
  'historical-service-time',
  'read-spread',
] as const
/** One of {@link IO_POLICIES}. */
export type IoPolicy = (typeof IO_POLICIES)[number]

/** When a path that comes back takes its I/O again: at once, never by itself, or by multipath.conf's `followover`. */
export const FAILBACK_MODES = ['immediate', 'manual', 'followover'] as const
/** One of {@link FAILBACK_MODES}, or the microseconds it stays away first. */
export type Failback = (typeof FAILBACK_MODES)[number] | number

/** How much round-robin sends down one path before it goes on to the next. */
export interface Quantum {
  readonly unit: 'ios' | 'bytes'
  readonly size: number
}

/**
 * Why no path is usable: all of them are down and may come back, or each is lost for good (fenced, another device now,
 * being taken away).
 */
export const LOSSES = ['none', 'allPathsDown', 'permanent'] as const
/** One of {@link LOSSES}. */
export type Loss = (typeof LOSSES)[number]

/** `scsi_multipath`: off, on (needs an id and implicit TPGS), always (needs only an id). */
export const MULTIPATH_MODES = ['off', 'on', 'always'] as const
/** One of {@link MULTIPATH_MODES}. */
export type MultipathMode = (typeof MULTIPATH_MODES)[number]

/** What happens to I/O when no path is usable and none is worth waiting for: a number counts checks. */
export type NoPathRetry = 'fail' | 'queue' | number

/** `blk_status_t` without its prefix. */
export const BLK_STATUSES = [
  'OK',
  'NOTSUPP',
  'TIMEOUT',
  'NOSPC',
  'TRANSPORT',
  'TARGET',
  'RESV_CONFLICT',
  'MEDIUM',
  'PROTECTION',
  'RESOURCE',
  'IOERR',
  'DEV_RESOURCE',
  'AGAIN',
  'OFFLINE',
  'DURATION_LIMIT',
  'INVAL',
] as const
export type BlkStatus = (typeof BLK_STATUSES)[number]

export const IO_OPS = ['read', 'write', 'flush', 'discard', 'writeZeroes'] as const
/** What an I/O does: read, write, flush, discard or writeZeroes. */
export type IoOp = (typeof IO_OPS)[number]

/** Errors that mean the same through every path: the caller gets them, once (`blk_path_error`). */
const NOT_PATH_ERRORS: ReadonlySet<BlkStatus> = new Set([
  'NOTSUPP',
  'NOSPC',
  'TARGET',
  'RESV_CONFLICT',
  'MEDIUM',
  'PROTECTION',
])

/** Whose an error may be. `path` is a suspicion, not yet a verdict (design: "Whose error is it?"). */
export type ErrorClass = 'path' | 'target' | 'busy' | 'ours'

/** What to do about an error status. EAGAIN and ENOMEM stay on the path; EINVAL, EFAULT and EBADF are our own bug. */
export function classOf(status: BlkStatus): ErrorClass {
  if (status === 'AGAIN' || status === 'RESOURCE' || status === 'DEV_RESOURCE') return 'busy'
  if (status === 'INVAL') return 'ours'
  return NOT_PATH_ERRORS.has(status) ? 'target' : 'path'
}
