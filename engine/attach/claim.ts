// A device that could not be opened. Where its claim is that of an engine that is dead, the kernel still has I/O of it:
// the whole LUN is held for that path, and time does not release it before the claim succeeds.
import { hasCode, PathledgerError } from '../../errors.ts'
import type { PathContext } from '../../machines/path/path.ts'
import type { LunContext } from '../../machines/lun/lun.ts'
import type { PathRuntime } from '../heads/runtime.ts'
import { claimSpeaksOf } from '../lun/attach.ts'
import type { Luns } from '../lun/luns.ts'
import type { Streams } from '../ledger/streams.ts'
import type { Refused, Registry } from './registry.ts'

export interface ClaimParts {
  readonly registry: Registry
  readonly streams: Streams
  readonly luns: Luns
}

/** Puts the refusal on the ledger where it says what was to be opened, and gives it back. */
export async function openRefused(parts: ClaimParts, error: unknown): Promise<unknown> {
  const refused = error instanceof PathledgerError ? refusedIn(error) : null
  if (refused === null) return error
  if (hasCode(error, 'PATH_GHOST_CLAIM')) await holdForDead(parts, refused)
  return parts.registry.refused(refused, error as PathledgerError)
}

/** A claim has just failed: the next look is not at once. */
const LOOK_AFTER_REFUSAL_US = 1_000_000

/** A ghost of the whole LUN: of nothing that the kernel has is known where it goes. */
async function holdForDead({ streams, luns }: ClaimParts, { wwid, hctl, device }: Refused): Promise<void> {
  const lun = luns.of(wwid)
  const known = lun.stream.state.context as unknown as LunContext
  const length = known.sizeBytes === 0 ? Number.MAX_SAFE_INTEGER : known.sizeBytes
  // Only a device of the kernel's can be claimed.
  await lun.open(length, 'loop')
  const { incarnation } = streams.of(`path/${wwid}/${hctl}`).state.context as unknown as PathContext
  // Whose attach it is only the kernel knows: the device alone is known.
  lun.ghosts.holdWhole(luns.attaches.ofUnknown({ path: hctl, incarnation, device }), length)
  lun.shared?.lookLater(LOOK_AFTER_REFUSAL_US)
}

function refusedIn({ details }: PathledgerError): Refused | null {
  const { wwid, hctl, device } = details
  const whole = typeof wwid === 'string' && typeof hctl === 'string' && typeof device === 'string'
  return whole && /^[\x21-\x2e\x30-\x7e]{1,256}$/.test(wwid) && hctl !== '' ? { wwid, hctl, device } : null
}

/**
 * The device was claimed exclusively, so the kernel holds nothing of it for an engine that is dead; where errors are final
 * as well, that proves over what was left in it. It speaks of that device, and of no other of the same name.
 */
export function proveByClaim({ device, attach, head }: PathRuntime): void {
  const { claimsExclusively, errorsAreFinal } = device.guarantees
  const { ghosts } = head.lun
  if (claimsExclusively !== true) return
  const left = ghosts.index.all().filter((ghost) => ghost.orphan && claimSpeaksOf(attach, ghost.attach))
  // The kernel has given back what a dead engine had sent: from now on time counts.
  for (const ghost of left) ghosts.returned(ghost)
  if (errorsAreFinal && left.length > 0)
    ghosts.end(left, 'claim', `${device.device} was claimed (${attach.id})`)
}
