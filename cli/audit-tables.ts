// The answers of the audit queries as tables for people.
import type { FailoverRow, IoByPathRow, PathHistoryRow, TimeInStateRow } from '../index.ts'
import type { Evidence } from '../machines/events.ts'
import { describeEvidence, oneLine, stateWords } from './describe-event.ts'
import { isoOf } from './moment.ts'
import type { NameOf } from './names.ts'
import { bytes, duration, figure } from './text.ts'
import type { Paint } from './text.ts'

export function historyTable(rows: readonly PathHistoryRow[], nameOf: NameOf, paint: Paint): string[][] {
  return rows.map(({ position, recordedAtUs, path, type, after, refused, actor, reason, why, evidence }) => [
    String(position).padStart(6),
    paint.dim(isoOf(recordedAtUs)),
    paint.bold(nameOf(path)),
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
    paint.bold(nameOf(row.path)),
    describeEvidence(row),
    row.verdict,
    figure(row.errors),
    figure(row.resent),
    howItEnded(row, paint),
  ])
  return [head, ...body]
}

function howItEnded({ endedBy, tookUs }: FailoverRow, { good, bad, warn }: Paint): string {
  const after = tookUs === null ? '' : ` after ${duration(tookUs)}`
  if (endedBy === null) return bad('still failed')
  return endedBy === 'path.probeSucceeded' ? good(`back${after}`) : warn(`${endedBy}${after}`)
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

/** Evidence of an I/O, or of a probe: what answered, and where. */
function evidenceWords(evidence: unknown): string {
  if (typeof evidence !== 'object' || evidence === null) return ''
  if ('op' in evidence) return describeEvidence(evidence as Evidence)
  return Object.values(evidence)
    .filter((value) => typeof value === 'string')
    .join(' ')
}
