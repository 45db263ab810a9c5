// The answers of the audit queries about paths and heads as tables for people.
import type {
  AvailabilityRow,
  IoByIntervalRow,
  IoByPathRow,
  PathHistoryRow,
  TimeInStateRow,
} from '../../doors/audit.ts'
import type { CorrelatedRow, FailoverRow, FlappingRow, OutageRow } from '../../index.ts'
import type { Evidence } from '../../machines/events.ts'
import { describeEvidence, oneLine, stateWords } from '../show/describe-event.ts'
import { isoOf } from '../moment.ts'
import type { NameOf } from '../names.ts'
import { bytes, counted, duration, figure } from '../text.ts'
import type { Paint } from '../text.ts'

export function historyTable(rows: readonly PathHistoryRow[], nameOf: NameOf, paint: Paint): string[][] {
  return rows.map(({ position, recordedAtUs, path, type, after, refused, actor, reason, why, evidence }) => [
    String(position).padStart(6),
    paint.dim(isoOf(recordedAtUs)),
    paint.bold(nameOf(path, position)),
    type,
    paint.dim(stateWords(after)),
    refused ? paint.bad('REFUSED') : '',
    oneLine(why ?? evidenceWords(evidence)),
    actor === 'engine' ? '' : oneLine(`by ${actor}`),
    reason === null || reason === why ? '' : oneLine(`"${reason}"`),
  ])
}

export function failoverTable(rows: readonly FailoverRow[], nameOf: NameOf, paint: Paint): string[][] {
  const head = ['position', 'time', 'path', 'first evidence', 'by', 'errors', 're-sent', 'ended'].map(
    paint.dim,
  )
  const body = rows.map((row) => [
    String(row.position),
    isoOf(row.recordedAtUs),
    paint.bold(nameOf(row.path, row.position)),
    firstEvidence(row),
    row.verdict,
    row.errors === null ? '-' : figure(row.errors),
    row.resent === null ? '-' : figure(row.resent),
    howItEnded(row, paint),
  ])
  return [head, ...body]
}

/** The first I/O that failed; of what lines told only who said it. */
function firstEvidence({ errno, status, op, offset, length, detail }: FailoverRow): string {
  if (status === null || op === null) return detail === null ? '' : `said by: ${detail}`
  return describeEvidence({ errno, status, op, offset: offset ?? 0, length: length ?? 0 })
}

function howItEnded({ endedBy, tookUs }: FailoverRow, { good, bad, warn }: Paint): string {
  const after = tookUs === null ? '' : ` after ${duration(tookUs)}`
  if (endedBy === null) return bad('still failed')
  return endedBy === 'path.probeSucceeded' || endedBy === 'path.reinstated'
    ? good(`back${after}`)
    : warn(`${endedBy}${after}`)
}

export function stateTable(rows: readonly TimeInStateRow[], nameOf: NameOf, paint: Paint): string[][] {
  const total = (row: TimeInStateRow): number =>
    rows.reduce(
      (sum, { path, region, us }) => (path === row.path && region === row.region ? sum + us : sum),
      0,
    )
  const head = ['path', 'region', 'state', 'time', 'share', 'entered'].map(paint.dim)
  const body = rows.map((row) => [
    paint.bold(nameOf(row.path)),
    row.region,
    row.state,
    duration(row.us),
    `${((row.us * 100) / Math.max(1, total(row))).toFixed(1)} %`,
    figure(row.entered),
  ])
  return [head, ...body]
}

export function ioTable(rows: readonly IoByPathRow[], nameOf: NameOf, paint: Paint): string[][] {
  const head = ['path', 'reads', 'read', 'writes', 'written', 'flushes', 'errors', 're-sent'].map(paint.dim)
  const body = rows.map((row) => [
    paint.bold(nameOf(row.path)),
    figure(row.reads),
    bytes(row.readBytes),
    figure(row.writes),
    bytes(row.writeBytes),
    figure(row.flushes),
    figure(row.errors),
    figure(row.resent),
  ])
  return [head, ...body]
}

export function intervalTable(rows: readonly IoByIntervalRow[], nameOf: NameOf, paint: Paint): string[][] {
  const [head = [], ...body] = ioTable(rows, nameOf, paint)
  return [[paint.dim('from'), ...head], ...body.map((cells, at) => [isoOf(rows[at]?.fromUs ?? 0), ...cells])]
}

export function availabilityTable(
  rows: readonly AvailabilityRow[],
  nameOf: NameOf,
  { dim, bold }: Paint,
): string[][] {
  const head = ['of', 'available', 'up', 'down', 'unknown', 'failures', 'MTBF', 'MTTR'].map(dim)
  const body = rows.map((row) => [
    bold(nameOf(row.stream)),
    row.availabilityPpm === null ? '-' : `${(row.availabilityPpm / 10_000).toFixed(4)} %`,
    duration(row.upUs),
    duration(row.downUs),
    row.unknownUs === 0 ? '-' : duration(row.unknownUs),
    figure(row.failures),
    row.mtbfUs === null ? '-' : duration(row.mtbfUs),
    row.mttrUs === null ? '-' : duration(row.mttrUs),
  ])
  return [head, ...body]
}

export function outageTable(rows: readonly OutageRow[], nameOf: NameOf, paint: Paint): string[][] {
  const { dim, bold, bad, good, warn } = paint
  const head = ['position', 'time', 'head', 'I/O', 'after', 'waited', 'failed', 'drained', 'ended'].map(dim)
  const body = rows.map((row) => [
    String(row.position),
    isoOf(row.recordedAtUs),
    bold(nameOf(row.head, row.position)),
    row.worst === 'failing' ? bad(row.worst) : warn(row.worst),
    row.cause === null || row.causeStream === null
      ? '-'
      : `${row.causeType ?? ''} of ${nameOf(row.causeStream, row.cause)} at ${row.cause}`,
    figure(row.requeued),
    figure(row.failedNoPath),
    figure(row.drained),
    row.endedBy === null
      ? bad('goes on')
      : (row.sure ? good : warn)(
          `at ${row.endedPosition ?? ''} after ${duration(row.tookUs ?? 0)}${row.sure ? '' : ', not sure: lines are missing there'}`,
        ),
  ])
  return [head, ...body]
}

export function flappingTable(
  rows: readonly FlappingRow[],
  nameOf: NameOf,
  { dim, bold }: Paint,
): string[][] {
  const head = ['path', 'failures', 'at worst', 'from', 'position'].map(dim)
  const body = rows.map((row) => [
    bold(nameOf(row.path, row.fromPosition)),
    figure(row.failures),
    `${figure(row.worst)} in ${duration(row.tookUs)}`,
    isoOf(row.fromUs),
    String(row.fromPosition),
  ])
  return [head, ...body]
}

export function correlatedTable(rows: readonly CorrelatedRow[], nameOf: NameOf, paint: Paint): string[][] {
  return rows.map((row) => [
    String(row.position).padStart(6),
    isoOf(row.recordedAtUs),
    row.paths === row.of
      ? paint.bad(`all ${counted(row.of, 'path')} of adapter ${row.adapter}`)
      : `${row.paths} of ${counted(row.of, 'path')} of adapter ${row.adapter}`,
    `within ${duration(row.tookUs)}`,
    row.streams.map((stream) => nameOf(stream, row.position)).join(' '),
  ])
}

/** Evidence of an I/O, or of a probe: what answered, and where. */
function evidenceWords(evidence: unknown): string {
  if (typeof evidence !== 'object' || evidence === null) return ''
  if ('op' in evidence) return describeEvidence(evidence as Evidence)
  return Object.values(evidence)
    .filter((value) => typeof value === 'string')
    .join(' ')
}
