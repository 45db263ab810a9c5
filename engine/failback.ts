// Which of its usable paths a head's I/O may come back to, what an operator's word is worth when every other path has
// failed, and whether the loss of all paths may pass. Called after every event of a path, before its head is told.
import { isDisabled, RANK_HELD_BACK, RANK_MARGINAL } from '../machines/predicates.ts'
import type { Failback, Loss } from '../machines/words.ts'
import type { HeadRuntime } from './head-runtime.ts'
import { recordHead, recordPath } from './lifecycle.ts'
import type { PathRuntime } from './path-runtime.ts'
import type { Recorded } from './recorder.ts'

/** Brings the head's paths in order after an event of one of them. `failed`: the event was a failure. */
export function settlePaths(head: HeadRuntime, cause: Recorded, failed: boolean): void {
  if (failed && head.core.settings.restoreOnError) overrideIfLast(head, cause)
  const best = bestRank(head)
  endOverrides(head, cause)
  if (best >= RANK_HELD_BACK && best < RANK_MARGINAL) releaseHeldBack(head, best, cause)
}

/** Looks up the path that the operator prefers; he may prefer one that is away. */
export function findPreferred({ paths, context }: HeadRuntime): PathRuntime | null {
  if (context.preferred === null) return null
  return paths.find(({ hctl }) => hctl === context.preferred) ?? null
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

/**
 * Whether I/O would leave the paths that carry it now for this one. A path that joins others like it in round-robin is
 * no failback; under numa, where one path carries everything, each is a group of its own.
 */
function wouldTakeOver(path: PathRuntime, failback: Failback): boolean {
  const { head } = path
  const own = groupOf(path)
  const others = head.paths.filter((other) => other !== path && !other.disabled)
  let best = RANK_HELD_BACK
  for (const { rank } of others) if (rank < best) best = rank
  // Nothing that is well carries I/O: whoever comes is needed.
  if (best === RANK_HELD_BACK) return false
  const preferred = findPreferred(head)
  if (preferred === path) return failback !== 'followover'
  const staysPreferred = preferred !== null && !preferred.disabled && preferred.rank < RANK_HELD_BACK
  if (staysPreferred || own > best) return false
  const isGroupOfItsOwn = head.policy === 'numa'
  if (own === best && !isGroupOfItsOwn) return false
  if (failback !== 'followover') return true
  // The first of its group brings the group back; a later one changes nothing about where I/O goes.
  return !isGroupOfItsOwn && others.some((other) => groupOf(other) === own)
}

function groupOf({ value }: PathRuntime): number {
  return value.access === 'optimal' ? 0 : 1
}

/** Nothing but paths that were held back is left: their failback is over. */
function releaseHeldBack(head: HeadRuntime, best: number, cause: Recorded): void {
  for (const path of [...head.paths]) {
    if (path.disabled || path.rank !== best || !path.context.heldBack) continue
    recordPath(path, 'path.failedBack', { why: 'no other path is left' }, { cause })
  }
}

function bestRank({ paths }: HeadRuntime): number {
  let best = RANK_MARGINAL + 2
  for (const { disabled, rank } of paths) if (!disabled && rank < best) best = rank
  return best
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
export function tellLoss(head: HeadRuntime, cause: Recorded): void {
  const to = lossOf(head)
  if (to === head.context.loss || !head.context.present) return
  recordHead(head, 'head.lossChanged', { to, why: lossWhy(head, to) }, { cause })
}

function lossOf({ paths, lost }: HeadRuntime): Loss {
  if (paths.some(({ disabled }) => !disabled)) return 'none'
  // What the last run left may be attached again.
  if (lost.size > 0) return 'allPathsDown'
  return paths.some((path) => lostFor(path) === null) ? 'allPathsDown' : 'permanent'
}

/** Why a path will not come back by itself, or null where it may. */
function lostFor({ context, value, lost }: PathRuntime): string | null {
  if (lost !== null) return lost
  if (context.fenced) return 'it was fenced'
  return value.device === 'cancelled' || value.device === 'deleted' ? 'it is being taken away' : null
}

function lossWhy({ paths }: HeadRuntime, to: Loss): string {
  if (to === 'none') return 'a path is usable'
  const each = paths.map((path) => `${path.name} ${lostFor(path) ?? stateWord(path)}`)
  return (each.length === 0 ? 'it has no path' : each.join(', ')).slice(0, 512)
}

function stateWord({ value }: PathRuntime): string {
  if (value.admin === 'disabled') return 'was pulled by its operator'
  if (value.device !== 'running') return `is ${value.device}`
  return value.health === 'failed' || value.health === 'probing' ? 'failed' : `is ${value.access}`
}
