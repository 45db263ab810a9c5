// Why did one I/O end as it did? Its trace tells, where there is one; else the errors that name it.
import { PathledgerError } from '../../errors.ts'
import type { Evidence } from '../../machines/events.ts'
import type { Choice } from '../../machines/head/trace-events.ts'
import { whatToDo, whereToLook } from './advice.ts'
import { certaintyOf } from './certainty.ts'
import { incarnationOf, tell, type History, type Told } from './history.ts'
import { isOfTheLun } from './layers.ts'
import type { Explanation, ExplainLink, ExplainRoot } from './types.ts'
import { NOTHING, rootOf } from './root.ts'
import { describeAnswer, describeChoice, describeIo, say } from './sentences.ts'
import { rootOfSlow, saySlow, slowness } from './slow.ts'
import { isFall, togetherWith } from './together.ts'
import { pages } from '../pages.ts'

interface Attempt {
  readonly path: string
  readonly incarnation: number
  readonly startedUs: number
  readonly tookUs: number
  readonly status: string
  readonly errno: string | null
  readonly chosen?: Choice
  /** Id of the event that it led to. */
  readonly led?: string
}

interface Traced {
  readonly bio: number
  readonly op: string
  readonly offset: number
  readonly length: number
  readonly startedUs: number
  readonly status: string
  readonly errno: string | null
  readonly tookUs: number
  readonly parkedUs: number
  readonly attempts: readonly Attempt[]
}

/** Explains the last I/O of that number up to the history's position. */
export function explainIo(
  history: History,
  io: number,
  head: string | undefined,
  explainHead: (history: History, stream: string) => Explanation,
): Explanation {
  const traced = findTrace(history, io, head)
  if (traced !== null) return explainTrace(history, traced, explainHead)
  const error = ['lun.bioPoisoned', 'lun.ioFailed', 'lun.holdExpired', 'reservation.conflict']
    .flatMap((type) => history.ofType(type))
    .filter(
      ({ data, stream }) => data['bio'] === io && (head === undefined || wwidOf(stream) === wwidOf(head)),
    )
    .sort((one, other) => one.position - other.position)
    .at(-1)
  if (error === undefined) {
    throw new PathledgerError('IO_NOT_TRACED', {
      message: `The ledger has nothing about I/O ${io}.`,
      why: 'I/O is only counted unless its head traces it, and no error on the ledger names this I/O.',
      todo: 'Switch tracing on (the setting ioTrace, head.setTracing), or explain the path or the head instead.',
    })
  }
  const causes = history.causes(error)
  const root = rootOf(causes.at(-1) ?? error, history)
  return {
    ...{
      subject: `I/O ${io} of ${history.nameOf(error.stream, error.position)}`,
      position: history.position,
      state: null,
      now: false,
    },
    recordedAtUs: error.recordedAtUs,
    symptom: `I/O ${io} ended with an error at its caller.`,
    chain: causes.map((event) => linkOf(event, say(event, history))),
    ...judged(history, root, causes),
    also: [
      'It was not traced: which paths it was tried on, and why the policy chose them, is not on the ledger.',
    ],
  }
}

/** The root with where to look, how sure that is, and what to do. */
function judged(
  history: History,
  root: ExplainRoot,
  causes: readonly Told[],
): Pick<Explanation, 'root' | 'layer' | 'certainty' | 'advice'> {
  const event = causes[0] ?? null
  const fall = causes.find(isFall)
  const together = fall === undefined ? null : togetherWith(history, fall)
  const path = event?.stream.startsWith('path/') === true ? history.of(event.stream) : []
  const found = { root, end: causes.at(-1) ?? null, together, now: path.length > 0, path }
  const certainty = certaintyOf(history, { root, event: fall ?? event, together })
  return { root, layer: whereToLook(found), certainty, advice: whatToDo(found) }
}

/** 'naa.6001' of 'lun/naa.6001', 'head/naa.6001' and 'reservation/naa.6001'. */
function wwidOf(stream: string): string {
  return stream.slice(stream.indexOf('/') + 1)
}

function findTrace(history: History, io: number, head: string | undefined): Told | null {
  let found: Told | null = null
  const query = {
    type: 'head.ioTraced',
    toPosition: history.position,
    ...(head === undefined ? {} : { stream: head }),
  }
  for (const page of pages(history.reader, query)) {
    for (const row of page) if (row.data.includes(`"bio":${io},`)) found = tell(row)
  }
  return found?.data['bio'] === io ? found : null
}

function explainTrace(
  history: History,
  trace: Told,
  explainHead: (history: History, stream: string) => Explanation,
): Explanation {
  const traced = trace.data as unknown as Traced
  const { bio, op, offset, length, status, errno, tookUs, parkedUs, attempts } = traced
  const request = { op, offset, length }
  const name = history.nameOf(trace.stream, trace.position)
  const wwid = wwidOf(trace.stream)
  const nameAt = (hctl: string) => history.nameOf(`path/${wwid}/${hctl}`, trace.position)
  const tried = attempts.map((attempt) => {
    const how = attempt.status === 'OK' ? 'took it' : describeAnswer({ ...request, ...attempt })
    const chosen = attempt.chosen === undefined ? '' : ` ${describeChoice(attempt.chosen)}`
    return linkOf(trace, `${nameAt(attempt.path)} ${how} after ${attempt.tookUs} us.${chosen}`)
  })
  const ended = status === 'OK' ? 'succeeded' : `failed with ${status}${errno === null ? '' : ` (${errno})`}`
  const waited = parkedUs > 0 ? ` It waited ${parkedUs} us of that for a path.` : ''
  const symptom = `I/O ${bio}, ${describeIo(request)}, ${ended} after ${tookUs} us.${waited}`
  const base = {
    ...{ subject: `I/O ${bio} of ${name}`, position: history.position, state: null, now: false, symptom },
    recordedAtUs: trace.recordedAtUs,
  }
  const verdict = status === 'OK' ? null : verdictOn(history, trace, traced)
  if (verdict !== null) {
    const causes = history.causes(verdict)
    const root = rootOf(causes.at(-1) ?? verdict, history)
    const chain = [...tried.reverse(), ...causes.map((one) => linkOf(one, say(one, history)))]
    return { ...base, chain, ...judged(history, root, causes), also: [] }
  }
  const first = attempts.find((attempt) => attempt.status !== 'OK')
  if (first === undefined && status !== 'OK') {
    // No attempt was refused: there was no path to try. The head of then is asked, not the head of now.
    const then = history.upTo(trace.position)
    const { chain, root, layer, certainty, advice, also } = explainHead(then, trace.stream)
    return { ...base, chain: [linkOf(trace, symptom), ...chain], root, layer, certainty, advice, also }
  }
  if (first === undefined) return wellOrSlow(history, trace, base, tried.reverse())
  const event = ledTo(history, wwid, request, first)
  const causes = event === null ? [] : history.causes(event)
  const chain = [...tried.reverse(), ...causes.map((one) => linkOf(one, say(one, history)))]
  const root = rootOfAttempt(causes.at(-1) ?? trace, request, first)
  return { ...base, chain, ...judged(history, root, causes), also: [] }
}

/** What the engine said of this I/O itself, with its number: the LUN's error, a conflict, a ghost that it waited for. */
function verdictOn(history: History, trace: Told, { bio, startedUs }: Traced): Told | null {
  const wwid = wwidOf(trace.stream)
  const told = [...history.of(`lun/${wwid}`), ...history.of(`reservation/${wwid}`)].filter(
    ({ position, bootId, monoUs }) =>
      position < trace.position && bootId === trace.bootId && monoUs >= startedUs,
  )
  const named = told.findLast(({ type, data }) => VERDICTS.includes(type) && data['bio'] === bio)
  if (named !== undefined) return named
  const { cause } = trace
  const led = cause === null ? null : history.at(cause)
  return led !== null && led.type === 'lun.flushFailed' ? led : null
}

const VERDICTS = ['lun.bioPoisoned', 'lun.ioFailed', 'lun.holdExpired', 'reservation.conflict']

/** An I/O that nothing refused: well, or later than others, though no limit was met. */
function wellOrSlow(
  history: History,
  trace: Told,
  base: Omit<Explanation, 'chain' | 'root' | 'layer' | 'certainty' | 'advice' | 'also'>,
  chain: readonly ExplainLink[],
): Explanation {
  const { attempts } = trace.data as unknown as Traced
  const [attempt] = attempts
  const path = `path/${wwidOf(trace.stream)}/${attempt?.path ?? ''}`
  const slow = attempt === undefined ? null : slowness(history.upTo(trace.position), path, { io: trace })
  if (slow === null) return { ...base, chain, ...judged(history, NOTHING, []), also: [] }
  const also = [saySlow(slow, history.nameOf(path, trace.position))]
  return { ...base, chain, ...judged(history, rootOfSlow(slow, path), []), also }
}

/**
 * What an attempt led to: the event that its trace names. Ledgers of before name none: then what says the same I/O, else
 * the suspicion that stood when the attempt ended, in the same life of the path.
 */
function ledTo(
  history: History,
  wwid: string,
  request: Omit<Evidence, 'errno' | 'status'>,
  attempt: Attempt,
): Told | null {
  const streams = [`path/${wwid}/${attempt.path}`, `lun/${wwid}`, `reservation/${wwid}`]
  if (attempt.led !== undefined) {
    const led = streams.flatMap((stream) => history.of(stream)).find(({ eventId }) => eventId === attempt.led)
    if (led !== undefined) return led
  }
  const events = history.of(streams[0] ?? '')
  const mine = events.filter(({ position }) => incarnationOf(events, position) === attempt.incarnation)
  const endUs = attempt.startedUs + attempt.tookUs
  const isSame = ({ data }: Told) =>
    data['op'] === request.op && data['offset'] === request.offset && data['errno'] === attempt.errno
  const after = mine.find(({ type, monoUs }) => /^path\.(suspected|failed)$/.test(type) && monoUs >= endUs)
  if (
    after !== undefined &&
    after.monoUs - endUs <= SOON_US &&
    (isSame(after) || after.type === 'path.failed')
  )
    return after
  const before = mine.findLast(({ type, monoUs }) => ENDING.test(type) && monoUs <= endUs)
  const stands = before !== undefined && /^path\.(suspected|failed)$/.test(before.type)
  return stands ? before : (after ?? null)
}

/** An event follows the attempt that led to it within this time. */
const SOON_US = 1_000_000
const ENDING = /^path\.(suspected|failed|cleared|probeSucceeded|removed|lost)$/

function rootOfAttempt(at: Told, request: Omit<Evidence, 'errno' | 'status'>, attempt: Attempt): ExplainRoot {
  const { path, incarnation, status, errno } = attempt
  return {
    ...NOTHING,
    // The class of the status says whose it is, whichever path brought it.
    kind: isOfTheLun(status) ? 'lunError' : 'pathError',
    position: at.position,
    stream: at.stream,
    ...request,
    path,
    incarnation,
    status,
    errno,
  }
}

function linkOf({ position, recordedAtUs, stream, type }: Told, says: string): ExplainLink {
  return { position, recordedAtUs, stream, type, says }
}
