// Facts as events of observed streams: which type a fact is, on which stream it stands, and what of it is kept.
import { known } from '../answers/print.ts'
import type { Fact, Subject } from '../types.ts'

export interface Observation {
  readonly stream: string
  readonly type: string
  readonly data: Record<string, unknown>
}

type Row = readonly [type: string, more?: (fact: Fact) => Record<string, unknown>]

const change = (what: string): Row => ['path.attentionHeard', () => ({ what })]

const TYPES: Readonly<Record<string, Row>> = {
  attached: change('attached'),
  disconnected: change('disconnected'),
  purged: change('purged'),
  added: ['path.added'],
  removed: ['path.removed'],
  failed: ['path.failed'],
  offlined: ['path.wentOffline'],
  back: ['path.reinstated'],
  checkerDown: ['path.checkerSaid', () => ({ word: 'down' })],
  checkerUp: ['path.checkerSaid', () => ({ word: 'up' })],
  checkerStandby: ['path.checkerSaid', () => ({ word: 'standby' })],
  pathOffline: ['path.checkerSaid', () => ({ word: 'offline' })],
  statedFailed: ['path.stateStated'],
  accessStated: ['path.stateStated'],
  stateStated: ['path.stateStated'],
  ioErrors: ['path.errorsSeen', ({ detail }) => ({ firstSector: detail.sector ?? null })],
  ioRejected: ['path.errorsSeen', () => ({ status: 'rejected' })],
  commandAborted: ['path.commandEnded', () => ({ how: 'aborted' })],
  deviceReset: ['path.commandEnded', () => ({ how: 'device reset' })],
  accessState: ['path.accessChanged'],
  attention: ['path.attentionHeard'],
  wwidChanged: ['path.identityChanged'],
  marginal: ['path.becameMarginal'],
  steady: ['path.becameSteady'],
  delayed: ['path.heldBack'],
  reservationConflict: ['reservation.conflict'],
  activePaths: ['head.pathsChanged', ({ detail }) => ({ usable: detail.n, of: null, stated: true })],
  dark: ['head.pathsChanged', () => ({ usable: 0, of: null, stated: false })],
  lit: ['head.pathsChanged', () => ({ usable: 1, of: null, stated: false, atLeast: true })],
  tableLoaded: ['head.tableLoaded'],
  groupSwitched: ['head.groupSwitched'],
  mapRemoved: ['head.closed'],
  recoveryEntered: ['head.noPathRetryChanged', () => ({ queueing: true, why: 'recovery entered' })],
  recoveryLeft: ['head.noPathRetryChanged', () => ({ queueing: true, why: 'recovery left' })],
  queueingOn: ['head.noPathRetryChanged', () => ({ queueing: true, why: 'said' })],
  queueingOff: ['head.noPathRetryChanged', () => ({ queueing: false, why: 'said' })],
  ioFailed: ['head.ioFailedSeen'],
  removeRefused: ['head.removeRefused'],
  linkDown: ['port.wentDown'],
  connError: ['port.wentDown'],
  errorRecovery: ['port.wentDown'],
  connectivityLost: ['port.wentDown'],
  linkUp: ['port.cameUp'],
  operational: ['port.cameUp'],
  reconnected: ['port.cameUp'],
  connectivityBack: ['port.cameUp'],
  sessionOpened: ['port.cameUp'],
  sessionTimedOut: ['port.timedOut'],
  rportLost: ['port.removed'],
  sessionClosed: ['port.removed'],
  gaveUp: ['port.removed'],
  frameErrors: ['port.errorSeen'],
  timeout: ['port.errorSeen'],
  keepAliveFailed: ['port.errorSeen'],
  targetMessage: ['port.errorSeen'],
  busReset: ['port.wasReset'],
  hostReset: ['port.wasReset'],
  controllerReset: ['port.wasReset'],
  portStated: ['port.known'],
  reconnecting: ['port.reconnecting'],
  reconnectFailed: ['port.reconnecting'],
  hostBooted: ['host.booted'],
  hostShutdown: ['host.shutDown'],
  daemonStarted: ['host.daemonStarted'],
  daemonStopped: ['host.daemonStopped'],
  reconfigure: ['host.reconfigured'],
  clockStepped: ['host.clockStepped'],
  hungTask: ['host.taskHung'],
}

/** The event of a fact. `source` is the number of the source that its first line stands in. */
export function observationOf(fact: Fact): Observation {
  if (fact.what === 'suppressed')
    return { stream: `source/${firstSource(fact)}`, type: 'source.gap', data: dataOf(fact, {}) }
  const kind = fact.subject.kind
  if (fact.what === 'stalled' || fact.what === 'movedAgain')
    return typed(fact, `${kind === 'map' ? 'head' : 'path'}.${fact.what}`, {})
  if (fact.what === 'resized')
    return typed(fact, kind === 'path' ? 'path.capacityChanged' : 'head.resized', {})
  const [type, more] = TYPES[fact.what] ?? ['path.attentionHeard', () => ({ what: fact.what })]
  return typed(fact, ofPort(fact, type), more?.(fact) ?? {})
}

/** A controller of NVMe is a way to many paths: what happens to it stands on its port. */
function ofPort(fact: Fact, type: string): string {
  if (fact.subject.ctrl === undefined || type.startsWith('port.')) return type
  return type === 'path.removed'
    ? 'port.removed'
    : type === 'path.attentionHeard'
      ? 'port.known'
      : 'port.errorSeen'
}

function typed(fact: Fact, type: string, more: Record<string, unknown>): Observation {
  return { stream: streamOf(fact.subject, type), type, data: dataOf(fact, more) }
}

function firstSource({ lines }: Fact): number {
  return (lines[0]?.[0] ?? 0) + 1
}

function dataOf({ subject, detail, what }: Fact, more: Record<string, unknown>): Record<string, unknown> {
  const { backBy: _by, endedBy: _end, ...kept } = detail
  const { host: _host, ...who } = known(subject)
  return { fact: what, ...who, ...kept, ...more }
}

/** 'path/<wwid>/<H:C:I:L>', 'head/<wwid>', 'port/<kind>/<id>', 'host'; 'map:<alias>' where no source tells the wwid. */
export function streamOf(subject: Subject, type: string): string {
  const house = type.startsWith('reservation.') ? 'path' : type.split('.')[0]
  if (house === 'host') return 'host'
  if (house === 'port') return `port/${portOf(subject)}`
  const lun = lunOf(subject)
  if (house === 'head') return `head/${lun}`
  return `path/${lun}/${String(subject.hctl ?? subject.devt ?? subject.dev ?? 'unknown')}`
}

function lunOf({ wwid, map, dm }: Subject): string {
  if (typeof wwid === 'string') return wwid.replaceAll('/', '_')
  if (typeof map === 'string') return `map:${map.replaceAll('/', '_')}`
  return typeof dm === 'string' ? `map:${dm}` : 'map:unknown'
}

function portOf({ ctrl, sid, rport, wwpn, pci, nic, scsiHost }: Subject): string {
  if (ctrl !== undefined) return `ctrl/${String(ctrl)}`
  if (sid !== undefined) return `session/${String(sid)}`
  if (rport !== undefined && rport !== null) return `rport/${String(rport).replace(/^rport-/, '')}`
  if (wwpn !== undefined) return `rport/${String(wwpn)}`
  return `host/${String(pci ?? nic ?? scsiHost ?? 'unknown')}`
}
