// The audit queries as functions. Each is one .sql file beside this one, which says what it answers and how: an auditor can
// run the same text in a sqlite3 shell.
import { z } from 'zod'
import type { SqlReader } from '../read/reader.ts'
import { PATH_TIMES, TIME_IN_STATE } from '../projections/path-times.ts'
import { ioSums, upTo } from './projected.ts'
import {
  allPages,
  checkAsked,
  checkedRows,
  flag,
  json,
  query,
  RANGE,
  regionsText,
  whole,
  type PositionRange,
} from './query.ts'

export { AUDIT_QUERIES, auditSql, type AuditQuery, type PositionRange } from './query.ts'
export * from './heads.ts'
export * from './record.ts'
export * from './traced-io.ts'

/** Which failures and events to look at. */
export interface PathRange extends PositionRange {
  /** A path's stream, 'path/<wwid>/<H:C:I:L>'; default every path. */
  readonly path?: string
}

const pathHistoryRow = z
  .strictObject({
    position: whole,
    recorded_at_us: whole,
    path: z.string(),
    type: z.string(),
    before: regionsText.nullable(),
    after: regionsText,
    refused: flag,
    actor: z.string(),
    reason: z.string().nullable(),
    cause: whole.nullable(),
    why: z.string().nullable(),
    evidence: json.nullable(),
  })
  .transform(({ recorded_at_us: recordedAtUs, ...row }) => ({ ...row, recordedAtUs }))

/**
 * One event of a path: `before` and `after` are its state by region, `refused` says that the machine did not take it,
 * `evidence` is the payload's first evidence. Times in microseconds of the wall clock.
 */
export type PathHistoryRow = z.infer<typeof pathHistoryRow>

/** Every event of one path or of all, in order. Reads page by page and gives all of it. Throws AUDIT_FAILED and LEDGER_*. */
export function pathHistory(reader: SqlReader, range: PathRange = {}): PathHistoryRow[] {
  checkAsked('pathHistory', reader, range, { ...RANGE, path: 'text?' })
  return allPages(reader, 'path-history', pathHistoryRow, range, { path: range.path ?? null })
}

const failoverRow = z
  .strictObject({
    position: whole,
    recorded_at_us: whole,
    path: z.string(),
    verdict: z.string(),
    detail: z.string().nullable(),
    errno: z.string().nullable(),
    status: z.string().nullable(),
    op: z.string().nullable(),
    offset: whole.nullable(),
    length: whole.nullable(),
    errors: whole.nullable(),
    bios: whole.nullable(),
    resent: whole.nullable(),
    ended_by: z.string().nullable(),
    ended_position: whole.nullable(),
    ended_at_us: whole.nullable(),
    reinstated_at_us: whole.nullable(),
    took_us: whole.nullable(),
  })
  .transform(
    ({ recorded_at_us, ended_by, ended_position, ended_at_us, reinstated_at_us, took_us, ...row }) => ({
      ...row,
      recordedAtUs: recorded_at_us,
      endedBy: ended_by,
      endedPosition: ended_position,
      endedAtUs: ended_at_us,
      reinstatedAtUs: reinstated_at_us,
      tookUs: took_us,
    }),
  )

/**
 * One failure of a path. `errno`, `status`, `op`, `offset` and `length` are its first evidence; `errors`, `bios` and
 * `resent` count what it met; all of these are null where lines told of the failure (`verdict` 'observed', `detail` who said it). `reinstatedAtUs` is null when it has not come back; `tookUs` is the time until it ended.
 */
export type FailoverRow = z.infer<typeof failoverRow>

/** Every failure of one path or of all, in order. Reads page by page and gives all. Throws AUDIT_FAILED and LEDGER_*. */
export function failovers(reader: SqlReader, range: PathRange = {}): FailoverRow[] {
  checkAsked('failovers', reader, range, { ...RANGE, path: 'text?' })
  return allPages(reader, 'failovers', failoverRow, range, { path: range.path ?? null })
}

const timeInStateRow = z.strictObject({
  path: z.string(),
  region: z.enum(['health', 'usable']),
  state: z.string(),
  us: whole,
  entered: whole,
})

/** How long one path was in one state, microseconds, and how often it came into it. */
export type TimeInStateRow = z.infer<typeof timeInStateRow>

/** Time in each state, per path, for the regions health and usable, up to `endUs` (wall clock; default the last event). */
export function timeInState(
  reader: SqlReader,
  asked: { readonly path?: string; readonly endUs?: number } = {},
): TimeInStateRow[] {
  checkAsked('timeInState', reader, asked, { path: 'text?', endUs: 'whole?' })
  const { path, endUs } = asked
  const values = { path: path ?? null }
  return upTo(reader, PATH_TIMES, endUs, {
    kept: (more) =>
      checkedRows('time-in-state', timeInStateRow, reader.select(TIME_IN_STATE, { ...values, ...more })),
    events: () => query(reader, 'time-in-state', timeInStateRow, { ...values, end_us: endUs ?? null }),
  })
}

const ioByPathRow = z
  .strictObject({
    path: z.string(),
    samples: whole,
    reads: whole,
    writes: whole,
    flushes: whole,
    read_bytes: whole,
    write_bytes: whole,
    errors: whole,
    resent: whole,
  })
  .transform(({ read_bytes: readBytes, write_bytes: writeBytes, ...row }) => ({
    ...row,
    readBytes,
    writeBytes,
  }))

/** What went down one path, summed over its samples. */
export type IoByPathRow = z.infer<typeof ioByPathRow>

/** I/O per path, of the samples recorded from `fromUs` to `toUs` (wall clock, both included; default all). */
export function ioByPath(
  reader: SqlReader,
  range: { readonly path?: string; readonly fromUs?: number; readonly toUs?: number } = {},
): IoByPathRow[] {
  checkAsked('ioByPath', reader, range, { path: 'text?', fromUs: 'whole?', toUs: 'whole?' })
  const rows = ioSums(reader, { ...range, intervalUs: 0 }).map(({ from_us: _all, ...row }) => row)
  return checkedRows('io-by-path', ioByPathRow, rows)
}
