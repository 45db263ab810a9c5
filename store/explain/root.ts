// What stands at the beginning of a chain, and what to do about it.
import type { Evidence } from '../../machines/events.ts'
import { CARRIED } from '../state/fold.ts'
import { incarnationOf, lastPart, type History, type Told } from './history.ts'
import { isOutsider } from './sentences.ts'
import type { ExplainRoot, RootKind } from './types.ts'

/** The root of a chain: what its last event is evidence of. */
export function rootOf(event: Told, history: History): ExplainRoot {
  const { stream, position, data, actor, reason } = event
  const path = stream.startsWith('path/') ? lastPart(stream) : null
  const evidence = evidenceIn(event)
  return {
    ...NOTHING,
    ...(evidence === null ? {} : pick(evidence)),
    ...{ kind: kindOf(event), position, stream },
    path: path ?? hctlOf(textOrNull(data['path'] ?? data['hctl']), stream, history),
    incarnation:
      path === null ? numberOrNull(data['incarnation']) : incarnationOf(history.of(stream), position),
    timer: textOrNull(data['timer']),
    actor: isOutsider(actor) ? actor : null,
    reason: reason ?? textOrNull(data['why']) ?? identityIn(event) ?? carriedWhy(event),
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

/** What a device turned out to be, where that and no I/O is the evidence. */
function identityIn({ type, data }: Told): string | null {
  return type === 'path.failed' && data['verdict'] === 'identity' ? textOrNull(data['detail']) : null
}

function carriedWhy({ type, context }: Told): string | null {
  return type === CARRIED ? textOrNull(context['why']) : null
}

function evidenceIn({ type, data, context }: Told): Evidence | null {
  if (type === 'path.suspected' || type === 'path.checkFailed') return data as unknown as Evidence
  if (type === 'reservation.conflict') return { ...(data as unknown as Evidence), errno: 'EBADE', status: '' }
  if (type === CARRIED) return (context['failure'] ?? context['suspect'] ?? null) as Evidence | null
  const [ghost] = Array.isArray(data['ghosts']) ? (data['ghosts'] as Evidence[]) : []
  if (ghost !== undefined) return { ...ghost, errno: null, status: '' }
  return (data['first'] ?? data['evidence'] ?? null) as Evidence | null
}

/** By the type of the event; what is not here is the engine's own doing. */
const KINDS: Readonly<Record<string, RootKind>> = {
  'path.suspected': 'pathError',
  'path.checkFailed': 'pathError',
  'path.failed': 'pathError',
  'path.probeFailed': 'pathError',
  'path.becameMarginal': 'pathError',
  'lun.ghostsOpened': 'ghost',
  'lun.holdExpired': 'ghost',
  'lun.writesLeft': 'notDurable',
  'lun.flushFellShort': 'notDurable',
  'engine.pathRefused': 'refused',
  'engine.ledgerDegraded': 'ledger',
  'engine.ledgerRecovered': 'ledger',
  'engine.proceededWithoutRecord': 'ledger',
}

const BY_THE_ENGINE = ['path.removed', 'path.lost', 'path.returned', 'path.forgotten']

function kindOf(event: Told): RootKind {
  const { type, actor } = event
  // Whoever says it says it for the target.
  if (/^(path\.accessChanged|lun\.groupsReported|lun\.senseReceived)$/.test(type)) return 'accessState'
  if (isOutsider(actor)) return 'operator'
  if (type === CARRIED) return evidenceIn(event) === null ? 'earlierSegment' : 'pathError'
  const known = KINDS[type]
  if (known !== undefined) return known
  if (type.endsWith('.timerFired')) return 'timer'
  if (type.startsWith('reservation.')) return 'reservation'
  if (type.startsWith('lun.')) return 'lunError'
  const isDevice = type.startsWith('path.') && !BY_THE_ENGINE.includes(type)
  return isDevice ? 'deviceState' : 'engine'
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
  notDurable:
    'Writes may be in a cache behind a path that no flush reaches: bring that path back and flush again, or write again what must not be lost, and flush that.',
  reservation:
    'Another host may hold a reservation of the logical unit: `pathledger audit reservations` tells who took it and when. Register, or preempt if you may.',
  refused: 'Look at the device that was found there: it is not what the path must be. Attach the right one.',
  ledger:
    'Look at the file system of the ledger: is there space, does it answer? What needs its record waits for it or fails, as `ledgerStall` says.',
  earlierSegment: 'Ask the segment before this one: the header, at position 1, names its file.',
  nothing: 'Nothing has to be done.',
}

/** What to do about it. */
export function adviceFor(root: ExplainRoot): string {
  if (root.kind === 'pathError' && root.status === 'TIMEOUT') {
    return `It hangs rather than fails: look at the server or the device behind ${root.path ?? 'it'}. What it was sent may still land; newer writes over it wait.`
  }
  if (root.timer !== null && root.kind !== 'timer') {
    return `${ADVICE[root.kind]} The timer '${root.timer}' ran out over it: see whether its time is long enough.`
  }
  if (root.kind === 'pathError' && root.status === 'OFFLINE') {
    return 'The device is gone: attach it again, and add it as a path.'
  }
  return ADVICE[root.kind]
}
