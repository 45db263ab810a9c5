// Which path a head comes back to, and why it has none. Numbers 160 to 179.
import { z } from 'zod'
import { eventType, word } from '../events.ts'
import { FAILBACK_MODES, LOSSES } from '../words.ts'

/** A mode, or the microseconds that a path which came back stays away. */
export const failback = z.enum(FAILBACK_MODES).or(z.int().min(1).max(86_400_000_000))

export const quantum = z.strictObject({
  unit: z.enum(['ios', 'bytes']),
  size: z.int().min(1).max(1_099_511_627_776),
})

export const HEAD_FAILBACK_EVENTS = [
  eventType(160, 'head.failbackSet', {}, z.strictObject({ to: failback })),
  // The operator's choice: while this path is well everything goes there. null: there is none.
  eventType(161, 'head.pathPreferred', {}, z.strictObject({ path: word.nullable(), why: word })),
  eventType(162, 'head.quantumSet', {}, quantum),
  eventType(163, 'head.lossChanged', {}, z.strictObject({ to: z.enum(LOSSES), why: word })),
] as const
