// What an I/O of ours is in the words of the ring.
import { addressOf } from '../memory-address.ts'
import type { IoRequest } from '../ports.ts'
import { BLOCK_DISCARD, OPCODE, RW } from './abi.ts'
import type { Submission } from './ring.ts'

/** The submission of a read, a write or a discard. `data` must stay where it is until the completion. */
export function submissionOf(fd: number, request: IoRequest, tag: number): Submission {
  const { op, offset, length, data, fua } = request
  if (data === null) {
    return {
      opcode: OPCODE.command,
      flags: 0,
      fd,
      offset: BLOCK_DISCARD,
      address: offset,
      length: 0,
      operationFlags: 0,
      extra: length,
      tag,
    }
  }
  return {
    opcode: op === 'write' ? OPCODE.write : OPCODE.read,
    flags: 0,
    fd,
    offset,
    address: baseOf(data.buffer) + data.byteOffset,
    length,
    operationFlags: op === 'write' && fua ? RW.nowait | RW.dsync : RW.nowait,
    extra: 0,
    tag,
  }
}

/** Asked once for each memory: it does not move, and the engine has few of them. */
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
