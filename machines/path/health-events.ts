// What can happen to the health of a path besides path.failed and its probes: checks while it is well, the sampling of
// one that works badly, its failback, the override of its operator. Numbers 50 to 69.
import { z } from 'zod'
import { eventType, evidence, interval, whole, word } from '../events.ts'

const reasoned = z.strictObject({ why: word })

/** Seconds as SPDK counts them: more than a day is allowed, and -1 is never. */
const seconds = z.int().min(0).max(4_294_967_295)

/** What the machine goes by, as the settings gave it. All times in microseconds, but for those of `loss`. */
export const healthRules = z.strictObject({
  /** A path that is well is checked after `minUs`, then at doubling intervals up to `maxUs`; 0 never checks it. */
  check: z.strictObject({ minUs: interval, maxUs: interval }),
  marginal: z.strictObject({
    /** Two failures within this time make a path marginal when it comes back; 0 switches that off. */
    doubleFailureUs: interval,
    /** A marginal path is sampled for so long. */
    sampleUs: interval,
    /** The errors of a thousand samples that a path may have and still be well. */
    errorsPerThousand: whole.max(1000),
    /** Time from a sampling that found errors to the next; it doubles with each failure up to the longest. */
    recheckUs: interval,
    recheckMaxUs: interval,
  }),
  /** `loss` -1: never removed; all three 0: none of these rules. */
  loss: z.strictObject({ loss: seconds.or(z.literal(-1)), delay: seconds, fastFail: seconds }),
})
export type HealthRules = z.infer<typeof healthRules>

export const PATH_HEALTH_EVENTS = [
  eventType(50, 'path.rulesSet', {}, healthRules),
  eventType(51, 'path.checkPassed', {}, z.strictObject({ reads: whole })),
  // A check of a path that is well found an error: the path is under suspicion, and is asked again before it fails.
  eventType(52, 'path.checkFailed', {}, evidence),
  // What the samples of a marginal path came to: reads, those that failed, those that were too slow.
  eventType(53, 'path.sampled', {}, z.strictObject({ reads: whole, errors: whole, slow: whole })),
  eventType(54, 'path.heldBack', {}, z.strictObject({ why: word, forUs: interval.nullable() })),
  eventType(55, 'path.failedBack', {}, reasoned),
  // Every other path failed, and a path that its operator pulled is tried: what they want of it stands, and is shown.
  eventType(56, 'path.overridden', { gate: true }, reasoned),
  eventType(57, 'path.overrideEnded', {}, reasoned),
  eventType(58, 'path.goingAway', {}, reasoned),
  eventType(59, 'path.capacityChanged', {}, z.strictObject({ fromBytes: whole, toBytes: whole })),
  // A path that failed is tried before its timer: the last usable one of its head was lost.
  eventType(60, 'path.triedAtOnce', {}, reasoned),
  // A check could not read there, and could elsewhere; no other path could read it either, or none was there to ask.
  eventType(61, 'path.placeUnreadable', {}, evidence),
  // It has no room for an I/O, and did not take it. Told once, until it takes one again.
  eventType(62, 'path.busy', {}, evidence),
  eventType(63, 'path.busyEnded', {}, z.strictObject({ times: whole, sinceUs: whole })),
  // An attempt that was sent before the path was put back into use ended in an error: no path is suspected for it.
  eventType(64, 'path.lateError', {}, evidence),
  // Its oldest I/O is out for long, it answers nothing, and another path does: it is used last until it answers.
  eventType(65, 'path.silent', {}, z.strictObject({ why: word, forUs: whole, inFlight: whole })),
  eventType(66, 'path.answersAgain', {}, z.strictObject({})),
] as const
