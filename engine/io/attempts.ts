// One try of a bio on a path: its accounting, its time limit, and what its completion means. An attempt of a write is
// open until there is proof that it can no longer change the medium; where it ends without proof it leaves a ghost.
import { joinPieces, piecesOf } from '../../adapters/completions.ts'
import type { IoCompletion, IoDone } from '../../adapters/ports.ts'
import { invariant, PathledgerError } from '../../errors.ts'
import type { Evidence } from '../../machines/events.ts'
import type { GhostReason } from '../../machines/lun/events.ts'
import type { BlkStatus } from '../../machines/words.ts'
import { Attempt, evidenceOf, isDurable, isMutation, memoryIsGone, weightOf, type Bio } from './bio.ts'
import { guarded, usOfMs } from '../core/core.ts'
import { mayTryAnother, noteHeard, noteTaken } from './busy.ts'
import { countDone, countError } from '../accounting/counters.ts'
import { hold, overtakerOf, park, waitFor } from './waiting.ts'
import { onLateError, onPathError } from './failover.ts'
import { fenceIfNeeded } from '../health/fencing.ts'
import { finishBio } from './finish.ts'
import type { Ghost } from '../lun/ghosts.ts'
import { followLimitsOfBusy, takesAtOnce } from '../heads/limits.ts'
import type { HeadRuntime, PathRuntime } from '../heads/runtime.ts'
import { ioError, memoryGoneError } from './errors.ts'
import { noteOutcome } from '../health/margin.ts'
import { averageServiceTime } from '../select/more-policies.ts'
import { statusOf } from '../core/blk-status.ts'
import { classOf } from '../../machines/words.ts'
import type { Admission } from '../lun/lun-reservations.ts'
import { headQueue, pathQueue, type PathQueue } from './queues.ts'

/** Sends a bio down a path, or keeps it for when the path has room. Counted here, uncounted once, at its end. */
export function startAttempt(head: HeadRuntime, bio: Bio, path: PathRuntime): void {
  const { core } = head
  // But for a flush of what it has acknowledged, which also a path takes that its operator has pulled.
  invariant(!path.disabled || bio.cache === path.cache, 'a path is usable when an I/O is sent down it')
  const admission = head.lun.reservations.admit(bio.op, path)
  if (admission !== 'go') return turnedAway(head, bio, admission)
  if (isFull(path, bio)) return waitFor(head, bio, 'room', path)
  if (memoryIsGone(bio)) return finishBio(head, bio, memoryGoneError(head, bio))
  const counted = head.policy === 'queue-depth'
  const attempt = new Attempt(bio, path, counted, core.clock.monoUs(), head.lun.reservations.epoch)
  head.stats.begin(bio, attempt.startedUs)
  bio.attempts += 1
  bio.live = attempt
  if (bio.op === 'flush') attempt.covers = head.lun.writes.last
  path.inFlight += 1
  path.inFlightBytes += weightOf(bio)
  path.liveBytes += weightOf(bio)
  const queue = pathQueue(path)
  queue.attempts.add(attempt)
  if (isMutation(bio)) head.lun.reservations.opened()
  if (attempt.countedActive) path.adapter.active += 1
  if (attempt.block !== null && !core.guardsOff) core.pool.hold(attempt.block)
  try {
    give(path, attempt, (completion) => onCompletion(head, attempt, completion))
  } catch (error) {
    return neverSent(head, attempt, error)
  }
  if (queue.timeout === null) armTimeout(head, path)
  if (queue.silence === null) head.actions.watchSilence(path)
}

/** Down the path as it is, or in pieces: the path may take less by now than when the I/O was cut. */
function give({ device, limits }: PathRuntime, attempt: Attempt, done: IoDone): void {
  const most = takesAtOnce(limits, attempt.op)
  if (attempt.length <= most) return device.submit(attempt, done)
  const pieces = piecesOf(attempt, most)
  const dones = joinPieces(pieces, done)
  pieces.forEach((piece, index) => device.submit(piece, dones[index] ?? done))
}

/**
 * Each byte in flight may become memory that a hung path holds on to: the path has a bound of its own. What was given up does
 * not count here, or a path that is well again could never take another I/O. And while it may be another device, nothing goes
 * there.
 */
export function isFull({ core, liveBytes, queue, proving }: PathRuntime, bio: Bio): boolean {
  if (proving !== 'no') return true
  if (liveBytes + weightOf(bio) <= core.settings.inFlightBytesMax) return false
  return (queue as PathQueue).attempts.oldest !== null
}

/** A reservation is in its way: it waits, or its caller hears of it; no other path is tried, and none is failed. */
function turnedAway(head: HeadRuntime, bio: Bio, admission: Exclude<Admission, 'go'>): void {
  if (admission === 'wait') return park(head, bio, 'reservation')
  if (admission !== 'conflict') return finishBio(head, bio, admission)
  const { id, op, offset, length } = bio
  if (head.errorRows.take()) {
    const recorded = head.lun.reservations.noteConflict({ bio: id, op, offset, length })
    bio.trace?.led(recorded)
  }
  finishBio(head, bio, ioError(head, bio, 'RESV_CONFLICT', head.lun.reservations.conflictWords()))
}

function onCompletion(head: HeadRuntime, attempt: Attempt, completion: IoCompletion): void {
  try {
    complete(head, attempt, completion)
  } catch (error) {
    guarded(head.core, () => {
      throw error
    })
  }
}

/** Submit promises not to throw. Where it does, that is a bug which stops the engine, and the I/O ends, once (D-14). */
function neverSent(head: HeadRuntime, attempt: Attempt, cause: unknown): void {
  attempt.returned = true
  attempt.bio.live = null
  endAccounting(attempt)
  giveBack(head, attempt)
  guarded(head.core, () => {
    throw cause
  })
  finishBio(head, attempt.bio, head.core.broken)
}

/** An attempt that the engine no longer waits for, while the kernel may still have it. */
export function abandonAttempt(head: HeadRuntime, attempt: Attempt, reason: GhostReason): void {
  if (attempt.ended) return
  endAccounting(attempt)
  const { bio, path } = attempt
  if (isMutation(bio) && !head.core.guardsOff) attempt.ghost = openGhost(head, attempt, reason, false)
  // Its memory stays with the attempt. A write goes again from the same bytes, a read needs fresh ones.
  if (bio.op === 'read' && bio.block !== null) {
    head.core.pool.release(bio.block)
    bio.block = null
  }
  if (bio.live === attempt) bio.live = null
  const queue = pathQueue(path)
  queue.attempts.delete(attempt)
  if (queue.room.size > 0) head.actions.drainBacklog(path)
  if (reason === 'timeout') tellTrace(attempt, 'TIMEOUT', 'ETIMEDOUT')
  else tellTrace(attempt, 'ABANDONED', null)
}

function complete(head: HeadRuntime, attempt: Attempt, completion: IoCompletion): void {
  invariant(!attempt.returned, 'an attempt completes once')
  attempt.returned = true
  const { bio, path } = attempt
  const late = attempt.ended
  path.heard += 1
  if (!late) endAccounting(attempt)
  giveBack(head, attempt)
  const status = statusOf(completion, bio.length)
  if (status === 'OK') answeredWell(head, attempt)
  noteTaken(path, attempt.startedUs, status)
  if (path.silent) noteHeard(path)
  path.hear(completion)
  if (late) return completeLate(head, attempt, completion)
  tellTrace(attempt, status, completion.errno)
  bio.live = null
  if (status === 'OK') return succeed(head, bio, path)
  countError(path)
  const errorClass = classOf(status)
  const proof =
    errorClass !== 'path' || (path.device.guarantees.errorsAreFinal && completion.abandoned !== true)
  if (isMutation(bio) && !proof && !head.core.guardsOff) {
    attempt.ghost = openGhost(head, attempt, 'error', completion.abandoned !== true)
  }
  const evidence = evidenceOf(bio, completion.errno, status)
  switch (errorClass) {
    case 'path':
      return refused(head, attempt, status, evidence)
    case 'busy':
      return retrySoon(head, bio, path, evidence)
    case 'target':
      noteTargetError(head, bio, path, evidence)
      return finishBio(
        head,
        bio,
        ioError(head, bio, status, `The target itself answered so, through ${path.name}.`),
      )
    case 'ours':
      return misused(head, bio, path, completion)
  }
}

/** What a success says of its path, also one that comes late. */
function answeredWell(head: HeadRuntime, { bio, path, op, covers, startedUs }: Attempt): void {
  path.answered(startedUs)
  if (op === 'flush') path.cache.cover(covers)
  bio.answeredUs = head.core.clock.monoUs()
  path.serviceTime = averageServiceTime(path.serviceTime, bio.answeredUs - startedUs)
  noteOutcome(path, startedUs, false)
}

/** In a storm of them the rows are bounded; each caller hears of their own all the same. */
function noteTargetError(head: HeadRuntime, bio: Bio, path: PathRuntime, evidence: Evidence): void {
  if (!head.errorRows.take()) return
  const { recorded } = head.lun.stream.record('lun.ioFailed', { bio: bio.id, path: path.name, evidence })
  bio.trace?.led(recorded)
}

function tellTrace(attempt: Attempt, status: string, errno: string | null): void {
  attempt.bio.trace?.tried(attempt, status, errno)
}

/** The kernel calls the request itself wrong: the caller took their own memory away under it, or it is our bug. */
function misused(head: HeadRuntime, bio: Bio, path: PathRuntime, completion: IoCompletion): void {
  if (memoryIsGone(bio)) return finishBio(head, bio, memoryGoneError(head, bio))
  head.core.breakEngine(ourBug(path, completion))
  finishBio(head, bio, head.core.broken)
}

/** The kernel gave back what the engine had given up on. Success is proof; an error is, where the path says so. */
function completeLate(head: HeadRuntime, attempt: Attempt, completion: IoCompletion): void {
  const { bio, ghost, path } = attempt
  const status = statusOf(completion, bio.length)
  const final = path.device.guarantees.errorsAreFinal && completion.abandoned !== true
  if (ghost !== null) {
    if (status === 'OK' || final) head.lun.ghosts.end([ghost], 'completion', `late ${status}`)
    else head.lun.ghosts.returned(ghost)
  }
  // A ghost that succeeds while its bio waits for a path completes the bio, once.
  if (status !== 'OK' || !isMutation(bio) || bio.live !== null) return
  if (headQueue(head).waiters.delete(bio)) succeed(head, bio, path)
}

/** A bio that was re-sent completes when the record of why is durable: the outside sees no failover before it. */
function succeed(head: HeadRuntime, bio: Bio, path: PathRuntime): void {
  countDone(path.counters, bio)
  countDone(path.adapter.counters, bio)
  if (isMutation(bio) && !isDurable(bio)) head.lun.writes.acknowledge(path.cache)
  // While it was in flight an older one left a ghost under it, or has to be sent once more: then so has this one, after it.
  const over = isMutation(bio) ? overtakerOf(head, bio) : null
  if (over !== null && !head.core.guardsOff) return hold(head, bio, over)
  finishBio(head, bio, null)
}

function openGhost(head: HeadRuntime, attempt: Attempt, reason: GhostReason, returned: boolean): Ghost {
  const { bio, path } = attempt
  const { op, offset, length } = bio
  const facts = { attach: path.attach, op, offset, length, reason, bio: bio.id, returned }
  const ghost = head.lun.ghosts.open(facts)
  bio.leave(ghost)
  fenceIfNeeded(path)
  return ghost
}

/** Ends the accounting of an attempt. The flag decides, not the policy of now (section 11). */
function endAccounting(attempt: Attempt): void {
  invariant(!attempt.ended, 'an attempt ends once')
  attempt.ended = true
  attempt.path.liveBytes -= weightOf(attempt.bio)
  if (isMutation(attempt.bio)) attempt.path.head.lun.reservations.closed(attempt.epoch)
  if (attempt.countedActive) attempt.path.adapter.active -= 1
  invariant(attempt.path.adapter.active >= 0, 'counters of what is in flight are not negative')
}

/** The kernel holds nothing of the attempt any more: its memory and its place on the path are free. */
function giveBack(head: HeadRuntime, attempt: Attempt): void {
  const { path, block, bio } = attempt
  const queue = pathQueue(path)
  queue.attempts.delete(attempt)
  path.inFlight -= 1
  path.inFlightBytes -= weightOf(bio)
  invariant(path.inFlight >= 0 && path.inFlightBytes >= 0, 'counters of what is in flight are not negative')
  if (block !== null && !head.core.guardsOff) head.core.pool.release(block)
  if (queue.room.size > 0) head.actions.drainBacklog(path)
  if (path.inFlight === 0) path.onQuiet?.()
}

/** One timer per path, for its oldest attempt: all have the same time limit. */
function armTimeout(head: HeadRuntime, path: PathRuntime): void {
  const { core } = head
  const limitUs = usOfMs(core.settings.attemptTimeoutMs)
  const queue = pathQueue(path)
  const { oldest } = queue.attempts
  if (queue.timeout !== null || oldest === null || limitUs === 0) return
  queue.timeout = core.clock.setTimer(oldest.startedUs + limitUs, () => {
    queue.timeout = null
    guarded(core, () => {
      expireOld(head, path, core.clock.monoUs() - limitUs)
      armTimeout(head, path)
    })
  })
}

function expireOld(head: HeadRuntime, path: PathRuntime, beforeUs: number): void {
  const { attempts } = pathQueue(path)
  for (let attempt = attempts.oldest; attempt !== null; attempt = attempts.oldest) {
    if (attempt.startedUs > beforeUs) return
    const { bio } = attempt
    abandonAttempt(head, attempt, 'timeout')
    countError(path)
    refused(head, attempt, 'TIMEOUT', evidenceOf(bio, 'ETIMEDOUT', 'TIMEOUT'))
  }
}

/** An error that may be the path's: of the path as it is, or of what it was before it was put back into use. */
function refused(head: HeadRuntime, attempt: Attempt, status: BlkStatus, evidence: Evidence): void {
  const { bio, path, returns, startedUs } = attempt
  if (returns !== path.returns) return onLateError(head, bio, path, status, evidence)
  onPathError(head, bio, path, status, evidence)
  // Behind it: what it comes to for the health of the path has this error's own suspicion as its cause.
  noteOutcome(path, startedUs, true)
}

/** The path is busy, which says nothing about its health: the same one later, and after a few times another one. */
function retrySoon(head: HeadRuntime, bio: Bio, path: PathRuntime, evidence: Evidence): void {
  const { core } = head
  const { resourceRetriesMax } = core.settings
  // Having been busy is no attempt: it has a bound of its own, and must not use up those for other paths.
  bio.attempts -= 1
  followLimitsOfBusy(path)
  if (mayTryAnother(head, bio, path, evidence)) return headQueue(head).again(head, bio)
  bio.resourceRetries += 1
  if (bio.resourceRetries > resourceRetriesMax) {
    const why = `${path.name} and every other usable path were busy ${bio.resourceRetries} times in a row.`
    return finishBio(head, bio, ioError(head, bio, evidence.status as BlkStatus, why))
  }
  // The same path later; should it have gone meanwhile, another one.
  bio.waitedFor = path
  waitFor(head, bio, 'busy')
}

function ourBug(path: PathRuntime, { errno }: IoCompletion): PathledgerError {
  return new PathledgerError('BACKEND_MISUSED', {
    message: `${path.name} (${path.device.device}) refused an I/O with ${errno ?? 'no errno'}.`,
    why: 'The kernel says that the request itself was wrong. Offsets and buffers were checked, so this is our bug.',
    todo: 'No path was failed for it. Keep the ledger file and report it.',
    ...(errno === null ? {} : { errno }),
  })
}
