// The answers of the audit queries about the record itself as tables for people.
import type {
  BlockPathRow,
  ChangeRow,
  GhostRow,
  InvariantRow,
  ReservationRow,
  TimerRow,
} from '../../doors/audit.ts'
import { oneLine, stateWords } from '../show/describe-event.ts'
import { isoOf } from '../moment.ts'
import type { NameOf } from '../names.ts'
import { bytes, duration, figure } from '../text.ts'
import type { Paint } from '../text.ts'

export function blockTable(rows: readonly BlockPathRow[], nameOf: NameOf, paint: Paint): string[][] {
  const head = ['position', 'time', 'head', 'I/O', 'what', 'served by', 'took', 'attempts'].map(paint.dim)
  const body = rows.map((row) => [
    String(row.position),
    isoOf(row.recordedAtUs),
    paint.bold(nameOf(row.head, row.position)),
    String(row.bio),
    `${row.op} of ${bytes(row.length)} at ${row.offset}`,
    row.servedBy ?? paint.bad(row.status),
    duration(row.tookUs),
    row.attempts.map(({ path, status }) => `${path} ${status}`).join(', '),
  ])
  return [head, ...body]
}

export function changeTable(rows: readonly ChangeRow[], nameOf: NameOf, paint: Paint): string[][] {
  return rows.map((row) => [
    String(row.position).padStart(6),
    paint.dim(isoOf(row.recordedAtUs)),
    paint.bold(nameOf(row.stream, row.position)),
    row.type,
    oneLine(factsOf(row.what)),
    oneLine(`by ${row.actor}`),
    row.reason === null ? '' : oneLine(`"${row.reason}"`),
    row.refused ? paint.bad('REFUSED') : '',
    paint.dim(`-> ${stateWords(row.after)}`),
  ])
}

export function timerTable(rows: readonly TimerRow[], nameOf: NameOf, paint: Paint): string[][] {
  const head = ['position', 'time', 'of', 'timer', 'due after', 'outcome', 'at', 'late by'].map(paint.dim)
  const body = rows.map((row) => [
    String(row.position),
    isoOf(row.recordedAtUs),
    paint.bold(nameOf(row.stream, row.position)),
    row.timer,
    duration(row.afterUs),
    row.outcome === 'overdue' ? paint.bad(row.outcome) : row.outcome,
    row.endedPosition === null ? '' : String(row.endedPosition),
    row.lateUs === null ? '' : duration(row.lateUs),
  ])
  return [head, ...body]
}

export function ghostTable(rows: readonly GhostRow[], nameOf: NameOf, paint: Paint): string[][] {
  const head = ['position', 'time', 'lun', 'ghost', 'path', 'what', 'because', 'over by', 'after'].map(
    paint.dim,
  )
  const body = rows.map((row) => [
    String(row.position),
    isoOf(row.recordedAtUs),
    paint.bold(nameOf(row.lun, row.position)),
    row.ghost,
    `${row.hctl} #${row.incarnation}`,
    `${row.op} of ${bytes(row.length)} at ${row.offset}`,
    row.reason,
    row.proof === null ? paint.bad('may still land') : oneLine(`${row.proof}: ${row.detail ?? ''}`),
    row.tookUs === null ? '' : duration(row.tookUs),
  ])
  return [head, ...body]
}

export function reservationTable(rows: readonly ReservationRow[], nameOf: NameOf, paint: Paint): string[][] {
  return rows.map((row) => [
    String(row.position).padStart(6),
    paint.dim(isoOf(row.recordedAtUs)),
    paint.bold(nameOf(row.stream, row.position)),
    row.type,
    oneLine(factsOf(row.what)),
    row.refused ? paint.bad('REFUSED') : oneLine(factsOf(row.changed)),
    row.reason === null ? '' : oneLine(`"${row.reason}"`),
  ])
}

export function invariantTable(rows: readonly InvariantRow[], _nameOf: NameOf, paint: Paint): string[][] {
  return rows.map((row) => [
    row.violated === 0 ? paint.good('holds') : paint.bad('BROKEN'),
    paint.bold(row.invariant),
    `${figure(row.checked)} checked`,
    row.violated === 0
      ? ''
      : paint.bad(`${figure(row.violated)} broken, first at ${row.firstPosition ?? ''}`),
  ])
}

function factsOf(facts: Readonly<Record<string, unknown>>): string {
  return Object.entries(facts)
    .map(([key, value]) => (key === 'why' ? String(value) : `${key} ${JSON.stringify(value)}`))
    .join(', ')
}
