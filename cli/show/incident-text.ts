// An incident as text: what a person reads first stands first.
import type { DarkRow, Incident, IncidentStep, Told, UnusableRow } from '../../doors/audit.ts'
import { isoOf } from '../moment.ts'
import { duration, paint, table } from '../text.ts'
import { oneLine } from './describe-event.ts'

/** Names of a blast radius that are printed. */
const NAMES_PRINTED = 20

/** A heading of the page with its lines. */
export interface Section {
  readonly title: string
  readonly rows: readonly (readonly string[])[]
}

/** What an incident comes to, as sections of cells: text and page print the same. */
export function sectionsOf(found: Incident): Section[] {
  return [
    { title: 'First evidence', rows: firstRows(found) },
    { title: 'What it took along', rows: radiusRows(found) },
    { title: 'Maps without a path', rows: found.dark.map(darkCells) },
    { title: 'Paths out of use', rows: found.unusable.map(outCells) },
    {
      title: 'What brought them back',
      rows: found.broughtBack.map(({ subject, kind, by }) => [subject, kind, by]),
    },
    { title: 'What is not known', rows: found.notKnown.map((sentence) => [sentence]) },
    { title: 'In order', rows: [...found.steps.map(stepCells), ...moreRow(found)] },
    { title: 'Read from', rows: found.sources.map(({ name, sha256 }) => [name, `sha256 ${sha256}`]) },
  ].filter(({ rows }) => rows.length > 0)
}

/** What the page is called. */
export function titleOf({ host, fromUs, toUs, observed }: Incident): string {
  const who = host === '' ? (observed ? 'a host without a name' : 'an engine') : host
  return `Incident on ${who}, ${isoOf(fromUs)} to ${isoOf(toUs)}`
}

function firstRows({ first }: Incident): string[][] {
  if (first.length === 0) return [['No path failed in this time, as far as the ledger tells.']]
  return first.map((step, at) => [
    time(step.recordedAtUs),
    `${at === 0 ? '' : `${first[at - 1]?.cause?.link ?? ''}: `}${step.says}`,
    proof(step),
  ])
}

function radiusRows({ paths, maps, ports }: Incident): string[][] {
  const row = (what: string, names: readonly string[]): string[][] => {
    if (names.length === 0) return []
    const more = names.length > NAMES_PRINTED ? [`and ${names.length - NAMES_PRINTED} more`] : []
    return [[`${names.length} ${what}`, [...names.slice(0, NAMES_PRINTED), ...more].join(', ')]]
  }
  return [...row('paths', paths), ...row('maps without a path', maps), ...row('ports', ports)]
}

function darkCells(row: DarkRow): string[] {
  const io = {
    queued: 'I/O waited',
    failed: 'I/O failed',
    queuedThenFailed: 'I/O waited and was then failed',
  }[row.io]
  return [
    ...[row.name, `${time(row.fromUs)} to ${row.toUs === null ? 'not known' : time(row.toUs)}`, lasted(row)],
    ...[io ?? 'what became of its I/O is not known', proof(row.told)],
  ]
}

function outCells(row: UnusableRow): string[] {
  const from = row.fromUs === null ? 'not known' : time(row.fromUs)
  const to = row.toUs === null ? 'not known' : time(row.toUs)
  return [row.name, `${from} to ${to}`, lasted(row), row.ended ?? 'no line tells its end', proof(row.told)]
}

function stepCells(step: IncidentStep): string[] {
  const more = step.lines > 1 ? `, ${step.lines} lines` : ''
  const cause = step.cause === null ? '' : `${step.cause.link} at position ${step.cause.position}`
  return [time(step.recordedAtUs), step.says, cause, `${proof(step)}${more}`]
}

function moreRow({ more }: Incident): string[][] {
  return more === 0 ? [] : [[`and ${more} more: ask for a shorter time, or \`pathledger log\``]]
}

function lasted({
  us,
  atLeastUs,
  ...row
}: {
  us: number | null
  atLeastUs: number | null
  atMostUs?: number | null
}): string {
  if (us !== null) return duration(us)
  const most = row.atMostUs ?? null
  if (most !== null) return `at most ${duration(most)}`
  return atLeastUs === null ? 'not known how long' : `at least ${duration(atLeastUs)}`
}

function proof({ by, source, line, position }: Told): string {
  return source === null ? `${by}, position ${position}` : `${by} says, ${source}:${line ?? ''}`
}

/** Uptimes have no date: what is smaller than a year is one. */
function time(us: number): string {
  return us < 366 * 86_400_000_000 ? `${us / 1_000_000} s after boot` : isoOf(us)
}

/** The whole of it for people. */
export function incidentText(found: Incident, color: boolean): string {
  const { bold } = paint(color)
  const parts = sectionsOf(found).map(({ title, rows }) => {
    return `${bold(title)}\n${table(
      rows.map((row) => row.map(oneLine)),
      '  ',
    )}`
  })
  return `${bold(oneLine(titleOf(found)))}\n\n${parts.join('\n')}`
}
