// What the command descriptor blocks share: fields, lengths, and the status byte of an answer.

/** Status bytes of a target (SAM-5). */
export const GOOD = 0x00
export const CHECK_CONDITION = 0x02
export const BUSY = 0x08
export const RESERVATION_CONFLICT = 0x18

/** Two bytes of a CDB. */
export function uint16Field(value: number): [number, number] {
  return [(value >> 8) & 0xff, value & 0xff]
}

/** Four bytes of a CDB. */
export function uint32Field(value: number): [number, number, number, number] {
  return [(value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]
}

/** A target sends no more than was allocated; the length fields inside still say how much there is. */
export function allocated(data: Uint8Array, allocation: number): Uint8Array {
  return data.subarray(0, Math.min(data.length, allocation))
}
