// Paths that nothing but their access state keeps from use: which they are, and whether their return is worth waiting for.
import type { LunGroups } from '../../machines/lun/groups.ts'
import { isDisabled } from '../../machines/predicates.ts'
import type { HeadRuntime, PathRuntime } from './runtime.ts'

/** Its access state alone keeps the path from use. */
export function isOutByAccess({ value, context, disabled }: PathRuntime): boolean {
  return disabled && !isDisabled({ ...value, access: 'optimal' }, context)
}

/** The head's port groups are asked about, because no path is usable. */
export function awaitsGroups(head: HeadRuntime): boolean {
  return (groupsOf(head).wait ?? null) !== null
}

/** They should be: no path is usable, and one that has a group is kept out by nothing else. */
export function shouldAwaitGroups(head: HeadRuntime): boolean {
  const { members } = groupsOf(head)
  if (head.paths.some(({ disabled }) => !disabled)) return false
  return head.paths.some((path) => Object.hasOwn(members, path.hctl) && isOutByAccess(path))
}

/** A path that only its access state keeps out is waited for a limited time, or as often as `noPathRetry` says. */
export function isWorthWaitingFor(path: PathRuntime): boolean {
  if (!path.available || !isOutByAccess(path)) return path.available
  if (groupsOf(path.head).wait?.over === true) return false
  return path.value.access === 'transitioning' || typeof path.head.context.noPathRetry !== 'number'
}

function groupsOf({ lun }: HeadRuntime): LunGroups {
  return lun.stream.state.context as unknown as LunGroups
}
