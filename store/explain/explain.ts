// Why is this path, this head, this I/O as it is? From the symptom along the causes to the first evidence that the engine had.
// The ledger does not know what a test or the world did; it knows what was answered, by whom, and when.
import { PathledgerError } from '../../errors.ts'
import { isDisabled } from '../../machines/predicates.ts'
import type { HeadValue, PathValue } from '../../machines/words.ts'
import type { LedgerReader } from '../types.ts'
import { enteredBy, History, regionOf, type Told } from './history.ts'
import { explainIo } from './io.ts'
import type { Explanation, ExplainLink, ExplainRoot, ExplainTarget } from './types.ts'
import { adviceFor, NOTHING, rootOf, say } from './words.ts'

/**
 * Explains a path, a head or an I/O as it was at a position. Throws EXPLAIN_UNKNOWN for what the ledger does not tell of by
 * then, IO_NOT_TRACED for an I/O that left no trace, and LEDGER_*.
 */
export function explain(
  reader: LedgerReader,
  target: ExplainTarget,
  { position }: { readonly position: number },
): Explanation {
  const history = new History(reader, position)
  if ('io' in target) return explainIo(history, target.io, target.head, explainHead)
  if (target.stream.startsWith('path/')) return explainPath(history, target.stream)
  return explainHead(history, target.stream.replace(/^lun\//, 'head/'))
}

/** Something that keeps a path from being used, and the event that brought it about. */
interface Reason {
  readonly says: string
  readonly event: Told
}

function explainPath(history: History, stream: string): Explanation {
  const events = history.of(stream)
  const last = events.at(-1)
  if (last === undefined) throw unknown(history, stream)
  const name = history.nameOf(stream)
  const reasons = reasonsAgainst(events, name)
  const [first, ...others] = reasons
  if (first !== undefined) {
    const also = [...others.map(({ says, event }) => `${says} (position ${event.position})`)]
    return made(history, {
      ...{ subject: name, last, now: true, symptom: first.says },
      ...{ event: first.event, also: [...also, ...together(history, first.event)] },
    })
  }
  const suspicion = events.findLast(({ type }) =>
    /^path\.(suspected|checkFailed|checkPassed|cleared|failed|removed)$/.test(type),
  )
  if (suspicion !== undefined && /^path\.(suspected|checkFailed)$/.test(suspicion.type)) {
    const symptom = `${name} is under suspicion: the verdict on an error is still out.`
    return made(history, { subject: name, last, now: true, symptom, event: suspicion, also: [] })
  }
  const trouble = lastTrouble(events)
  if (trouble === null) {
    return made(history, {
      subject: name,
      last,
      now: false,
      symptom: `${name} is well.`,
      event: null,
      also: [],
    })
  }
  const over = events.find((event) => event.position > trouble.position && isUsable(event))
  const symptom = `${name} is well now. Its last trouble ended${over === undefined ? '' : ` at position ${over.position}`}.`
  return made(history, {
    subject: name,
    last,
    now: false,
    symptom,
    event: trouble,
    also: together(history, trouble),
  })
}

/** What keeps a path from being used now, in the order in which it came about. */
function reasonsAgainst(events: readonly Told[], name: string): Reason[] {
  const state = events.at(-1)?.decision.state as unknown as PathValue
  const reasons: Reason[] = []
  const add = (says: string, event: Told | null): void => {
    if (event !== null) reasons.push({ says, event })
  }
  if (state.device !== 'running') {
    add(`${name} is not there to be used: its device is ${state.device}.`, enteredBy(events, 'device'))
    if (state.device === 'deleted') return reasons
  }
  if (state.admin === 'disabled' && !isOverridden(events))
    add(`${name} was pulled and has not been put back.`, enteredBy(events, 'admin'))
  if (state.health === 'failed' || state.health === 'probing') {
    add(
      `${name} has failed.`,
      events.findLast(({ type, decision }) => type === 'path.failed' && decision.refused !== true) ?? null,
    )
  }
  if (state.access !== 'optimal' && state.access !== 'active') {
    add(
      `The target does not serve through ${name}: its access state is ${state.access}.`,
      enteredBy(events, 'access'),
    )
  }
  return reasons.sort((one, other) => one.event.position - other.event.position)
}

/** The last event that made a path unusable, or put it under suspicion. */
function lastTrouble(events: readonly Told[]): Told | null {
  return (
    events.findLast((event, at) => {
      if (event.type === 'path.suspected' && event.decision.refused !== true) return true
      const before = events[at - 1]
      return event.type === 'path.failed' || (before !== undefined && isUsable(before) && !isUsable(event))
    }) ?? null
  )
}

function isUsable({ decision }: Told): boolean {
  return !isDisabled(decision.state as unknown as PathValue)
}

/** Whether the last of these events left the path in use against the word of its operator (`restoreOnError`). */
function isOverridden(events: readonly Told[]): boolean {
  const last = events.findLast(({ decision }) => decision.context['override'] !== undefined)
  return last?.decision.context['override'] === 'on'
}

function explainHead(history: History, stream: string): Explanation {
  const events = history.of(stream)
  const last = events.at(-1)
  if (last === undefined) throw unknown(history, stream)
  const name = history.nameOf(stream)
  const { life, service } = last.decision.state as unknown as HeadValue
  if (life === 'removed') {
    const event = enteredBy(events, 'life')
    return made(history, {
      subject: name,
      last,
      now: true,
      symptom: `${name} is not there: it was removed.`,
      event,
      also: [],
    })
  }
  if (service !== 'serving') return impaired(history, stream, last)
  const trouble = latest([lunTrouble(history, stream), ...pathTroubles(history, stream)])
  const symptom =
    trouble === null ? `${name} serves.` : `${name} serves through all its paths. Its last trouble:`
  return made(history, { subject: name, last, now: false, symptom, event: trouble, also: [] })
}

const SERVICE: Readonly<Record<string, string>> = {
  degraded: 'serves, but not through all of its paths',
  queueing: 'has no usable path: I/O waits',
  failing: 'has no usable path: I/O fails',
}

/** A head with fewer usable paths than it has: the first of them that went tells why, the others are told beside it. */
function impaired(history: History, stream: string, last: Told): Explanation {
  const name = history.nameOf(stream)
  const wwid = stream.slice('head/'.length)
  const service = regionOf(last.decision.state, 'service')
  const symptom = `${name} ${SERVICE[service] ?? service}.`
  const there = history
    .pathsOf(wwid)
    .filter((path) => regionOf(history.of(path).at(-1)?.decision.state, 'device') !== 'deleted')
  const reasons = there
    .flatMap((path) => reasonsAgainst(history.of(path), history.nameOf(path)).slice(0, 1))
    .sort((one, other) => one.event.position - other.event.position)
  const [first, ...others] = reasons
  const entered = enteredBy(history.of(stream), 'service') ?? last
  const lun = lunTrouble(history, stream)
  const also = [
    ...others.map(({ says, event }) => `${says} (position ${event.position})`),
    ...(first === undefined ? [] : together(history, first.event)),
    ...(lun === null ? [] : [`${say(lun, history)} (position ${lun.position})`]),
  ]
  // Without a path that is there and unusable, the paths were taken away: the head's own event says what led to it.
  const event = first?.event ?? entered
  return made(history, { subject: name, last, now: true, symptom, event, also, through: entered })
}

/** The last thing that its callers met at a head and that no path was to blame for, or that still holds up their writes. */
function lunTrouble(history: History, head: string): Told | null {
  const events = history.of(head.replace(/^head\//, 'lun/'))
  const ended = new Set(
    events.flatMap(({ type, data }) => (type === 'lun.ghostsEnded' ? (data['ids'] as string[]) : [])),
  )
  const types = ['lun.bioPoisoned', 'lun.flushFailed', 'lun.ioFailed', 'lun.holdExpired']
  return (
    events.findLast(({ type, data }) => {
      if (type !== 'lun.ghostsOpened') return types.includes(type)
      return (data['ghosts'] as { id: string }[]).some(({ id }) => !ended.has(id))
    }) ?? null
  )
}

function pathTroubles(history: History, head: string): (Told | null)[] {
  return history.pathsOf(head.slice('head/'.length)).map((path) => lastTrouble(history.of(path)))
}

function latest(events: readonly (Told | null)[]): Told | null {
  return events.reduce(
    (last, event) => (event !== null && event.position > (last?.position ?? 0) ? event : last),
    null,
  )
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
  return (stream.split('/').at(-1) ?? '').split(':')[0] ?? ''
}

interface Made {
  readonly subject: string
  readonly last: Told
  readonly now: boolean
  readonly symptom: string
  /** What brought the symptom about; null where there is none. */
  readonly event: Told | null
  readonly also: readonly string[]
  /** An event between the symptom and what brought it about, where that led to it. */
  readonly through?: Told
}

function made(history: History, { subject, last, now, symptom, event, also, through }: Made): Explanation {
  const causes = event === null ? [] : history.causes(event)
  const between = through === undefined ? [] : history.causes(through)
  const leads = event !== null && between.some(({ position }) => position === event.position)
  const links = leads && between[0] !== undefined ? [between[0], ...causes] : causes
  const end = causes.at(-1)
  const root = end === undefined ? NOTHING : ofPath(rootOf(end, history), event, history)
  return {
    ...{ subject, position: history.position, state: last.decision.state, now, symptom },
    recordedAtUs: history.at(history.position)?.recordedAtUs ?? last.recordedAtUs,
    chain: links
      .filter((link, at) => links.findIndex(({ position }) => position === link.position) === at)
      .map((link) => linkOf(link, history)),
    root,
    advice: adviceFor(root),
    also,
  }
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
