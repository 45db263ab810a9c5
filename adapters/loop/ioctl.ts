// ioctl(2) through koffi, with errors by name. Each call runs on the calling thread and holds it until the kernel answers.
import koffi from 'koffi'
import { PathledgerError } from '../../errors.ts'
import { errnoOfNumber } from '../errno.ts'
import type { DeviceIoctl, DeviceIoctlAnswer } from '../ports.ts'

/** One ioctl: its kernel name, and its number on x86-64 and arm64. */
export interface IoctlRequest {
  readonly name: string
  readonly number: number
}

/** Detaches; on a device that is open elsewhere, at its last close. No argument. */
export const LOOP_CLR_FD: IoctlRequest = { name: 'LOOP_CLR_FD', number: 0x4c01 }
/** Fills a struct loop_info64. Waits for the server behind the backing file. */
export const LOOP_GET_STATUS64: IoctlRequest = { name: 'LOOP_GET_STATUS64', number: 0x4c05 }
/** Attaches by a struct loop_config, all at once. */
export const LOOP_CONFIGURE: IoctlRequest = { name: 'LOOP_CONFIGURE', number: 0x4c0a }
/** On /dev/loop-control: answers the number of a free device. No argument. */
export const LOOP_CTL_GET_FREE: IoctlRequest = { name: 'LOOP_CTL_GET_FREE', number: 0x4c82 }

const BLKROGET: IoctlRequest = { name: 'BLKROGET', number: 0x125e }
const BLKSSZGET: IoctlRequest = { name: 'BLKSSZGET', number: 0x1268 }
const BLKGETSIZE64: IoctlRequest = { name: 'BLKGETSIZE64', number: 0x8008_1272 }
const BLKGETDISKSEQ: IoctlRequest = { name: 'BLKGETDISKSEQ', number: 0x8008_1280 }

/** `null` names the process itself, which has the C library in it, whichever that is. */
const libraryCall = koffi.load(null).func('int ioctl(int fd, unsigned long request, ...)') as unknown as (
  fd: number,
  request: number,
  type: string,
  argument: Uint8Array | null,
) => number

/** What an ioctl answered: `errno` is null when it went well. */
export interface IoctlAnswer {
  readonly value: number
  readonly errno: string | null
}

/** Calls ioctl on an open descriptor; `argument` is a struct that the kernel reads and fills. Never throws. */
export function tryIoctl(fd: number, request: IoctlRequest, argument: Uint8Array | null = null): IoctlAnswer {
  const value = libraryCall(fd, request.number, 'void *', argument)
  return { value, errno: value < 0 ? errnoOfNumber(koffi.errno()) : null }
}

/** {@link tryIoctl} for a call that has no reason to fail. Throws LOOP_IOCTL. */
export function ioctl(fd: number, request: IoctlRequest, argument: Uint8Array | null = null): number {
  const { value, errno } = tryIoctl(fd, request, argument)
  if (errno !== null) throw ioctlError(request, errno)
  return value
}

/** LOOP_IOCTL: an ioctl failed for a reason that has no code of its own. */
export function ioctlError(request: IoctlRequest, errno: string): PathledgerError {
  return new PathledgerError('LOOP_IOCTL', {
    message: `The ioctl ${request.name} failed with ${errno}.`,
    why: 'The kernel refused it.',
    todo: 'Check the kernel log, and that this process may administer loop devices (CAP_SYS_ADMIN).',
    errno,
  })
}

/** What the kernel says of an open block device. None of these waits for a server. */
export interface BlockFacts {
  readonly sizeBytes: number
  readonly logicalBlockBytes: number
  readonly readOnly: boolean
  /** Another number after every attach, for as long as the machine runs. */
  readonly diskseq: number
}

/** Reads size, block, read-only flag and disk sequence number of an open block device. Throws LOOP_IOCTL. */
export function readBlockFacts(fd: number): BlockFacts {
  return {
    sizeBytes: Number(ask(fd, BLKGETSIZE64).getBigUint64(0, true)),
    logicalBlockBytes: ask(fd, BLKSSZGET).getUint32(0, true),
    readOnly: ask(fd, BLKROGET).getUint32(0, true) !== 0,
    diskseq: Number(ask(fd, BLKGETDISKSEQ).getBigUint64(0, true)),
  }
}

/** What may be passed on to a loop device, with the bytes that the kernel fills in. None of these waits for a server. */
const PASSED: Readonly<Record<string, IoctlRequest & { readonly bytes: number }>> = Object.fromEntries(
  [
    { ...BLKGETSIZE64, bytes: 8 },
    { ...BLKSSZGET, bytes: 4 },
    { name: 'BLKPBSZGET', number: 0x127b, bytes: 4 },
    { name: 'BLKIOMIN', number: 0x1278, bytes: 4 },
    { name: 'BLKIOOPT', number: 0x1279, bytes: 4 },
    { name: 'BLKALIGNOFF', number: 0x127a, bytes: 4 },
    { ...BLKROGET, bytes: 4 },
    { ...BLKGETDISKSEQ, bytes: 8 },
    // struct hd_geometry: heads, sectors (a byte each), cylinders (two), padding, and the start as a long.
    { name: 'HDIO_GETGEO', number: 0x0301, bytes: 16 },
  ].map((passed) => [passed.name, passed]),
)

/** An ioctl of a caller on an open loop device; ENOTTY for one that is not passed on. Never throws. */
export function passIoctl(fd: number, { command }: DeviceIoctl): DeviceIoctlAnswer {
  const passed = Object.hasOwn(PASSED, command) ? PASSED[command] : undefined
  if (passed === undefined) return { errno: 'ENOTTY', value: -1, data: new Uint8Array(0) }
  const data = new Uint8Array(passed.bytes)
  const { value, errno } = tryIoctl(fd, passed, data)
  return { errno, value, data }
}

/** Little-endian: x86-64 and arm64. */
function ask(fd: number, request: IoctlRequest): DataView {
  const answer = new Uint8Array(8)
  ioctl(fd, request, answer)
  return new DataView(answer.buffer)
}
