// A ghost as a program sees it.
import { PathledgerError } from '../../errors.ts'
import type { Ghost } from '../lun/ghosts.ts'

/** An attempt that ended without proof: its write may still land, and newer ones that overlap wait. */
export interface GhostInfo {
  readonly id: string
  readonly wwid: string
  /** H:C:I:L of the path, and in which of its lives the attempt was sent. */
  readonly path: string
  readonly incarnation: number
  /** What the attempt was sent down: its attach, and where that had its device. */
  readonly attach: string
  readonly device: string
  readonly op: string
  /** Bytes. */
  readonly offset: number
  readonly length: number
  /** Why it has no proof: error, timeout, abort, removed, closed, unclean. */
  readonly reason: string
  /** The kernel has given the attempt back; only then may time release it. */
  readonly returned: boolean
  /** Another engine's. */
  readonly foreign: boolean
}

/** What is shown of a ghost. Pure. */
export function ghostInfo(wwid: string, ghost: Ghost): GhostInfo {
  const { id, attach, op, offset, length, reason, foreign } = ghost
  const { path, incarnation } = attach
  return {
    id,
    wwid,
    path,
    incarnation,
    attach: attach.id,
    device: attach.device,
    op,
    offset,
    length,
    reason,
    returned: ghost.returnedUs !== null,
    foreign,
  }
}

/** The error for a release without a reason. */
export function noReason(): PathledgerError {
  return new PathledgerError('GHOST_REASON', {
    message: 'Releasing ghosts needs a reason.',
    why: 'Whoever releases a ghost states that an old write cannot land any more. Auditors will ask why.',
    todo: "Give one: releaseGhosts({ reason: 'array port powered off' }).",
    errno: 'EINVAL',
  })
}
