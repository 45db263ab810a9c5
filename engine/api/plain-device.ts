// A device that is not a path: what was not taken stays usable as the ordinary single-path device that it is (D-4).
import type { ErrorCode } from '../../errors/codes.ts'
import { checkArguments, checkFields, shown } from '../../errors/arguments.ts'
import type { IoCompletion, IoRequest, PathDevice } from '../../adapters/ports.ts'
import { PathledgerError } from '../../errors.ts'
import type { IoOp } from '../../machines/words.ts'
import { checkDevice } from '../../adapters/scsi/device-shape.ts'
import { BufferPool } from '../memory/pool.ts'
import { errnoOf, statusOf } from '../core/blk-status.ts'

/** Memory of one plain device: what is larger is cut. */
const BUFFER_BYTES = 1024 * 1024

/**
 * A device without multipath around it: one way, no retry, no ledger; an error is the caller's. Errors: IO_ERROR (errno
 * as the kernel maps the status), IO_UNALIGNED, IO_OUT_OF_RANGE, CLOSED.
 */
export class PlainDevice {
  readonly #device: PathDevice
  readonly #pool: BufferPool
  #last: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | null = null

  /** @internal */
  constructor(device: PathDevice, allocate?: (bytes: number) => ArrayBuffer) {
    this.#device = device
    this.#pool = new BufferPool(BUFFER_BYTES * 2, allocate)
  }

  /** '/dev/loop0', a file's name, or 'memory'. */
  get name(): string {
    return this.#device.device
  }

  get sizeBytes(): number {
    return this.#device.geometry.sizeBytes
  }

  /** The unit of offsets and lengths. */
  get logicalBlockBytes(): number {
    return this.#device.geometry.logicalBlockBytes
  }

  /** Reads; resolves with the bytes. */
  async read(options: { readonly offset: number; readonly length: number }): Promise<Uint8Array> {
    checkArguments('read', { options }, { options: 'object' })
    const { offset, length } = options
    const data = new Uint8Array(this.#check('read', offset, length))
    await this.#inPieces('read', offset, data)
    return data
  }

  /** Writes; resolves when the device has acknowledged all of it. */
  async write(options: { readonly offset: number; readonly data: Uint8Array }): Promise<void> {
    checkFields('write', 'options', options, { data: 'bytes' })
    const { offset, data } = options
    this.#check('write', offset, data.length)
    await this.#inPieces('write', offset, data)
  }

  /** Makes what was acknowledged durable. */
  async flush(): Promise<void> {
    await this.#one({ op: 'flush', offset: 0, length: 0, data: null, fua: false })
  }

  /** Waits for what is under way and lets go of the device. Calling it again gives the same promise. */
  close(): Promise<void> {
    this.#closing ??= this.#last.then(() => this.#device.close())
    return this.#closing
  }

  async #inPieces(op: 'read' | 'write', offset: number, data: Uint8Array): Promise<void> {
    const { logicalBlockBytes } = this
    const step = Math.max(logicalBlockBytes, BUFFER_BYTES - (BUFFER_BYTES % logicalBlockBytes))
    const { length } = data
    for (let done = 0; done < length; done += step) {
      const bytes = Math.min(step, length - done)
      const piece = { op, offset: offset + done, length: bytes, fua: false }
      if (data.length !== length) throw memoryGone(this.name, piece)
      await this.#one({ ...piece, data: data.subarray(done, done + bytes) })
    }
  }

  /** One after the other: a plain device has one buffer, page-aligned as O_DIRECT needs it. */
  #one(request: IoRequest): Promise<void> {
    if (this.#closing !== null) return Promise.reject(closed(this.name))
    const done = this.#last.then(() => this.#send(request))
    this.#last = done.catch(() => undefined)
    return done
  }

  async #send(request: IoRequest): Promise<void> {
    const { op, data } = request
    // While it waited for its turn its caller may have taken the memory away.
    if (data !== null && data.length !== request.length) throw memoryGone(this.name, request)
    const block = data === null ? null : this.#pool.take(request.length)
    if (op === 'write' && data !== null) block?.bytes.set(data)
    const completion = await new Promise<IoCompletion>((resolve) => {
      this.#device.submit({ ...request, data: block?.bytes ?? null }, resolve)
    })
    if (op === 'read' && block !== null) data?.set(block.bytes)
    if (block !== null) this.#pool.release(block)
    const status = statusOf(completion, request.length)
    if (status === 'OK') return
    throw new PathledgerError('IO_ERROR', {
      message: `${this.name}: ${op} of ${request.length} bytes at ${request.offset} failed with ${errnoOf(status)}.`,
      why: 'This is the answer of the device, and it has no other path.',
      todo: 'Check the device.',
      errno: errnoOf(status),
      outcome: op === 'write' ? 'unknown' : 'failed',
    })
  }

  /** Throws for a range that the device does not have; else the length. */
  #check(op: IoOp, offset: number, length: number): number {
    const { sizeBytes, logicalBlockBytes: block } = this
    const whole = [offset, length].every((value) => Number.isSafeInteger(value) && value % block === 0)
    if (!whole || offset < 0 || length <= 0) {
      const why = `Offset and length must be multiples of ${block} bytes, its logical block.`
      throw invalid(
        'IO_UNALIGNED',
        `${op} of ${shown(length)} bytes at ${shown(offset)} is not aligned.`,
        why,
      )
    }
    if (offset + length <= sizeBytes) return length
    const why = `${this.name} has ${sizeBytes} bytes.`
    throw invalid('IO_OUT_OF_RANGE', `${op} of ${length} bytes at ${offset} goes beyond the end.`, why)
  }
}

/**
 * An ordinary device with a promise API, for what `addPath` did not take, or for what is never to be multipathed. It is
 * the caller's; closing it closes the device. `allocate` gives page-aligned memory; default: the system's.
 */
export function plainDevice(device: PathDevice, allocate?: (bytes: number) => ArrayBuffer): PlainDevice {
  checkDevice('plainDevice', device)
  checkArguments('plainDevice', { allocate }, { allocate: 'call?' })
  return new PlainDevice(device, allocate)
}

function closed(name: string): PathledgerError {
  return new PathledgerError('CLOSED', {
    message: `${name} is closed.`,
    why: 'close() was called.',
    todo: 'Open it again.',
    errno: 'ENODEV',
  })
}

function invalid(code: ErrorCode, message: string, why: string): PathledgerError {
  return new PathledgerError(code, {
    message,
    why,
    todo: 'Nothing was sent. Correct the call.',
    errno: 'EINVAL',
  })
}

function memoryGone(name: string, { op, offset }: Pick<IoRequest, 'op' | 'offset'>): PathledgerError {
  return new PathledgerError('BUFFER_GONE', {
    message: `${name}: the memory of a ${op} at ${offset} was taken away during the I/O.`,
    why: 'It was detached, shrunk or resized before the promise settled.',
    todo: 'Do not change it before the promise settles. The bytes before this offset may have been written.',
    errno: 'EFAULT',
    outcome: 'unknown',
  })
}
