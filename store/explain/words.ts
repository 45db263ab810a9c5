// Events in sentences that an engineer on call can act on, and what to do about what stands at the beginning.
import type { Evidence } from '../../machines/events.ts'
import { incarnationOf, type History, type Told } from './history.ts'
import type { ExplainRoot, RootKind } from './types.ts'

const VERDICTS: Readonly<Record<string, string>> = {
  probe: 'a probe elsewhere on it failed too',
  probeTimeout: 'a probe elsewhere on it was not answered in time',
  failThreshold: 'too many I/Os failed on it and succeeded elsewhere',
  identity: 'it is not the device any more that it was',
  removedUnderIo: 'it was removed under its I/O',
}

const REASONS: Readonly<Record<string, string>> = {
  error: 'it was answered with an error, which on this path proves nothing',
  timeout: 'it was not answered in time',
  abort: 'its caller aborted it',
  removed: 'its path was removed',
  closed: 'the engine closed',
  unclean: 'the engine ended without closing',
}

/** 'a write of 4096 bytes at 8192'. */
export function describeIo({ op, offset, length }: Pick<Evidence, 'op' | 'offset' | 'length'>): string {
  return op === 'flush' ? 'a flush' : `a ${op} of ${length} bytes at offset ${offset}`
}

/** 'answered a write of 4096 bytes at offset 8192 with EIO (IOERR)'. */
export function describeAnswer(evidence: Evidence): string {
  const { errno, status } = evidence
  if (status === 'TIMEOUT') return `did not answer ${describeIo(evidence)} in time`
  return `answered ${describeIo(evidence)} with ${errno ?? 'a short completion'} (${status})`
}

type Say = (event: Told, name: string) => string

/** Sentences by type; what has none is said by its type and its own reason. */
const SENTENCES: Readonly<Record<string, Say>> = {
  'path.suspected': ({ data }, name) =>
    `${name} ${describeAnswer(data as unknown as Evidence)}: it came under suspicion, and the I/O went elsewhere.`,
  'path.checkFailed': ({ data }, name) =>
    `A check of ${name} found trouble: it ${describeAnswer(data as unknown as Evidence)}.`,
  'path.overridden': (event, name) => `${name} is tried although it was pulled${why(event)}.`,
  'path.cleared': ({ data }, name) =>
    `A probe elsewhere on ${name} was answered: the error was not the path's (${counted(data['errors'], 'error')}, ${text(data['resent'])} sent again).`,
  'path.failed': ({ data }, name) =>
    `${name} failed: ${VERDICTS[text(data['verdict'])] ?? text(data['verdict'])}${data['detail'] === null ? '' : ` (${text(data['detail'])})`}; ` +
    `${counted(data['errors'], 'error')} by then.`,
  'path.probeSucceeded': (_event, name) => `A probe read ${name} well: it was reinstated.`,
  'path.probeFailed': ({ data }, name) =>
    `A probe of ${name} failed: ${text(data['errno'] ?? data['detail'])}.`,
  'path.added': ({ data }, name) => `${name} was added, ${text(data['kind'])} ${text(data['device'])}.`,
  'path.removed': (event, name) => `${name} was removed${why(event)}.`,
  'path.lost': (event, name) => `${name} was lost with its engine${why(event)}. It is known, and absent.`,
  'path.returned': (_event, name) => `${name} was attached again after a restart: the same device.`,
  'path.forgotten': (event, name) => `${name} was given up after a restart${why(event)}.`,
  'path.disabled': (event, name) => `${name} was pulled${why(event)}.`,
  'path.enabled': (event, name) => `${name} was put back${why(event)}.`,
  'path.accessChanged': (event, name) =>
    `The access state of ${name} became ${text(event.data['access'])}${why(event)}.`,
  'path.fenced': ({ data }, name) => `${name} was fenced: ${text(data['detail'])}. It needs a new attach.`,
  'path.timerFired': ({ data }, name) => `The timer '${text(data['timer'])}' of ${name} ran out.`,
  'head.timerFired': ({ data }, name) => `The timer '${text(data['timer'])}' of ${name} ran out.`,
  'head.pathsChanged': ({ data }, name) =>
    `${name} had ${text(data['usable'])} of ${counted(data['paths'], 'path')} usable from here on.`,
  'head.recovered': ({ data }, name) =>
    `${name} was taken up after a restart, with ${counted(data['lost'], 'path')} to be attached again.`,
  'head.lostPathsChanged': ({ data }, name) =>
    `${name} had ${text(data['usable'])} of ${counted(data['paths'], 'path')} usable from here on, and ${text(data['lost'])} still lost.`,
  'head.closed': (event, name) => `${name} was closed${why(event)}.`,
  'head.drained': ({ data }, name) => `What waited on ${name} was ended: ${text(data['why'])}.`,
  'lun.bioPoisoned': ({ data }) =>
    `${listed(data['paths'])} are healthy and refused the same I/O alike: each ${describeAnswer(data['evidence'] as Evidence)}. ` +
    `It is the LUN's error; its caller got it, and no path failed for it.`,
  'lun.ioFailed': ({ data }) =>
    `The target itself, through ${text(data['path'])}, ${describeAnswer(data['evidence'] as Evidence)}. Its caller got it.`,
  'lun.flushFailed': ({ data }) =>
    `${text(data['path'])} ${describeAnswer(data['evidence'] as Evidence)}: writes may be lost. Its caller got it, and it is not tried again.`,
  'lun.ghostsOpened': ({ data }) =>
    `${counted(Array.isArray(data['ghosts']) ? data['ghosts'].length : 0, 'attempt')} on ${text(data['path'])} may still land: ${REASONS[text(data['reason'])] ?? text(data['reason'])}.`,
  'lun.holdExpired': ({ data }) =>
    `A write of ${text(data['length'])} bytes at offset ${text(data['offset'])} waited too long for the ghost ${text(data['ghost'])}: its caller got GHOST_HOLD.`,
  'engine.started': ({ data }) =>
    data['unclean'] === true
      ? 'The engine started, after a run that ended without closing.'
      : 'The engine started.',
  'engine.stopped': ({ data }) => `The engine stopped: ${text(data['why'])}.`,
  'engine.broke': ({ data }) => `The engine stopped itself: ${text(data['code'])}, ${text(data['detail'])}.`,
}

/** What happened, in a sentence. */
export function say(event: Told, history: History): string {
  const name = history.nameOf(event.stream)
  const sentence = SENTENCES[event.type]?.(event, name) ?? `${event.type} of ${name}${why(event)}.`
  const who = isOutsider(event.actor) ? ` By ${event.actor}${quoted(event)}.` : ''
  return `${sentence}${who}`
}

function quoted({ reason }: Told): string {
  return reason === null ? '' : `: "${reason}"`
}

function why({ data, reason }: Told): string {
  const given = data['why']
  return typeof given === 'string' && given !== reason ? `: ${given}` : ''
}

/** Whether an actor is somebody else than the engine and its checker. */
export function isOutsider(actor: string): boolean {
  return actor !== 'engine' && actor !== 'checker'
}

/** The root of a chain: what its last event is evidence of. */
export function rootOf(event: Told, history: History): ExplainRoot {
  const { stream, position, data, actor, reason } = event
  const path = stream.startsWith('path/') ? (stream.split('/').at(-1) ?? null) : null
  const evidence = evidenceIn(event)
  return {
    ...NOTHING,
    ...(evidence === null ? {} : pick(evidence)),
    ...{ kind: kindOf(event), position, stream },
    path: path ?? hctlOf(textOrNull(data['path']), stream, history),
    incarnation:
      path === null ? numberOrNull(data['incarnation']) : incarnationOf(history.of(stream), position),
    timer: textOrNull(data['timer']),
    actor: isOutsider(actor) ? actor : null,
    reason: reason ?? textOrNull(data['why']),
  }
}

function pick({ errno, status, op, offset, length }: Evidence): Partial<ExplainRoot> {
  return { errno, status: status === '' ? null : status, op, offset, length }
}

/** The H:C:I:L of a path of the same LUN that an event names as people do. */
function hctlOf(named: string | null, lun: string, history: History): string | null {
  if (named === null) return null
  const paths = history.pathsOf(lun.slice('lun/'.length))
  return (
    paths
      .find((path) => history.nameOf(path) === named)
      ?.split('/')
      .at(-1) ?? named
  )
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

/** The root where there is none. */
export const NOTHING: ExplainRoot = {
  ...{ kind: 'nothing', position: null, stream: null, errno: null, status: null, op: null, offset: null },
  ...{ length: null, path: null, incarnation: null, timer: null, actor: null, reason: null },
}

function evidenceIn({ type, data }: Told): Evidence | null {
  if (type === 'path.suspected' || type === 'path.checkFailed') return data as unknown as Evidence
  const [ghost] = Array.isArray(data['ghosts']) ? (data['ghosts'] as Evidence[]) : []
  if (ghost !== undefined) return { ...ghost, errno: null, status: '' }
  return (data['first'] ?? data['evidence'] ?? null) as Evidence | null
}

function kindOf({ type, actor }: Told): RootKind {
  // Whoever says it says it for the target.
  if (/^(path\.accessChanged|lun\.groupsReported|lun\.senseReceived)$/.test(type)) return 'accessState'
  if (isOutsider(actor)) return 'operator'
  if (/^path\.(suspected|checkFailed|failed|probeFailed)$/.test(type)) return 'pathError'
  if (type.endsWith('.timerFired')) return 'timer'
  if (type === 'lun.ghostsOpened' || type === 'lun.holdExpired') return 'ghost'
  if (type.startsWith('lun.')) return 'lunError'
  const byEngine = ['path.removed', 'path.lost', 'path.returned', 'path.forgotten'].includes(type)
  return type.startsWith('path.') && !byEngine ? 'deviceState' : 'engine'
}

const ADVICE: Readonly<Record<RootKind, string>> = {
  pathError:
    'Look at what is between this host and the target on that path: cable, port, switch, server. The checker brings it back by itself when it answers again.',
  lunError:
    'The paths are well: look at the logical unit itself (a bad block, a full pool, a reservation). Its data at that place is in doubt.',
  operator: 'This was wanted: ask who did it. `pathledger path reinstate` puts a pulled path back.',
  accessState:
    'The target says which paths are for use: look at the array, a controller may have failed over or be restarting.',
  deviceState:
    'Look at the device and its transport on this host; it has to come back before I/O goes to it.',
  timer: 'Nothing came back in time: see why the paths were gone, and whether the time is long enough.',
  engine: 'Look at the program that runs the engine: when and why it ended.',
  ghost:
    'Newer writes over that range wait until there is proof that the old attempt is over: `pathledger ghosts` lists what may land; end what hangs.',
  nothing: 'Nothing has to be done.',
}

/** What to do about it. */
export function adviceFor(root: ExplainRoot): string {
  if (root.kind === 'pathError' && root.status === 'TIMEOUT') {
    return `It hangs rather than fails: look at the server or the device behind ${root.path ?? 'it'}. What it was sent may still land; newer writes over it wait.`
  }
  if (root.kind === 'pathError' && root.status === 'OFFLINE') {
    return 'The device is gone: attach it again, and add it as a path.'
  }
  return ADVICE[root.kind]
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null)
}

function counted(value: unknown, noun: string): string {
  return `${text(value)} ${noun}${value === 1 ? '' : 's'}`
}

function listed(value: unknown): string {
  return Array.isArray(value) ? value.join(' and ') : text(value)
}
