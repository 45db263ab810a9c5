// The SQL of a read query, so that every page costs what it holds and not what the ledger holds: no page is sorted, and
// none begins its search at the start again.
import { PAGE_ROWS } from '../limits.ts'
import { NO_LIMIT } from '../pages.ts'
import { COLUMN_LIST } from '../rows/rows.ts'
import { IS_NO_SAMPLE, SAMPLE_TYPES } from '../rows/schema.ts'
import type { ReadQuery } from '../types.ts'

/** A statement with its values. Queries with the same filters have the same text, so that it can be prepared once. */
export interface QuerySql {
  readonly sql: string
  readonly values: readonly (string | number)[]
}

/** Runs a statement that always gives one number. */
export type LookUp = (sql: string, ...values: readonly (string | number)[]) => number

type Range = readonly [from: number, to: number]

/** Where what was recorded from one wall-clock time to another can be; null when nothing was. */
export type Between = (fromUs: number, toUs: number) => Range | null

/** The statement for one page of a checked query; null when nothing can match. */
export function queryToSql(query: ReadQuery, lookUp: LookUp, between: Between): QuerySql | null {
  const positions = positionsOf(query, between)
  if (positions === null) return null
  const page = query.stream === undefined ? byPosition(positions) : byVersion(query.stream, positions, lookUp)
  const { where, values, order } = page
  const more = FILTERS.flatMap(({ name, condition }) => {
    const value = query[name]
    return value === undefined ? [] : [{ condition, value }]
  })
  const bySample = query.type === undefined || SAMPLE_TYPES.some((type) => type === query.type)
  const conditions = [where, ...more.map(({ condition }) => condition), ...(bySample ? [] : [IS_NO_SAMPLE])]
  return {
    sql: `SELECT ${COLUMN_LIST} FROM events WHERE ${conditions.join(' AND ')} ORDER BY ${order} LIMIT ?`,
    values: [...values, ...more.map(({ value }) => value), query.limit ?? PAGE_ROWS],
  }
}

// The plus keeps SQLite from taking an older ledger's index of times: it would have to sort all of it for every page.
const FILTERS = [
  { name: 'type', condition: 'type = ?' },
  { name: 'fromTimeUs', condition: '+recorded_at_us >= ?' },
  { name: 'toTimeUs', condition: '+recorded_at_us <= ?' },
] as const

interface PageSql {
  readonly where: string
  readonly values: readonly (string | number)[]
  readonly order: string
}

function byPosition(positions: Range): PageSql {
  return { where: 'position BETWEEN ? AND ?', values: positions, order: 'position' }
}

/** Within a stream versions grow with positions, and the index is by version. */
function byVersion(stream: string, [from, to]: Range, lookUp: LookUp): PageSql {
  const versions = [
    from <= 1 ? 1 : firstVersionAt(stream, from, lookUp),
    to === NO_LIMIT ? NO_LIMIT : firstVersionAt(stream, to + 1, lookUp) - 1,
  ]
  return { where: 'stream = ? AND version BETWEEN ? AND ?', values: [stream, ...versions], order: 'version' }
}

/** The first version of a stream at or behind a position, by bisection; one more than its last when there is none. */
function firstVersionAt(stream: string, position: number, lookUp: LookUp): number {
  let low = 1
  let high = lookUp('SELECT coalesce(max(version), 0) FROM events WHERE stream = ?', stream) + 1
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    // A stream that began in the segment before has its first versions there: they come before every position of this file.
    const found = lookUp(
      'SELECT coalesce(max(position), 0) FROM events WHERE stream = ? AND version = ?',
      stream,
      middle,
    )
    if (found < position) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * The positions to look at. The first page of a time range asks where the range lies; later pages know where they begin,
 * and what they would gain costs more than it is worth.
 */
function positionsOf(query: ReadQuery, between: Between): Range | null {
  const from = query.fromPosition ?? 1
  const to = query.toPosition ?? NO_LIMIT
  const { fromTimeUs, toTimeUs } = query
  if ((fromTimeUs === undefined && toTimeUs === undefined) || from > 1) return [from, to]
  const found = between(fromTimeUs ?? 0, toTimeUs ?? NO_LIMIT)
  return found === null ? null : [found[0], Math.min(to, found[1])]
}
