// Questions about paths and heads as a whole: what was there, how available it was, when nothing was, what flapped.
import { z } from 'zod'
import { NO_LIMIT } from '../pages.ts'
import type { SqlReader, SqlValues } from '../read/reader.ts'
import { ALL_SERVICES, HEAD_SERVICES } from '../projections/head-services.ts'
import { ALL_FALLS, PATH_FALLS } from '../projections/path-falls.ts'
import type { Projection } from '../projections/projection.ts'
import { AVAILABILITY, UP_TIMES } from '../projections/up-times.ts'
import { replaced, upTo } from './projected.ts'
import {
  auditSql,
  checkAsked,
  checkedRows,
  flag,
  json,
  query,
  RANGE,
  regionsText,
  rowOf,
  whole,
  type AuditQuery,
  type PositionRange,
} from './query.ts'

const text = z.string()

const topologyRow = rowOf({
  kind: z.enum(['head', 'path']),
  stream: text,
  wwid: text.nullable(),
  hctl: text.nullable(),
  name: text.nullable(),
  position: whole,
  recorded_at_us: whole,
  state: regionsText,
  present: flag,
  usable: flag.nullable(),
})

/**
 * One head or path as it was at a position: `position` and `recordedAtUs` are those of its last event up to there,
 * `present` says whether it was there, `usable` whether I/O could go to it, null where a ledger of observations does not tell.
 */
export type TopologyRow = z.infer<typeof topologyRow>

/** Every head and path that had an event by a position, each head before its paths. Throws AUDIT_FAILED and LEDGER_*. */
export function topology(reader: SqlReader, asked: { readonly position: number }): TopologyRow[] {
  checkAsked('topology', reader, asked, { position: 'position' })
  return query(reader, 'topology', topologyRow, { position: asked.position })
}

const availabilityRow = rowOf({
  kind: z.enum(['head', 'path']),
  stream: text,
  there_us: whole,
  up_us: whole,
  down_us: whole,
  unknown_us: whole,
  failures: whole,
  mtbf_us: whole.nullable(),
  mttr_us: whole.nullable(),
  availability_ppm: whole.nullable(),
})

/**
 * How available a path or a head was: time there, up and down, how often it went down, mean times between failures and
 * to repair (null without a failure), and the time up in a million of the time of which that is known. `unknownUs` is the time of
 * which lines did not tell how it was: it counts for neither.
 */
export type AvailabilityRow = z.infer<typeof availabilityRow>

/** Availability, MTBF and MTTR of each path and head, up to `endUs` (wall clock; default the last event). */
export function availability(
  reader: SqlReader,
  asked: { readonly stream?: string; readonly endUs?: number } = {},
): AvailabilityRow[] {
  checkAsked('availability', reader, asked, { stream: 'text?', endUs: 'whole?' })
  const { stream, endUs } = asked
  const values = { stream: stream ?? null }
  return upTo(reader, UP_TIMES, endUs, {
    kept: (more) =>
      checkedRows('availability', availabilityRow, reader.select(AVAILABILITY, { ...values, ...more })),
    events: () => query(reader, 'availability', availabilityRow, { ...values, end_us: endUs ?? null }),
  })
}

const outageRow = rowOf({
  position: whole,
  recorded_at_us: whole,
  head: text,
  cause: whole.nullable(),
  cause_type: text.nullable(),
  cause_stream: text.nullable(),
  worst: z.enum(['queueing', 'failing', 'dark']),
  sure: flag,
  ended_position: whole.nullable(),
  ended_at_us: whole.nullable(),
  ended_by: text.nullable(),
  took_us: whole.nullable(),
  requeued: whole,
  failed_no_path: whole,
  drained: whole,
})

/**
 * One window in which a head had no usable path: what led to it, how it ended, and what waited (`requeued`), failed
 * (`failedNoPath`) or was ended by the operator (`drained`) meanwhile. Its end is null while it goes on.
 * `sure` is false where lines alone tell of it and an end of it lies at a gap, a start of the host or the edge of what was read.
 */
export type OutageRow = z.infer<typeof outageRow>

/** Every window without a usable path, of one head or of all, by the position at which it began. */
export function outages(
  reader: SqlReader,
  asked: PositionRange & { readonly head?: string } = {},
): OutageRow[] {
  checkAsked('outages', reader, asked, { ...RANGE, head: 'text?' })
  const { head, fromPosition, toPosition } = asked
  const range = { from_position: fromPosition ?? 1, to_position: toPosition ?? NO_LIMIT }
  const values = { head: head ?? null, ...range }
  return instead(reader, 'outages', outageRow, values, HEAD_SERVICES, [INDEXED, ALL_SERVICES])
}

const flappingRow = rowOf({
  path: text,
  failures: whole,
  worst: whole,
  from_position: whole,
  from_us: whole,
  to_us: whole,
  took_us: whole,
})

/** A path that failed `worst` times within the window asked about, from `fromUs` to `toUs`, and `failures` times in all. */
export type FlappingRow = z.infer<typeof flappingRow>

/** Paths that failed at least `failures` times (default 3) within `windowUs` (default 60 s), the worst first. */
export function flapping(
  reader: SqlReader,
  options: { readonly path?: string; readonly windowUs?: number; readonly failures?: number } = {},
): FlappingRow[] {
  checkAsked('flapping', reader, options, { path: 'text?', windowUs: 'count?', failures: 'count?' })
  const { path, windowUs = 60_000_000, failures = 3 } = options
  const values = { path: path ?? null, window_us: windowUs, failures }
  return instead(reader, 'flapping', flappingRow, values, PATH_FALLS, ['events', ALL_FALLS])
}

const correlatedRow = rowOf({
  adapter: text,
  position: whole,
  to_position: whole,
  recorded_at_us: whole,
  to_us: whole,
  took_us: whole,
  paths: whole,
  of: whole,
  streams: json.pipe(z.array(text)),
})

/** Several paths of one adapter that went down together: `paths` of the `of` that it had, from first to last. */
export type CorrelatedRow = z.infer<typeof correlatedRow>

/** Bursts in which two or more paths of one adapter went down within `windowUs` (default 2 s), in their order. */
export function correlated(reader: SqlReader, asked: { readonly windowUs?: number } = {}): CorrelatedRow[] {
  checkAsked('correlated', reader, asked, { windowUs: 'count?' })
  const { windowUs = 2_000_000 } = asked
  const values = { window_us: windowUs }
  return instead(reader, 'correlated', correlatedRow, values, PATH_FALLS, ['events', ALL_FALLS])
}

/** outages.sql names the index. */
const INDEXED = 'events INDEXED BY events_by_type'

/** Asks a query of what a projection holds and what lies behind it, instead of all events. */
function instead<Row>(
  reader: SqlReader,
  name: AuditQuery,
  row: z.ZodType<Row>,
  values: SqlValues,
  projection: Projection,
  [events, kept]: readonly [events: string, kept: string],
): Row[] {
  return upTo(reader, projection, undefined, {
    kept: (more) => {
      const sql = replaced(auditSql(name), `FROM ${events}\n`, `FROM ${kept}\n`)
      return checkedRows(name, row, reader.select(sql, { ...values, ...more }))
    },
    events: () => query(reader, name, row, values),
  })
}
