// What is wrong with an I/O that a caller asks for. Nothing of it has been sent by then.
import type { ErrorCode } from '../../errors/codes.ts'
import { argumentInvalid, shown } from '../../errors/arguments.ts'
import { PathledgerError } from '../../errors.ts'
import type { HeadRuntime } from '../heads/runtime.ts'
import { abortedError } from './errors.ts'
import { headGoneError } from '../heads/gone.ts'
import { PAGE_BYTES } from '../memory/lender.ts'
import { nodeRefusal } from '../core/numa.ts'
import type { OpenIo } from './open-io.ts'
import { vectorLength } from '../memory/vector.ts'
import { headQueue } from './queues.ts'

/** Why an I/O is not taken, or null. `waiting` callers wait already, and `keptBytes` of writes are kept for them. */
export function refusalOf(
  head: HeadRuntime,
  io: OpenIo,
  waiting: number,
  keptBytes: number,
): PathledgerError | null {
  const { op, node, signal } = io
  const { core } = head
  if (core.broken !== null) return core.broken
  const unasked = signal === null ? null : signalRefusal(head, op, signal)
  if (unasked !== null) return unasked
  if (!head.live) return headGoneError(head)
  // What carries no bytes is bounded by no bytes: those that are parked or held count here.
  const byteless = op === 'read' || op === 'write' ? 0 : headQueue(head).waiters.length
  const { waitersMax, waitersBytesMax } = core.settings
  if (waiting + byteless >= waitersMax) {
    return queueFull(head, `${waitersMax} callers wait for memory or for a path already.`)
  }
  // One write of any length may wait: otherwise it could never go.
  if (op === 'write' && waiting > 0 && keptBytes > 0 && keptBytes + io.length > waitersBytesMax) {
    return queueFull(head, `${keptBytes} bytes of writes wait for memory or for a path already.`)
  }
  const unknownNode = nodeRefusal(core, node)
  if (unknownNode !== null || op === 'flush') return unknownNode
  return badRange(head, io) ?? badMemory(head, io)
}

/** What is wrong with the bytes an I/O names, or null. */
function badRange(head: HeadRuntime, { op, offset, length, data }: OpenIo): PathledgerError | null {
  const { sizeBytes, logicalBlockBytes } = head
  if (op === 'write' && (data === null || vectorLength(data) < 0)) {
    return invalid('IO_DATA', 'A write needs its data.', 'data must be a Uint8Array (a Buffer is one).')
  }
  if (!isWhole(offset, logicalBlockBytes) || !isWhole(length, logicalBlockBytes) || length === 0) {
    const what = `${op} of ${shown(length)} bytes at ${shown(offset)} is not aligned.`
    const why = `Offset and length must be multiples of ${logicalBlockBytes} bytes, the logical block of ${head.name}.`
    return invalid('IO_UNALIGNED', what, why)
  }
  if (offset + length > sizeBytes) {
    const what = `${op} of ${length} bytes at ${offset} goes beyond the end.`
    return invalid('IO_OUT_OF_RANGE', what, `${head.name} has ${sizeBytes} bytes.`)
  }
  if ((op !== 'read' && op !== 'write') || (data !== null && vectorLength(data) === length)) return null
  const why = `${length} bytes are to be moved.`
  return invalid('IO_DATA', `The memory for a ${op} is not as long as the ${op}.`, why)
}

/** What is no signal, or has fired already. */
function signalRefusal(head: HeadRuntime, op: string, signal: AbortSignal): PathledgerError | null {
  if (typeof (signal as Partial<AbortSignal>).addEventListener !== 'function') {
    const why = `signal is an AbortSignal, and it was given ${shown(signal)}.`
    return argumentInvalid(`${head.name}: a ${op}`, why)
  }
  return signal.aborted ? abortedError(head, op, 'never sent', signal) : null
}

function isWhole(bytes: number, block: number): boolean {
  return Number.isSafeInteger(bytes) && bytes >= 0 && bytes % block === 0
}

/** What is wrong with the memory that a write is to be done from, or null. */
function badMemory(head: HeadRuntime, { data, memory }: OpenIo): PathledgerError | null {
  if (memory === 'copied' || data === null) return null
  const { lender } = head.core
  if (memory !== 'callersOwn') {
    if (memory.isOf(lender)) return null
    const why = 'Its memory belongs to that engine, which counts it.'
    return invalid('BUFFER_FOREIGN', 'This buffer was lent by another engine.', why)
  }
  if (!(data instanceof Uint8Array)) {
    return invalid('IO_DATA', 'A write with ghostSafe: false takes one piece of memory.', 'It got several.')
  }
  if (lender.isAligned(data)) return null
  const why = `Direct I/O takes memory that starts on a multiple of ${PAGE_BYTES} bytes, and ghostSafe: false copies none.`
  return invalid('BUFFER_UNALIGNED', "The write's memory does not start on a page.", why)
}

function invalid(code: ErrorCode, message: string, why: string): PathledgerError {
  return new PathledgerError(code, {
    message,
    why,
    todo: 'Nothing was sent. Correct the call.',
    errno: 'EINVAL',
  })
}

/** Too many wait already. */
export function queueFull(head: HeadRuntime, why: string): PathledgerError {
  return new PathledgerError('QUEUE_FULL', {
    message: `${head.name} has too many I/Os waiting.`,
    why,
    todo: 'Wait for earlier I/Os before you send more, or bring a path back.',
    errno: 'EAGAIN',
  })
}
