// What happened, in sentences: who says so, file and line; "at least" beside what has no known end.
import type { Fact } from '../types.ts'
import type { Answered } from './answered.ts'
import { called, lasted, printedTime } from './print.ts'
import { rootSentences } from './roots.ts'
import { lengthUs, type Span, type Unusable } from './spans.ts'

/** Paths that are told one by one; of more only the first are. */
const PATHS_TOLD = 12

/** Who says a fact, by its actor. */
export function speaker({ actor }: Fact): string {
  const who = actor.slice('observed:'.length)
  if (who === 'kernel') return 'the kernel says'
  return who === 'system' ? 'the host says' : `${who} says`
}

/** The root of the trouble, then maps and paths with their lines. */
export function explainHost(answered: Answered): string {
  const roots = rootSentences(answered)
  const sentences = [
    ...(roots.length > 0 ? roots : [noRoot(answered)]),
    ...answered.dark.map((span) => darkSentence(answered, span)),
    ...together(answered),
    ...answered.unusable.slice(0, PATHS_TOLD).map((path) => pathSentence(answered, path)),
    ...(answered.unusable.length > PATHS_TOLD
      ? [`${answered.unusable.length - PATHS_TOLD} more paths were out.`]
      : []),
  ]
  const prefix = answered.severalHosts ? `${answered.host}: ` : ''
  return sentences
    .filter((sentence) => sentence !== '')
    .map((sentence) => `${prefix}${sentence}`)
    .join('\n')
}

function noRoot({ first, facts }: Answered): string {
  if (first === null)
    return facts.length === 0
      ? 'No line tells of a path or a map.'
      : 'No failure of a path is told by any line.'
  return `What came first is ${first.what} of ${called(first.subject)} at ${String(printedTime(first))}; no line tells its cause.`
}

function together({ groups }: Answered): string[] {
  return groups.map(
    ({ adapter, members, times, first }) =>
      `${members.length > 8 ? `${members.length} paths` : members.join(', ')} of ${adapter.replace('host', 'adapter ')} failed together, ` +
      `${times} time${times === 1 ? '' : 's'} (first ${String(printedTime(first))}).`,
  )
}

function darkSentence(answered: Answered, { map, from, to, removed }: Answered['dark'][number]): string {
  const us = lengthUs({ map, from, to, removed })
  const io = {
    queued: 'I/O waited',
    failed: 'I/O failed',
    queuedThenFailed: 'I/O waited and was then failed',
  }[String(from.detail.io)]
  const what = io ?? 'what became of its I/O is not known'
  const end = us === null ? 'and none is told to have come back' : `for ${lasted(us)}`
  return `Map ${called(map)} had no usable path from ${String(printedTime(from))} ${end}; ${what} (${evidence(answered, from)}).`
}

function pathSentence(answered: Answered, { path, spans, before }: Unusable): string {
  const [first] = spans
  const last = spans.at(-1)
  const name = `${called(path)}${path.map === null || path.map === undefined ? '' : ` of ${String(path.map)}`}`
  if (first === undefined || last === undefined) return beforeSentence(answered, name, before)
  const times = spans.length === 1 ? '' : ` ${spans.length} times, the first`
  const why =
    first.from.cause === null || first.from.what === 'removed' ? '' : ` with ${causeWord(first.from.cause)}`
  const out = spans.length > 1 && last.to === null && last.by === null
  const open = out ? `; since ${String(printedTime(last.from))} it is out` : ''
  const at = String(printedTime(first.from))
  return `${name} went out${times} at ${at}${why} and ${endOf(answered, first)}${open} (${evidence(answered, first.from)}).`
}

function beforeSentence(answered: Answered, name: string, before: Fact | null): string {
  if (before === null) return ''
  const at = String(printedTime(before))
  return `${name} came back at ${at}: it was out before, since when is not known (${evidence(answered, before)}).`
}

function endOf(answered: Answered, span: Span): string {
  const us = lengthUs(span)
  if (us !== null) return `came back ${lasted(us)} later`
  if (span.by !== null) return `was back at the latest by ${String(printedTime(span.by))}`
  if (span.endedByBoot) return 'was not told of again before the host was started'
  const least = Math.max(0, (answered.endUs ?? 0) - (span.from.atUs ?? 0))
  return `is out where the lines end (at least ${lasted(least)})`
}

function causeWord({ what, detail }: Fact): string {
  if (what === 'ioErrors') return `I/O errors (${String(detail.hostbyte ?? detail.status)})`
  if (what === 'checkerDown') return `the ${String(detail.checker)} checker's word`
  return what
}

/** Who says it, and where: 'the kernel says, messages:55'. */
export function evidence({ sources }: Answered, fact: Fact): string {
  const [line] = fact.lines
  return line === undefined ? speaker(fact) : `${speaker(fact)}, ${sources[line[0]]?.name ?? ''}:${line[1]}`
}
