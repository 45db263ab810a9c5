// Discarding and zeroing ranges of an open descriptor. Each call holds the calling thread until the device has answered:
// for child processes only.
import { fstatSync } from 'node:fs'
import koffi from 'koffi'
import { errnoOfNumber } from '../errno.ts'
import { tryIoctl } from '../loop/ioctl.ts'
import type { IoctlRequest } from '../loop/ioctl.ts'

const BLKDISCARD: IoctlRequest = { name: 'BLKDISCARD', number: 0x1277 }
const BLKZEROOUT: IoctlRequest = { name: 'BLKZEROOUT', number: 0x127f }

/** Flags of fallocate(2). */
const KEEP_SIZE = 1
const PUNCH_HOLE = 2
const ZERO_RANGE = 16

const fallocateCall = koffi
  .load(null)
  .func('int fallocate(int fd, int mode, int64_t offset, int64_t length)') as unknown as (
  fd: number,
  mode: number,
  offset: number,
  length: number,
) => number

/** Discards a range: of a block device by BLKDISCARD, of a file by a hole, which reads as zeroes. Answers an errno or null. */
export function discardRange(fd: number, offset: number, length: number): string | null {
  if (fstatSync(fd).isBlockDevice()) return blockRange(fd, BLKDISCARD, offset, length)
  return fallocate(fd, PUNCH_HOLE, offset, length)
}

/** Makes a range read as zeroes: BLKZEROOUT, or of a file fallocate, with a hole where it cannot zero. */
export function zeroRange(fd: number, offset: number, length: number): string | null {
  if (fstatSync(fd).isBlockDevice()) return blockRange(fd, BLKZEROOUT, offset, length)
  const errno = fallocate(fd, ZERO_RANGE, offset, length)
  return errno === 'EOPNOTSUPP' ? fallocate(fd, PUNCH_HOLE, offset, length) : errno
}

function blockRange(fd: number, request: IoctlRequest, offset: number, length: number): string | null {
  const range = new BigUint64Array([BigInt(offset), BigInt(length)])
  return tryIoctl(fd, request, new Uint8Array(range.buffer)).errno
}

function fallocate(fd: number, mode: number, offset: number, length: number): string | null {
  return fallocateCall(fd, mode | KEEP_SIZE, offset, length) < 0 ? errnoOfNumber(koffi.errno()) : null
}
