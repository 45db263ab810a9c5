// The errors an I/O can end with, in words.
import { shown } from '../../errors/arguments.ts'
import { PathledgerError } from '../../errors.ts'
import type { BlkStatus } from '../../machines/words.ts'
import type { Bio, WaitReason } from './bio.ts'
import type { HeadRuntime } from '../heads/runtime.ts'
import type { Ghost } from '../lun/ghosts.ts'
import type { WriteCache } from '../lun/write-caches.ts'
import { errnoOf } from '../core/blk-status.ts'

const details = (head: HeadRuntime, bio: Bio) => ({
  head: head.name,
  op: bio.op,
  offset: bio.offset,
  length: bio.length,
  attempts: bio.attempts,
  refusedBy: bio.refusals.map(({ path, status }) => `${path.name} ${status}`),
})

/** The error of the I/O itself, as the target or every healthy path gave it. */
export function ioError(head: HeadRuntime, bio: Bio, status: BlkStatus, why: string): PathledgerError {
  return new PathledgerError('IO_ERROR', {
    message: `${head.name}: ${bio.op} of ${bio.length} bytes at ${bio.offset} failed with ${errnoOf(status)}.`,
    why,
    todo: 'The ledger says which path saw what: `pathledger log FILE`.',
    errno: errnoOf(status),
    details: { ...details(head, bio), status },
  })
}

/** No path is usable and none is worth waiting for. */
export function noPathError(head: HeadRuntime, bio: Bio): PathledgerError {
  return new PathledgerError('NO_PATH', {
    message: `${head.name}: ${bio.op} of ${bio.length} bytes at ${bio.offset} has no usable path.`,
    why: `None of its ${head.paths.length} paths is usable, and noPathRetry is ${String(head.context.noPathRetry)}.`,
    todo: "Bring a path back, or let I/O wait with noPathRetry: 'queue'.",
    errno: 'EIO',
    details: details(head, bio),
  })
}

/** No flush brings these writes to the medium, now or ever. */
export function notDurableError(
  head: HeadRuntime,
  { label, acknowledged, covered }: WriteCache,
  why: string,
): PathledgerError {
  return new PathledgerError('NOT_DURABLE', {
    message: `${head.name}: writes that were acknowledged through ${label} are not known to be durable.`,
    why: `They may be in a cache behind that path, and no flush can reach it: ${why}.`,
    todo: 'Write the data that must not be lost again, and flush; or bring the path back, and flush again. This is reported once.',
    errno: 'EIO',
    details: { head: head.name, path: label, acknowledged, covered },
  })
}

/** A ghost did not end in time: this write never went anywhere. */
export function ghostHoldError(head: HeadRuntime, bio: Bio, ghost: Ghost | null): PathledgerError {
  const what = ghost === null ? 'an older write that waits for a ghost' : `ghost ${ghost.id}`
  const whose =
    ghost === null ? '' : `: ${ghost.op} of ${ghost.length} bytes at ${ghost.offset} on ${ghost.path}`
  return new PathledgerError('GHOST_HOLD', {
    message: `${head.name}: ${bio.op} of ${bio.length} bytes at ${bio.offset} waited too long for ${what}.`,
    why: `An earlier attempt may still land on these blocks${whose}.`,
    todo: 'Fence the path, or release the ghost with a reason: `pathledger ghosts`.',
    errno: 'EBUSY',
    outcome: bio.attempts === 0 ? 'failed' : 'unknown',
    details: { ...details(head, bio), ghost: ghost?.id ?? null },
  })
}

/** What it waits for, in words, and what to do about it. */
const RAN_OUT: Readonly<Record<WaitReason, readonly [string, string]>> = {
  path: ['a usable path', 'Bring a path back.'],
  reservation: ["an answer of the LUN's reservations", "Look at the LUN's storage and at the other engines."],
  memory: ['memory', 'Attempts that hang keep theirs: remove what hangs, or raise poolBytes.'],
  ghost: ['a ghost to end', 'Fence the path, or release the ghost with a reason: `pathledger ghosts`.'],
  older: ['an older write', 'Look at what that one waits for.'],
  turn: ['its turn after an older write', 'Look at what that one waits for.'],
  room: ['room on a path', 'What is in flight there does not end: look at that path.'],
  busy: ['a path that was busy', 'Look at that path.'],
  verdict: ['the verdict on a path that refused it', 'Look at the probes of that path.'],
}

/** A wait came to its limit, and nothing of it had moved. */
export function waitTooLongError(head: HeadRuntime, bio: Bio | null, reason: WaitReason): PathledgerError {
  const [what, todo] = RAN_OUT[reason]
  const who = bio === null ? 'I/O' : `${bio.op} of ${bio.length} bytes at ${bio.offset}`
  return new PathledgerError('WAIT_TOO_LONG', {
    message: `${head.name}: ${who} waited too long for ${what}.`,
    why: `Nothing that waits for it has moved for waitMaxMs, ${head.core.settings.waitMaxMs} ms.`,
    todo,
    errno: 'ETIMEDOUT',
    outcome: bio === null || bio.attempts === 0 ? 'failed' : 'unknown',
    details: { ...(bio === null ? { head: head.name } : details(head, bio)), waitedFor: reason },
  })
}

/** The caller detached, shrank or resized their own memory while it was being written from, or read into. */
export function memoryGoneError(head: HeadRuntime, bio: Bio): PathledgerError {
  const read = bio.op === 'read'
  return new PathledgerError('BUFFER_GONE', {
    message: `${head.name}: the memory of a ${bio.op} at ${bio.offset} was taken away during the I/O.`,
    why: read
      ? 'It was given as `into`, and was detached, shrunk or resized before the read ended, so the bytes cannot be returned.'
      : 'It was given with ghostSafe: false, and was detached or shrunk before the promise settled.',
    todo: read
      ? 'Do not change it before the read ends, or read without `into`. Nothing is wrong with the device.'
      : 'Do not change it before the promise settles, or let the engine copy it.',
    errno: 'EFAULT',
    outcome: read || bio.attempts === 0 ? 'failed' : 'unknown',
    details: details(head, bio),
  })
}

/** Room was asked for, and not for a number of bytes. */
export function noBytesError(bytes: unknown): PathledgerError {
  return new PathledgerError('IO_DATA', {
    message: `It is not possible to wait for room for ${shown(bytes)} bytes.`,
    why: 'The number of bytes must be a whole number from 0.',
    todo: 'Ask for as many bytes as the next I/O has.',
    errno: 'EINVAL',
  })
}

/** The operator ended what waited. */
export function drainedError(head: HeadRuntime, reason: string): PathledgerError {
  return new PathledgerError('DRAINED', {
    message: `${head.name}: the operator ended an I/O that waited.`,
    why: `Reason: ${reason}.`,
    todo: 'If its outcome is failed, nothing was done. Bring a path back, and try again.',
    errno: 'EIO',
  })
}

/** What of an aborted I/O there was: nothing was sent, or attempts whose answers nobody waits for, or some that may land. */
type AbortedAt = 'never sent' | 'answered' | 'may land'

const ABORTED_WHY: Readonly<Record<AbortedAt, readonly [why: string, todo: string]>> = {
  'never sent': ['Nothing of it was sent.', 'Nothing was done. Ask again if it is still wanted.'],
  answered: [
    'What was sent of it has ended, and a part of it may have been done.',
    'Ask again if it is still wanted.',
  ],
  'may land': [
    'An attempt was in flight and may still land.',
    'Newer writes to these blocks wait until the attempt is proved over.',
  ],
}

/** The caller's AbortSignal fired; its reason is the cause. */
export function abortedError(
  head: HeadRuntime,
  op: string,
  at: AbortedAt,
  signal: AbortSignal | null,
): PathledgerError {
  const [why, todo] = ABORTED_WHY[at]
  return new PathledgerError('ABORTED', {
    message: `${head.name}: a ${op} was aborted by its caller.`,
    why,
    todo,
    errno: 'ECANCELED',
    outcome: at === 'may land' ? 'unknown' : 'failed',
    cause: signal?.reason,
  })
}

/** Of the pieces of an aborted I/O the one that may still land is what its caller hears of. */
export function isWorse(error: PathledgerError | null, told: PathledgerError): boolean {
  return error?.code === 'ABORTED' && error.outcome === 'unknown' && told.outcome === 'failed'
}
