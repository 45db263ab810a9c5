// What one I/O of a head may be: the limits of its paths stacked, as the block layer stacks those of a device's parts. An
// I/O is cut to them before a path is chosen, so that every piece fits down whichever path is chosen.
import type { DeviceLimits, PathGeometry } from '../../adapters/ports.ts'

/** Of a device that says nothing: one logical block everywhere, and no bound. */
function limitsOf({ logicalBlockBytes, limits }: PathGeometry): DeviceLimits {
  return {
    ...{ physicalBlockBytes: logicalBlockBytes, ioMinBytes: logicalBlockBytes, ioOptBytes: 0 },
    ...{ maxTransferBytes: Infinity, discardMaxBytes: Infinity, discardGranularityBytes: 0 },
    ...limits,
  }
}

/** The limits of all these devices at once; null for none. */
export function stackLimits(geometries: readonly PathGeometry[]): DeviceLimits | null {
  const [first, ...others] = geometries.map(limitsOf)
  return first === undefined ? null : others.reduce(stack, first)
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
