// Single I/Os of a head, where it traces them. Numbers 150 to 159. They are kept for their figures and change nothing.
import { z } from 'zod'
import { eventType, whole, word } from '../events.ts'

/** Which I/Os are traced: none, each Nth, so many a second, all. */
export const TRACE_MODES = ['off', 'sampled', 'bounded', 'full'] as const
/** One of {@link TRACE_MODES}. */
export type TraceMode = (typeof TRACE_MODES)[number]

/** How an I/O on a head is traced. */
export const tracing = z.strictObject({
  mode: z.enum(TRACE_MODES),
  every: z.int().min(1).max(1_000_000_000),
  perSecond: z.int().min(1).max(1_000_000),
})

const attempt = z.strictObject({
  /** H:C:I:L, and which life of the path. */
  path: word,
  incarnation: whole,
  startedUs: whole,
  tookUs: whole,
  status: word,
  errno: word.nullable(),
})

export const HEAD_TRACE_EVENTS = [
  // One I/O, when it has ended: every attempt of it, and what its caller got.
  eventType(
    150,
    'head.ioTraced',
    {},
    z.strictObject({
      bio: whole,
      op: word,
      offset: whole,
      length: whole,
      node: whole,
      fua: z.boolean(),
      startedUs: whole,
      tookUs: whole,
      /** For how long of that it waited for a path. */
      parkedUs: whole,
      /** 'OK', or the code of the error that its caller got. */
      status: word,
      errno: word.nullable(),
      attempts: z.array(attempt).max(64),
      /** I/Os before this one that were to be traced and were not: the ledger had no room. */
      dropped: whole,
    }),
  ),
  // A traced I/O found no path and waits: once for each, however often it is parked.
  eventType(151, 'head.ioParked', {}, z.strictObject({ bio: whole, op: word, offset: whole, length: whole })),
  eventType(152, 'head.tracingChanged', {}, tracing),
] as const
