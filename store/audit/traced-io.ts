// Questions about I/O by time, and, where it was traced, about single blocks.
import { z } from 'zod'
import type { SqlReader } from '../read/reader.ts'
import { ioSums } from './projected.ts'
import { allPages, checkAsked, checkedRows, json, RANGE, rowOf, whole, type PositionRange } from './query.ts'

const text = z.string()

const ioByIntervalRow = rowOf({
  path: text,
  from_us: whole,
  samples: whole,
  reads: whole,
  writes: whole,
  flushes: whole,
  read_bytes: whole,
  write_bytes: whole,
  errors: whole,
  resent: whole,
})

/** What went down one path in one interval, summed over the samples recorded in it. */
export type IoByIntervalRow = z.infer<typeof ioByIntervalRow>

/** I/O per path and interval of `intervalUs` (default 60 s), by the wall clock. */
export function ioByInterval(
  reader: SqlReader,
  options: {
    readonly path?: string
    readonly fromUs?: number
    readonly toUs?: number
    readonly intervalUs?: number
  } = {},
): IoByIntervalRow[] {
  const times = { fromUs: 'whole?', toUs: 'whole?', intervalUs: 'count?' } as const
  checkAsked('ioByInterval', reader, options, { path: 'text?', ...times })
  const rows = ioSums(reader, { ...options, intervalUs: options.intervalUs ?? 60_000_000 })
  return checkedRows('io-by-interval', ioByIntervalRow, rows)
}

const blockPathRow = rowOf({
  position: whole,
  recorded_at_us: whole,
  head: text,
  bio: whole,
  op: text,
  offset: whole,
  length: whole,
  started_us: whole,
  took_us: whole,
  status: text,
  errno: text.nullable(),
  served_by: text.nullable(),
  attempts: json.pipe(
    z.array(
      z.strictObject({
        path: text,
        incarnation: whole,
        startedUs: whole,
        tookUs: whole,
        status: text,
        errno: text.nullable(),
        /** Why the policy chose the path, and the id of the event that the attempt led to, where the trace says. */
        chosen: z
          .strictObject({ by: text, policy: text, rank: whole, usable: whole, depth: whole.optional() })
          .optional(),
        led: text.optional(),
      }),
    ),
  ),
})

/** A traced I/O that touched the block: every attempt of it, and the H:C:I:L of the one that served it. */
export type BlockPathRow = z.infer<typeof blockPathRow>

/** Which path served a range of a head, by the I/O that was traced; in the order in which it ended. */
export function blockPath(
  reader: SqlReader,
  range: PositionRange & { readonly head?: string; readonly offset: number; readonly length?: number },
): BlockPathRow[] {
  checkAsked('blockPath', reader, range, { ...RANGE, head: 'text?', offset: 'count', length: 'count?' })
  const { head, offset, length = 1 } = range
  return allPages(reader, 'block-path', blockPathRow, range, { head: head ?? null, offset, length })
}
