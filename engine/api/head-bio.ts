// An I/O as callers hand it over: where its bytes are, and whose.
import { argumentInvalid, checkArguments, checkFields, shown } from '../../errors/arguments.ts'
import { PathledgerError } from '../../errors.ts'
import { IO_OPS, type IoOp } from '../../machines/words.ts'
import { LentBuffer } from '../memory/lender.ts'
import { OpenIo, type IoManner, type IoMemory } from '../io/open-io.ts'
import type { Vector } from '../memory/vector.ts'
import type { WriteBytes } from './io-options.ts'

/** One I/O of {@link Head.submit}. It means what the method of the same name means, and fails with the same errors. */
export interface HeadBio extends IoManner {
  readonly op: IoOp
  /** Bytes from the start; a multiple of the head's logical block. */
  readonly offset: number
  /** Bytes; a multiple of the head's logical block, and 0 for a flush. */
  readonly length: number
  /**
   * What a write writes, and where a read puts what it read: one piece of memory, or several (readv, writev), `length`
   * bytes together. They are copied; not needed for the other operations.
   */
  readonly data?: Vector | null
  /** For a write: its bytes, taken without a copy. */
  readonly buffer?: LentBuffer | null
  /** False: `data` of a write is used where it is, as {@link WriteOptions} says. */
  readonly ghostSafe?: boolean
  /**
   * Called once, never inside `submit`: with null when it is done, else with the error. What it throws is an uncaught error
   * of the program.
   */
  readonly done: (error: PathledgerError | null) => void
}

/** What the head makes of a bio. */
export function openIoOf(bio: HeadBio): OpenIo {
  const { op, offset, length, data = null, buffer = null, ghostSafe = true, done } = bio
  if (buffer === null) {
    return new OpenIo(
      op,
      offset,
      length,
      data,
      op === 'write' && !ghostSafe ? 'callersOwn' : 'copied',
      bio,
      done,
    )
  }
  try {
    const memory = op === 'write' ? memoryOf({ buffer }) : notForLent()
    return new OpenIo(op, offset, length, memory.data, memory.memory, bio, done)
  } catch (error) {
    // Refused like any other: without its bytes, and with why.
    const refusal = error as PathledgerError
    return new OpenIo('write', offset, length, null, 'copied', {}, () => done(refusal))
  }
}

/** Where a write's bytes are, and whose. Throws BUFFER_DEAD, and IO_DATA for two sources at once. */
export function memoryOf(bytes: WriteBytes): { data: Uint8Array | null; memory: IoMemory } {
  // A program without types may give both, or neither.
  const { data = null, buffer = null, ghostSafe = true }: Partial<AnyBytes> = bytes
  if (buffer === null) return { data, memory: ghostSafe ? 'copied' : 'callersOwn' }
  if (buffer instanceof LentBuffer && data === null) return { data: buffer.bytes, memory: buffer }
  const why = 'It was given both, or a buffer that is none.'
  throw refused('A write takes `data`, or a `buffer` from head.alloc().', why)
}

interface AnyBytes {
  readonly data: Uint8Array | null | undefined
  readonly buffer: LentBuffer | null | undefined
  readonly ghostSafe: boolean | undefined
}

function notForLent(): never {
  throw refused(
    'Only a write takes a lent buffer.',
    'A read is copied to `data`, and the others carry no bytes.',
  )
}

function refused(message: string, why: string): PathledgerError {
  return new PathledgerError('IO_DATA', { message, why, todo: 'Nothing was changed.', errno: 'EINVAL' })
}

/** Whether a call was handed nothing to do. Asked for each I/O, so it does no more than it has to. */
export function isNothing(options: unknown): boolean {
  return typeof options !== 'object' || options === null
}

/** The error for one that was handed nothing. */
export function noOptions(call: string, options: unknown): PathledgerError {
  return argumentInvalid(call, `It takes one object with what is asked for, and was given ${shown(options)}.`)
}

/** Throws ARGUMENT_INVALID for what is no bio: each says whom to tell, for without that its error could go nowhere. */
export function checkBios(bios: readonly HeadBio[]): void {
  checkArguments('submit', { bios }, { bios: 'list' })
  for (const bio of bios) checkFields('submit', 'a bio', bio, { op: IO_OPS, done: 'call' })
}
