// Why is this path, this head, this I/O as it is? From the symptom along the causes to the first evidence that the engine had.
// The ledger does not know what a test or the world did; it knows what was answered, by whom, and when.
import { PathledgerError } from '../../errors.ts'
import type { HeadValue } from '../../machines/words.ts'
import type { LedgerReader } from '../types.ts'
import { enteredBy, History, lastPart, regionOf, type Told } from './history.ts'
import { explainIo } from './io.ts'
import { drawbacks, endOf, lastTrouble, reasonsAgainst, refusals } from './reasons.ts'
import { headTrouble, latest } from './troubles.ts'
import type { Explanation, ExplainLink, ExplainRoot, ExplainTarget } from './types.ts'
import { adviceFor, NOTHING, rootOf } from './root.ts'
import { say } from './sentences.ts'

/**
 * Explains a path, a head or an I/O as it was at a position. Throws EXPLAIN_UNKNOWN for what the ledger does not tell of by
 * then, IO_NOT_TRACED for an I/O that left no trace, and LEDGER_*.
 */
export function explain(
  reader: LedgerReader,
  target: ExplainTarget,
  { position }: { readonly position: number },
): Explanation {
  const history = new History(reader, Math.min(position, reader.head().events))
  if ('io' in target) return explainIo(history, target.io, target.head, explainHead)
  if (target.stream.startsWith('path/')) return explainPath(history, target.stream)
  return explainHead(history, target.stream.replace(/^(lun|reservation)\//, 'head/'))
}

function explainPath(history: History, stream: string): Explanation {
  const events = history.of(stream)
  const last = events.at(-1)
  const refused = refusals(history, stream).at(-1)
  if (last === undefined) {
    if (refused === undefined) throw unknown(history, stream)
    return explainRefused(history, stream, refused)
  }
  const name = history.nameOf(stream)
  const later = refused !== undefined && refused.position > last.position ? [refused] : []
  const told = later.map((event) => `${say(event, history)} (position ${event.position})`)
  const base = { subject: name, last }
  const [first, ...others] = [...reasonsAgainst(events, name), ...drawbacks(events, name)]
  if (first !== undefined) {
    const { says: symptom, event, advice } = first
    const also = [...others.map(({ says, event: { position } }) => `${says} (position ${position})`), ...told]
    return made(history, {
      ...base,
      ...{ now: true, symptom, event, advice },
      also: [...also, ...together(history, event), ...troubleBefore(history, event, [events])],
    })
  }
  const suspicion = events.findLast(({ type }) =>
    /^path\.(suspected|checkFailed|checkPassed|cleared|failed|removed)$/.test(type),
  )
  if (suspicion !== undefined && /^path\.(suspected|checkFailed)$/.test(suspicion.type)) {
    const symptom = `${name} is under suspicion: the verdict on an error is still out.`
    return made(history, { ...base, now: true, symptom, event: suspicion, also: told })
  }
  const trouble = lastTrouble(events)
  if (trouble === null) {
    return made(history, { ...base, now: false, symptom: `${name} is well.`, event: null, also: told })
  }
  const over = endOf(events, trouble)
  const symptom = `${name} is well now. Its last trouble ended${over === null ? '' : ` at position ${over.position}`}.`
  return made(history, {
    ...base,
    ...{ now: false, symptom, event: trouble, also: [...told, ...together(history, trouble)] },
  })
}

/** A device that never became a path: its refusal is all that there is. */
function explainRefused(history: History, stream: string, refused: Told): Explanation {
  const hctl = lastPart(stream)
  const symptom = `${hctl} is no path: what was found there was refused.`
  return made(history, { subject: hctl, last: null, now: true, symptom, event: refused, also: [] })
}

function explainHead(history: History, stream: string): Explanation {
  const events = history.of(stream)
  const last = events.at(-1)
  if (last === undefined) throw unknown(history, stream)
  const name = history.nameOf(stream)
  const base = { subject: name, last }
  const { life, service } = last.decision.state as unknown as HeadValue
  if (life === 'removed') {
    const event = enteredBy(events, last, 'life')
    const symptom = `${name} is not there: it was removed.`
    const paths = history.pathsOf(stream.slice('head/'.length)).map((path) => history.of(path))
    const also = troubleBefore(history, event, paths)
    return made(history, { ...base, now: true, symptom, event, also })
  }
  if (service !== 'serving') return impaired(history, stream, last)
  const paths = history.pathsOf(stream.slice('head/'.length))
  const troubles = paths.map((path) => lastTrouble(history.of(path)))
  const trouble = latest([headTrouble(history, stream), ...troubles])
  const symptom =
    trouble === null ? `${name} serves.` : `${name} serves through all its paths. Its last trouble:`
  const slighted = paths.flatMap((path) => drawbacks(history.of(path), history.nameOf(path)))
  const also = slighted.map(({ says, event: { position } }) => `${says} (position ${position})`)
  return made(history, { ...base, now: false, symptom, event: trouble, also })
}

const SERVICE: Readonly<Record<string, string>> = {
  degraded: 'serves, but not through all of its paths',
  queueing: 'has no usable path: I/O waits',
  failing: 'has no usable path: I/O fails',
}

/** A head with fewer usable paths than it has: the first of them that went tells why, the others are told beside it. */
function impaired(history: History, stream: string, last: Told): Explanation {
  const name = history.nameOf(stream)
  const service = regionOf(last.decision.state, 'service')
  const symptom = `${name} ${SERVICE[service] ?? service}.`
  const paths = pathsThere(history, stream)
  const reasons = paths
    .flatMap((path) => reasonsAgainst(history.of(path), history.nameOf(path)).slice(0, 1))
    .sort((one, other) => one.event.position - other.event.position)
  const [first, ...others] = reasons
  const entered = enteredBy(history.of(stream), last, 'service')
  const trouble = headTrouble(history, stream)
  const slighted = paths.flatMap((path) => drawbacks(history.of(path), history.nameOf(path)))
  const also = [
    ...[...others, ...slighted].map(({ says, event }) => `${says} (position ${event.position})`),
    ...(first === undefined ? [] : together(history, first.event)),
    ...(trouble === null ? [] : [`${say(trouble, history)} (position ${trouble.position})`]),
  ]
  // Without a path that is there and unusable, the paths were taken away: the head's own event says what led to it.
  const event = first?.event ?? entered
  return made(history, { subject: name, last, now: true, symptom, event, also, through: entered })
}

/** The paths of a head that are there, and those that are waited for after a restart. */
function pathsThere(history: History, head: string): string[] {
  return history.pathsOf(head.slice('head/'.length)).filter((path) => {
    const last = history.of(path).at(-1)
    return regionOf(last?.decision.state, 'device') !== 'deleted' || last?.context['lost'] === true
  })
}

/** What went wrong last before something was taken away, which need not be why: an engine that closed had troubles too. */
function troubleBefore(history: History, gone: Told, paths: readonly (readonly Told[])[]): string[] {
  const isGone = gone.type === 'path.removed' || gone.type.startsWith('head.')
  const causes = history.causes(gone).map(({ position }) => position)
  const trouble = latest(
    paths.map((events) =>
      lastTrouble(events.filter(({ position, type }) => position < gone.position && type !== 'path.removed')),
    ),
  )
  if (!isGone || trouble === null || causes.includes(trouble.position)) return []
  return [`Its last trouble before: ${say(trouble, history)} (position ${trouble.position})`]
}

/** Paths of the same adapter that failed within two seconds of this one: look at the adapter first. */
function together(history: History, event: Told): string[] {
  if (event.type !== 'path.failed') return []
  const adapter = adapterOf(event.stream)
  const near = history
    .ofType('path.failed')
    .filter(
      ({ stream, recordedAtUs }) =>
        adapterOf(stream) === adapter && Math.abs(recordedAtUs - event.recordedAtUs) <= TOGETHER_US,
    )
  const names = [...new Set(near.map(({ stream }) => history.nameOf(stream)))]
  if (names.length < 2) return []
  return [`${names.join(', ')} of adapter ${adapter} failed within two seconds: look at the adapter first.`]
}

const TOGETHER_US = 2_000_000

function adapterOf(stream: string): string {
  return lastPart(stream).replace(/:.*/s, '')
}

interface Made {
  readonly subject: string
  /** The last event of it; null for what has none of its own. */
  readonly last: Told | null
  readonly now: boolean
  readonly symptom: string
  /** What brought the symptom about; null where there is none. */
  readonly event: Told | null
  readonly also: readonly string[]
  /** What to do, where that is not what is to be done about the first evidence. */
  readonly advice?: string | undefined
  /** An event between the symptom and what brought it about, where that led to it. */
  readonly through?: Told
}

function made(history: History, facts: Made): Explanation {
  const { subject, last, now, symptom, event, also, advice, through } = facts
  const causes = event === null ? [] : history.causes(event)
  const between = through === undefined ? [] : history.causes(through)
  const leads = event !== null && between.some(({ position }) => position === event.position)
  const links = leads && between[0] !== undefined ? [between[0], ...causes] : causes
  const root = rootOfChain(history, links, event)
  return {
    ...{ subject, position: history.position, state: last?.decision.state ?? null, now, symptom },
    recordedAtUs: history.at(history.position)?.recordedAtUs ?? 0,
    chain: links
      .filter((link, at) => links.findIndex(({ position }) => position === link.position) === at)
      .map((link) => linkOf(link, history)),
    root,
    advice: advice ?? adviceFor(root),
    also,
  }
}

/** The first evidence, and the timer that ran out on the way from it, if one did. */
function rootOfChain(history: History, links: readonly Told[], event: Told | null): ExplainRoot {
  const end = links.at(-1)
  if (end === undefined) return NOTHING
  const root = ofPath(rootOf(end, history), event, history)
  const timer = links.find(({ type }) => type.endsWith('.timerFired'))?.data['timer']
  return typeof timer === 'string' ? { ...root, timer } : root
}

/** What the LUN said of itself, or a timer of it, is told with the path that it was asked about. */
function ofPath(root: ExplainRoot, event: Told | null, history: History): ExplainRoot {
  if (root.path !== null || event?.stream.startsWith('path/') !== true || root.kind === 'engine') return root
  const { path, incarnation } = rootOf(event, history)
  return { ...root, path, incarnation }
}

/** An event as a step of a chain. */
function linkOf(event: Told, history: History): ExplainLink {
  const { position, recordedAtUs, stream, type } = event
  return { position, recordedAtUs, stream, type, says: say(event, history) }
}

function unknown(history: History, stream: string): PathledgerError {
  return new PathledgerError('EXPLAIN_UNKNOWN', {
    message: `By position ${history.position} the ledger tells nothing of ${stream}.`,
    why: 'It has no event up to there.',
    todo: 'Use a later position or time, or another name; `pathledger topology` lists what was there.',
  })
}
