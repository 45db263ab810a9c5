// A logical unit in memory, and paths to it on any clock: truth tables, simulation and tests run on them.
import { checkArguments, checkFields, type Wanted } from '../../errors/arguments.ts'
import { checkLun } from '../scsi/device-shape.ts'
import { PathledgerError } from '../../errors.ts'
import { scsiFront } from '../scsi/front.ts'
import type { Clock, DeviceIoctl, DeviceIoctlAnswer, DeviceLimits, IdentityVerdict } from '../ports.ts'
import type { IoCompletion, IoDone, IoRequest, Lun, PathDevice, ScsiTarget } from '../ports.ts'
import { uniqueIdOf } from '../unique-id.ts'
import { IO_DONE, blocksFit, completed, failed, isOutOfRange } from '../completions.ts'

/** A logical unit whose medium is an array that every path to it shares. */
export interface MemoryLun extends Lun {
  /** The medium itself, `sizeBytes` long: tests look at it and may change it. */
  readonly medium: Uint8Array
  readonly logicalBlockBytes: number
}

/** More would be more memory than a test has. */
const MEDIUM_BYTES_MAX = 4_294_967_296

/** What a memory LUN is made of. */
export interface MemoryLunSettings {
  readonly wwid: string
  /** Bytes; a multiple of `logicalBlockBytes`, more than 0. */
  readonly sizeBytes: number
  /** Default 512. */
  readonly logicalBlockBytes?: number
  /** Default true. */
  readonly implicitAlua?: boolean
  /** A target that answers SCSI commands for it (`virtualLun(...).scsi`). Default: nothing does. */
  readonly scsi?: ScsiTarget
}

/** Makes a zeroed logical unit. Throws LUN_SIZE when the size is not a positive multiple of the block. */
export function memoryLun(settings: MemoryLunSettings): MemoryLun {
  const sizes = { sizeBytes: 'number', logicalBlockBytes: 'number?' } as const
  checkFields('memoryLun', 'settings', settings, {
    wwid: 'text',
    ...sizes,
    implicitAlua: 'flag?',
    scsi: 'object?',
  })
  const { wwid, sizeBytes, logicalBlockBytes = 512, implicitAlua = true, scsi } = settings
  if (scsi !== undefined) checkFields('memoryLun', 'scsi', scsi, { connect: 'call' })
  if (!blocksFit(sizeBytes, logicalBlockBytes) || sizeBytes > MEDIUM_BYTES_MAX) {
    throw new PathledgerError('LUN_SIZE', {
      message: `A memory LUN of ${sizeBytes} bytes cannot be made.`,
      why: `Its size must be a multiple of its logical block of ${logicalBlockBytes} bytes, more than 0, and at most ${MEDIUM_BYTES_MAX}.`,
      todo: 'Choose another size.',
    })
  }
  const medium = new Uint8Array(sizeBytes)
  return { wwid, implicitAlua, logicalBlockBytes, medium, ...(scsi === undefined ? {} : { scsi }) }
}

/** What a memory path is made of. */
export interface MemoryPathSettings {
  readonly hctl: string
  readonly clock: Clock
  /** Microseconds from submit to completion, for all I/O or for one. Default 0: the clock's next turn. */
  readonly latencyUs?: number | ((request: IoRequest) => number)
  readonly numaNode?: number | null
  /** Default false. Writes, discards and zeroings then fail with EROFS. */
  readonly readOnly?: boolean
  /** What the path declares; default true, which it keeps unless a filter above it lies. */
  readonly errorsAreFinal?: boolean
  /** Answers ioctls, at once or later. Without it the device has none, as a plain file has not. */
  readonly ioctl?: (request: DeviceIoctl) => DeviceIoctlAnswer | Promise<DeviceIoctlAnswer>
  /** What it says one I/O may be. Default: nothing. */
  readonly limits?: Partial<DeviceLimits>
  /** Sees every request as it is submitted. */
  readonly onSubmit?: (request: IoRequest) => void
}

const PATH_SHAPE: Readonly<Record<string, Wanted>> = {
  ...{ hctl: 'text', clock: 'clock', readOnly: 'flag?', errorsAreFinal: 'flag?' },
  ...{ ioctl: 'call?', limits: 'object?', onSubmit: 'call?' },
}

/** A path to a {@link MemoryLun}, with switches for tests. */
export interface MemoryPath extends PathDevice {
  readonly kind: 'memory'
  /** From now on the device says it is this LUN; `identify` compares. */
  setIdentity(wwid: string): void
  /** From now on the device has this many bytes; I/O beyond them fails with EIO. */
  resize(sizeBytes: number): void
  /** From now on it takes what these say; a larger read, write or discard is told EAGAIN, as the kernel tells I/O that must not wait. */
  limit(limits: Partial<DeviceLimits>): void
}

/**
 * A path that completes each I/O `latencyUs` after its submit, by the clock. Data moves when the I/O completes, for
 * reads and writes alike; out of range is EIO, after `close` EBADF.
 */
export function memoryPath(lun: MemoryLun, settings: MemoryPathSettings): MemoryPath {
  checkLun('memoryPath', lun)
  checkFields('memoryPath', 'lun', lun, { medium: 'bytes', logicalBlockBytes: 'count' })
  checkFields('memoryPath', 'settings', settings, PATH_SHAPE)
  if (typeof settings.latencyUs !== 'function')
    checkArguments('memoryPath', { latencyUs: settings.latencyUs }, { latencyUs: 'count?' })
  const { clock, latencyUs = 0, readOnly = false, onSubmit, ioctl } = settings
  const opened = { wwid: lun.wwid, sizeBytes: lun.medium.length }
  const now = { ...opened, open: true, limits: settings.limits ?? {} }
  const front = scsiFront(lun, settings.hctl)

  function submit(request: IoRequest, done: IoDone): void {
    onSubmit?.(request)
    const latency = typeof latencyUs === 'number' ? latencyUs : latencyUs(request)
    clock.setTimer(clock.monoUs() + latency, () => done(perform(request)))
  }

  function perform(request: IoRequest): IoCompletion {
    if (!now.open) return failed('EBADF')
    if (request.data !== null && request.data.length !== request.length) return failed('EFAULT')
    if (isTooLarge(request, now.limits)) return failed('EAGAIN')
    if (isOutOfRange(request, Math.min(now.sizeBytes, lun.medium.length))) return failed('EIO')
    if (readOnly && request.op !== 'read' && request.op !== 'flush') return failed('EROFS')
    return move(lun.medium, request)
  }

  async function identify(): Promise<IdentityVerdict> {
    if (now.wwid !== opened.wwid)
      return { same: false, why: `it was ${opened.wwid} and says ${now.wwid} now` }
    if (now.sizeBytes >= opened.sizeBytes) return { same: true }
    return { same: false, why: `it had ${opened.sizeBytes} bytes and has ${now.sizeBytes} now` }
  }

  return {
    kind: 'memory',
    device: 'memory',
    hctl: settings.hctl,
    lun: { wwid: lun.wwid, implicitAlua: lun.implicitAlua },
    ...front.commands,
    numaNode: settings.numaNode ?? null,
    geometry: {
      sizeBytes: opened.sizeBytes,
      logicalBlockBytes: lun.logicalBlockBytes,
      readOnly,
      limits: now.limits,
    },
    guarantees: { errorsAreFinal: settings.errorsAreFinal ?? true, isolatesExit: true, backend: 'memory' },
    coherence: { inode: null, direct: true },
    medium: lun.medium,
    deviceKey: null,
    facts: {},
    submit: front.guard(submit),
    ...(ioctl === undefined ? {} : { ioctl: async (request) => ioctl(request) }),
    uniqueId: async (type) => uniqueIdOf(now.wwid, type),
    sizeNow: () => now.sizeBytes,
    limitsNow: () => now.limits,
    identify,
    carries: () => null,
    close: async () => {
      front.close()
      now.open = false
    },
    setIdentity: (wwid) => void (now.wwid = wwid),
    resize: (sizeBytes) => void (now.sizeBytes = sizeBytes),
    limit: (limits) => void (now.limits = limits),
  }
}

function isTooLarge({ op, length }: IoRequest, limits: Partial<DeviceLimits>): boolean {
  const { maxTransferBytes = Infinity, discardMaxBytes = Infinity } = limits
  if (op === 'discard') return length > discardMaxBytes
  return (op === 'read' || op === 'write') && length > maxTransferBytes
}

function move(medium: Uint8Array, { op, offset, length, data }: IoRequest): IoCompletion {
  if (op === 'flush') return IO_DONE
  const range = medium.subarray(offset, offset + length)
  if (op === 'read') data?.set(range)
  else if (op === 'write' && data !== null) range.set(data)
  else range.fill(0)
  return completed(length)
}
