// Everything that can happen to a head. Numbers 101 to 199.
import { z } from 'zod'
import { eventType, interval, whole, word, type MachineEventOf } from '../events.ts'
import { HEAD_FAILBACK_EVENTS } from './failback-events.ts'
import { HEAD_TRACE_EVENTS } from './trace-events.ts'
import { IO_POLICIES } from '../words.ts'

export const noPathRetry = z.union([z.literal('fail'), z.literal('queue'), z.int().min(1).max(1_000_000)])

const count = whole.optional()
const headCounts = z.strictObject({
  ...{ reads: count, writes: count, flushes: count, readBytes: count, writeBytes: count },
  ...{ callerErrors: count, requeued: count, failedNoPath: count, resent: count },
})
/** What the paths of a head come to. */
const pathCounts = { paths: whole, usable: whole, optimized: whole, available: whole }

export const HEAD_EVENTS = [
  eventType(
    101,
    'head.created',
    {},
    z.strictObject({
      wwid: word,
      name: word,
      index: whole,
      iopolicy: z.enum(IO_POLICIES),
      noPathRetry,
      checkIntervalUs: interval,
      delayedRemovalUs: interval,
      sizeBytes: whole,
      logicalBlockBytes: whole,
    }),
  ),
  eventType(102, 'head.published', { gate: true }, z.strictObject({})),
  // What the head's paths come to, after something happened to one of them.
  eventType(
    103,
    'head.pathsChanged',
    {},
    z
      .strictObject(pathCounts)
      .refine(
        ({ paths, usable, optimized, available }) =>
          optimized <= usable && usable <= available && available <= paths,
        'optimized <= usable <= available <= paths does not hold',
      ),
  ),
  eventType(104, 'head.iopolicyChanged', {}, z.strictObject({ to: z.enum(IO_POLICIES) })),
  eventType(105, 'head.noPathRetryChanged', {}, z.strictObject({ to: noPathRetry })),
  eventType(106, 'head.delayedRemovalChanged', {}, z.strictObject({ us: interval })),
  eventType(107, 'head.timerFired', {}, z.strictObject({ timer: word, dueUs: whole })),
  eventType(108, 'head.closed', { gate: true }, z.strictObject({ why: word })),
  eventType(
    109,
    'head.ioSampled',
    {},
    z.strictObject({
      sinceUs: whole,
      reads: whole,
      writes: whole,
      flushes: whole,
      readBytes: whole,
      writeBytes: whole,
      callerErrors: whole,
      requeued: whole,
      failedNoPath: whole,
      resent: whole,
    }),
  ),
  // The operator ended what waited.
  eventType(110, 'head.drained', {}, z.strictObject({ bios: whole, bytes: whole, why: word })),
  // The engine that had the head ended without closing it: here it is again, its paths lost, its timers with the
  // deadlines they had. Where the machine was started anew meanwhile they are told in its new monotonic time.
  eventType(
    111,
    'head.recovered',
    { gate: true },
    z.strictObject({ why: word, lost: whole, reattachUs: interval, timers: z.record(z.string(), whole) }),
  ),
  // A path that the last run left was attached again, or given up.
  eventType(
    112,
    'head.lostPathsChanged',
    {},
    z
      .strictObject({ ...pathCounts, lost: whole })
      .refine(
        ({ paths, usable, optimized, available }) =>
          optimized <= usable && usable <= available && available <= paths,
        'optimized <= usable <= available <= paths does not hold',
      ),
  ),
  // Every path of it has the new size.
  eventType(113, 'head.resized', { gate: true }, z.strictObject({ fromBytes: whole, toBytes: whole })),
  // A path has fewer bytes than its head, which stays as it is: heads only grow.
  eventType(114, 'head.shrinkRefused', {}, z.strictObject({ path: word, fromBytes: whole, toBytes: whole })),
  // Somebody set counters. What was done does not change: samples go on as if nothing had been set.
  eventType(130, 'head.countersSet', {}, z.strictObject({ was: headCounts, now: headCounts })),
  ...HEAD_TRACE_EVENTS,
  ...HEAD_FAILBACK_EVENTS,
  // Somebody wrote to an object's `uevent`: there is no udev to hear of it, those who follow the ledger do.
  eventType(145, 'head.ueventAsked', {}, z.strictObject({ object: word, action: word })),
] as const

/** What happened to a head, with the monotonic time at which it did. */
export type HeadEvent = MachineEventOf<typeof HEAD_EVENTS>
