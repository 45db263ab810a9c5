// What only the loop driver itself tells, by LOOP_GET_STATUS64.
import { deviceNumber } from '../file-facts.ts'
import { ioctl, LOOP_GET_STATUS64 } from './ioctl.ts'
import { LABEL_FIELD_BYTES } from './label.ts'

/** Bytes of `struct loop_info64`, and where its members lie. */
export const LOOP_INFO = {
  bytes: 232,
  device: 0,
  inode: 8,
  flags: 52,
  fileName: 56,
} as const

/** What only LOOP_GET_STATUS64 tells. */
export interface LoopStatus {
  /** `lo_file_name`: a label of ours, a path that losetup put there, or ''. */
  readonly fileName: string
  /** Of the backing file, 'major:minor:inode'. */
  readonly inode: string
}

/**
 * Asks the driver by LOOP_GET_STATUS64, which stats the backing file: behind a hung server it hangs, takes the calling
 * thread and the device's mutex with it, and cannot be killed. So it is asked once, when a path is opened, before the
 * path is anybody's; a helper process per path is the place for it once there is one. Throws LOOP_IOCTL.
 */
export function readLoopStatus(fd: number): LoopStatus {
  const info = Buffer.alloc(LOOP_INFO.bytes)
  ioctl(fd, LOOP_GET_STATUS64, info)
  const name = info.subarray(LOOP_INFO.fileName, LOOP_INFO.fileName + LABEL_FIELD_BYTES)
  const end = name.indexOf(0)
  const device = deviceNumber(info.readBigUInt64LE(LOOP_INFO.device))
  return {
    fileName: name.toString('utf8', 0, end < 0 ? name.length : end),
    inode: `${device}:${info.readBigUInt64LE(LOOP_INFO.inode)}`,
  }
}
