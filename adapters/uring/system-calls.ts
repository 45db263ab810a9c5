// The system calls that io_uring needs, through koffi. None of them waits for a device.
import koffi from 'koffi'
import { errnoOfNumber } from '../errno.ts'
import { ENTER, SYSCALL } from './abi.ts'

const PROT_READ_WRITE = 3
/** Shared, and populated at once: a page fault later would be one more place to wait. */
const MAP_SHARED_POPULATE = 0x8001

/** `null` names the process itself, which has the C library in it, whichever that is. */
const library = koffi.load(null)

type Call<Arguments extends readonly unknown[]> = (...given: Arguments) => number

const setupCall = library.func(
  'long syscall(long number, uint32_t entries, void *params)',
) as unknown as Call<[number, number, Uint8Array]>
const enterCall = library.func(
  'long syscall(long number, uint32_t fd, uint32_t submit, uint32_t complete, uint32_t flags, void *mask, size_t size)',
) as unknown as Call<[number, number, number, number, number, Uint32Array | null, number]>
const registerCall = library.func(
  'long syscall(long number, uint32_t fd, uint32_t operation, void *argument, uint32_t count)',
) as unknown as Call<[number, number, number, Uint8Array | Int32Array | BigUint64Array | null, number]>
const mmapCall = library.func(
  'void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)',
) as unknown as (...given: [null, number, number, number, number, number]) => unknown
const munmapCall = library.func('int munmap(void *address, size_t length)') as unknown as Call<
  [unknown, number]
>
const pipeCall = library.func('int pipe2(void *pair, int flags)') as unknown as Call<[Uint8Array, number]>
const closeCall = library.func('int close(int fd)') as unknown as Call<[number]>

/** A number the kernel gave, or the name of its error. */
export type Answer =
  { readonly value: number; readonly errno: null } | { readonly value: -1; readonly errno: string }

function answer(value: number): Answer {
  return value < 0 ? { value: -1, errno: errnoOfNumber(koffi.errno()) } : { value, errno: null }
}

/** Makes a ring; `params` is a struct io_uring_params that the kernel reads and fills. Answers its descriptor. */
export function ringSetup(entries: number, params: Uint8Array): Answer {
  return answer(setupCall(SYSCALL.setup, entries, params))
}

/**
 * Hands `submit` submissions to the kernel. Answers how many it took, or less than 0 and then {@link lastErrno} says why.
 * Never waits for a completion.
 */
export function ringEnter(fd: number, submit: number, flags: number): number {
  return enterCall(SYSCALL.enter, fd, submit, 0, flags, null, 0)
}

/** Bytes of the argument of a wait, without the timespec behind it. */
const WAIT_ARGUMENT_BYTES = 24

/**
 * Like {@link ringEnter}, and then waits for `least` completions for as long as `argument`, a struct io_uring_getevents_arg,
 * says.
 */
export function ringWait(fd: number, submit: number, least: number, argument: Uint32Array): number {
  return enterCall(
    SYSCALL.enter,
    fd,
    submit,
    least,
    ENTER.getEvents | ENTER.argument,
    argument,
    WAIT_ARGUMENT_BYTES,
  )
}

/** The name of the error of the call before. */
export function lastErrno(): string {
  return errnoOfNumber(koffi.errno())
}

/** Asks or tells a ring something. */
export function ringRegister(
  fd: number,
  operation: number,
  argument: Uint8Array | Int32Array | BigUint64Array | null,
  count: number,
): Answer {
  return answer(registerCall(SYSCALL.register, fd, operation, argument, count))
}

/** Memory that the kernel and this process both see. */
export interface Mapping {
  readonly memory: ArrayBuffer
  /** Ends the mapping: whoever still reads `memory` after it kills the process. */
  unmap(): void
}

/** Maps `length` bytes of a ring; null when the kernel refuses. */
export function mapRing(fd: number, length: number, offset: number): Mapping | null {
  const address = mmapCall(null, length, PROT_READ_WRITE, MAP_SHARED_POPULATE, fd, offset)
  if (BigInt.asIntN(64, koffi.address(address)) === -1n) return null
  return { memory: koffi.view(address, length), unmap: () => void munmapCall(address, length) }
}

/** A pipe that neither end waits on and no child inherits; null when there are no descriptors left. */
export function makePipe(): { readonly readEnd: number; readonly writeEnd: number } | null {
  const O_NONBLOCK_CLOEXEC = 0o2004000
  const pair = new Uint8Array(8)
  if (pipeCall(pair, O_NONBLOCK_CLOEXEC) < 0) return null
  const ends = new DataView(pair.buffer)
  return { readEnd: ends.getInt32(0, true), writeEnd: ends.getInt32(4, true) }
}

/** Closes a descriptor that Node does not know. */
export function closeFd(fd: number): void {
  closeCall(fd)
}
