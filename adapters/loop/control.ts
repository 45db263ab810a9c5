// Attaching and detaching loop devices. What is attached here detaches itself at its last close, also after SIGKILL.
// Both can hang with the server behind the file: a helper process calls them (adapters/helper/loops.ts), not the engine.
import { fstat } from 'node:fs'
import { promisify } from 'node:util'
import { PathledgerError } from '../../errors.ts'
import { blocksFit } from '../completions.ts'
import { closeDescriptor, openPlain, refuseOpen } from '../descriptor.ts'
import { ioctl, ioctlError, tryIoctl, LOOP_CLR_FD, LOOP_CONFIGURE, LOOP_CTL_GET_FREE } from './ioctl.ts'
import { labelOf } from './label.ts'
import { readLoop } from './list.ts'
import { LOOP_INFO } from './status.ts'

/** `struct loop_config`: fd, block size, a struct loop_info64, and eight reserved words. */
const CONFIG = { bytes: 8 + LOOP_INFO.bytes + 64, fd: 0, blockSize: 4, info: 8 } as const

const LO_FLAGS_READ_ONLY = 1
const LO_FLAGS_AUTOCLEAR = 4
const LO_FLAGS_DIRECT_IO = 16

/** Free devices to try: others take the one we were shown before we do. */
const ATTACH_TRIES = 32

/** What to attach, and as what. */
export interface AttachSettings {
  /** The file behind the device. */
  readonly image: string
  /** Goes along as the device's label ({@link labelOf}). */
  readonly wwid: string
  /** Bytes; default: what the kernel takes for this file. */
  readonly logicalBlockBytes?: number
  /** Default false. */
  readonly readOnly?: boolean
}

/** A loop device that somebody must open soon. */
export interface AttachedLoop {
  /** '/dev/loop0'. */
  readonly device: string
  readonly number: number
  readonly label: string
  /**
   * Closes the descriptor that keeps the device attached. Call it once `loopPath` has opened the device; called before,
   * it detaches. The second call does nothing.
   */
  release(): Promise<void>
}

/** `attachLoop`, on this process's own threads. The answer keeps the device attached, until `release()`. */
export async function attachHere(settings: AttachSettings): Promise<AttachedLoop> {
  const { image, readOnly = false } = settings
  const imageFd = await openPlain(image, readOnly).catch(refuseOpen(image))
  try {
    await checkSize(settings, imageFd)
    return await attachToFree(settings, imageFd)
  } finally {
    // The device has its own reference to the file.
    await closeDescriptor(imageFd)
  }
}

/** `detachLoop`, on this process's own threads. */
export async function detachHere(device: string): Promise<void> {
  const fd = await openPlain(device, true).catch(refuseOpen(device))
  const { errno } = tryIoctl(fd, LOOP_CLR_FD)
  await closeDescriptor(fd)
  if (errno !== null && errno !== 'ENXIO') throw ioctlError(LOOP_CLR_FD, errno)
}

async function attachToFree(settings: AttachSettings, imageFd: number): Promise<AttachedLoop> {
  const config = makeConfig(settings, imageFd)
  for (let tried = 0; tried < ATTACH_TRIES; tried += 1) {
    const number = await findFree()
    const device = `/dev/loop${number}`
    const fd = await openPlain(device, false).catch(refuseOpen(device))
    const { errno } = tryIoctl(fd, LOOP_CONFIGURE, config)
    if (errno === null) return await handOver(settings, number, fd)
    await closeDescriptor(fd)
    if (errno !== 'EBUSY') throw ioctlError(LOOP_CONFIGURE, errno)
  }
  throw new PathledgerError('LOOP_NONE_FREE', {
    message: `No free loop device was found for ${settings.image}.`,
    why: `Other programs took or hold all ${ATTACH_TRIES} that the kernel offered.`,
    todo: 'Try again, or use losetup to see which device is held although nothing is attached.',
  })
}

async function handOver(settings: AttachSettings, number: number, fd: number): Promise<AttachedLoop> {
  const device = `/dev/loop${number}`
  if (readLoop(`loop${number}`)?.direct !== true) {
    // AUTOCLEAR detaches it with this close.
    await closeDescriptor(fd)
    throw new PathledgerError('LOOP_NOT_DIRECT', {
      message: `${settings.image} cannot be attached with direct I/O.`,
      why: 'The kernel still uses the page cache: the block is too small for the disk below, or its filesystem has no direct I/O.',
      todo: 'Choose a logical block as large as that of the disk below, or another filesystem.',
    })
  }
  let released = false
  return {
    device,
    number,
    label: labelOf(settings.wwid),
    release: async () => {
      if (released) return
      released = true
      await closeDescriptor(fd)
    },
  }
}

async function findFree(): Promise<number> {
  const control = '/dev/loop-control'
  const fd = await openPlain(control, false).catch(refuseOpen(control))
  try {
    return ioctl(fd, LOOP_CTL_GET_FREE)
  } finally {
    await closeDescriptor(fd)
  }
}

async function checkSize({ image, logicalBlockBytes = 512 }: AttachSettings, fd: number): Promise<void> {
  const { size } = await promisify(fstat)(fd)
  if (blocksFit(size, logicalBlockBytes)) return
  throw new PathledgerError('PATH_SIZE', {
    message: `${image} of ${size} bytes cannot be attached.`,
    why: `A path has whole blocks, here of ${logicalBlockBytes} bytes, and at least one; the kernel would cut the rest off.`,
    todo: 'Make it larger with truncate(1), or choose another block size.',
  })
}

function makeConfig(settings: AttachSettings, imageFd: number): Buffer {
  const { wwid, logicalBlockBytes = 0, readOnly = false } = settings
  const flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO | (readOnly ? LO_FLAGS_READ_ONLY : 0)
  const config = Buffer.alloc(CONFIG.bytes)
  config.writeUInt32LE(imageFd, CONFIG.fd)
  config.writeUInt32LE(logicalBlockBytes, CONFIG.blockSize)
  config.writeUInt32LE(flags, CONFIG.info + LOOP_INFO.flags)
  config.write(labelOf(wwid), CONFIG.info + LOOP_INFO.fileName, 'utf8')
  return config
}
