// Why did one I/O end as it did? Its trace tells, where there is one; else the errors that name it.
import { PathledgerError } from '../../errors.ts'
import type { Evidence } from '../../machines/events.ts'
import { incarnationOf, tell, type History, type Told } from './history.ts'
import type { Explanation, ExplainLink, ExplainRoot } from './types.ts'
import { adviceFor, NOTHING, rootOf } from './root.ts'
import { describeAnswer, describeIo, say } from './sentences.ts'
import { pages } from '../pages.ts'

interface Attempt {
  readonly path: string
  readonly incarnation: number
  readonly startedUs: number
  readonly tookUs: number
  readonly status: string
  readonly errno: string | null
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
      message: `The ledger tells nothing of I/O ${io}.`,
      why: 'Ordinary I/O is counted, not recorded, unless its head traces it; and no error on the ledger names this one.',
      todo: 'Switch tracing on (the setting ioTrace, head.setTracing), or explain the path or the head instead.',
    })
  }
  const causes = history.causes(error)
  const root = rootOf(causes.at(-1) ?? error, history)
  return {
    ...{
      subject: `I/O ${io} of ${history.nameOf(error.stream)}`,
      position: history.position,
      state: null,
      now: false,
    },
    recordedAtUs: error.recordedAtUs,
    symptom: `I/O ${io} ended with an error at its caller.`,
    chain: causes.map((event) => linkOf(event, say(event, history))),
    ...{ root, advice: adviceFor(root), also: [] },
  }
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
  const { bio, op, offset, length, status, errno, tookUs, parkedUs, attempts } = trace.data as unknown as {
    bio: number
    op: string
    offset: number
    length: number
    status: string
    errno: string | null
    tookUs: number
    parkedUs: number
    attempts: readonly Attempt[]
  }
  const request = { op, offset, length }
  const name = history.nameOf(trace.stream)
  const wwid = trace.stream.slice('head/'.length)
  const refused = attempts.filter((attempt) => attempt.status !== 'OK')
  const tried = attempts.map((attempt) => {
    const path = history.nameOf(`path/${wwid}/${attempt.path}`)
    const how = attempt.status === 'OK' ? 'took it' : describeAnswer({ ...request, ...attempt })
    return linkOf(trace, `${path} ${how} after ${attempt.tookUs} us.`)
  })
  const first = refused[0]
  const event = first === undefined ? null : nearestTrouble(history, `path/${wwid}/${first.path}`, first)
  const ended = status === 'OK' ? 'succeeded' : `failed with ${status}${errno === null ? '' : ` (${errno})`}`
  const waited = parkedUs > 0 ? ` It waited ${parkedUs} us of that for a path.` : ''
  const symptom = `I/O ${bio}, ${describeIo(request)}, ${ended} after ${tookUs} us.${waited}`
  const base = {
    subject: `I/O ${bio} of ${name}`,
    position: history.position,
    state: null,
    now: false,
    symptom,
  }
  if (first === undefined && status !== 'OK') {
    // No attempt was refused: there was no path to try.
    const { chain, root, advice, also } = explainHead(history, trace.stream)
    return {
      ...base,
      recordedAtUs: trace.recordedAtUs,
      chain: [linkOf(trace, symptom), ...chain],
      root,
      advice,
      also,
    }
  }
  const causes = event === null ? [] : history.causes(event)
  const chain = [...tried.reverse(), ...causes.map((one) => linkOf(one, say(one, history)))]
  const root = first === undefined ? NOTHING : rootOfAttempt(causes.at(-1) ?? trace, request, first)
  return { ...base, recordedAtUs: trace.recordedAtUs, chain, root, advice: adviceFor(root), also: [] }
}

/** What its path was suspected of or failed for around an attempt: the last such event when it ended, or the next one. */
function nearestTrouble(history: History, path: string, attempt: Attempt): Told | null {
  const events = history.of(path)
  const troubles = events.filter(
    ({ type, position }) =>
      /^path\.(suspected|failed)$/.test(type) && incarnationOf(events, position) === attempt.incarnation,
  )
  const endUs = attempt.startedUs + attempt.tookUs
  return troubles.findLast(({ monoUs }) => monoUs <= endUs) ?? troubles[0] ?? null
}

function rootOfAttempt(at: Told, request: Omit<Evidence, 'errno' | 'status'>, attempt: Attempt): ExplainRoot {
  const { path, incarnation, status, errno } = attempt
  return {
    ...NOTHING,
    kind: 'pathError',
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
