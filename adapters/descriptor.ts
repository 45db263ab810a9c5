// An open descriptor as the lower half of a path: what file and loop paths share.
import type { ErrorCode } from '../errors/codes.ts'
import { close, constants, open } from 'node:fs'
import { promisify } from 'node:util'
import { PathledgerError } from '../errors.ts'
import { completeSoon, failed, isOutOfRange } from './completions.ts'
import { errnoOf } from './errno.ts'
import type { IoBackend, IoCompletion, PathDevice } from './ports.ts'

/** Opens for direct I/O; the descriptor is closed on exec. A rejection is Node's, to be told by {@link openError}. */
export function openDirect(device: string, readOnly: boolean, extraFlags = 0): Promise<number> {
  return openPlain(device, readOnly, constants.O_DIRECT | extraFlags)
}

/** Opens through the page cache, else like {@link openDirect}. */
export function openPlain(device: string, readOnly: boolean, extraFlags = 0): Promise<number> {
  // Node itself adds O_CLOEXEC.
  return promisify(open)(device, (readOnly ? constants.O_RDONLY : constants.O_RDWR) | extraFlags)
}

/** Closes a descriptor. The kernel lets go of it whatever it answers, so an error here tells nobody anything. */
export async function closeDescriptor(fd: number): Promise<void> {
  await promisify(close)(fd).catch(() => undefined)
}

/** What a path does its I/O on. */
export interface OpenRange {
  readonly fd: number
  readonly sizeBytes: () => number
  readonly backend: IoBackend
  readonly errorsAreFinal: boolean
}

/**
 * `submit` on a descriptor of so many bytes: out of range is EIO, before the backend, so that no file grows. Where a server
 * may stand below, EINVAL may be its word, which the kernel hands on: an error of the path, not a wrong request of ours.
 */
export function submitWithin({ fd, sizeBytes, backend, errorsAreFinal }: OpenRange): PathDevice['submit'] {
  return (request, done) => {
    if (isOutOfRange(request, sizeBytes())) completeSoon(done, failed('EIO'))
    else backend.submit(fd, request, errorsAreFinal ? done : (completion) => done(asTheirs(completion)))
  }
}

function asTheirs(completion: IoCompletion): IoCompletion {
  const { errno, status } = completion
  return errno === 'EINVAL' && status === null ? { ...completion, status: 'IOERR' } : completion
}

/** For `.catch` of an open: rejects with {@link openError}. */
export function refuseOpen(device: string): (cause: unknown) => never {
  return (cause) => {
    throw openError(device, cause, 'Another program has claimed it.')
  }
}

/**
 * What a failed open of a path means: PATH_NOT_FOUND, PATH_PERMISSION, PATH_READ_ONLY, PATH_BUSY (with `busyWhy`), else
 * PATH_OPEN. Pure.
 */
export function openError(device: string, cause: unknown, busyWhy: string): PathledgerError {
  const errno = errnoOf(cause)
  const { code, why, todo } = openReason(errno, busyWhy)
  return new PathledgerError(code, {
    message: `The path ${device} cannot be opened.`,
    why,
    todo,
    errno,
    cause,
  })
}

function openReason(errno: string, busyWhy: string): { code: ErrorCode; why: string; todo: string } {
  switch (errno) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { code: 'PATH_NOT_FOUND', why: 'There is no such file.', todo: 'Check the name.' }
    case 'EACCES':
    case 'EPERM':
      return {
        code: 'PATH_PERMISSION',
        why: 'This process may not open it.',
        todo: 'Run as its owner or as root.',
      }
    case 'EROFS':
      return {
        code: 'PATH_READ_ONLY',
        why: 'It is read-only.',
        todo: 'Make it writable, or ask for readOnly.',
      }
    case 'EBUSY':
      return { code: 'PATH_BUSY', why: busyWhy, todo: 'Unmount it, or stop that program, and try again.' }
    default:
      return {
        code: 'PATH_OPEN',
        why: `The kernel says ${errno}.`,
        todo: 'Check the kernel log for this device.',
      }
  }
}
