// Which of its usable paths a head's I/O may come back to, and whether the loss of all paths may pass. Decides only:
// lifecycle.ts records what follows.
import { RANK_HELD_BACK, RANK_MARGINAL } from '../../machines/predicates.ts'
import type { Failback, Loss } from '../../machines/words.ts'
import type { HeadRuntime, PathRuntime } from './runtime.ts'

/** Looks up the path that the operator prefers; they may prefer one that is away. */
export function findPreferred({ paths, context }: HeadRuntime): PathRuntime | null {
  if (context.preferred === null) return null
  return paths.find(({ hctl }) => hctl === context.preferred) ?? null
}

/**
 * Whether I/O would leave the paths that carry it now for this one. A path that joins others like it in round-robin is
 * no failback; under numa, where one path carries everything, each is a group of its own.
 */
export function wouldTakeOver(path: PathRuntime, failback: Failback): boolean {
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

export function bestRank({ paths }: HeadRuntime): number {
  let best = RANK_MARGINAL + 2
  for (const { disabled, rank } of paths) if (!disabled && rank < best) best = rank
  return best
}

export function lossOf({ paths, lost }: HeadRuntime): Loss {
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

export function lossWhy({ paths }: HeadRuntime, to: Loss): string {
  if (to === 'none') return 'a path is usable'
  const each = paths.map((path) => `${path.name} ${lostFor(path) ?? stateWord(path)}`)
  return (each.length === 0 ? 'it has no path' : each.join(', ')).slice(0, 512)
}

function stateWord({ value }: PathRuntime): string {
  if (value.admin === 'disabled') return 'was pulled by its operator'
  if (value.device !== 'running') return `is ${value.device}`
  return value.health === 'failed' || value.health === 'probing' ? 'failed' : `is ${value.access}`
}
