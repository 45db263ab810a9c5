// Where memory lies. The engine and the rings ask it; nothing is read or written through an address here.
import koffi from 'koffi'

/** Address of the first byte of a memory in this process; it fits a JS number exactly. */
export function addressOf(memory: ArrayBufferLike): number {
  return Number(koffi.address(memory))
}
