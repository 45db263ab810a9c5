// What happens to a logical unit as a whole, whichever path saw it. Numbers 201 to 299.
import { z } from 'zod'
import { eventType, evidence, interval, whole, word, type MachineEventOf } from '../events.ts'
import { ACCESS_STATES } from '../words.ts'

/** Why an attempt ended without proof. */
export const GHOST_REASONS = ['error', 'timeout', 'abort', 'removed', 'closed', 'unclean'] as const
export type GhostReason = (typeof GHOST_REASONS)[number]

/** What ended a ghost, strongest first. */
export const GHOST_PROOFS = ['completion', 'fence', 'laterIo', 'claim', 'time', 'operator'] as const
export type GhostProof = (typeof GHOST_PROOFS)[number]

const groupNumber = z.int().min(0).max(0xffff)
const portGroup = z.strictObject({
  group: groupNumber,
  access: z.enum(ACCESS_STATES),
  preferred: z.boolean(),
  /** ALUA's supported-states byte. */
  supported: z.int().min(0).max(0xff),
})
const byte = z.int().min(0).max(0xff)

const reasoned = z.strictObject({ why: word })

const ghost = z.strictObject({ id: word, op: word, offset: whole, length: whole })

const attachFields = {
  id: word,
  device: z.string().max(4096),
  deviceKey: z.string().max(512),
  final: z.boolean(),
  bootId: word,
}
/** The attach whose attempts they were: one device as one path of one engine. H:C:I:L is a label for people. */
const attach = z.strictObject(attachFields)

/** A ghost that is open where a segment ends, as the next one carries it on. */
export const carriedGhost = z.strictObject({
  ...ghost.shape,
  reason: z.enum(GHOST_REASONS),
  attach: z.strictObject({ ...attachFields, path: word, incarnation: whole }),
})

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
      attach: attach.optional(),
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
  // Another engine of the LUN has ended them: the LUN's own storage says so, and this ledger hears of it here. In old
  // ledgers also: a crash left them on the ledger alone, and something wider stood for them.
  eventType(
    208,
    'lun.ghostsSuperseded',
    { gate: true },
    z.strictObject({ ids: z.array(word).min(1).max(1000), detail: word }),
  ),
  // Which target port group a path goes in through, as its page 0x83 says.
  eventType(
    210,
    'lun.pathGrouped',
    {},
    z.strictObject({ path: word, group: groupNumber, port: whole.nullable(), tpgs: z.int().min(0).max(3) }),
  ),
  eventType(211, 'lun.pathUngrouped', {}, z.strictObject({ path: word })),
  // An answer to REPORT TARGET PORT GROUPS. What it does not list is not known any more (D-60).
  eventType(
    212,
    'lun.groupsReported',
    {},
    z.strictObject({
      via: word,
      extended: z.boolean(),
      transitionUs: interval,
      groups: z.array(portGroup).max(1024),
    }),
  ),
  // No path got an answer: everything stays as it was last known (D-59).
  eventType(213, 'lun.reportFailed', {}, z.strictObject({ via: z.array(word).max(64), why: word })),
  eventType(214, 'lun.senseReceived', {}, z.strictObject({ path: word, key: byte, asc: byte, ascq: byte })),
  eventType(215, 'lun.timerFired', {}, z.strictObject({ timer: word, dueUs: whole })),
  // The run that knew its groups ended without a word: they are asked for anew.
  eventType(216, 'lun.groupsForgotten', {}, reasoned),
  // A head has no usable path, and its access state alone keeps one out: the groups are asked about now, then at intervals
  // from `minUs` to `maxUs`; for `forUs` their paths are worth waiting for.
  eventType(
    217,
    'lun.waitBegan',
    {},
    z.strictObject({ why: word, minUs: interval.min(1), maxUs: interval.min(1), forUs: interval }),
  ),
  eventType(218, 'lun.waitEnded', {}, reasoned),
  // A path goes with acknowledged writes that no flush has covered. Numbers of writes.
  eventType(
    240,
    'lun.writesLeft',
    {},
    z.strictObject({ path: word, acknowledged: whole, covered: whole, why: word }),
  ),
  // A flush could not reach every write that was acknowledged before it: its caller hears it, once.
  eventType(
    241,
    'lun.flushFellShort',
    { gate: true },
    z.strictObject({ path: word, acknowledged: whole, covered: whole, why: word }),
  ),
  // It was flushed as it went: they are on the medium.
  eventType(
    242,
    'lun.writesCovered',
    {},
    z.strictObject({ path: word, acknowledged: whole, covered: whole }),
  ),
] as const

export type LunEvent = MachineEventOf<typeof LUN_EVENTS>
