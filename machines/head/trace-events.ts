// Single I/Os of a head, where it traces them. Numbers 150 to 159. They are kept for their figures and change nothing.
import { z } from 'zod'
import { eventType, whole, word } from '../events.ts'
import { IO_POLICIES } from '../words.ts'

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

/** What decided for a path. */
export const CHOSEN_BY = [
  // A flush goes down a path to the cache that it is for; what was refused goes where it was not.
  ...(['cache', 'elsewhere', 'only', 'preferred'] as const),
  // numa: the node's cached path, or the nearest one that was searched for. round-robin: its quantum went on, or its turn came.
  ...(['cached', 'nearest', 'quantum', 'turn'] as const),
  // Fewest in flight; shortest service; the next one of those that reads are spread over.
  ...(['depth', 'service', 'spread'] as const),
] as const

const choice = z.strictObject({
  by: z.enum(CHOSEN_BY),
  policy: z.enum(IO_POLICIES),
  /** Rank of the path, 0 is best, and how many paths were usable. */
  rank: whole,
  usable: whole,
  /** In flight then, where the policy goes by it. */
  depth: whole.optional(),
})
/** Why a path was chosen for an attempt. */
export type Choice = z.infer<typeof choice>

const attempt = z.strictObject({
  /** H:C:I:L, and which life of the path. */
  path: word,
  incarnation: whole,
  startedUs: whole,
  tookUs: whole,
  status: word,
  errno: word.nullable(),
  /** Why the policy chose this path. Ledgers of before do not say. */
  chosen: choice.optional(),
  /** Id of the event that this attempt led to: the suspicion of its path, or the verdict on the I/O. */
  led: word.optional(),
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
