// Decide, act inside, record: an event goes to the machine of its path or head, the plain fields follow, the effects are
// performed, and what it means for the head is an event of the head with this one as its cause.
import type { Effect } from '../../machines/effects.ts'
import { bestRank, findPreferred, lossOf, lossWhy, wouldTakeOver } from './failback.ts'
import { awaitsGroups, isOutByAccess, isWorthWaitingFor, shouldAwaitGroups } from './group-wait.ts'
import type { HeadRuntime, PathRuntime } from './runtime.ts'
import { followLimits, restack } from './limits.ts'
import type { Origin, Recorded } from '../ledger/recorder.ts'
import { clearCurrentPath, clearCurrentPaths, searchPath } from '../select/select.ts'
import type { StreamStep } from '../ledger/stream.ts'
import { isDisabled, RANK_HELD_BACK, RANK_MARGINAL } from '../../machines/predicates.ts'
import type { LostPath } from './lost-path.ts'

/** With these a path is usable only because its identity was proved. By any other way back it is proved then. */
const PROVED: ReadonlySet<string> = new Set(['path.added', 'path.returned', 'path.probeSucceeded'])

/** An event of a path: step, record, refresh what selection reads, tell the head, perform the effects. */
export function recordPath(
  path: PathRuntime,
  type: string,
  data: Readonly<Record<string, unknown>>,
  origin: Origin = {},
): StreamStep {
  const { head } = path
  const wasDisabled = path.disabled
  const step = path.stream.record(type, data, origin)
  path.refresh()
  if (!path.present) leaveList(path)
  if (wasDisabled && !path.disabled) {
    path.returns += 1
    followLimits(path)
  }
  if (wasDisabled && !path.disabled && !PROVED.has(type)) head.actions.prove(path, step.recorded)
  for (const effect of step.effects) performForPath(path, effect, step.recorded)
  if (path.disabled) head.actions.drainBacklog(path)
  settlePaths(head, step.recorded, type === 'path.failed')
  recountPaths(head, step.recorded)
  if (!wasDisabled && path.disabled) tryFailed(path, step.recorded)
  // It can be asked again, and may be the only one that can.
  const reaches = type === 'path.probeSucceeded' && isOutByAccess(path)
  if (reaches && awaitsGroups(head)) head.actions.awaitGroups(head, true, step.recorded)
  return step
}

/** The last usable path is lost: the others that failed may be well by now, and are not left to their timers. */
function tryFailed(lost: PathRuntime, cause: Recorded): void {
  const { head } = lost
  if (!head.live || head.paths.some(({ disabled }) => !disabled)) return
  for (const path of [...head.paths]) {
    const waits = path.value.health === 'failed' && path.context.timers['probe'] !== undefined
    if (path === lost || !waits) continue
    recordPath(path, 'path.triedAtOnce', { why: 'no other path is left' }, { cause })
  }
}

/** Why a path is blocked from its first moment on. */
export const HELD_BACK = 'the transport holds it back'

/** What the transport holds back while it is found is blocked before it is a path: then it is added blocked. */
export function createBlocked(path: PathRuntime): void {
  const why = HELD_BACK
  if (path.value.device === 'deleted') recordPath(path, 'path.found', { why })
  recordPath(path, 'path.blocked', { why })
}

/** An event of a head: step, record, perform the effects. */
export function recordHead(
  head: HeadRuntime,
  type: string,
  data: Readonly<Record<string, unknown>>,
  origin: Origin = {},
): StreamStep {
  const step = head.stream.record(type, data, origin)
  head.policy = head.context.iopolicy
  head.sizeBytes = head.context.sizeBytes
  head.quantum = head.context.quantum
  head.preferred = findPreferred(head)
  for (const effect of step.effects) performForHead(head, effect)
  return step
}

/** A removed path is never returned by selection again, cached or alone (D-17). */
function leaveList(path: PathRuntime): void {
  const at = path.head.paths.indexOf(path)
  if (at < 0) return
  path.head.paths.splice(at, 1)
  restack(path.head)
  path.health.stopSampling()
  path.retire()
}

/** Tells the head's machine what its paths come to, when that has changed. */
export function recountPaths(head: HeadRuntime, cause: Recorded): void {
  const now = { paths: head.paths.length, usable: 0, optimized: 0, available: 0 }
  for (const path of head.paths) {
    if (!path.disabled) now.usable += 1
    if (path.optimized) now.optimized += 1
    if (isWorthWaitingFor(path)) now.available += 1
  }
  const waits = shouldAwaitGroups(head)
  if (waits !== awaitsGroups(head)) head.actions.awaitGroups(head, waits, cause)
  const { paths, usable, optimized, available, lost } = head.context
  if (lost !== head.lost.size) {
    recordHead(head, 'head.lostPathsChanged', { ...now, lost: head.lost.size }, { cause })
    return
  }
  const same =
    paths === now.paths && usable === now.usable && optimized === now.optimized && available === now.available
  head.preferred = findPreferred(head)
  if (!same) recordHead(head, 'head.pathsChanged', now, { cause })
  tellLoss(head, cause)
}

function performForPath(path: PathRuntime, effect: Effect, cause: Recorded): void {
  const { head } = path
  const { actions } = head
  switch (effect.type) {
    case 'clearCurrentPath':
      return void clearCurrentPath(head, path)
    case 'searchCurrentPath':
      return searchAllNodes(path)
    case 'wakeRequeue':
      return actions.resubmitParked(head)
    case 'probe':
    case 'check':
    case 'sample':
    case 'tally':
      return actions[effect.type](path)
    case 'removePath':
      return actions.removePath(path, cause)
    default:
      // The other effects are a head's or a LUN's.
      return asked(path, effect)
  }
}

/** What a timer, by its name, is to do. */
function asked({ timers }: PathRuntime, { type, timer = '', dueUs = 0 }: Effect): void {
  if (type === 'startTimer') timers?.start(timer, dueUs)
  if (type === 'cancelTimer') timers?.cancel(timer)
}

function performForHead(head: HeadRuntime, effect: Effect): void {
  switch (effect.type) {
    case 'clearCurrentPath':
      return clearCurrentPaths(head)
    case 'wakeRequeue':
      return head.actions.resubmitParked(head)
    case 'failRequeue':
      return head.actions.failParked(head)
    case 'removeDisk':
      return head.actions.headRemoved(head)
    case 'startTimer':
      return head.timers?.start(effect.timer ?? '', effect.dueUs ?? 0)
    case 'cancelTimer':
      return head.timers?.cancel(effect.timer ?? '')
    default:
      // To publish is done by being live; the other effects are a path's or a LUN's.
      return
  }
}

/** As the kernel does when a path becomes live: only an optimized one makes every node look again. */
function searchAllNodes(path: PathRuntime): void {
  if (!path.optimized) return
  for (let node = 0; node < path.head.current.length; node += 1) searchPath(path.head, node)
}

/** Brings the head's paths in order after an event of one of them. `failed`: the event was a failure. */
function settlePaths(head: HeadRuntime, cause: Recorded, failed: boolean): void {
  if (failed && head.core.settings.restoreOnError) overrideIfLast(head, cause)
  const best = bestRank(head)
  endOverrides(head, cause)
  if (best >= RANK_HELD_BACK && best < RANK_MARGINAL) releaseHeldBack(head, best, cause)
}

/** Says that a path which is about to come back does not take its I/O yet, where the head's failback says so. */
export function holdBackIfNeeded(path: PathRuntime, cause: Recorded | null): void {
  const { failback } = path.head.context
  if (failback === 'immediate' || path.context.heldBack || !wouldTakeOver(path, failback)) return
  const forUs = typeof failback === 'number' ? failback : null
  const why =
    forUs === null ? `failback is ${failback}` : `failback comes ${forUs / 1000} ms after the path is back`
  recordPath(path, 'path.heldBack', { why, forUs }, { cause })
}

/** Nothing but paths that were held back is left: their failback is over. */
function releaseHeldBack(head: HeadRuntime, best: number, cause: Recorded): void {
  for (const path of [...head.paths]) {
    if (path.disabled || path.rank !== best || !path.context.heldBack) continue
    recordPath(path, 'path.failedBack', { why: 'no other path is left' }, { cause })
  }
}

/** The last usable path failed: those that an operator pulled, and nothing else keeps from use, are tried. */
function overrideIfLast(head: HeadRuntime, cause: Recorded): void {
  if (head.paths.some(({ disabled }) => !disabled)) return
  for (const path of [...head.paths]) {
    const { value, context } = path
    const usable = !isDisabled({ ...value, admin: 'enabled' }, context)
    if (value.admin !== 'disabled' || !usable || context.override !== 'none') continue
    path.core.log.warn({ path: path.name }, 'every other path failed: a path that was pulled is tried')
    recordPath(path, 'path.overridden', { why: 'every other path failed' }, { cause })
  }
}

/** Another path is usable again: the operator's word holds. */
function endOverrides(head: HeadRuntime, cause: Recorded): void {
  const other = head.paths.find(({ disabled, context }) => !disabled && context.override !== 'on')
  if (other === undefined) return
  for (const path of [...head.paths]) {
    if (path.context.override !== 'on') continue
    recordPath(path, 'path.overrideEnded', { why: `${other.name} is usable again` }, { cause })
  }
}

/** Tells the head's machine why it has no usable path, when that has changed. */
function tellLoss(head: HeadRuntime, cause: Recorded): void {
  const to = lossOf(head)
  if (to === head.context.loss || !head.context.present) return
  recordHead(head, 'head.lossChanged', { to, why: lossWhy(head, to) }, { cause })
}

/** A path of the last run is no more: what that may have left in its cache is on the ledger before the path is forgotten. */
export function noteLeft(head: HeadRuntime, path: string, why: string): void {
  const left = head.lun.writes.giveUp(path)
  if (left === null) return
  const { acknowledged, covered } = left
  head.lun.stream.record('lun.writesLeft', { path, acknowledged, covered, why })
}

/** What the last run left of a head's paths and has not come back is given up; then the head's own rules go on. */
export function giveUpLost(
  head: HeadRuntime,
  why: string,
  cause: Recorded | null,
  which: (path: LostPath) => boolean = () => true,
): void {
  const lost = [...head.lost.values()].filter(which)
  if (lost.length === 0) return
  for (const { hctl } of lost) {
    head.lost.delete(hctl)
    noteLeft(head, hctl, why)
  }
  const last = lost.map((path) => path.forget(why, cause)).at(-1) ?? cause
  // Without a path it never became visible: there is nothing to wait for.
  if (head.value.life === 'allocated' && head.paths.length === 0) {
    recordHead(head, 'head.closed', { why }, { cause: last })
  } else if (last !== null) recountPaths(head, last)
}
