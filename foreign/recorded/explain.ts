// Why is an observed path or map as it is? Every sentence is what a line says, with who says it and where; what has no known
// end lasts *at least*, and what only happened together is *at the same time*.
import { checkArguments } from '../../errors/arguments.ts'
import { PathledgerError } from '../../errors.ts'
import { explain as explainDecided } from '../../store/explain/explain.ts'
import type {
  Explanation,
  ExplainLink,
  ExplainRoot,
  ExplainTarget,
  Layer,
  RootKind,
} from '../../store/explain/types.ts'
import { pages } from '../../store/pages.ts'
import type { LedgerReader, StoredEvent } from '../../store/types.ts'
import type { StateValue } from '../../machines/step.ts'
import { answersOf } from '../answers/index.ts'
import type { Answered } from '../answers/answered.ts'
import { evidence } from '../answers/explain.ts'
import { notKnown } from '../answers/not-known.ts'
import { lasted, printedTime, shortName } from '../answers/print.ts'
import { linkWords, sentenceOf, subjectName } from '../answers/sentences.ts'
import { lengthUs, pathKey, type Darkness, type Span } from '../answers/spans.ts'
import type { Fact } from '../types.ts'
import { recorded, type Recorded, type RecordedFact } from './facts.ts'

/** Sentences beside the chain. */
const ALSO_TOLD = 8
const TOGETHER_US = 2_000_000

/** Explains what an engine decided as ever, and what was observed from what lines said. */
export function explain(
  reader: LedgerReader,
  target: ExplainTarget,
  at: { readonly position: number },
): Explanation {
  checkArguments('explain', { reader }, { reader: 'reader' })
  const isObserved = reader.read({ type: 'source.opened', limit: 1 }).length > 0
  if (!isObserved) return explainDecided(reader, target, at)
  if ('io' in target)
    throw new PathledgerError('IO_NOT_TRACED', {
      message: `There is no I/O ${target.io} on this ledger.`,
      why: 'It was made from logs, and logs do not report single I/Os.',
      todo: 'Explain a path or a map.',
    })
  return new Observed(reader, target.stream, at.position).explained()
}

interface Trouble {
  readonly from: Fact
  readonly over: boolean
  readonly says: string
}

class Observed {
  readonly #all: Recorded
  readonly #answered: Answered
  readonly #own: readonly RecordedFact[]
  readonly #last: StoredEvent
  readonly #stream: string
  readonly #position: number

  constructor(reader: LedgerReader, stream: string, position: number) {
    this.#stream = stream
    this.#position = Math.min(position, reader.head().events)
    this.#all = recorded(reader, this.#position)
    this.#answered = answersOf(this.#all)
    this.#own = this.#all.facts.filter((fact) => fact.stream === stream)
    const last = [...pages(reader, { stream, toPosition: this.#position })].flat().at(-1)
    if (last === undefined)
      throw new PathledgerError('EXPLAIN_UNKNOWN', {
        message: `Up to position ${this.#position} the ledger has nothing about ${stream}.`,
        why: 'No line up to that position names it.',
        todo: 'Use a later position or time, or another name; `pathledger topology` lists what was there.',
      })
    this.#last = last
  }

  explained(): Explanation {
    const trouble = this.#stream.startsWith('head/') ? this.#dark() : this.#out()
    const chain = trouble === null ? [] : this.#chain(trouble.from)
    const root = trouble === null ? null : rootFact(trouble.from)
    const kind = root === null ? 'nothing' : kindOf(root)
    const { decision, position, recordedAtUs } = this.#last
    const [named] = this.#own
    return {
      ...{ subject: named === undefined ? this.#stream : subjectName(this.#own.at(-1) ?? named) },
      ...{ position, recordedAtUs, state: (JSON.parse(decision) as { state: StateValue }).state },
      ...{ now: trouble !== null && !trouble.over, symptom: trouble?.says ?? this.#quiet(), chain },
      root: rootOf(kind, root, root === null ? null : this.#where(root)),
      ...{
        layer: LAYERS[kind] ?? 'none',
        certainty: certainty(kind),
        advice: ADVICE[kind] ?? ADVICE.unknown ?? '',
      },
      also:
        trouble === null
          ? this.#unknown()
          : [...this.#together(trouble), ...this.#gaps(trouble), ...this.#unknown()],
    }
  }

  #name(): string {
    const last = this.#own.at(-1)
    return last === undefined ? this.#stream : subjectName(last)
  }

  #quiet(): string {
    const told = this.#own.at(-1)
    const since =
      told === undefined ? '' : ` The last that lines say of it: ${sentenceOf(told)} (${this.#where(told)}).`
    return `No line tells of trouble with ${this.#name()}; whether all was well is not known.${since}`
  }

  #where(fact: Fact): string {
    return evidence(this.#answered, fact)
  }

  /** The last time that the path was out: of all its names, and of its controller where it is one. */
  #out(): Trouble | null {
    const keys = new Set(this.#own.map(({ subject }) => pathKey(subject)))
    const path = this.#answered.unusable.find(({ key }) => keys.has(key))
    const span = path?.spans.at(-1)
    if (span !== undefined) return { from: span.from, over: isOver(span), says: this.#outSays(span) }
    const before = path?.before ?? null
    if (before !== null)
      return {
        ...{ from: before, over: true },
        says: `${this.#name()} came back at ${time(before)}: it had been out before, since when is not known (at least from the beginning of the lines).`,
      }
    const lost = this.#own.findLast(({ what }) => DOWN.has(what))
    if (lost === undefined) return null
    const over = this.#own.some(({ what, position }) => UP.has(what) && position > lost.position)
    return {
      from: lost,
      over,
      says: `${sentenceOf(lost)} at ${time(lost)}${over ? '; it is back since' : ', and no line tells that it came back'}.`,
    }
  }

  #outSays(span: Span): string {
    const name = subjectName(span.from)
    const us = lengthUs(span)
    const from = time(span.from)
    if (us !== null)
      return `${name} is usable again since ${time(span.to)}; it was out from ${from} on, for ${lasted(us)}.`
    if (span.by !== null)
      return `${name} was out from ${from} on and was back at the latest by ${time(span.by)}; when, no line tells.`
    if (span.endedByBoot)
      return `${name} was out from ${from} on, and the host was started before a line told of it again.`
    return `${name} cannot be used since ${from}: at least ${lasted(this.#sinceUs(span.from))}, up to where the lines end.`
  }

  #sinceUs(from: Fact): number {
    return Math.max(0, (this.#all.endUs ?? 0) - (from.atUs ?? 0))
  }

  #dark(): Trouble | null {
    const dark = this.#answered.dark.findLast(({ from }) => (from as RecordedFact).stream === this.#stream)
    if (dark === undefined) return this.#fewer()
    const over = dark.to !== null || dark.removed !== null
    return { from: dark.from, over, says: this.#darkSays(dark) }
  }

  #darkSays(dark: Darkness): string {
    const name = subjectName(dark.from)
    const us = lengthUs(dark)
    const io = IO[String(dark.from.detail.io)] ?? 'what became of its I/O no line tells'
    if (us !== null)
      return `${name} has a usable path again since ${time(dark.to)}; it had none from ${time(dark.from)} on, for ${lasted(us)}: ${io}.`
    if (dark.removed !== null)
      return `${name} was removed at ${time(dark.removed)}; it had no path from ${time(dark.from)} on: ${io}.`
    return `${name} has had no usable path since ${time(dark.from)}, for at least ${lasted(this.#sinceUs(dark.from))}: ${io}.`
  }

  /** A map that had a path all the time: the last trouble of its paths. */
  #fewer(): Trouble | null {
    const lun = this.#stream.slice('head/'.length)
    const spans = this.#answered.unusable.flatMap((path) => {
      const own = path.spans.at(-1)
      return own !== undefined && (own.from as RecordedFact).stream.startsWith(`path/${lun}/`) ? [own] : []
    })
    const [open] = spans.filter((span) => !isOver(span))
    const span = open ?? spans.at(-1)
    if (span === undefined) return null
    const out = spans.filter((one) => !isOver(one)).length
    const says =
      out > 0 ? `${out} of its paths cannot be used.` : 'No line tells of a path of it that is out now.'
    return {
      from: span.from,
      over: out === 0,
      says: `${this.#name()} had a usable path all the time that lines tell of. ${says} ${this.#outSays(span)}`,
    }
  }

  /** From the symptom back: each fact with who says it, and how it is tied to the one before. */
  #chain(from: Fact): ExplainLink[] {
    const links: ExplainLink[] = []
    let tie = ''
    for (let fact: Fact | null = from; fact !== null; fact = fact.cause) {
      const { position, stream, atUs } = fact as RecordedFact
      const repeats = fact.lines.length > 1 ? `; ${fact.lines.length} lines say so` : ''
      const says = `${tie === '' ? '' : `${tie}: `}${sentenceOf(fact)} (${this.#where(fact)}${repeats})`
      links.push({ position, recordedAtUs: atUs ?? 0, stream, type: fact.what, says })
      tie = linkWords(fact)
    }
    return links
  }

  #together({ from }: Trouble): string[] {
    const own = pathKey(rootPath(from).subject)
    const near = this.#all.facts.filter(
      ({ what, atUs, subject }) =>
        what === 'failed' &&
        subject.kind === 'path' &&
        pathKey(subject) !== own &&
        Math.abs((atUs ?? 0) - (rootPath(from).atUs ?? 0)) <= TOGETHER_US,
    )
    const names = [...new Set(near.map(({ subject }) => shortName(subject)))]
    if (names.length === 0) return []
    return [
      `at the same time as that (within 2 s) failed: ${names.length > 8 ? `${names.length} more paths` : names.join(', ')}`,
    ]
  }

  #gaps({ from }: Trouble): string[] {
    const lost = this.#all.facts.filter(
      ({ what, atUs }) => what === 'suppressed' && (atUs ?? 0) >= (from.atUs ?? 0),
    )
    return lost
      .slice(0, 2)
      .map(
        (fact) =>
          `${sentenceOf(fact)} meanwhile: what they said is not known, and counts are at least (${this.#where(fact)})`,
      )
  }

  #unknown(): string[] {
    const names = new Set(this.#own.flatMap(({ subject }) => [shortName(subject), String(subject.map)]))
    return [...new Set(notKnown(this.#answered))]
      .filter((sentence) => [...names].some((name) => new RegExp(`\\b${escaped(name)}\\b`).test(sentence)))
      .slice(0, ALSO_TOLD)
      .map((sentence) => `not known: ${sentence}`)
  }
}

const IO: Readonly<Record<string, string>> = {
  queued: 'I/O waited',
  failed: 'I/O failed',
  queuedThenFailed: 'I/O waited, and was then failed',
}
const DOWN = new Set([
  'linkDown',
  'connError',
  'sessionTimedOut',
  'rportLost',
  'sessionClosed',
  'daemonStopped',
  'hostShutdown',
])
const UP = new Set(['linkUp', 'operational', 'sessionOpened', 'daemonStarted', 'hostBooted'])

function escaped(name: string): string {
  return name.replace(/[^\w]/g, '\\$&')
}

function time(fact: Fact | null): string {
  return String(printedTime(fact))
}

function isOver({ to, by, endedByBoot }: Span): boolean {
  return to !== null || by !== null || endedByBoot
}

function rootFact(from: Fact): Fact {
  let root = from
  // What is only at the same time is told, and taken for no root.
  while (root.cause !== null && root.rule !== 'coincides') root = root.cause
  return root
}

function rootPath(from: Fact): Fact {
  return from.subject.kind === 'path' || from.cause === null ? from : from.cause
}

/** What kind of thing stands at the beginning, as far as lines tell. */
function kindOf({ what, subject, detail }: Fact): RootKind {
  if (detail.by === 'operator') return 'operator'
  if (what === 'wwidChanged') return 'identity'
  if (what === 'reservationConflict') return 'reservation'
  if (what === 'accessState') return 'accessState'
  if (what === 'hostBooted' || what === 'hostShutdown' || what === 'daemonStopped') return 'engine'
  if (subject.ctrl !== undefined || ['adapter', 'session', 'rport'].includes(subject.kind)) return 'port'
  if (['ioErrors', 'checkerDown', 'ioRejected', 'offlined', 'pathOffline'].includes(what)) return 'pathError'
  return 'unknown'
}

const LAYERS: Readonly<Partial<Record<RootKind, Layer>>> = {
  ...{
    operator: 'operator',
    identity: 'target',
    reservation: 'target',
    accessState: 'target',
    engine: 'host',
  },
  ...{ port: 'adapter', pathError: 'path' },
}

const ADVICE: Readonly<Partial<Record<RootKind, string>>> = {
  nothing: 'Nothing.',
  operator: 'Ask who ran it: the line has no name.',
  identity:
    'See what the array maps to this LUN number now, and remove the old map before anybody writes to it.',
  reservation: 'Ask whoever manages the reservation which host holds it.',
  accessState: 'Ask the array why its port group changed.',
  engine: 'Nothing on the lines says that anything was broken.',
  port: 'Look at what this port leads to: `pathledger audit by-port` lists what went with it.',
  pathError:
    'Compare with the other paths: `pathledger audit first-failure` and `by-port` tell what failed with it.',
  unknown: 'Look for lines before it: `pathledger audit not-known` lists what these do not tell.',
}

function certainty(kind: RootKind): string {
  if (kind === 'nothing') return ''
  if (kind === 'unknown') return 'No line tells what it came from.'
  return 'That it was said is certain, by the lines named above; whether it was so they cannot prove.'
}

function rootOf(kind: RootKind, fact: Fact | null, where: string | null): ExplainRoot {
  const told = fact as RecordedFact | null
  const hctl = fact?.subject.hctl
  return {
    ...{
      kind,
      position: told?.position ?? null,
      stream: told?.stream ?? null,
      errno: null,
      offset: null,
      length: null,
    },
    ...{
      status: null,
      op: null,
      path: typeof hctl === 'string' ? hctl : null,
      incarnation: null,
      timer: null,
    },
    ...{ actor: fact?.actor ?? null, reason: where },
  }
}
