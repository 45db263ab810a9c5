// The I/O of a child process: through node:fs, with memory that direct I/O takes.
import { alignedBytes } from '../aligned.ts'
import { completed, failed } from '../completions.ts'
import { errnoOf } from '../errno.ts'
import { fsBackend } from '../fs-backend.ts'
import type { IoCompletion, IoRequest } from '../ports.ts'
import { discardRange, zeroRange } from './ranges.ts'

/** What came of one I/O. */
export interface IoOutcome {
  readonly errno: string | null
  readonly bytes: number
  /** What a read read, or null. */
  readonly read: Uint8Array | null
  /** Gives its memory back. */
  readonly release: () => void
}

/** Pieces of at least this, so that a few sizes serve all. */
const PIECE_BYTES_MIN = 65_536

/** Free memory by size: a fresh mapping for each I/O would cost more than the I/O. */
const free = new Map<number, Uint8Array[]>()

const backend = fsBackend()

/** Does one I/O on `fd`; `data` is what a write writes. Never rejects. */
export async function performIo(
  fd: number,
  request: Omit<IoRequest, 'data'>,
  data: Uint8Array,
): Promise<IoOutcome> {
  const { op, offset, length } = request
  if (op === 'discard') return withoutMemory(range(() => discardRange(fd, offset, length), length))
  if (op === 'writeZeroes') return withoutMemory(range(() => zeroRange(fd, offset, length), length))
  if (op === 'flush') return withoutMemory(await submit(fd, { ...request, data: null }))
  // Its memory was taken away before it was sent: what is in ours is of another I/O.
  if (op === 'write' && data.length !== length) return withoutMemory(failed('EFAULT'))
  const whole = takeMemory(length)
  const bytes = whole.subarray(0, length)
  if (op === 'write') bytes.set(data)
  const { errno, bytes: moved } = await submit(fd, { ...request, data: bytes })
  const read = op === 'read' && errno === null ? bytes.subarray(0, moved) : null
  return { errno, bytes: moved, read, release: () => free.get(whole.length)?.push(whole) }
}

function submit(fd: number, request: IoRequest): Promise<IoCompletion> {
  return new Promise((resolve) => {
    backend.submit(fd, request, resolve)
  })
}

function range(act: () => string | null, length: number): IoCompletion {
  try {
    const errno = act()
    return errno === null ? completed(length) : failed(errno)
  } catch (error) {
    return failed(errnoOf(error))
  }
}

function withoutMemory({ errno, bytes }: IoCompletion): IoOutcome {
  return { errno, bytes, read: null, release: () => undefined }
}

function takeMemory(length: number): Uint8Array {
  let size = PIECE_BYTES_MIN
  while (size < length) size *= 2
  const pieces = free.get(size) ?? []
  free.set(size, pieces)
  return pieces.pop() ?? alignedBytes(size)
}
