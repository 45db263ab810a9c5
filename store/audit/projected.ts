// Where a projection can answer for most of a long history, it does; the rest is asked of the events. What comes out is the
// same either way (test/store/projections.test.ts): a projection is a cache, and one that is not there is done without.
import { HOUR_US, IO_BY_HOURS, IO_BY_PATH } from '../projections/io-by-path.ts'
import type { Projection } from '../projections/projection.ts'
import { NO_LIMIT } from '../pages.ts'
import { invariant } from '../../errors.ts'
import type { Moment, SqlReader, SqlValues } from '../read/reader.ts'
import { auditSql } from './query.ts'

/**
 * Asks about all of history up to `endUs` (default all of it): of a projection that comes no further, `kept` with the values
 * that its SQL takes, and else of the events.
 */
export function upTo<Result>(
  reader: SqlReader,
  projection: Projection,
  endUs: number | undefined,
  { kept, events }: { readonly kept: (values: SqlValues) => Result; readonly events: () => Result },
): Result {
  if (reader.atOnce === undefined) return events()
  return reader.atOnce((moment) => {
    const after = moment.projectedTo(projection)
    const to = endUs === undefined ? reader.head().events : reader.positionAt(endUs)
    return after > 0 && after <= to ? kept({ after, to, end_us: endUs ?? null }) : events()
  })
}

/** The SQL of a query with one part of it put another way. */
export function replaced(sql: string, part: string, by: string): string {
  invariant(sql.split(part).length === 2, 'a query has the part that a projection stands in for, once')
  return sql.replace(part, () => by)
}

/** What was asked about I/O: times and positions both included, `intervalUs` 0 for all as one. */
export interface IoQuestion {
  readonly path?: string
  readonly fromUs?: number
  readonly toUs?: number
  readonly intervalUs: number
}

/** Sums of one path and interval, by the names of the columns. */
export type IoSums = Record<string, number | string> & { readonly path: string; readonly from_us: number }

/** io-by-path.sql, or io-by-interval.sql: whole hours of the projection, and of the events what lies before, between and behind. */
export function ioSums(reader: SqlReader, question: IoQuestion): readonly IoSums[] {
  const { fromUs = 0, toUs = NO_LIMIT } = question
  if (reader.atOnce === undefined) return ofEvents(reader, question, [[fromUs, toUs, 1, NO_LIMIT]])
  return reader.atOnce((moment) => {
    const after = question.intervalUs % HOUR_US === 0 ? moment.projectedTo(IO_BY_PATH) : 0
    const [fromHour, toHour] = [Math.ceil(fromUs / HOUR_US), Math.floor((toUs + 1) / HOUR_US) - 1]
    const whole = after > 0 && fromHour <= toHour
    // The hours at the ends are whole only in part, and behind `after` there are no hours yet.
    const parts: Part[] = whole
      ? [
          [fromUs, fromHour * HOUR_US - 1, 1, after],
          [(toHour + 1) * HOUR_US, toUs, 1, after],
          [fromUs, toUs, after + 1, NO_LIMIT],
        ]
      : [[fromUs, toUs, 1, NO_LIMIT]]
    const values = { path: question.path ?? null, interval_us: question.intervalUs }
    const hours = whole ? reader.select(IO_BY_HOURS, { ...values, from_hour: fromHour, to_hour: toHour }) : []
    const rest = ofEvents(
      reader,
      question,
      parts.flatMap((part) => narrowed(moment, part)),
    )
    return added([...(hours as IoSums[]), ...rest])
  })
}

type Part = readonly [fromUs: number, toUs: number, fromPosition: number, toPosition: number]

/** The part with the positions that its times can be at; none where nothing was recorded then. */
function narrowed(moment: Moment, [fromUs, toUs, from, to]: Part): Part[] {
  if (fromUs > toUs) return []
  if (fromUs === 0 && toUs === NO_LIMIT) return [[fromUs, toUs, from, to]]
  const found = moment.between(fromUs, toUs)
  return found === null ? [] : [[fromUs, toUs, Math.max(from, found[0]), Math.min(to, found[1])]]
}

function ofEvents(reader: SqlReader, { path, intervalUs }: IoQuestion, parts: readonly Part[]): IoSums[] {
  const sql = auditSql(intervalUs === 0 ? 'io-by-path' : 'io-by-interval')
  return parts.flatMap(([fromUs, toUs, from, to]) => {
    const times = { from_us: fromUs === 0 ? null : fromUs, to_us: toUs === NO_LIMIT ? null : toUs }
    const values = { path: path ?? null, ...times, from_position: from, to_position: to }
    const rows = reader.select(sql, intervalUs === 0 ? values : { ...values, interval_us: intervalUs })
    return intervalUs === 0 ? (rows as IoSums[]).map((row) => ({ ...row, from_us: 0 })) : (rows as IoSums[])
  })
}

/** One row for each path and interval, in the order of the queries. */
function added(rows: readonly IoSums[]): IoSums[] {
  const sums = new Map<string, IoSums>()
  for (const row of rows) {
    const key = `${row.from_us} ${row.path}`
    const sum = sums.get(key)
    sums.set(key, sum === undefined ? row : plus(sum, row))
  }
  return [...sums.values()].sort(
    (one, other) => one.from_us - other.from_us || (one.path < other.path ? -1 : 1),
  )
}

function plus(one: IoSums, other: IoSums): IoSums {
  const entries = Object.entries(one).map(([name, value]) => {
    const isSum = name !== 'path' && name !== 'from_us'
    return [name, isSum ? Number(value) + Number(other[name]) : value]
  })
  return Object.fromEntries(entries) as IoSums
}
