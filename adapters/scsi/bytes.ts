// Reading and writing SCSI's big-endian fields. Whatever lies beyond the end is an error with a code, never `undefined`.
import { PathledgerError } from '../../errors.ts'

/** One byte. Throws SCSI_TRUNCATED beyond the end. */
export function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at]
  if (byte === undefined) throw truncated(bytes.length, at + 1)
  return byte
}

/** Two bytes, big-endian. Throws SCSI_TRUNCATED beyond the end. */
export function uint16At(bytes: Uint8Array, at: number): number {
  return byteAt(bytes, at) * 0x100 + byteAt(bytes, at + 1)
}

/** Four bytes, big-endian. Throws SCSI_TRUNCATED beyond the end. */
export function uint32At(bytes: Uint8Array, at: number): number {
  return uint16At(bytes, at) * 0x1_0000 + uint16At(bytes, at + 2)
}

/** Eight bytes, big-endian: a reservation key is 64 bits. Throws SCSI_TRUNCATED beyond the end. */
export function uint64At(bytes: Uint8Array, at: number): bigint {
  return (BigInt(uint32At(bytes, at)) << 32n) | BigInt(uint32At(bytes, at + 4))
}

export function put16(bytes: Uint8Array, at: number, value: number): void {
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).setUint16(at, value)
}

export function put32(bytes: Uint8Array, at: number, value: number): void {
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).setUint32(at, value)
}

export function put64(bytes: Uint8Array, at: number, value: bigint): void {
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).setBigUint64(at, value)
}

/** One array of them all. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Each byte as a character: two texts are equal only when their bytes are. */
export function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}

/** The bytes of a text of such characters. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff)
}

/** Lower-case hex. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** The error for data that ends before what it says it holds. */
export function truncated(there: number, needed: number): PathledgerError {
  return new PathledgerError('SCSI_TRUNCATED', {
    message: `SCSI data of ${there} bytes ends too early.`,
    why: `Byte ${needed} was looked for.`,
    todo: 'Ask the device again with a larger allocation length.',
    errno: 'EINVAL',
    details: { there, needed },
  })
}

/** The error for data that is not what it was taken for. */
export function malformed(what: string, why: string): PathledgerError {
  return new PathledgerError('SCSI_MALFORMED', {
    message: `These bytes are not ${what}.`,
    why,
    todo: 'Look at what the device answered; its data is used for nothing.',
    errno: 'EINVAL',
  })
}
