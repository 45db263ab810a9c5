// Everything that can happen to a path. Numbers 1 to 99.
import { z } from 'zod'
import { eventType, evidence, interval, whole, word, type MachineEventOf } from '../events.ts'
import { PATH_HEALTH_EVENTS } from './health-events.ts'
import { ACCESS_STATES } from '../words.ts'

const reasoned = z.strictObject({ why: word })

const count = whole.optional()
/** Counters of a path or an adapter, those that were set. */
export const pathCounts = z.strictObject({
  ...{ reads: count, writes: count, flushes: count, readBytes: count, writeBytes: count },
  ...{ errors: count, resent: count },
})

/** What is known of a device when it becomes a path. */
const attached = {
  wwid: word,
  hctl: word,
  name: word,
  index: whole,
  kind: z.enum(['loop', 'file', 'memory']),
  device: word,
  numaNode: whole.nullable(),
  sizeBytes: whole,
  logicalBlockBytes: whole,
  errorsAreFinal: z.boolean(),
  backend: word,
  access: z.enum(ACCESS_STATES),
  preferred: z.boolean(),
  checker: z.strictObject({ minUs: interval.min(1), maxUs: interval.min(1) }),
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  /** What every ghost and proof of this life of the path names, and the LUN's storage that knows it. */
  attach: z.strictObject({ id: word, deviceKey: z.string().max(512) }).optional(),
  storage: word.optional(),
  /** What shows that it leads to the LUN's medium, where no inode could: blocks were compared, or the program said so. */
  sameness: z.enum(['blocks', 'trusted']).optional(),
}

export const PATH_EVENTS = [
  eventType(1, 'path.added', { gate: true }, z.strictObject(attached)),
  eventType(2, 'path.removed', { gate: true }, reasoned),
  eventType(3, 'path.blocked', {}, reasoned),
  eventType(4, 'path.unblocked', {}, reasoned),
  eventType(5, 'path.quiesced', {}, reasoned),
  eventType(6, 'path.resumed', {}, reasoned),
  eventType(7, 'path.wentOffline', {}, reasoned),
  eventType(8, 'path.transportWentOffline', {}, reasoned),
  eventType(9, 'path.cameOnline', {}, reasoned),
  eventType(10, 'path.cancelled', {}, reasoned),
  eventType(
    11,
    'path.accessChanged',
    {},
    z.strictObject({ access: z.enum(ACCESS_STATES), preferred: z.boolean(), why: word }),
  ),
  // A real I/O came back with a path error: the path is probed, and the bio goes elsewhere.
  eventType(12, 'path.suspected', {}, evidence),
  eventType(13, 'path.cleared', {}, z.strictObject({ errors: whole, bios: whole, resent: whole })),
  // The episode: the one event that explains every I/O re-sent because this path failed.
  eventType(
    14,
    'path.failed',
    { gate: true },
    z.strictObject({
      first: evidence,
      verdict: z.enum(['probe', 'probeTimeout', 'failThreshold', 'identity', 'removedUnderIo']),
      detail: word.nullable(),
      errors: whole,
      bios: whole,
      resent: whole,
      firstUs: whole,
      lastUs: whole,
      samples: z.array(evidence).max(8),
    }),
  ),
  eventType(15, 'path.timerFired', {}, z.strictObject({ timer: word, dueUs: whole })),
  eventType(
    16,
    'path.probeFailed',
    {},
    z.strictObject({
      errno: word.nullable(),
      detail: word.nullable(),
      /** An error, or another device than was added. Ledgers of before do not say. */
      found: z.enum(['error', 'identity']).optional(),
    }),
  ),
  eventType(17, 'path.probeSucceeded', {}, z.strictObject({ reads: whole })),
  eventType(18, 'path.disabled', {}, reasoned),
  eventType(19, 'path.enabled', {}, reasoned),
  eventType(
    20,
    'path.ioSampled',
    {},
    z.strictObject({
      sinceUs: whole,
      reads: whole,
      writes: whole,
      flushes: whole,
      readBytes: whole,
      writeBytes: whole,
      errors: whole,
      resent: whole,
    }),
  ),
  // What the episode came to, after the last of its I/Os: counts that grew while it was already on the ledger.
  eventType(
    21,
    'path.episodeEnded',
    {},
    z.strictObject({ errors: whole, bios: whole, resent: whole, firstUs: whole, lastUs: whole }),
  ),
  eventType(
    22,
    'path.becameMarginal',
    {},
    // Ledgers of before do not say by what.
    z.strictObject({ why: word, by: z.enum(['errors', 'slowness']).optional() }),
  ),
  eventType(23, 'path.becameSteady', {}, reasoned),
  // Its server was killed, say: nothing of it can land any more, and only a new attach brings it back.
  eventType(24, 'path.fenced', { gate: true }, z.strictObject({ detail: word })),
  // The engine that had the path ended without letting go of it. What was said of its health, and by operators, stands;
  // its timers go on from the deadlines they had, told in this boot's monotonic time.
  eventType(
    25,
    'path.lost',
    { gate: true },
    z.strictObject({ why: word, timers: z.record(z.string(), whole) }),
  ),
  // The same device as before the restart, attached again; `changed` is what of it differs all the same.
  eventType(
    26,
    'path.returned',
    { gate: true },
    z.strictObject({ ...attached, changed: z.array(word).max(64) }),
  ),
  // It was not attached again in time, or its place was taken by another device.
  eventType(27, 'path.forgotten', { gate: true }, reasoned),
  // Where a path was deleted there is a device again. It is not a path yet.
  eventType(30, 'path.found', {}, reasoned),
  // Somebody asked for a step that the path does not take now: what they asked for, and why not.
  eventType(31, 'path.transitionRefused', {}, z.strictObject({ asked: word, why: word })),
  // Somebody set counters. What was done does not change: samples go on as if nothing had been set.
  eventType(32, 'path.countersSet', {}, z.strictObject({ was: pathCounts, now: pathCounts })),
  ...PATH_HEALTH_EVENTS,
] as const

/** What happened to a path, with the monotonic time at which it did. */
export type PathEvent = MachineEventOf<typeof PATH_EVENTS>
