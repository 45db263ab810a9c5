// The questions after a night, each a list of rows: which path was first, how long was each out, which maps had no path, who
// brought them back, what is not known, and what was lost with each port. Answered from the rows of a ledger alone.
import type { LedgerReader } from '../../store/types.ts'
import { answersOf } from '../answers/index.ts'
import type { Answered } from '../answers/answered.ts'
import type { BroughtBack } from '../answers/brought-back.ts'
import { notKnown as unknowns } from '../answers/not-known.ts'
import { sentenceOf, subjectName } from '../answers/sentences.ts'
import { lengthUs, pathKey, type Darkness, type Span } from '../answers/spans.ts'
import type { Fact } from '../types.ts'
import { recorded, type Recorded, type RecordedFact } from './facts.ts'

/** Where a statement stands: the row, and the line of the source that it rests on; null where an engine decided it. */
export interface Told {
  readonly position: number
  readonly recordedAtUs: number
  readonly stream: string
  /** Who said it: 'kernel', 'multipathd', 'engine', ... */
  readonly by: string
  readonly source: string | null
  readonly line: number | null
}

/** The first failure of a path, and what the lines say that it came from. */
export interface FirstFailureRow extends Told {
  readonly name: string
  readonly what: string
  /** From the failure back to the first cause: what it was, and by which rule it is tied to the one before. */
  readonly causes: readonly { readonly rule: string; readonly says: string }[]
  /** Further paths that failed within two seconds. */
  readonly together: readonly string[]
}

/** One time during which a path could not be used. What is not known is null. */
export interface UnusableRow {
  readonly path: string
  readonly name: string
  readonly position: number
  readonly fromUs: number | null
  readonly toUs: number | null
  readonly us: number | null
  /** Where its end is not known: it lasted so long at least, or at most. */
  readonly atLeastUs: number | null
  readonly atMostUs: number | null
  /** 'failed', 'offlined', 'removed', ... */
  readonly began: string | null
  /** 'back', 'added', 'reconnected'; 'count' by a count of paths; 'boot'; null where it goes on. */
  readonly ended: string | null
  readonly told: Told
}

/** One time during which a map had no usable path. */
export interface DarkRow {
  readonly head: string
  readonly name: string
  readonly position: number
  readonly fromUs: number
  readonly toUs: number | null
  readonly us: number | null
  readonly atLeastUs: number | null
  /** 'queued', 'failed', 'queuedThenFailed', 'unknown'. */
  readonly io: string
  /** 'lit', 'mapRemoved', 'boot', null where it goes on. */
  readonly ended: string | null
  /** The path that was the last to go; null where no line tells. */
  readonly lastPath: string | null
  readonly told: Told
}

/** One sentence about what the ledger does not tell. */
export interface NotKnownRow {
  readonly notKnown: string
}

/** A way to paths, how often it was lost, and the paths that went with it. */
export interface PortRow {
  readonly port: string
  readonly name: string
  readonly position: number
  readonly fromUs: number
  /** How often it was lost; 0 where only its paths failed together. */
  readonly lost: number
  readonly paths: readonly string[]
  readonly failures: number
  /** 'rule': lines tie them; 'address': the same SCSI host; 'time': only the times do. */
  readonly linkedBy: 'rule' | 'address' | 'time'
}

const TOGETHER_US = 2_000_000

interface Found {
  readonly all: Recorded
  readonly answered: Answered
}

function ask(reader: LedgerReader, position?: number): Found {
  const all = recorded(reader, position)
  return { all, answered: answersOf(all) }
}

/** Where a fact stands. Every fact of a ledger has its row. */
export function toldOf(fact: Fact, { sources }: Pick<Recorded, 'sources'>): Told {
  const { position, stream, atUs, actor, lines } = fact as RecordedFact
  const [first] = lines
  return {
    ...{ position, recordedAtUs: atUs ?? 0, stream, by: actor.replace(/^observed:/, '') },
    source: first === undefined ? null : (sources[first[0]]?.name ?? null),
    line: first === undefined ? null : first[1],
  }
}

/** Which path failed first, and why? No row where none did. */
export function firstFailure(reader: LedgerReader): FirstFailureRow[] {
  const { all, answered } = ask(reader)
  const { first, facts } = answered
  if (first === null) return []
  const causes: { rule: string; says: string }[] = []
  for (let one: Fact = first; one.cause !== null; one = one.cause)
    causes.push({ rule: String(one.rule), says: sentenceOf(one.cause) })
  const near = facts.filter(
    (fact) =>
      fact.what === 'failed' &&
      (fact.atUs ?? 0) - (first.atUs ?? 0) <= TOGETHER_US &&
      (fact.atUs ?? 0) >= (first.atUs ?? 0) &&
      pathKey(fact.subject) !== pathKey(first.subject),
  )
  const together = [...new Set(near.map(subjectName))]
  return [{ ...toldOf(first, all), name: subjectName(first), what: first.what, causes, together }]
}

/** How long was each path out? */
export function unusable(reader: LedgerReader): UnusableRow[] {
  const { all, answered } = ask(reader)
  const rows = answered.unusable.flatMap(({ spans, before }): UnusableRow[] => [
    ...(before === null ? [] : [beforeRow(before, all)]),
    ...spans.map((span) => spanRow(span, all)),
  ])
  return rows.sort((one, other) => one.position - other.position)
}

function beforeRow(back: Fact, all: Recorded): UnusableRow {
  const told = toldOf(back, all)
  const firstUs = all.facts.find(({ atUs }) => atUs !== null)?.atUs ?? back.atUs ?? 0
  return {
    ...{ path: told.stream, name: subjectName(back), position: told.position, fromUs: null, toUs: back.atUs },
    ...{ us: null, atLeastUs: Math.max(0, (back.atUs ?? 0) - firstUs), atMostUs: null, began: null },
    ...{ ended: back.what, told },
  }
}

/** A time out of use as a row. */
export function spanRow(span: Span, all: Recorded): UnusableRow {
  const { from, to, by } = span
  const told = toldOf(from, all)
  const ended = endedBy(span)
  return {
    ...{ path: told.stream, name: subjectName(from), position: told.position, fromUs: from.atUs },
    ...{ toUs: to?.atUs ?? null, us: lengthUs(span), began: from.what, ended, told },
    atLeastUs: ended === null ? between(from.atUs, all.endUs) : null,
    atMostUs: to === null && by !== null ? between(from.atUs, by.atUs) : null,
  }
}

function between(from: number | null, to: number | null): number {
  return Math.max(0, (to ?? 0) - (from ?? 0))
}

function endedBy({ to, by, endedByBoot }: Span): string | null {
  if (to !== null) return to.what
  if (by !== null) return 'count'
  return endedByBoot ? 'boot' : null
}

/** Which maps had no path, for how long, and what became of their I/O? */
export function dark(reader: LedgerReader): DarkRow[] {
  const { all, answered } = ask(reader)
  return answered.dark.map((span) => darkRow(span, all))
}

/** A time without a path as a row. */
export function darkRow(span: Darkness, all: Recorded): DarkRow {
  const { from, to, removed } = span
  const told = toldOf(from, all)
  const boot = from.detail.endedBy !== undefined
  const ended = to !== null ? 'lit' : removed !== null ? 'mapRemoved' : boot ? 'boot' : null
  return {
    ...{ head: told.stream, name: subjectName(from), position: told.position, fromUs: from.atUs ?? 0 },
    ...{ toUs: to?.atUs ?? null, us: lengthUs(span), io: String(from.detail.io), ended, told },
    atLeastUs: ended === null ? Math.max(0, (all.endUs ?? 0) - (from.atUs ?? 0)) : null,
    lastPath: from.cause === null ? null : subjectName(from.cause),
  }
}

/** Who or what brought paths and maps back? */
export function broughtBack(reader: LedgerReader): readonly BroughtBack[] {
  return ask(reader).answered.broughtBack
}

/** What do the lines not tell? */
export function notKnown(reader: LedgerReader): NotKnownRow[] {
  return [...new Set(unknowns(ask(reader).answered))].map((sentence) => ({ notKnown: sentence }))
}

/** What happens to a way to paths, as far as it can take paths along. */
const LOST = new Set([
  ...['linkDown', 'connError', 'sessionTimedOut', 'rportLost', 'sessionClosed', 'connectivityLost'],
  ...['errorRecovery', 'gaveUp', 'hostReset', 'busReset', 'controllerReset'],
])

/** What was lost with each port? */
export function byPort(reader: LedgerReader): PortRow[] {
  const { all, answered } = ask(reader)
  const ports = new Map<string, { lost: Fact[]; went: Fact[] }>()
  for (const fact of all.facts) {
    if (!fact.stream.startsWith('port/') || !LOST.has(fact.what)) continue
    const port = ports.get(fact.stream) ?? { lost: [], went: [] }
    ports.set(fact.stream, port)
    port.lost.push(fact)
  }
  for (const fact of all.facts) {
    if (fact.subject.kind !== 'path' || fact.stream.startsWith('port/')) continue
    if (fact.what !== 'failed' && fact.what !== 'removed') continue
    for (let one: Fact | null = fact; one !== null; one = one.cause)
      ports.get((one as RecordedFact).stream)?.went.push(fact)
  }
  return [
    ...[...ports].map(([port, { lost, went }]) => portRow(port, lost, went)),
    ...answered.groups.map(({ adapter, members, times, first }): PortRow => ({
      ...{
        port: `port/host/${adapter.replace('host', '')}`,
        name: `SCSI host ${adapter.replace('host', '')}`,
      },
      ...{ position: (first as RecordedFact).position, fromUs: first.atUs ?? 0, lost: 0, paths: members },
      ...{ failures: times, linkedBy: 'address' },
    })),
  ].sort((one, other) => one.position - other.position)
}

function portRow(port: string, lost: readonly Fact[], went: readonly Fact[]): PortRow {
  const [first] = lost
  const onlyTimes = went.length > 0 && went.every(({ rule }) => rule === 'coincides')
  return {
    ...{ port, name: first === undefined ? port : subjectName(first), lost: lost.length },
    ...{ position: (first as RecordedFact | undefined)?.position ?? 0, fromUs: first?.atUs ?? 0 },
    ...{ paths: [...new Set(went.map(subjectName))], failures: went.length },
    linkedBy: onlyTimes ? 'time' : 'rule',
  }
}
