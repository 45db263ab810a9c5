// The label of a LUN's loop devices: `lo_file_name` travels with the device and says whose it is.
import { createHash } from 'node:crypto'

/** Bytes of `lo_file_name`, the ending zero included. */
export const LABEL_FIELD_BYTES = 64

/** Hex digits of a hashed label: with 'sha256:' it fills the 63 bytes that the kernel keeps. */
const LABEL_DIGITS = 56

/**
 * The label that a LUN's loop devices carry in `lo_file_name`: its wwid where that fits into 63 bytes, else 'sha256:'
 * and 56 hex digits of its SHA-256. Never a truncated wwid: two long ones may begin alike. Pure.
 */
export function labelOf(wwid: string): string {
  const fits = Buffer.byteLength(wwid) < LABEL_FIELD_BYTES && !wwid.includes('\0')
  if (fits && isLabel(wwid)) return wwid
  return `sha256:${createHash('sha256').update(wwid).digest('hex').slice(0, LABEL_DIGITS)}`
}

/** True when `lo_file_name` is a label of ours: losetup puts an absolute path there, other tools nothing. Pure. */
export function isLabel(fileName: string): boolean {
  return fileName !== '' && !fileName.startsWith('/')
}
