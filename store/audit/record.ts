// Questions about the record itself: who changed what, which timers and ghosts there were, and whether all of it holds.
import { z } from 'zod'
import { NO_LIMIT } from '../pages.ts'
import { BY_HAND } from '../projections/by-hand.ts'
import { INVARIANT_FACTS, invariantFacts } from '../projections/invariant-facts.ts'
import { TIMER_LIVES, TIMERS, TIMERS_OF_ONE, TIMERS_OVERDUE } from '../projections/timer-lives.ts'
import type { SqlReader } from '../read/reader.ts'
import { replaced, upTo } from './projected.ts'
import {
  allPages,
  auditSql,
  checkAsked,
  checkedRows,
  flag,
  jsonObject,
  query,
  RANGE,
  rowOf,
  stateText,
  whole,
  type PositionRange,
} from './query.ts'

const text = z.string()

/** Which stream to look at, and between which positions; default all. */
export interface StreamRange extends PositionRange {
  readonly stream?: string
}

const changeRow = rowOf({
  position: whole,
  recorded_at_us: whole,
  stream: text,
  type: text,
  actor: text,
  reason: text.nullable(),
  what: jsonObject,
  before: stateText.nullable(),
  after: stateText,
  refused: flag,
})

/** What somebody changed who is neither the engine nor its checker: the payload, their reason, the state around it. */
export type ChangeRow = z.infer<typeof changeRow>

/** Who changed what, when and why, in order. Reads page by page and gives all of it. */
export function changes(reader: SqlReader, range: StreamRange = {}): ChangeRow[] {
  checkAsked('changes', reader, range, { ...RANGE, stream: 'text?' })
  const values = { stream: range.stream ?? null }
  if (reader.atOnce === undefined) return allPages(reader, 'changes', changeRow, range, values)
  return reader.atOnce((moment) => {
    const after = moment.projectedTo(BY_HAND)
    const { fromPosition = 1, toPosition = NO_LIMIT } = range
    const known = { fromPosition, toPosition: Math.min(toPosition, after) }
    const behind = { fromPosition: Math.max(fromPosition, after + 1), toPosition }
    return [
      ...(after === 0 ? [] : allPages(reader, 'changes', changeRow, known, values, ofThoseByHand)),
      ...allPages(reader, 'changes', changeRow, behind, values),
    ]
  })
}

function ofThoseByHand(sql: string): string {
  return sql.replace('\nWHERE ', '\nWHERE event.position IN (SELECT position FROM by_hand) AND ')
}

const timerRow = rowOf({
  position: whole,
  recorded_at_us: whole,
  stream: text,
  timer: text,
  due_us: whole,
  after_us: whole,
  outcome: z.enum(['fired', 'cancelled', 'replaced', 'armed', 'overdue']),
  ended_position: whole.nullable(),
  ended_at_us: whole.nullable(),
  late_us: whole.nullable(),
})

/** A timer from when it was armed (`position`) to its end: due at `dueUs` (monotonic), `afterUs` after it was armed. */
export type TimerRow = z.infer<typeof timerRow>

/** Every timer that was armed, of one stream or of all, and what became of it. */
export function timers(reader: SqlReader, asked: { readonly stream?: string } = {}): TimerRow[] {
  checkAsked('timers', reader, asked, { stream: 'text?' })
  const { stream } = asked
  const values = { stream: stream ?? null }
  return upTo(reader, TIMER_LIVES, undefined, {
    kept: (more) => {
      const rows = reader.select(stream === undefined ? TIMERS : TIMERS_OF_ONE, { ...values, ...more })
      return checkedRows('timers', timerRow, rows)
    },
    events: () => query(reader, 'timers', timerRow, values),
  })
}

const ghostRow = rowOf({
  position: whole,
  recorded_at_us: whole,
  lun: text,
  ghost: text,
  hctl: text,
  incarnation: whole,
  reason: text,
  op: text,
  offset: whole,
  length: whole,
  ended_position: whole.nullable(),
  ended_at_us: whole.nullable(),
  proof: text.nullable(),
  detail: text.nullable(),
  ended_by: text.nullable(),
  took_us: whole.nullable(),
})

/** An attempt that ended without proof, on which path and range, and what proved in the end that it was over. */
export type GhostRow = z.infer<typeof ghostRow>

/** Every ghost of one logical unit or of all, in the order in which they were opened. */
export function ghosts(reader: SqlReader, asked: { readonly lun?: string } = {}): GhostRow[] {
  checkAsked('ghosts', reader, asked, { lun: 'text?' })
  return query(reader, 'ghosts', ghostRow, { lun: asked.lun ?? null })
}

const reservationRow = rowOf({
  position: whole,
  recorded_at_us: whole,
  stream: text,
  type: text,
  actor: text,
  reason: text.nullable(),
  what: jsonObject,
  after: stateText,
  changed: jsonObject,
  refused: flag,
})

/** One event of a reservation: its payload, the state after it, and what it changed. */
export type ReservationRow = z.infer<typeof reservationRow>

/** Reservations over time, in order; none on a ledger that has none. Reads page by page and gives all of it. */
export function reservations(reader: SqlReader, range: StreamRange = {}): ReservationRow[] {
  checkAsked('reservations', reader, range, { ...RANGE, stream: 'text?' })
  return allPages(reader, 'reservations', reservationRow, range, { stream: range.stream ?? null })
}

const invariantRow = rowOf({
  invariant: text,
  checked: whole,
  violated: whole,
  first_position: whole.nullable(),
})

/** One thing that must always hold: how many facts were looked at, how many broke it, and the first that did. */
export type InvariantRow = z.infer<typeof invariantRow>

/** Whether everything held, over the whole history, that must always hold; a row each. */
export function invariants(reader: SqlReader): InvariantRow[] {
  checkAsked('invariants', reader)
  const rows = upTo(reader, INVARIANT_FACTS, undefined, {
    kept: ({ after, to }) => {
      const facts = invariantFacts((sql, values) => reader.select(sql, values), Number(after), Number(to))
      const rest = reader.select(replaced(auditSql('invariants'), TOLD, '')) as { invariant: string }[]
      return checkedRows(
        'invariants',
        invariantRow,
        rest.map((row) => ({ ...row, ...facts.get(row.invariant) })),
      )
    },
    events: () => query(reader, 'invariants', invariantRow, {}),
  })
  return [...rows, ...timersClose(reader)]
}

/** Where invariants.sql takes in what the projection has. */
const TOLD = '  UNION ALL SELECT * FROM told\n'

function timersClose(reader: SqlReader): InvariantRow[] {
  const invariant = 'timers-close'
  const overdue = `SELECT count(*) AS checked, coalesce(sum(outcome = 'overdue'), 0) AS violated,
    min(iif(outcome = 'overdue', position, NULL)) AS first_position FROM (${auditSql('timers')})`
  const rows = upTo(reader, TIMER_LIVES, undefined, {
    kept: (values) => reader.select(TIMERS_OVERDUE, { ...values, stream: null }),
    events: () => reader.select(overdue, { stream: null }),
  })
  return checkedRows(
    'timers',
    invariantRow,
    rows.map((row) => ({ invariant, ...(row as object) })),
  )
}
