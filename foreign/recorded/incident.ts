// One page for a post-mortem: what happened from one time to another, in order, what was first, what it took along, for how
// long, what nobody knows, and which lines say so. From the rows of a ledger alone, of logs or of an engine.
import type { LedgerReader } from '../../store/types.ts'
import { answersOf } from '../answers/index.ts'
import { broughtBack, type BroughtBack } from '../answers/brought-back.ts'
import { firstFailed } from '../answers/spans.ts'
import { notKnown } from '../answers/not-known.ts'
import { linkWords, sentenceOf, subjectName } from '../answers/sentences.ts'
import type { Fact } from '../types.ts'
import { recorded, type RecordedFact } from './facts.ts'
import { darkRow, spanRow, toldOf, type DarkRow, type Told, type UnusableRow } from './questions.ts'

/** Steps of a page; of more there is the count. */
export const INCIDENT_STEPS = 400

/** One thing that happened, in a sentence, with the line or row that says so. */
export interface IncidentStep extends Told {
  readonly says: string
  /** How it is tied to its cause, and where that stands; null where no line tells a cause. */
  readonly cause: { readonly position: number; readonly link: string } | null
  /** Lines that say the same. */
  readonly lines: number
}

/** What happened from one time to another. */
export interface Incident {
  readonly host: string
  readonly fromUs: number
  readonly toUs: number
  /** False where an engine wrote the ledger. */
  readonly observed: boolean
  /** From the first failure of a path back to what it came from; empty where none failed. */
  readonly first: readonly IncidentStep[]
  readonly paths: readonly string[]
  readonly maps: readonly string[]
  readonly ports: readonly string[]
  readonly steps: readonly IncidentStep[]
  /** Steps that are not on the page. */
  readonly more: number
  readonly unusable: readonly UnusableRow[]
  readonly dark: readonly DarkRow[]
  readonly broughtBack: readonly BroughtBack[]
  readonly notKnown: readonly string[]
  /** What it was read from, with the SHA-256 of what was read. */
  readonly sources: readonly { readonly name: string; readonly sha256: string }[]
}

/** What tells of no trouble and no change: counts, and tables as they were before. */
const QUIET = new Set(['activePaths', 'tableLoaded', 'attached', 'attention', 'sessionOpened'])

/** What happened from `fromUs` to `toUs` (wall clock, both included). */
export function incident(
  reader: LedgerReader,
  { fromUs, toUs }: { readonly fromUs: number; readonly toUs: number },
): Incident {
  const all = recorded(reader)
  const answered = answersOf(all)
  const inside = (us: number | null): boolean => us !== null && us >= fromUs && us <= toUs
  const facts = all.facts.filter(({ atUs }) => inside(atUs))
  const spans = answered.unusable.map((path) => ({
    ...path,
    before: path.before !== null && inside(path.before.atUs) ? path.before : null,
    spans: path.spans.filter(({ from, to }) => (from.atUs ?? 0) <= toUs && (to?.atUs ?? toUs) >= fromUs),
  }))
  const out = spans.filter((path) => path.spans.length > 0 || path.before !== null)
  const dark = answered.dark.filter(
    ({ from, to }) => (from.atUs ?? 0) <= toUs && (to?.atUs ?? toUs) >= fromUs,
  )
  const told = facts.filter(({ what }) => !QUIET.has(what))
  const first = firstFailed(facts)
  const step = (fact: Fact): IncidentStep => stepOf(fact, (one) => toldOf(one, all))
  return {
    ...{ host: all.host, fromUs, toUs, observed: all.observed },
    first: chainOf(first).map(step),
    paths: names(out.map(({ spans: own, path }) => own[0]?.from ?? { subject: path })),
    maps: names(dark.map(({ from }) => from)),
    ports: names(told.filter(({ stream, subject }) => stream.startsWith('port/') && subject.kind !== 'map')),
    steps: told.slice(0, INCIDENT_STEPS).map(step),
    more: Math.max(0, told.length - INCIDENT_STEPS),
    unusable: out.flatMap((path) => path.spans.map((span) => spanRow(span, all))),
    dark: dark.map((span) => darkRow(span, all)),
    broughtBack: broughtBack(out, dark, facts),
    notKnown: [...new Set(notKnown({ ...answered, facts, unusable: out, dark, first }))],
    sources: all.sources,
  }
}

function names(facts: readonly Pick<Fact, 'subject'>[]): string[] {
  return [...new Set(facts.map(subjectName))]
}

function chainOf(first: Fact | null): Fact[] {
  const chain: Fact[] = []
  for (let one = first; one !== null; one = one.cause) chain.push(one)
  return chain
}

function stepOf(fact: Fact, told: (fact: Fact) => Told): IncidentStep {
  const { cause, lines } = fact
  return {
    ...{ ...told(fact), says: sentenceOf(fact), lines: lines.length },
    cause: cause === null ? null : { position: (cause as RecordedFact).position, link: linkWords(fact) },
  }
}
