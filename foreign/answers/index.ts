// The questions that are asked after a night, answered from facts alone.
import type { History } from '../read.ts'
import { namedLines } from '../sources/place.ts'
import type { Fact } from '../types.ts'
import type { Answered } from './answered.ts'
import { broughtBack } from './brought-back.ts'
import { explainHost } from './explain.ts'
import { badSectors, flapping, lying, together } from './groups.ts'
import { notKnown } from './not-known.ts'
import { named, printedTime, printedUs, seconds, shortName } from './print.ts'
import { skews } from './skew.ts'
import {
  darkness,
  firstFailed,
  lengthUs,
  unusable,
  type Darkness,
  type Span,
  type Unusable,
} from './spans.ts'

/** What all answers about a host are made from. */
export type Asked = Pick<
  Answered,
  'host' | 'severalHosts' | 'facts' | 'sources' | 'wall' | 'endUs' | 'gaps' | 'unread' | 'hostOfPci'
>

/** Answers from the facts of one host alone: of files that were just read, or of the rows of a ledger. */
export function answersOf(asked: Asked): Answered {
  const { facts } = asked
  const spans = unusable(facts)
  const dark = darkness(facts)
  const bad = badSectors(facts)
  return {
    ...asked,
    ...{ first: firstFailed(facts), unusable: spans, dark, groups: together(facts) },
    ...{ flapping: flapping(facts), bad, lying: lying(facts, bad) },
    broughtBack: broughtBack(spans, dark, facts),
  }
}

/** Answers for each host. */
export function answerAll(history: History): Answered[] {
  const severalHosts = history.hosts.length > 1
  const gaps = history.sources.flatMap(({ name, gaps: own }) =>
    own.map(({ line, why }) => ({ name, line, why })),
  )
  const unread = history.sources.flatMap(({ name, unread: own }) => own.map(({ line }) => ({ name, line })))
  return history.hosts.map(({ host, facts, names, wall, endUs }) =>
    answersOf({
      ...{ host, severalHosts, facts, sources: history.sources, wall, endUs, gaps, unread },
      hostOfPci: (pci: string) => names.hostOfPci(pci),
    }),
  )
}

/** Answers as they are printed: of all hosts together, since a corpus may have several in one file. */
export function printedAnswers(history: History, all: readonly Answered[]): Record<string, unknown> {
  const several = all.length > 1
  const firsts = all
    .flatMap(({ first }) => (first === null ? [] : [first]))
    .sort((a, b) => (a.atUs ?? 0) - (b.atUs ?? 0))
  const [first] = firsts
  const facts = all.flatMap((one) => one.facts)
  return {
    firstFailed: first === undefined ? null : { path: named(first.subject, several), at: printedTime(first) },
    unusable: all
      .flatMap((one) => one.unusable.map((path) => ({ path, end: one.endUs })))
      .filter(({ path }) => path.spans.length > 0)
      .sort((a, b) => (a.path.spans[0]?.from.atUs ?? 0) - (b.path.spans[0]?.from.atUs ?? 0))
      .map(({ path, end }) => printedUnusable(path, end, several)),
    mapsWithoutPath: all.flatMap(({ dark }) => dark.map((span) => printedDark(span, several))),
    unusableBefore: all.flatMap((one) =>
      one.unusable.flatMap(({ path, before }) =>
        before === null ? [] : [{ path: shortName(path), from: null, to: printedTime(before) }],
      ),
    ),
    flapping: all.flatMap((one) =>
      one.flapping.map(({ path, failures, nights, withinSeconds }) => ({
        ...{ path, failures },
        ...(nights === null ? { withinSeconds } : { nights }),
      })),
    ),
    correlated: all.flatMap(({ groups }) =>
      groups.map(({ adapter, paths, of, times, withinSeconds }) => ({
        adapter,
        paths,
        of,
        times,
        withinSeconds,
      })),
    ),
    sameSectorOnAllPaths: all.flatMap(({ bad }) =>
      bad.map(({ sector, paths, times }) => ({ sector, paths, times })),
    ),
    lying: all.flatMap((one) => one.lying),
    pathsFailed: new Set(
      facts
        .filter(({ what }) => what === 'failed')
        .map(({ subject, host }) => `${host}${shortName(subject)}`),
    ).size,
    coincidences: coincidences(facts),
    clock: clockChanges(history),
    ...(several ? { perHost: true, skewSeconds: skews(history) } : {}),
    broughtBack: all.flatMap((one) =>
      one.broughtBack.map((entry) =>
        several ? { ...entry, subject: `${one.host} ${entry.subject.replace(/^map /, '')}` } : entry,
      ),
    ),
  }
}

function printedUnusable(
  { path, spans, names }: Unusable,
  endUs: number | null,
  several: boolean,
): Record<string, unknown> {
  const known = spans.map(lengthUs)
  const open = spans.at(-1)
  const stillOut = open?.to === null && open.by === null && !open.endedByBoot
  const sum = known.reduce<number>((total, us) => total + (us ?? 0), 0)
  const atLeast = stillOut && endUs !== null ? sum + Math.max(0, endUs - (open.from.atUs ?? endUs)) : null
  return {
    path: named(path, several),
    spans: spans.map(printedSpan),
    seconds: known.includes(null) ? null : seconds(sum),
    stillOut,
    ...(atLeast === null ? {} : { secondsAtLeast: seconds(atLeast) }),
    ...(names.length > 1 ? { names } : {}),
  }
}

function printedSpan(span: Span): Record<string, unknown> {
  const us = lengthUs(span)
  const printed = {
    from: printedTime(span.from),
    to: printedTime(span.to),
    seconds: us === null ? null : seconds(us),
  }
  if (span.to === null && span.endedByBoot) return { ...printed, endedBy: 'boot' }
  if (span.to !== null || span.by === null) return printed
  const most = (span.by.atUs ?? 0) - (span.from.atUs ?? 0)
  return { ...printed, toAtMost: printedTime(span.by), secondsAtMost: seconds(most) }
}

function printedDark(span: Darkness, several: boolean): Record<string, unknown> {
  const us = lengthUs(span)
  return {
    map: named(span.map, several),
    ...{ from: printedTime(span.from), to: printedTime(span.to), seconds: us === null ? null : seconds(us) },
    io: span.from.detail.io,
    endedBy:
      span.to !== null
        ? 'lit'
        : span.removed !== null
          ? 'mapRemoved'
          : span.from.detail.endedBy === undefined
            ? null
            : 'boot',
  }
}

/** What happened at the same time and is linked by nothing else. */
function coincidences(facts: readonly Fact[]): Record<string, unknown>[] {
  const found: Record<string, unknown>[] = []
  const within = (a: Fact, b: Fact, us: number): boolean =>
    (b.atUs ?? 0) >= (a.atUs ?? 0) && (b.atUs ?? 0) - (a.atUs ?? 0) <= us
  const add = (of: string, a: Fact, name: string, b: Fact | undefined): void => {
    if (b !== undefined) found.push({ of, with: name, seconds: seconds((b.atUs ?? 0) - (a.atUs ?? 0)) })
  }
  for (const fact of facts) {
    if (fact.what === 'linkDown' && fact.subject.nic !== undefined) {
      const lost = facts.find((one) => one.what === 'connError' && within(fact, one, 10_000_000))
      add(
        `linkDown ${String(fact.subject.nic)}`,
        fact,
        `connError session ${String(lost?.subject.sid)}`,
        lost,
      )
    }
    if (fact.what !== 'sessionTimedOut' || facts.some(({ cause }) => cause === fact)) continue
    const failed = facts.find((one) => one.what === 'failed' && within(fact, one, 2_000_000))
    add(
      `sessionTimedOut session ${String(fact.subject.sid)}`,
      fact,
      `failed ${shortName(failed?.subject ?? { kind: 'path' })}`,
      failed,
    )
  }
  return found
}

function clockChanges(history: History): Record<string, unknown>[] {
  return history.sources.flatMap((source) =>
    source.clock
      .changes({ zone: source.zone?.zone ?? history.settings.zone, nowUs: history.settings.nowUs })
      .map((us) => ({
        what: 'stepped back an hour (end of summer time in the zone that was given)',
        between: [printedUs(us - 1_000_000, 1_000_000), printedUs(us, 1_000_000)],
      })),
  )
}

/** Facts as NDJSON has them: causes as places in the list. */
export function printedFacts(history: History, all: readonly Answered[]): Record<string, unknown>[] {
  const several = all.length > 1
  const facts = all
    .flatMap((one) => one.facts)
    .map((fact, index) => ({ fact, index }))
    .sort((a, b) => (a.fact.atUs ?? -1) - (b.fact.atUs ?? -1) || a.index - b.index)
    .map(({ fact }) => fact)
  const places = new Map(facts.map((fact, index) => [fact, index]))
  return facts.map((fact) => ({
    at: printedTime(fact),
    what: fact.what,
    subject: several ? fact.subject : withoutHost(fact),
    detail: printedDetail(fact.detail),
    cause: fact.cause === null ? null : (places.get(fact.cause) ?? null),
    rule: fact.rule,
    lines: namedLines(fact.lines, history.sources),
  }))
}

function withoutHost({ subject }: Fact): Record<string, unknown> {
  const { host: _host, ...rest } = subject
  return rest
}

/** Links to other facts in a detail are for answers, not for print. */
function printedDetail({
  backBy: _by,
  endedBy: _end,
  ...rest
}: Record<string, unknown>): Record<string, unknown> | null {
  return Object.keys(rest).length === 0 ? null : rest
}

/** Everything that is said of a history, as one object. */
export function printedHistory(history: History): Record<string, unknown> {
  const all = answerAll(history)
  const witnesses = new Set(
    all.flatMap(({ facts }) =>
      facts.flatMap(({ lines }) => lines.map(([source, line]) => source * 1e9 + line)),
    ),
  )
  const total = (pick: (source: History['sources'][number]) => number): number =>
    history.sources.reduce((sum, source) => sum + pick(source), 0)
  const lines = total((source) => source.lines)
  const noise = total((source) => [...source.noise.values()].reduce((sum, count) => sum + count, 0))
  const unread = total((source) => source.unreadCount)
  return {
    facts: printedFacts(history, all),
    answers: printedAnswers(history, all),
    notKnown: [...new Set(all.flatMap(notKnown))],
    unread: history.sources.flatMap(({ name, unread: own }) => own.map(({ line }) => [name, line])),
    counts: {
      lines,
      witness: witnesses.size,
      context: lines - noise - unread - witnesses.size,
      noise,
      unread,
    },
    explain: all.map(explainHost).join('\n'),
  }
}
