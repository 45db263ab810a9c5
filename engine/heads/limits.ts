// What one I/O of a head may be: the limits of its paths stacked, as the block layer stacks those of a device's parts. An
// I/O is cut to them before a path is chosen, so that every piece fits down whichever path is chosen.
import type { DeviceLimits, PathGeometry } from '../../adapters/ports.ts'
import { usOfMs } from '../core/core.ts'
import type { IoOp } from '../../machines/words.ts'
import type { HeadRuntime, PathRuntime } from './runtime.ts'

/** While a path says that it is busy, what it takes is looked up again, but not more often: some I/O may be too large by now. */
export const BUSY_LIMITS_LOOK_MS = 100

/** Of a device that says nothing: one logical block everywhere, and no bound. */
export function limitsOf({ logicalBlockBytes, limits }: PathGeometry): DeviceLimits {
  return {
    ...{ physicalBlockBytes: logicalBlockBytes, ioMinBytes: logicalBlockBytes, ioOptBytes: 0 },
    ...{ maxTransferBytes: Infinity, discardMaxBytes: Infinity, discardGranularityBytes: 0 },
    ...limits,
  }
}

/** All these limits at once; null for none. */
export function stackLimits(limits: readonly DeviceLimits[]): DeviceLimits | null {
  const [first, ...others] = limits
  return first === undefined ? null : others.reduce(stack, first)
}

/** The limits of a head are those of its paths; without any it keeps what it had. */
export function restack(head: HeadRuntime): void {
  head.limits = stackLimits(head.paths.map(({ limits }) => limits)) ?? head.limits
}

/** Bytes that a path takes at once now; a device without discard answers one of any length with its own error. */
export function takesAtOnce({ maxTransferBytes, discardMaxBytes }: DeviceLimits, op: IoOp): number {
  if (op === 'read' || op === 'write') return maxTransferBytes
  return op === 'discard' && discardMaxBytes > 0 ? discardMaxBytes : Infinity
}

/**
 * Asks a path what it takes now, which its operator may have changed: I/O that is cut from here on fits, and what was cut
 * before is cut again when it is sent. Waits for no server.
 */
export function followLimits(path: PathRuntime): void {
  const { device, head, core } = path
  path.limitsLookedUs = core.clock.monoUs()
  const limits = device.limitsNow?.()
  if (limits === undefined) return
  const before = path.limits
  path.limits = limitsOf({ ...device.geometry, limits })
  const changed = (Object.keys(before) as (keyof DeviceLimits)[]).filter(
    (name) => before[name] !== path.limits[name],
  )
  if (changed.length === 0) return
  restack(head)
  const was = Object.fromEntries(changed.map((name) => [name, before[name]]))
  const is = Object.fromEntries(changed.map((name) => [name, path.limits[name]]))
  core.log.info({ path: path.name, was, is }, 'limits of a path have changed')
}

/** The same for a path that says it is busy, which an I/O that has become too large for it hears for ever. */
export function followLimitsOfBusy(path: PathRuntime): void {
  if (path.core.clock.monoUs() - path.limitsLookedUs >= usOfMs(BUSY_LIMITS_LOOK_MS)) followLimits(path)
}

function stack(one: DeviceLimits, other: DeviceLimits): DeviceLimits {
  return {
    physicalBlockBytes: Math.max(one.physicalBlockBytes, other.physicalBlockBytes),
    ioMinBytes: Math.max(one.ioMinBytes, other.ioMinBytes),
    // The smallest that is a multiple of both.
    ioOptBytes: commonMultiple(one.ioOptBytes, other.ioOptBytes),
    maxTransferBytes: Math.min(one.maxTransferBytes, other.maxTransferBytes),
    discardMaxBytes: Math.min(one.discardMaxBytes, other.discardMaxBytes),
    discardGranularityBytes: Math.max(one.discardGranularityBytes, other.discardGranularityBytes),
  }
}

/** 0 says nothing; a multiple that no number holds exactly says as little. */
function commonMultiple(one: number, other: number): number {
  if (one === 0 || other === 0) return one + other
  let [large, small] = [Math.max(one, other), Math.min(one, other)]
  while (small > 0) [large, small] = [small, large % small]
  const multiple = (one / large) * other
  return Number.isSafeInteger(multiple) ? multiple : 0
}
