// What happens to a logical unit as a whole, whichever path saw it. Numbers 201 to 299.
import { z } from 'zod'
import { eventType, evidence, whole, word, type MachineEventOf } from './events.ts'

/** Why an attempt ended without proof. */
export const GHOST_REASONS = ['error', 'timeout', 'abort', 'removed', 'closed', 'unclean'] as const
export type GhostReason = (typeof GHOST_REASONS)[number]

/** What ended a ghost, strongest first. */
export const GHOST_PROOFS = ['completion', 'fence', 'laterIo', 'claim', 'time', 'operator'] as const
export type GhostProof = (typeof GHOST_PROOFS)[number]

const ghost = z.strictObject({ id: word, op: word, offset: whole, length: whole })

export const LUN_EVENTS = [
  eventType(201, 'lun.found', {}, z.strictObject({ wwid: word, sizeBytes: whole, logicalBlockBytes: whole })),
  // The same error from healthy paths: it is the LUN's, the caller has it, and no path is failed for it.
  eventType(
    202,
    'lun.bioPoisoned',
    {},
    z.strictObject({ bio: whole, evidence, paths: z.array(word).max(64) }),
  ),
  // The kernel reports a lost write once. So do we.
  eventType(203, 'lun.flushFailed', { gate: true }, z.strictObject({ path: word, evidence })),
  // An error of the target itself: it would be the same through every path.
  eventType(204, 'lun.ioFailed', {}, z.strictObject({ bio: whole, path: word, evidence })),
  // Attempts that ended without proof: their writes may still land, and newer ones that overlap wait.
  eventType(
    205,
    'lun.ghostsOpened',
    { gate: true },
    z.strictObject({
      path: word,
      incarnation: whole,
      reason: z.enum(GHOST_REASONS),
      ghosts: z.array(ghost).min(1).max(1000),
    }),
  ),
  // Proof, by its kind, that the attempts are over; 'time' is not proof, and says so.
  eventType(
    206,
    'lun.ghostsEnded',
    { gate: true },
    z.strictObject({
      ids: z.array(word).min(1).max(1000),
      proof: z.enum(GHOST_PROOFS),
      detail: word.nullable(),
    }),
  ),
  // A write waited for a ghost longer than ghostHoldMaxMs, and its caller got GHOST_HOLD.
  eventType(
    207,
    'lun.holdExpired',
    {},
    z.strictObject({ bio: whole, offset: whole, length: whole, ghost: word }),
  ),
] as const

export type LunEvent = MachineEventOf<typeof LUN_EVENTS>
