// Decide, act inside, record: an event goes to the machine of its path or head, the plain fields follow, the effects are
// performed, and what it means for the head is an event of the head with this one as its cause.
import type { Effect } from '../machines/effects.ts'
import { findPreferred, settlePaths, tellLoss } from './failback.ts'
import type { HeadRuntime } from './head-runtime.ts'
import { stackLimits } from './limits.ts'
import { stopSampling } from './margin.ts'
import type { PathRuntime } from './path-runtime.ts'
import type { Origin, Recorded } from './recorder.ts'
import { clearCurrentPath, clearCurrentPaths, searchPath } from './select.ts'
import type { StreamStep } from './stream.ts'

/** With these a path is usable only because its identity was proved. By any other way back it is proved then. */
const PROVED: ReadonlySet<string> = new Set(['path.added', 'path.returned', 'path.probeSucceeded'])

/** An event of a path: step, record, refresh what selection reads, tell the head, perform the effects. */
export function recordPath(
  path: PathRuntime,
  type: string,
  data: Readonly<Record<string, unknown>>,
  origin: Origin = {},
): StreamStep {
  const wasDisabled = path.disabled
  const step = path.stream.record(type, data, origin)
  path.refresh()
  if (!path.present) leaveList(path)
  if (wasDisabled && !path.disabled && !PROVED.has(type)) path.core.actions.prove(path)
  for (const effect of step.effects) performForPath(path, effect, step.recorded)
  if (path.disabled && path.backlog.length > 0) path.core.actions.drainBacklog(path)
  settlePaths(path.head, step.recorded, type === 'path.failed')
  recountPaths(path.head, step.recorded)
  return step
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
  path.head.limits = stackLimits(path.head.paths.map(({ device }) => device.geometry)) ?? path.head.limits
  stopSampling(path)
  path.retire()
}

/** Tells the head's machine what its paths come to, when that has changed. */
export function recountPaths(head: HeadRuntime, cause: Recorded): void {
  const now = { paths: head.paths.length, usable: 0, optimized: 0, available: 0 }
  for (const path of head.paths) {
    if (!path.disabled) now.usable += 1
    if (path.optimized) now.optimized += 1
    if (path.available) now.available += 1
  }
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
  const { actions } = path.core
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
      return head.core.actions.resubmitParked(head)
    case 'failRequeue':
      return head.core.actions.failParked(head)
    case 'removeDisk':
      return head.core.actions.headRemoved(head)
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
