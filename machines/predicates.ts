// May I send I/O down this path now, and is it worth waiting for? One pure function each, the single source of truth:
// the selection table, the audit queries and the drawings all come from here (D-20, D-55).
import type { PathValue } from './words.ts'

/**
 * True when no I/O may be sent down the path now. Usable is the conjunction of: device running, access state optimal or
 * active (the preferred bit is kept apart and never compared), health not failed, and the operator has not pulled it.
 */
export function isDisabled(path: PathValue): boolean {
  const deviceUsable = path.device === 'running'
  const accessUsable = path.access === 'optimal' || path.access === 'active'
  const healthUsable = path.health === 'online' || path.health === 'marginal'
  return !(deviceUsable && accessUsable && healthUsable && path.admin === 'enabled')
}

/** True when the path may be used now and its access state is optimal. */
export function isOptimized(path: PathValue): boolean {
  return !isDisabled(path) && path.access === 'optimal'
}

/**
 * True when the path is worth waiting for: not "send now" but "it may come back by itself". A device that is not fully
 * created does not keep I/O waiting (D-22). A path that failed or that the operator pulled is not waited for by this
 * rule; `noPathRetry` decides about those.
 */
export function isAvailable(path: PathValue): boolean {
  const deviceMayReturn = path.device === 'running' || path.device === 'quiesced' || path.device === 'blocked'
  const healthy = path.health === 'online' || path.health === 'marginal'
  return deviceMayReturn && healthy && path.admin === 'enabled'
}
