// After a path error: the bio goes elsewhere, the path is probed, and the verdict says whose error it was.
//
//   refused once, and another path is usable  -> there at once
//   refused twice, or a flush, or nowhere to go -> wait for the verdicts, then decide:
//     a path that failed explains its refusal, which is then forgotten
//     two healthy paths with the same status    -> the LUN's error: to the caller, no path fails (bioPoisoned)
//     a path that has not refused it            -> there
//     every path explained                      -> select again, wait or fail by noPathRetry
import type { Evidence } from '../../machines/events.ts'
import type { BlkStatus } from '../../machines/words.ts'
import { isFlushLike, type Bio, type Refusal } from './bio.ts'
import { countResent } from '../accounting/counters.ts'
import { park, waitFor } from './waiting.ts'
import { finishBio } from './finish.ts'
import type { HeadRuntime, PathRuntime } from '../heads/runtime.ts'
import { ioError } from './errors.ts'
import { pastError, suspect } from '../health/verdict.ts'
import { headQueue } from './queues.ts'
import { verdictsAreOut, whenVerdictsAreOut } from '../heads/suspicion.ts'

/** True when this path refused the bio in the life it is in now. */
export function refusedBy(bio: Bio, path: PathRuntime): boolean {
  const { refusals } = bio
  return (
    refusals.length > 0 && refusals.some((refusal) => refusal.path === path && refusal.epoch === path.epoch)
  )
}

/** A bio came back with an error that may be its path's. */
export function onPathError(
  head: HeadRuntime,
  bio: Bio,
  path: PathRuntime,
  status: BlkStatus,
  evidence: Evidence,
): void {
  // The path of a flush is gone: nobody can be asked whose error it was, so its caller hears it (D-35).
  const gone = !path.present && isFlushLike(bio)
  if (gone) return flushFailed(head, bio, { path, epoch: path.epoch, status, evidence, suspicion: null })
  leavePath(head, bio, path, status, evidence)
}

/**
 * An attempt from before its path was put back into use ended in an error. What was wrong then is mended, or shows itself
 * again: the path is not suspected for it. The bio goes round again, to this path too.
 */
export function onLateError(
  head: HeadRuntime,
  bio: Bio,
  path: PathRuntime,
  status: BlkStatus,
  evidence: Evidence,
): void {
  const suspicion = pastError(path, evidence)
  const refusal: Refusal = { path, epoch: OF_ANOTHER_TIME, status, evidence, suspicion }
  if (isFlushLike(bio)) return flushFailed(head, bio, refusal)
  bio.refuse(refusal)
  if (mayGoElsewhere(head, bio) && hasOtherPath(head, bio)) return resend(head, bio)
  awaitVerdicts(head, bio)
}

/** The epoch of no path: such a refusal counts for nobody. */
const OF_ANOTHER_TIME = -1

/** A bio leaves a path, without an answer or with an error that may be the path's. */
export function leavePath(
  head: HeadRuntime,
  bio: Bio,
  path: PathRuntime,
  status: BlkStatus,
  evidence: Evidence,
): void {
  const { epoch } = path
  const suspicion = suspect(path, bio.id, evidence)
  const refusal: Refusal = { path, epoch, status, evidence, suspicion }
  bio.refuse(refusal)
  if (suspicion !== null && suspicion.recorded !== null) bio.trace?.led(suspicion.recorded)
  const first = bio.refusals.length === 1
  if (first && mayGoElsewhere(head, bio) && hasOtherPath(head, bio)) return resend(head, bio)
  awaitVerdicts(head, bio)
}

/** Usable paths are left, but each has refused this bio: the rule of {@link decide} for where nobody else takes it. */
export function stuck(head: HeadRuntime, bio: Bio): void {
  awaitVerdicts(head, bio)
}

/** While the verdicts are out it waits like any other: younger writes that overlap it stay behind it. */
function awaitVerdicts(head: HeadRuntime, bio: Bio): void {
  if (verdictsAreOut(bio.reasons)) return decide(head, bio)
  waitFor(head, bio, 'verdict')
  const { waits } = bio
  whenVerdictsAreOut(bio.reasons, () => {
    // Its caller aborted it, a late completion ended it, or its time was over, while the verdicts were out.
    if (bio.waits === waits && headQueue(head).waiters.delete(bio)) decide(head, bio)
  })
}

function decide(head: HeadRuntime, bio: Bio): void {
  bio.forget((refusal) => !isUnexplained(bio, refusal))
  const last = bio.refusals.at(-1)
  if (last === undefined && bio.attempts < head.core.settings.attemptsMax) return resend(head, bio)
  if (last === undefined) return giveUp(head, bio, 'IOERR', `It was tried ${bio.attempts} times.`)
  if (isFlushLike(bio)) return flushFailed(head, bio, last)
  const same = bio.refusals.filter(({ status }) => status === last.status)
  if (same.length >= 2) return poisoned(head, bio, same)
  if (bio.attempts >= head.core.settings.attemptsMax) {
    return giveUp(head, bio, last.status, `It was tried ${bio.attempts} times.`)
  }
  if (hasOtherPath(head, bio)) return resend(head, bio)
  if (mayReturn(head, bio)) return park(head, bio)
  giveUp(head, bio, last.status, `${last.path.name} is healthy and refused it, and no other path is left.`)
}

function resend(head: HeadRuntime, bio: Bio): void {
  head.counters.resent += 1
  const from = bio.refusals.at(-1)?.path
  if (from !== undefined) countResent(from)
  for (const reason of bio.reasons) reason.resent += 1
  headQueue(head).again(head, bio)
}

/** The kernel reports a lost write once; a second flush that says ok would hide it. The caller gets the error. */
function flushFailed(head: HeadRuntime, bio: Bio, { path, status, evidence, suspicion }: Refusal): void {
  const how = path.present ? 'its probe does not explain it' : 'it is gone'
  const why = `${path.name} answered so and ${how}: writes may be lost, and a second flush would not say so.`
  // In a storm of them the rows are bounded; each caller hears of their own all the same.
  if (!head.errorRows.take()) return giveUp(head, bio, status, why)
  const cause = suspicion?.recorded ?? null
  const { recorded } = head.lun.stream.record('lun.flushFailed', { path: path.name, evidence }, { cause })
  bio.trace?.led(recorded)
  head.core.recorder.whenDurable(recorded, () => {
    if (!bio.ended) giveUp(head, bio, status, why)
  })
}

/** The same error from healthy paths is not theirs. */
function poisoned(head: HeadRuntime, bio: Bio, same: readonly Refusal[]): void {
  const paths = same.map(({ path }) => path.name)
  const { evidence, status } = same[0] as Refusal
  if (head.errorRows.take()) {
    const cause = same.at(-1)?.suspicion?.recorded ?? null
    const { recorded } = head.lun.stream.record(
      'lun.bioPoisoned',
      { bio: bio.id, evidence, paths },
      { cause },
    )
    bio.trace?.led(recorded)
  }
  giveUp(head, bio, status, `${paths.join(' and ')} are healthy and both refused it: it is the LUN's error.`)
}

function giveUp(head: HeadRuntime, bio: Bio, status: BlkStatus, why: string): void {
  finishBio(head, bio, ioError(head, bio, status, why))
}

/** Whether the bio may be sent again without asking whose error it was. */
function mayGoElsewhere(head: HeadRuntime, bio: Bio): boolean {
  return !isFlushLike(bio) && bio.attempts < head.core.settings.attemptsMax
}

function hasOtherPath(head: HeadRuntime, bio: Bio): boolean {
  return head.paths.some((path) => !path.disabled && !refusedBy(bio, path))
}

/** Whether a path that has not refused the bio may come back, and I/O is to wait for such. */
function mayReturn(head: HeadRuntime, bio: Bio): boolean {
  // A number counts checks while no path is usable; here one is, and has refused the bio.
  const waits = head.context.noPathRetry === 'queue'
  return head.paths.some((path) => path.disabled && !refusedBy(bio, path) && (waits || path.available))
}

/** A refusal stands while its path is healthy; a path that failed, or is gone, explains it. A flush's: only its probe. */
function isUnexplained(bio: Bio, { path, epoch, suspicion }: Refusal): boolean {
  if (suspicion === null) return false
  if (isFlushLike(bio)) return !suspicion.failedByProbe
  return suspicion.verdict === 'cleared' && path.epoch === epoch && path.present
}
