// What stands at the beginning of a chain.
import type { Evidence } from '../../machines/events.ts'
import { CARRIED } from '../state/fold.ts'
import { incarnationOf, isIdentity, lastPart, type History, type Told } from './history.ts'
import { isOutsider } from './sentences.ts'
import { isShortHang, unansweredOn } from './silence.ts'
import type { ExplainRoot, RootKind } from './types.ts'

/** The root of a chain: what its last event is evidence of. */
export function rootOf(event: Told, history: History): ExplainRoot {
  const { stream, position, data, actor, reason } = event
  const path = stream.startsWith('path/') ? lastPart(stream) : null
  const evidence = evidenceIn(event)
  return {
    ...NOTHING,
    ...(evidence === null ? {} : pick(evidence)),
    ...(event.type === 'path.silent' ? unansweredOn(history, event) : {}),
    ...{ kind: isShortHang(event, history) ? 'slow' : kindOf(event), position, stream },
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
function identityIn(event: Told): string | null {
  return isIdentity(event) ? textOrNull(event.data['detail']) : null
}

function carriedWhy({ type, context }: Told): string | null {
  return type === CARRIED ? textOrNull(context['why']) : null
}

function evidenceIn(event: Told): Evidence | null {
  const { type, data, context } = event
  // Nothing was asked of it: what a failure keeps as its evidence was made up for it.
  if (isIdentity(event)) return null
  if (ANSWERS.includes(type)) return data as unknown as Evidence
  if (type === 'reservation.conflict') return { ...(data as unknown as Evidence), errno: 'EBADE', status: '' }
  if (type === CARRIED) return (context['failure'] ?? context['suspect'] ?? null) as Evidence | null
  const [ghost] = Array.isArray(data['ghosts']) ? (data['ghosts'] as Evidence[]) : []
  if (ghost !== undefined) return { ...ghost, errno: null, status: '' }
  return (data['first'] ?? data['evidence'] ?? null) as Evidence | null
}

/** Events whose payload is what was answered. */
const ANSWERS = ['path.suspected', 'path.checkFailed', 'path.placeUnreadable']

/** By the type of the event; what is not here is the engine's own doing. */
const KINDS: Readonly<Record<string, RootKind>> = {
  'path.suspected': 'pathError',
  'path.checkFailed': 'pathError',
  'path.failed': 'pathError',
  'path.probeFailed': 'pathError',
  'path.becameMarginal': 'pathError',
  'path.silent': 'silent',
  'path.placeUnreadable': 'lunError',
  'lun.ghostsOpened': 'ghost',
  'lun.holdExpired': 'ghost',
  'lun.flushFellShort': 'notDurable',
  'lun.reportFailed': 'noAnswer',
  'engine.pathRefused': 'refused',
  'engine.ledgerDegraded': 'ledger',
  'engine.ledgerRecovered': 'ledger',
  'engine.proceededWithoutRecord': 'ledger',
}

/** Who asked at the control socket has a uid; a program that says nothing of itself is just 'operator'. */
export function isPerson(actor: string): boolean {
  return /^operator:./.test(actor)
}

/** It became marginal because it answers late. Ledgers of before say so in their words only. */
function isSlow({ data: { by, why } }: Told): boolean {
  return by === undefined ? / took longer than /.test(String(why)) : by === 'slowness'
}

const OF_THE_TARGET = ['path.accessChanged', 'lun.groupsReported', 'lun.senseReceived']
/** A program that tells of these tells what it heard: nobody wants them. */
const OF_THE_TRANSPORT = [
  ...['path.blocked', 'path.transportWentOffline', 'path.goingAway', 'path.capacityChanged'],
  'head.shrinkRefused',
]

const BY_THE_ENGINE = ['path.removed', 'path.lost', 'path.returned', 'path.forgotten']

function kindOf(event: Told): RootKind {
  const { type, actor } = event
  // Whoever says it says it for the target, or for the transport.
  if (OF_THE_TARGET.includes(type)) return 'accessState'
  if (OF_THE_TRANSPORT.includes(type) && !isPerson(actor)) return 'deviceState'
  if (isIdentity(event)) return 'identity'
  if (isOutsider(actor)) return 'operator'
  if (type === 'path.becameMarginal' && isSlow(event)) return 'slow'
  if (type === CARRIED) return evidenceIn(event) === null ? 'earlierSegment' : 'pathError'
  const known = KINDS[type]
  if (known !== undefined) return known
  if (type.endsWith('.timerFired')) return 'timer'
  if (type.startsWith('reservation.')) return 'reservation'
  return ofTheRest(type)
}

function ofTheRest(type: string): RootKind {
  if (type.startsWith('lun.')) return 'lunError'
  const isDevice = type.startsWith('path.') && !BY_THE_ENGINE.includes(type)
  return isDevice ? 'deviceState' : 'engine'
}
