// A history as the rows of a ledger: one pure function of what was read, so that the same sources are the same ledger.
import { createHash } from 'node:crypto'
import { behaviourOf, OBSERVED_FLAGS } from '../../machines/behaviour.ts'
import { decisionText } from '../../machines/decision.ts'
import { OBSERVED_SCHEMA } from '../../machines/observed/events.ts'
import { machineOf } from '../../machines/registry.ts'
import type { StreamState } from '../../machines/step.ts'
import type { NewEvent } from '../../store/types.ts'
import { TEMPLATE_SET } from '../templates/index.ts'
import type { Given, History } from '../read.ts'
import type { SourceRead } from '../sources/read-source.ts'
import type { Fact, LineRef } from '../types.ts'
import { observationOf } from './events.ts'

const BEHAVIOUR = behaviourOf(OBSERVED_FLAGS)
/** Unread lines that are written one by one; of more the source's end has the count. */
export const UNREAD_WRITTEN = 10_000
/** Characters of an unread line in a payload. */
const UNREAD_CHARS = 16_384
/** Witnesses that a payload names; of more it has the count. */
const WITNESSES_NAMED = 200

type Host = History['hosts'][number]

/** What rows have to be told beside facts: of files that were read, or of streams that go on. */
export interface RowsOf {
  readonly host: string
  /** What a line is known by for ever: the hash of its source, or the place in a journal, and its number there. */
  readonly placeOf: (line: LineRef) => readonly [source: string, line: number]
  /** SHA-256 of a line's bytes; '' where it is not held. */
  readonly hashOf: (line: LineRef) => string
  /** Earlier facts that this one says are over. */
  readonly settled: (fact: Fact) => readonly Fact[]
  readonly hostOfPci: (pci: string) => string | null
}

/** What is to be appended, in order. */
export class Rows {
  readonly events: NewEvent[] = []
  readonly #states = new Map<string, StreamState>()
  readonly #ids = new WeakMap<Fact, string>()
  readonly #of: RowsOf
  #lastUs = 0
  #clock = 1

  constructor(of: RowsOf) {
    this.#of = of
  }

  /** Goes on with a stream where a ledger left it. */
  begin(stream: string, state: StreamState): void {
    this.#states.set(stream, state)
  }

  /** Gives away what was put, and forgets it. */
  take(): NewEvent[] {
    return this.events.splice(0)
  }

  /** Puts one event behind the others, with the state that it leads to. */
  put(
    event: Pick<NewEvent, 'eventId' | 'stream' | 'type' | 'recordedAtUs' | 'actor'> & {
      readonly cause?: string
      readonly data: Record<string, unknown>
      readonly monoUs?: number | null
      readonly boot?: string | null
    },
  ): void {
    const { eventId, stream, type, actor } = event
    const recordedAtUs = Math.max(0, Math.floor(event.recordedAtUs))
    if (recordedAtUs < this.#lastUs) this.#clock += 1
    this.#lastUs = recordedAtUs
    const both = typeof event.monoUs === 'number' && typeof event.boot === 'string'
    const machine = machineOf(stream, BEHAVIOUR)
    const before = this.#states.get(stream) ?? machine.initial()
    const monoUs = both ? Math.floor(event.monoUs ?? 0) : recordedAtUs
    const data = JSON.parse(JSON.stringify(event.data)) as Record<string, unknown>
    const { state, decision } = machine.decide(before, { type, atUs: monoUs, data }, BEHAVIOUR)
    this.#states.set(stream, state)
    this.events.push({
      ...{ eventId, stream, type, schema: OBSERVED_SCHEMA, recordedAtUs, monoUs },
      bootId: both ? (event.boot ?? '') : `wall:${this.#clock}`,
      cause: event.cause === undefined ? null : { eventId: event.cause },
      ...{ actor, reason: null, data: JSON.stringify(data), decision: decisionText(decision, BEHAVIOUR) },
    })
  }

  /** A fact, behind the first mention of its stream where nothing said how it began. */
  fact(fact: Fact, fallbackUs: number): void {
    const { stream, type, data } = observationOf(fact)
    const [sha, line] = this.#of.placeOf(fact.lines[0] ?? [0, 0])
    // The number of a source is its place among the arguments: the same line is the same event in any order of them.
    const of = stream.startsWith('source/') ? 'source' : stream
    const eventId = idOf(this.#of.host, sha, line, fact.what, of)
    const recordedAtUs = fact.atUs ?? fallbackUs
    const common = { recordedAtUs, actor: actorOf(fact), monoUs: fact.monoUs, boot: fact.boot }
    if (this.#isNew(stream, type))
      this.put({
        ...common,
        eventId: idOf(eventId, 'known'),
        stream,
        type: knownOf(stream) ?? type,
        data: { ...subjectOf(data), seen: seenOf(fact, this.#of) },
      })
    const cause = fact.cause === null ? undefined : this.#ids.get(fact.cause)
    const settles = this.#of.settled(fact).flatMap((one) => this.#ids.get(one) ?? [])
    this.put({
      ...common,
      eventId,
      stream,
      type,
      ...(cause === undefined ? {} : { cause }),
      data: {
        ...data,
        ...(settles.length === 0 ? {} : { settles }),
        ...this.#adapter(fact),
        seen: seenOf(fact, this.#of),
      },
    })
    this.#ids.set(fact, eventId)
    if (fact.what === 'hostBooted') this.#forget(fact, eventId)
  }

  /** True where nothing said yet how the stream began. */
  #isNew(stream: string, type: string): boolean {
    const known = knownOf(stream)
    return known !== undefined && !this.#states.has(stream) && !BEGINS.has(type) && type !== known
  }

  /** Which SCSI host an adapter is, where other lines tell it than those of the fact. */
  #adapter({ subject }: Fact): Record<string, unknown> {
    if (typeof subject.pci !== 'string' || typeof subject.scsiHost === 'number') return {}
    const host = this.#of.hostOfPci(subject.pci)
    return host === null ? {} : { hostOfPci: host }
  }

  /** Of paths and maps nothing is known after a start of the host until lines tell of them again. */
  #forget(fact: Fact, eventId: string): void {
    for (const stream of [...this.#states.keys()]) {
      const type = knownOf(stream)
      if (type === undefined || type === 'port.known') continue
      this.put({
        ...{ eventId: idOf(eventId, stream, 'forgotten'), stream, type, cause: eventId },
        ...{ recordedAtUs: fact.atUs ?? 0, actor: actorOf(fact), monoUs: fact.monoUs, boot: fact.boot },
        data: { after: 'boot', seen: seenOf(fact, this.#of) },
      })
    }
  }
}

/** Facts that a later one says are over: a count of paths that is whole again, a start of the host. */
function settledBy(facts: readonly Fact[]): Map<Fact, Fact[]> {
  const found = new Map<Fact, Fact[]>()
  for (const fact of facts) {
    for (const by of [fact.detail.backBy, fact.detail.endedBy] as (Fact | undefined)[])
      if (by !== undefined) found.set(by, [...(found.get(by) ?? []), fact])
  }
  return found
}

/** A stream that was seen without its beginning begins with one of these. */
const KNOWN: Readonly<Record<string, string>> = { path: 'path.known', head: 'head.known', port: 'port.known' }
const BEGINS = new Set(['path.added'])

function knownOf(stream: string): string | undefined {
  return KNOWN[stream.split('/')[0] ?? '']
}

function subjectOf({
  map,
  wwid,
  hctl,
  dev,
  devt,
  dm,
  host,
}: Record<string, unknown>): Record<string, unknown> {
  return { map, wwid, hctl, dev, devt, dm, host }
}

/** Who decided: a person asks, and multipathd or the kernel does. */
function actorOf(fact: Fact): string {
  return fact.detail.by === 'operator' ? 'observed:operator:unknown' : fact.actor
}

/** The same line is the same event for ever. */
export function idOf(...parts: readonly (string | number)[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 40)
}

/** What a fact rests on: its first line with the hash of its bytes, and who else saw it. */
function seenOf(fact: Fact, { hashOf, placeOf }: RowsOf): Record<string, unknown> {
  const [source, line] = fact.lines[0] ?? [0, 0]
  const bytes = hashOf([source, line])
  const [place] = placeOf([source, line])
  const others = fact.lines.slice(1, WITNESSES_NAMED).map(([other, at]) => [other + 1, at])
  return {
    ...{ source: source + 1, line, bytes, precisionUs: fact.precisionUs, zone: fact.zone, rule: fact.rule },
    // A place in a journal, to go on from.
    ...(place.startsWith('s=') ? { cursor: place } : {}),
    ...(others.length === 0 ? {} : { witnesses: others }),
    ...(fact.lines.length > WITNESSES_NAMED ? { moreWitnesses: fact.lines.length - WITNESSES_NAMED } : {}),
    ...(fact.lastUs === null ? {} : { lastUs: fact.lastUs }),
    ...(fact.atUs === null ? { undated: true } : {}),
  }
}

/** What rows of files are made with. */
function filesOf({ host, facts, names }: Host, sources: readonly SourceRead[]): RowsOf {
  const hashes = sources.map(({ found }) => new Map(found.map(({ line, hash }) => [line, hash])))
  const settled = settledBy(facts)
  return {
    host,
    placeOf: ([source, line]) => [sources[source]?.sha256 ?? '', line],
    hashOf: ([source, line]) => hashes[source]?.get(line) ?? '',
    settled: (fact) => settled.get(fact) ?? [],
    hostOfPci: (pci) => names.hostOfPci(pci),
  }
}

/** All rows of a host's history, sources first and last. */
export function rowsOf(history: History, host: Host): Rows {
  const rows = new Rows(filesOf(host, history.sources))
  const { sources } = history
  const first = host.facts.find(({ atUs }) => atUs !== null)?.atUs ?? 0
  const from = Math.min(host.firstUs ?? first, first)
  const to = Math.max(host.endUs ?? from, ...host.facts.slice(-1).map(({ atUs }) => atUs ?? from), from)
  const witnesses = witnessed(host.facts)
  for (const [index, source] of sources.entries())
    openSource(rows, { index, source, host: host.host, atUs: from, wall: host.wall, given: history.given })
  for (const fact of host.facts) rows.fact(fact, from)
  for (const [index, source] of sources.entries())
    closeSource(rows, { index, source, atUs: to, host: host.host, witness: witnesses.get(index)?.size ?? 0 })
  return rows
}

function witnessed(facts: readonly Fact[]): Map<number, Set<number>> {
  const lines = new Map<number, Set<number>>()
  for (const fact of facts)
    for (const [source, line] of fact.lines) lines.set(source, (lines.get(source) ?? new Set()).add(line))
  return lines
}

function openSource(
  rows: Rows,
  {
    index,
    source,
    host,
    atUs,
    wall,
    given,
  }: { index: number; source: SourceRead; host: string; atUs: number; wall: boolean; given: Given },
): void {
  rows.put({
    ...{ eventId: idOf(host, source.sha256, 'opened'), stream: `source/${index + 1}`, type: 'source.opened' },
    ...{ recordedAtUs: atUs, actor: 'observed:reader' },
    data: {
      ...{ name: source.name, sha256: source.sha256, bytes: source.bytes, host, templates: TEMPLATE_SET },
      ...{ envelopes: Object.fromEntries(source.forms), wall: wall ? 'known' : 'none' },
      zone: source.zone === null ? null : source.zone.name,
      ...(Object.keys(given).length === 0 ? {} : { given }),
    },
  })
}

function closeSource(
  rows: Rows,
  {
    index,
    source,
    atUs,
    host,
    witness,
  }: { index: number; source: SourceRead; atUs: number; host: string; witness: number },
): void {
  const stream = `source/${index + 1}`
  const put = (type: string, key: string, data: Record<string, unknown>): void =>
    rows.put({
      eventId: idOf(host, source.sha256, type, key),
      stream,
      type,
      recordedAtUs: atUs,
      actor: 'observed:reader',
      data,
    })
  for (const { line, why, count } of source.gaps)
    put('source.gap', String(line), { line, why, count, by: 'reader' })
  for (const { line, raw } of source.unread.slice(0, UNREAD_WRITTEN)) {
    const text = Buffer.from(raw, 'latin1')
      .toString('utf8')
      .slice(0, UNREAD_CHARS)
      .toWellFormed()
      .replaceAll('\0', '\uFFFD')
    put('source.unread', String(line), { line, text })
  }
  const noise = [...source.noise.values()].reduce((sum, count) => sum + count, 0)
  const { lines, unreadCount: unread } = source
  put('source.closed', '', {
    lines,
    witness,
    context: lines - noise - unread - witness,
    noise,
    unread,
    noiseByTemplate: Object.fromEntries(source.noise),
  })
}
