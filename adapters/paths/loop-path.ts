// A loop device as a path: claimed, direct, and proved to be the device that was meant (docs/loop-devices.md).
import { checkPath } from '../scsi/device-shape.ts'
import { constants } from 'node:fs'
import { PathledgerError, withDetails } from '../../errors.ts'
import { restsOn, sysPathOf } from '../block-stack.ts'
import { chooseBackend } from './choose-backend.ts'
import type { BackendChoice } from './choose-backend.ts'
import { closeDescriptor, openDirect, openError, submitWithin } from '../descriptor.ts'
import { inspectFile } from '../file-facts.ts'
import type { LoopInspection } from '../helper/calls.ts'
import { pathHelper } from '../helper/helper.ts'
import type { Helper } from '../helper/helper.ts'
import { errnoOf } from '../errno.ts'
import { numaNodeOf } from '../numa.ts'
import type { Clock, IdentityVerdict, IoBackend, Lun, PathDevice, Turns } from '../ports.ts'
import { scsiFront } from '../scsi/front.ts'
import { systemClock, systemTurns } from '../system.ts'
import { uniqueIdOf } from '../unique-id.ts'
import { probeUring } from '../uring/index.ts'
import type { UringProbe } from '../uring/index.ts'
import { passIoctl, readBlockFacts } from '../loop/ioctl.ts'
import type { BlockFacts } from '../loop/ioctl.ts'
import { holderOf } from '../loop/holders.ts'
import { isLabel, labelOf } from '../loop/label.ts'
import { readLimits, readLoop } from '../loop/list.ts'
import type { LoopListing } from '../loop/list.ts'

/** What a loop path is made of. */
export interface LoopPathSettings {
  readonly lun: Lun
  readonly hctl: string
  /** Default: the node of the device in sysfs, which a loop device has not. */
  readonly numaNode?: number | null
  /** Opens for reading only. Default false: a read-only device is then refused. */
  readonly readOnly?: boolean
  /** Default: what {@link chooseBackend} takes, and a helper process for flush and zeroing. */
  readonly backend?: IoBackend
  /** Whether there is io_uring. Default {@link probeUring}. */
  readonly probe?: () => UringProbe
  /** How long the helper may take for one request. Default HELPER_TIMEOUT_MS. */
  readonly helperTimeoutMs?: number
  /** Default: the machine's own. */
  readonly clock?: Clock
  readonly turns?: Turns
}

/**
 * Opens a loop device as a path, with O_DIRECT and O_EXCL: the claim keeps off mounts and other claims, not plain
 * opens. A helper process asks LOOP_GET_STATUS64 and looks at the files below, which hangs behind a hung server. Rejects
 * with PATH_NOT_FOUND, PATH_PERMISSION, PATH_NOT_A_LOOP, PATH_NOT_ATTACHED, PATH_BUSY (mounted or claimed),
 * PATH_GHOST_CLAIM (claimed by I/O of an engine that is dead), PATH_READ_ONLY, PATH_WRONG_LUN (it carries the label of
 * another LUN), PATH_OPEN, LOOP_IOCTL, HELPER_TIMEOUT. Given to `addPath` as the promise that it is, a refusal is on the
 * ledger. A device without a label of ours is accepted, with `facts.labelled` false; one without direct I/O too, with
 * `coherence.direct` false.
 */
export async function loopPath(device: string, settings: LoopPathSettings): Promise<PathDevice> {
  checkPath('loopPath', device, settings)
  try {
    return await openLoopPath(device, settings)
  } catch (error) {
    throw withDetails(error, { device, wwid: settings.lun.wwid, hctl: settings.hctl })
  }
}

async function openLoopPath(device: string, settings: LoopPathSettings): Promise<PathDevice> {
  const named = findLoop(device)
  const fd = await openDirect(device, settings.readOnly ?? false, constants.O_EXCL).catch(
    (error: unknown) => {
      throw errnoOf(error) === 'EBUSY' ? busyError(device, named, error) : openError(device, error, '')
    },
  )
  const { clock = systemClock, helperTimeoutMs } = settings
  const helper = pathHelper({
    clock,
    fd,
    ...(helperTimeoutMs === undefined ? {} : { timeoutMs: helperTimeoutMs }),
  })
  try {
    const loop = await readOpenLoop(device, named, fd, helper)
    checkLabel(device, loop.status.fileName, settings.lun)
    if (loop.block.readOnly && settings.readOnly !== true) throw readOnlyDevice(device)
    return makePath(device, settings, loop, await openBackend(settings, loop, helper))
  } catch (error) {
    await helper.close()
    await closeDescriptor(fd)
    throw error
  }
}

/** The backend asked for has a life of its own, and no use for our helper. */
async function openBackend(
  settings: LoopPathSettings,
  { fd, number }: OpenLoop,
  helper: Helper,
): Promise<BackendChoice> {
  const { backend, clock = systemClock, turns = systemTurns, probe = probeUring } = settings
  if (backend === undefined) return chooseBackend({ clock, turns, fd, number, helper, probe })
  await helper.close()
  return { backend: { ...backend, close: async () => undefined }, why: 'it was asked for' }
}

interface NamedLoop {
  /** 'loop0'. */
  readonly name: string
  /** 'major:minor'. */
  readonly number: string
}

interface OpenLoop extends NamedLoop {
  readonly fd: number
  readonly block: BlockFacts
  readonly listing: LoopListing
  readonly status: LoopInspection['status']
  readonly errorsAreFinal: boolean
}

function findLoop(device: string): NamedLoop {
  const facts = inspectFile(device)
  if (facts === null) throw openError(device, { code: 'ENOENT' }, '')
  const number = facts.blockNumber
  const sysPath = number === null ? null : sysPathOf(number)
  const name = /\/(loop\d+)$/.exec(sysPath ?? '')?.[1]
  if (number === null || name === undefined) {
    throw new PathledgerError('PATH_NOT_A_LOOP', {
      message: `${device} cannot be a loop path.`,
      why: 'It is not a loop device.',
      todo: 'Attach a file with attachLoop or losetup, or use filePath for a regular file.',
    })
  }
  if (readLoop(name) === null) throw notAttached(device)
  return { name, number }
}

async function readOpenLoop(device: string, named: NamedLoop, fd: number, helper: Helper): Promise<OpenLoop> {
  // Asked again: what sysfs said before the open may have been of the device's life before this one.
  const listing = readLoop(named.name)
  if (listing === null) throw notAttached(device)
  const block = readBlockFacts(fd)
  return { ...named, fd, listing, block, ...(await helper.call('inspectLoop', { device })) }
}

function makePath(
  device: string,
  settings: LoopPathSettings,
  loop: OpenLoop,
  { backend, why }: BackendChoice,
): PathDevice {
  const { lun, readOnly = false } = settings
  const { fd, block, listing, status, number, errorsAreFinal } = loop
  const labelled = isLabel(status.fileName)
  const front = scsiFront(lun, settings.hctl)
  /** As it was last asked: the device may grow while it is open (LOOP_SET_CAPACITY). */
  const size = { bytes: block.sizeBytes }
  return {
    kind: 'loop',
    device,
    hctl: settings.hctl,
    lun,
    numaNode: settings.numaNode === undefined ? numaNodeOf(number) : settings.numaNode,
    geometry: {
      sizeBytes: block.sizeBytes,
      logicalBlockBytes: block.logicalBlockBytes,
      readOnly: readOnly || block.readOnly,
      limits: readLimits(loop.name),
    },
    guarantees: {
      errorsAreFinal,
      // Opened with O_EXCL: a dead engine's ring, helper or child would keep the claim until its I/O ends.
      claimsExclusively: true,
      isolatesExit: backend.isolatesExit,
      backend: backend.name,
    },
    coherence: { inode: status.inode, direct: listing.direct },
    deviceKey: `loop:${number}`,
    facts: {
      diskseq: block.diskseq,
      direct: listing.direct,
      autoclear: listing.autoclear,
      backingFile: listing.backingFile,
      inode: status.inode,
      offset: listing.offset,
      sizeLimit: listing.sizeLimit,
      labelled,
      label: labelled ? status.fileName : null,
      backendWhy: why,
    },
    useMemory: (memory) => backend.useMemory?.(memory),
    submit: front.guard(submitWithin({ fd, sizeBytes: () => size.bytes, backend, errorsAreFinal })),
    ...front.commands,
    ioctl: async (request) => passIoctl(fd, request),
    uniqueId: async (type) => uniqueIdOf(lun.wwid, type),
    sizeNow: () => (size.bytes = readBlockFacts(fd).sizeBytes),
    limitsNow: () => {
      backend.lookAgain?.()
      return readLimits(loop.name)
    },
    identify: async () => identify(loop),
    carries: (file) => restsOn(file, { number, inode: status.inode }),
    close: async () => {
      front.close()
      await backend.close()
      await closeDescriptor(fd)
    },
  }
}

/** The LUN's label is fine, and so is none. Throws PATH_WRONG_LUN for another one's. */
function checkLabel(device: string, fileName: string, lun: Lun): void {
  const label = labelOf(lun.wwid)
  if (fileName === label || !isLabel(fileName)) return
  throw new PathledgerError('PATH_WRONG_LUN', {
    message: `${device} belongs to another LUN.`,
    why: `It carries the label ${fileName}, and the LUN's is ${label}.`,
    todo: 'Check which device is meant: writing through the wrong one destroys data.',
    details: { found: fileName, expected: label },
  })
}

/** No ioctl here waits for a server. */
function identify({ fd, name, block, listing }: OpenLoop): IdentityVerdict {
  const now = { ...readBlockFacts(fd), ...loopSwitches(readLoop(name)) }
  const before = { ...block, ...loopSwitches(listing) }
  // It may have grown; what it had is still there.
  const differs = (fact: (typeof IDENTITY_FACTS)[number]) =>
    fact === 'sizeBytes' ? now.sizeBytes < before.sizeBytes : now[fact] !== before[fact]
  const changed = IDENTITY_FACTS.find(differs)
  if (changed === undefined) return { same: true }
  return { same: false, why: `${changed} was ${before[changed]} and is ${now[changed]} now` }
}

const IDENTITY_FACTS = ['attached', 'diskseq', 'sizeBytes', 'readOnly', 'direct', 'autoclear'] as const

function loopSwitches(listing: LoopListing | null): {
  attached: boolean
  direct: boolean
  autoclear: boolean
} {
  if (listing === null) return { attached: false, direct: false, autoclear: false }
  return { attached: true, direct: listing.direct, autoclear: listing.autoclear }
}

/** What it means that a loop device is claimed: by somebody who can be named, or by nobody alive. */
function busyError(device: string, named: NamedLoop, cause: unknown): PathledgerError {
  const holder = holderOf(named)
  if (holder.kind === 'holder') return openError(device, cause, holder.why)
  if (holder.kind === 'unknown') return openError(device, cause, UNKNOWN_HOLDER)
  return new PathledgerError('PATH_GHOST_CLAIM', {
    message: `The path ${device} cannot be opened.`,
    why: 'It is claimed, and nobody alive has it: the kernel still has I/O of an engine that is dead, which may yet land.',
    todo: 'End what hangs behind it, or wait; then open it again. Writes to the LUN wait for that or for an operator.',
    errno: 'EBUSY',
    outcome: 'unknown',
    cause,
  })
}

const UNKNOWN_HOLDER =
  'Another program has claimed it, or I/O of a dead one that has not ended: not every process could be looked at.'

function notAttached(device: string): PathledgerError {
  return new PathledgerError('PATH_NOT_ATTACHED', {
    message: `${device} cannot be a path.`,
    why: 'No file is attached to it.',
    todo: 'Attach one with attachLoop or losetup.',
  })
}

function readOnlyDevice(device: string): PathledgerError {
  return new PathledgerError('PATH_READ_ONLY', {
    message: `${device} is read-only.`,
    why: 'A path to a LUN is written to, unless readOnly is asked for.',
    todo: 'Attach it writable, or ask for readOnly.',
  })
}
