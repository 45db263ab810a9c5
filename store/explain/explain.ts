// Why is this path, this head, this I/O as it is? From the symptom along the causes to the first evidence that the engine had.
// The ledger does not know what a test or the world did; it knows what was answered, by whom, and when.
import { checkArguments, checkFields } from '../../errors/arguments.ts'
import { PathledgerError } from '../../errors.ts'
import type { HeadValue } from '../../machines/words.ts'
import type { LedgerReader } from '../types.ts'
import { whatToDo, whereToLook } from './advice.ts'
import { certaintyOf } from './certainty.ts'
import { enteredBy, History, lastPart, regionOf, type Told } from './history.ts'
import { explainIo } from './io.ts'
import {
  drawbacks,
  endOf,
  flaps,
  isUsable,
  lastTrouble,
  reasonsAgainst,
  refusals,
  type Reason,
} from './reasons.ts'
import { isOutsider, say } from './sentences.ts'
import { sizeTroubles } from './sizes.ts'
import { rootOfSlow, saySlow, slowness, type Slow } from './slow.ts'
import { fallsAround, isFall, togetherWith } from './together.ts'
import { callersErrors, headTrouble, latest, standingTroubles } from './troubles.ts'
import type { Explanation, ExplainLink, ExplainRoot, ExplainTarget } from './types.ts'
import { isPerson, NOTHING, rootOf } from './root.ts'

/**
 * Explains a path, a head or an I/O as it was at a position. Throws EXPLAIN_UNKNOWN for what the ledger does not tell of by
 * then, IO_NOT_TRACED for an I/O that left no trace, and LEDGER_*.
 */
export function explain(
  reader: LedgerReader,
  target: ExplainTarget,
  asked: { readonly position: number },
): Explanation {
  checkArguments('explain', { reader }, { reader: 'reader' })
  checkFields('explain', 'what is asked for', asked, { position: 'position' })
  checkFields(
    'explain',
    'target',
    target,
    'io' in Object(target) ? { io: 'count', head: 'text?' } : { stream: 'text' },
  )
  const { position } = asked
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
  const flapping = flaps(events, name)
  const told = [
    ...later.map((event) => placed({ says: say(event, history), event })),
    ...(flapping === null ? [] : [flapping]),
  ]
  const base = { subject: name, last }
  const sizes = isUsable(last)
    ? sizeTroubles(history, wwidOf(stream)).filter(({ path }) => path === stream)
    : []
  const [first, ...others] = [...reasonsAgainst(events, name), ...drawbacks(events, name), ...sizes]
  if (first !== undefined) {
    const { says: symptom, event, advice } = first
    return made(history, {
      ...base,
      ...{ now: true, symptom, event, advice, path: stream },
      also: [...others.map(placed), ...told, ...troubleBefore(history, event, [events])],
    })
  }
  const suspicion = events.findLast(({ type }) =>
    /^path\.(suspected|checkFailed|checkPassed|cleared|failed|removed)$/.test(type),
  )
  if (suspicion !== undefined && /^path\.(suspected|checkFailed)$/.test(suspicion.type)) {
    const symptom = `${name} is under suspicion: the verdict on an error is still out.`
    return made(history, { ...base, now: true, symptom, event: suspicion, also: told, path: stream })
  }
  const trouble = lastTrouble(events)
  const slow = slowness(history, stream, { fromPosition: trouble?.position ?? 1 })
  if (slow !== null) {
    const symptom = `${name} is well, and answered late. ${saySlow(slow, name)}`
    return {
      ...made(history, { ...base, now: false, symptom, event: null, also: told }),
      ...slowPart(history, slow, stream),
    }
  }
  if (trouble === null) {
    return made(history, { ...base, now: false, symptom: `${name} is well.`, event: null, also: told })
  }
  const over = endOf(events, trouble)
  const symptom = `${name} is well now. Its last trouble ended${over === null ? '' : ` at position ${over.position}`}.`
  return made(history, { ...base, now: false, symptom, event: trouble, also: told, path: stream })
}

/** The part of an explanation that says of late answers what they are. */
function slowPart(
  history: History,
  slow: Slow,
  stream: string,
): Pick<Explanation, 'chain' | 'root' | 'layer' | 'certainty' | 'advice'> {
  const root = rootOfSlow(slow, stream)
  const { trace } = slow
  const { position, recordedAtUs, type } = trace
  const says = saySlow(slow, history.nameOf(stream, position))
  const found = { root, end: trace, together: null, now: false, path: [] }
  return {
    chain: [{ position, recordedAtUs, stream: trace.stream, type, says }],
    ...{ root, layer: whereToLook(found), advice: whatToDo(found) },
    certainty: 'That it answered late is certain; what kept it busy the ledger does not tell.',
  }
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
  const all = paths.flatMap((path) => drawbacks(history.of(path), history.nameOf(path)))
  const slighted = all.filter(({ event }) => event.type !== 'path.silent')
  const silent = all.filter(({ event }) => event.type === 'path.silent')
  const [standing, ...more] = [...standingTroubles(history, stream), ...silent]
  if (standing !== undefined) {
    const { says, event, advice } = standing
    const symptom = `${name} serves through all its paths, and something has to be done: ${says}`
    const errors = callersErrors(history, stream, event.position)
    const also = [...[...more, ...slighted].map(placed), ...(errors === null ? [] : [errors])]
    return made(history, { ...base, now: true, symptom, event, advice, also })
  }
  const troubles = paths.map((path) => lastTrouble(history.of(path)))
  const trouble = latest([headTrouble(history, stream), ...troubles])
  const symptom =
    trouble === null ? `${name} serves.` : `${name} serves through all its paths. Its last trouble:`
  const errors = trouble === null ? null : callersErrors(history, stream, trouble.position)
  const also = [...slighted.map(placed), ...(errors === null ? [] : [errors])]
  const path = trouble?.stream.startsWith('path/') === true ? trouble.stream : undefined
  return made(history, { ...base, now: false, symptom, event: trouble, also, path })
}

const SERVICE: Readonly<Record<string, string>> = {
  degraded: 'serves, but not through all of its paths',
  queueing: 'has no usable path: I/O waits',
  failing: 'has no usable path: I/O fails',
}

/** A head with fewer usable paths than it has: what nobody wanted tells why, the rest is told beside it. */
function impaired(history: History, stream: string, last: Told): Explanation {
  const name = history.nameOf(stream)
  const service = regionOf(last.decision.state, 'service')
  const paths = pathsThere(history, stream)
  const reasons = paths
    .flatMap((path) =>
      reasonsAgainst(history.of(path), history.nameOf(path))
        .slice(0, 1)
        .map((reason) => ({ ...reason, path })),
    )
    .sort((one, other) => one.event.position - other.event.position)
  const entered = enteredBy(history.of(stream), last, 'service')
  const first = isDark(service)
    ? darkenedBy(history, entered, reasons)
    : (reasons.find(isUnwanted) ?? reasons[0])
  const slighted = paths.flatMap((path) => drawbacks(history.of(path), history.nameOf(path)))
  const standing = standingTroubles(history, stream)
  const trouble = headTrouble(history, stream)
  const isNew = trouble !== null && standing.every(({ event }) => event.position !== trouble.position)
  // Without a path that is there and unusable, the paths were taken away: the head's own event says what led to it.
  const event = first?.event ?? entered
  const errors = callersErrors(history, stream, Math.min(event.position, entered.position))
  const others = reasons.filter((reason) => reason !== first)
  return made(history, {
    ...{
      subject: name,
      last,
      now: true,
      symptom: `${name} ${SERVICE[service] ?? service}.`,
      event,
      through: entered,
    },
    also: [
      ...[...others, ...slighted, ...standing].map(placed),
      ...(isNew ? [placed({ says: say(trouble, history), event: trouble })] : []),
      ...(errors === null ? [] : [errors]),
    ],
    path: first?.path,
  })
}

function isDark(service: string): boolean {
  return service === 'queueing' || service === 'failing'
}

/** What an operator asked for is no trouble, where there is another one. */
function isUnwanted({ event }: Reason): boolean {
  const wanted = /^path\.(disabled|wentOffline|quiesced|cancelled)$/.test(event.type)
  return !((wanted && isOutsider(event.actor)) || (event.type === 'path.blocked' && isPerson(event.actor)))
}

/** Why no path was left: what took the last one, or what fell with it and before it, of what is still so. */
function darkenedBy<Why extends Reason>(
  history: History,
  entered: Told,
  reasons: readonly Why[],
): Why | undefined {
  const causes = history.causes(entered).map(({ position }) => position)
  const last = reasons.find(({ event }) => causes.includes(event.position))
  if (last === undefined) return reasons.find(isUnwanted) ?? reasons[0]
  if (!isFall(last.event)) return last
  const burst = fallsAround(history, last.event).map(({ position }) => position)
  return reasons.find(({ event }) => burst.includes(event.position)) ?? last
}

/** A sentence with where its event is. */
function placed({ says, event }: Pick<Reason, 'says' | 'event'>): string {
  return `${says} (position ${event.position})`
}

function wwidOf(stream: string): string {
  return stream.slice('path/'.length, stream.lastIndexOf('/'))
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
  /** The stream of the path that it is about, where it is about one. */
  readonly path?: string | undefined
}

function made(history: History, facts: Made): Explanation {
  const { subject, last, now, symptom, event, also, advice, path } = facts
  const links = linksOf(history, facts)
  const root = rootOfChain(history, links, event)
  // A timer or a removal came of a fall: who fell with it is asked of the fall.
  const fall = links.find(isFall)
  const together = fall === undefined ? null : togetherWith(history, fall)
  const found = {
    root,
    end: links.at(-1) ?? null,
    together,
    now,
    path: path === undefined ? [] : history.of(path),
  }
  return {
    ...{ subject, position: history.position, state: last?.decision.state ?? null, now, symptom },
    recordedAtUs: history.at(history.position)?.recordedAtUs ?? 0,
    chain: links
      .filter((link, at) => links.findIndex(({ position }) => position === link.position) === at)
      .map((link) => linkOf(link, history)),
    ...{
      root,
      layer: whereToLook(found),
      certainty: certaintyOf(history, { root, event: fall ?? event, together }),
    },
    advice: advice ?? whatToDo(found),
    also: together === null ? also : [...also, together.says],
  }
}

/** From what brought the symptom about back to the first evidence, with the event between them where there is one. */
function linksOf(history: History, { event, through }: Made): Told[] {
  const causes = event === null ? [] : history.causes(event)
  const between = through === undefined ? [] : history.causes(through)
  const leads = event !== null && between.some(({ position }) => position === event.position)
  return leads && between[0] !== undefined ? [between[0], ...causes] : causes
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
    message: `Up to position ${history.position} the ledger has nothing about ${stream}.`,
    why: 'It has no event up to that position.',
    todo: 'Use a later position or time, or another name; `pathledger topology` lists what was there.',
  })
}
