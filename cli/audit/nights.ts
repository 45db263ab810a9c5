// The questions after a night, which logs answer as well as an engine's ledger: who was first, for how long, who brought it
// back, and what is not known.
import { broughtBack, byPort, dark, firstFailure, notKnown, unusable } from '../../doors/audit.ts'
import type {
  BroughtBack,
  DarkRow,
  FirstFailureRow,
  NotKnownRow,
  PortRow,
  Told,
  UnusableRow,
} from '../../doors/audit.ts'
import { isoOf } from '../moment.ts'
import type { NameOf } from '../names.ts'
import { oneLine } from '../show/describe-event.ts'
import { duration, figure } from '../text.ts'
import type { Paint } from '../text.ts'
import { question, type Question } from './question.ts'

export const NIGHT_QUESTIONS: readonly Question[] = [
  question({
    name: 'first-failure',
    asks: 'Which path failed first, what did it come from, and what failed with it?',
    example: ['--json', 'for a program'],
    options: [],
    rows: (reader) => firstFailure(reader),
    table: firstTable,
  }),
  question({
    name: 'unusable',
    asks: 'When could a path not be used, and for how long? Ends that no line tells stay unknown.',
    example: ['--json', 'for a program'],
    options: [],
    rows: (reader) => unusable(reader),
    table: unusableTable,
  }),
  question({
    name: 'dark',
    asks: 'Which maps had no path, for how long, and what became of their I/O?',
    example: ['--json', 'for a program'],
    options: [],
    rows: (reader) => dark(reader),
    table: darkTable,
  }),
  question({
    name: 'brought-back',
    asks: 'Who or what brought paths and maps back?',
    example: null,
    options: [],
    rows: (reader) => broughtBack(reader),
    table: backTable,
  }),
  question({
    name: 'not-known',
    asks: 'What does the ledger not tell that somebody will ask?',
    example: null,
    options: [],
    rows: (reader) => notKnown(reader),
    table: (rows: readonly NotKnownRow[]) => rows.map(({ notKnown: sentence }) => [oneLine(sentence)]),
  }),
  question({
    name: 'by-port',
    asks: 'Which adapter, remote port, session or controller was lost, and which paths went with it?',
    example: null,
    options: [],
    rows: (reader) => byPort(reader),
    table: portTable,
  }),
]

/** 'kernel, messages:55'; of an engine's ledger only who decided. */
function where({ by, source, line }: Told): string {
  return source === null ? by : `${by}, ${oneLine(source)}:${line ?? ''}`
}

function firstTable(rows: readonly FirstFailureRow[], _nameOf: NameOf, { bold, dim }: Paint): string[][] {
  return rows.flatMap((row) => [
    [String(row.position), dim(isoOf(row.recordedAtUs)), bold(oneLine(row.name)), row.what, where(row)],
    ...row.causes.map(({ rule, says }) => [
      ...['', '', rule === 'coincides' ? 'at the same time' : `by the rule ${rule}`],
      ...[oneLine(says), ''],
    ]),
    ...(row.causes.length === 0 ? [['', '', 'no line tells its cause', '', '']] : []),
    ...row.together.map((name) => ['', '', 'within 2 s', oneLine(name), '']),
  ])
}

function unusableTable(rows: readonly UnusableRow[], _nameOf: NameOf, paint: Paint): string[][] {
  const { bold, dim } = paint
  const head = ['position', 'from', 'path', 'began', 'until', 'lasted', 'told by'].map(dim)
  const body = rows.map((row) => [
    String(row.position),
    row.fromUs === null ? 'not known' : isoOf(row.fromUs),
    bold(oneLine(row.name)),
    row.began ?? 'before',
    row.toUs === null ? endWords(row.ended, paint) : `${isoOf(row.toUs)} (${row.ended ?? ''})`,
    lastedWords(row),
    where(row.told),
  ])
  return [head, ...body]
}

function endWords(ended: string | null, { bad, warn }: Paint): string {
  if (ended === null) return bad('no line tells')
  return warn(ended === 'boot' ? 'the host was started' : ended)
}

function lastedWords({
  us,
  atLeastUs,
  atMostUs,
}: Pick<UnusableRow, 'us' | 'atLeastUs' | 'atMostUs'>): string {
  if (us !== null) return duration(us)
  if (atMostUs !== null) return `at most ${duration(atMostUs)}`
  return atLeastUs === null ? 'not known' : `at least ${duration(atLeastUs)}`
}

function darkTable(rows: readonly DarkRow[], _nameOf: NameOf, paint: Paint): string[][] {
  const { bold, dim } = paint
  const head = ['position', 'from', 'map', 'I/O', 'last path', 'until', 'lasted', 'told by'].map(dim)
  const body = rows.map((row) => [
    String(row.position),
    isoOf(row.fromUs),
    bold(oneLine(row.name)),
    row.io,
    oneLine(row.lastPath ?? 'not known'),
    row.toUs === null ? endWords(row.ended, paint) : isoOf(row.toUs),
    lastedWords({ ...row, atMostUs: null }),
    where(row.told),
  ])
  return [head, ...body]
}

function backTable(rows: readonly BroughtBack[], _nameOf: NameOf, { bold }: Paint): string[][] {
  return rows.map(({ subject, by, kind }) => [bold(oneLine(subject)), kind, oneLine(by)])
}

function portTable(rows: readonly PortRow[], _nameOf: NameOf, { bold, dim }: Paint): string[][] {
  const head = ['position', 'first', 'port', 'lost', 'failures', 'linked by', 'paths'].map(dim)
  const body = rows.map((row) => [
    String(row.position),
    isoOf(row.fromUs),
    bold(oneLine(row.name)),
    figure(row.lost),
    figure(row.failures),
    row.paths.length === 0 ? 'no line ties a path to it' : row.linkedBy,
    oneLine(row.paths.length > 8 ? `${row.paths.length} paths` : row.paths.join(', ')),
  ])
  return [head, ...body]
}
