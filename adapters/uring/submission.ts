// What an I/O of ours is in the words of the ring.
import { addressOf } from '../memory-address.ts'
import type { IoRequest } from '../ports.ts'
import { BLOCK_DISCARD, FIXED_FILE, OPCODE, RW } from './abi.ts'
import type { Ring } from './ring.ts'

/**
 * Bytes of the engine's memory, from its start, that a ring maps once for all instead of for each I/O. They stay resident
 * and count as locked memory, so not all of it: the pool hands out its lowest blocks first.
 */
export const FIXED_BYTES_MAX = 4 * 1024 * 1024

/** Puts I/Os into a ring, with whatever the ring knows already of their descriptor and their memory. */
export class Submitter {
  readonly #ring: Ring
  /** The descriptor that the ring has as its own: the first one it saw. */
  #fixedFd = -1
  #fixed: ArrayBufferLike | null = null
  #fixedFrom = 0
  #fixedTo = 0
  #memory: ArrayBufferLike | null = null
  #base = 0

  constructor(ring: Ring) {
    this.#ring = ring
  }

  /**
   * Maps the start of this memory once for all. It must stay mapped where it is for the life of the ring, which keeps it
   * alive: the ring would use the old pages after whatever else came to lie at their address.
   */
  useMemory(memory: ArrayBufferLike): void {
    if (this.#fixed !== null) return
    const base = baseOf(memory)
    const bytes = Math.min(memory.byteLength, FIXED_BYTES_MAX)
    if (bytes === 0 || !this.#ring.registerMemory(base, bytes)) return
    this.#fixed = memory
    this.#fixedFrom = base
    this.#fixedTo = base + bytes
  }

  /** Prepares a read, a write or a discard. Its memory must stay where it is until the completion. */
  prepare(fd: number, { op, offset, length, data, fua }: IoRequest, tag: number): void {
    if (this.#fixedFd === -1) this.#fixedFd = this.#ring.registerFile(fd) ? fd : -2
    const known = fd === this.#fixedFd
    const flags = known ? FIXED_FILE : 0
    const descriptor = known ? 0 : fd
    if (data === null) {
      this.#ring.prepare(OPCODE.command, flags, descriptor, BLOCK_DISCARD, offset, 0, 0, length, tag)
      return
    }
    const { buffer } = data
    if (buffer !== this.#memory) {
      this.#memory = buffer
      this.#base = baseOf(buffer)
    }
    const address = this.#base + data.byteOffset
    const fixed = address >= this.#fixedFrom && address + length <= this.#fixedTo
    const write = op === 'write'
    const opcode = fixed ? (write ? OPCODE.writeFixed : OPCODE.readFixed) : write ? OPCODE.write : OPCODE.read
    const rw = write && fua ? RW.nowait | RW.dsync : RW.nowait
    this.#ring.prepare(opcode, flags, descriptor, offset, address, length, rw, 0, tag)
  }
}

/** Asked once for each memory: it does not move. */
const bases = new WeakMap<ArrayBufferLike, number>()

function baseOf(memory: ArrayBufferLike): number {
  const known = bases.get(memory)
  if (known !== undefined) return known
  const base = addressOf(memory)
  bases.set(memory, base)
  return base
}

/** True for what the ring can be asked: bytes of their own for a read or a write, whole numbers for all. */
export function isWellFormed({ op, offset, length, data }: IoRequest): boolean {
  if (!Number.isSafeInteger(offset) || offset < 0 || !Number.isSafeInteger(length) || length < 0) return false
  if (op === 'read' || op === 'write')
    return data !== null && data.byteLength >= length && length <= 0x7fff_f000
  return data === null
}
