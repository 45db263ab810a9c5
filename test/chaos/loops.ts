// What is done to loop devices from outside the engine.
import { closeSync, openSync } from 'node:fs'
import { ioctl, LOOP_GET_STATUS64 } from '../../adapters/loop/ioctl.ts'
import type { IoctlRequest } from '../../adapters/loop/ioctl.ts'
import { readLoop } from '../../adapters/loop/list.ts'
import { LOOP_INFO } from '../../adapters/loop/status.ts'

const LOOP_SET_STATUS64: IoctlRequest = { name: 'LOOP_SET_STATUS64', number: 0x4c04 }
/** `lo_sizelimit` in a struct loop_info64. */
const SIZE_LIMIT_AT = 32

/**
 * Sets the size of an attached device, label and all else as they are. nbdfuse says for ever how large its file was when it
 * was mounted, so a longer image behind it would never be seen: the image is as long as it will ever be from the start, and
 * the device shows a part of it.
 */
export function limitSize(device: string, sizeBytes: number): void {
  const fd = openSync(device, 'r')
  try {
    const info = Buffer.alloc(LOOP_INFO.bytes)
    ioctl(fd, LOOP_GET_STATUS64, info)
    info.writeBigUInt64LE(BigInt(sizeBytes), SIZE_LIMIT_AT)
    ioctl(fd, LOOP_SET_STATUS64, info)
  } finally {
    closeSync(fd)
  }
}

/** Whether the device is still attached to what lies under a folder or file. */
export function isAttached(device: string, under: string): boolean {
  return readLoop(device.slice('/dev/'.length))?.backingFile.startsWith(under) === true
}
