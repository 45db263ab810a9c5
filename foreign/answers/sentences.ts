// One fact as a sentence: what was said, of whom. No word names a part that no line names, and what is only at the same
// time is told as that.
import type { Fact, Subject } from '../types.ts'
import { called } from './print.ts'

type Detail = Readonly<Record<string, unknown>>
type Words = (name: string, detail: Detail, fact: Fact) => string

function of({ map }: Subject): string {
  return typeof map === 'string' ? ` of ${map}` : ''
}

/** Who a fact is about, with its map: 'sdb (1:0:0:5) of mpatha', 'session 3', 'adapter 0000:3b:00.0'. */
export function subjectName({ subject }: Pick<Fact, 'subject'>): string {
  const { kind, ctrl, sid, rport, wwpn, pci, nic, scsiHost } = subject
  if (kind === 'path')
    return ctrl === undefined ? `${called(subject)}${of(subject)}` : `controller ${String(ctrl)}`
  if (kind === 'map') return `map ${called(subject)}`
  if (kind === 'session') return `iSCSI session ${String(sid)}`
  if (kind === 'rport') return `remote port ${String(rport ?? wwpn)}`
  if (kind === 'adapter')
    return nic === undefined
      ? `adapter ${String(pci ?? `of SCSI host ${String(scsiHost)}`)}`
      : `network card ${String(nic)}`
  if (kind === 'daemon') return String(subject.name)
  return kind === 'host' ? 'the host' : 'the log'
}

const text = (value: unknown): string =>
  typeof value === 'string' ? value : value === null || value === undefined ? '' : JSON.stringify(value)
const more = (value: unknown, before = ' (', after = ')'): string =>
  value === null || value === undefined || value === '' ? '' : `${before}${text(value)}${after}`
const times = (count: unknown): string => (typeof count === 'number' && count > 1 ? `, ${count} times` : '')

const WORDS: Readonly<Record<string, Words>> = {
  attached: (name) => `${name} was found`,
  added: (name) => `${name} was put into its map`,
  removed: (name) => `${name} was taken out`,
  purged: (name) => `${name} was purged`,
  disconnected: (name) => `${name} is no longer there for multipathd`,
  failed: (name, { by }) =>
    `${name} failed${by === 'operator' ? ', by an operator' : by === 'checker' ? ", by its checker's word" : ''}`,
  offlined: (name, { why }) => `${name} was set offline${more(why)}`,
  back: (name, { by }) => `${name} is usable again${by === 'operator' ? ', by an operator' : ''}`,
  checkerDown: (name, { checker, why, repeats }) =>
    `the checker${more(checker)} found ${name} down${more(why, ': ', '')}${times(repeats)}`,
  checkerUp: (name, { checker }) => `the checker${more(checker)} found ${name} up`,
  checkerStandby: (name, { checker, repeats }) =>
    `the checker${more(checker)} found ${name} in standby${times(repeats)}`,
  pathOffline: (name, { repeats }) => `${name} is offline${times(repeats)}`,
  statedFailed: (name) => `a snapshot has ${name} as failed`,
  stateStated: (name, { device, access, was }) =>
    `sysfs has ${name} as ${text(device ?? access)}${more(was, ', before it was ', '')}`,
  portStated: (name, { state, was }) =>
    `sysfs has ${name} as ${text(state)}${more(was, ', before it was ', '')}`,
  stalled: (name, { inflight }) => `I/O on ${name} stands still: ${text(inflight)} under way and none ends`,
  movedAgain: (name, { stoodUs }) =>
    `I/O on ${name} goes on${typeof stoodUs === 'number' ? ` after ${stoodUs / 1_000_000} s` : ''}`,
  accessStated: (name, { access }) => `a snapshot has ${name} as ${text(access)}`,
  ioErrors: (name, detail) =>
    `${name} had I/O errors${more(detail.hostbyte ?? detail.status)}${more(detail.sector, ' at sector ', '')}${times(detail.count)}`,
  ioRejected: (name, { why, count }) => `I/O to ${name} was refused${more(why)}${times(count)}`,
  commandAborted: (name, { result }) => `a command on ${name} was aborted${more(result)}`,
  deviceReset: (name) => `${name} was reset`,
  busReset: (name) => `the bus of ${name} was reset`,
  hostReset: (name) => `${name} was reset as a whole`,
  accessState: (name, { access, group }) => `${name} is ${text(access)}${more(group, ' (port group ')}`,
  attention: (name, { what }) => `${name} told an attention${more(what, ': ', '')}`,
  wwidChanged: (name, { from, to }) => `${name} is another LUN: ${text(from)} became ${text(to)}`,
  resized: (name, { from, to, unit }) =>
    `${name} changed its size from ${text(from)} to ${text(to)}${unit === 'bytes' ? ' bytes' : ''}`,
  marginal: (name) => `${name} is kept out as marginal`,
  steady: (name) => `${name} is let in again`,
  delayed: (name) => `the return of ${name} is held back`,
  reservationConflict: (name, { count }) => `I/O through ${name} met a reservation conflict${times(count)}`,
  activePaths: (name, { n }) => `${name} has ${text(n)} active path${n === 1 ? '' : 's'}`,
  dark: (name, { io }) =>
    `${name} had no usable path${{ queued: ', I/O waited', failed: ', I/O failed', queuedThenFailed: ', I/O waited and was then failed' }[text(io)] ?? ''}`,
  lit: (name) => `${name} has a usable path again`,
  tableLoaded: (name, { paths }) =>
    `a table of ${Array.isArray(paths) ? paths.length : 0} paths was loaded for ${name}`,
  groupSwitched: (name, { group }) => `${name} was asked to switch to path group ${text(group)}`,
  mapRemoved: (name) => `${name} was removed`,
  recoveryEntered: (name, { maxRetries }) => `${name} entered recovery${more(maxRetries, ': ', ' retries')}`,
  recoveryLeft: (name) => `${name} left recovery`,
  queueingOn: (name, { by }) =>
    `queueing was switched on for ${name}${by === 'operator' ? ', by an operator' : ''}`,
  queueingOff: (name, { by }) =>
    `queueing was switched off for ${name}${by === 'operator' ? ', by an operator' : ''}`,
  ioFailed: (name, { status }) => `I/O of ${name} failed${more(status)}`,
  removeRefused: (name, { why }) => `the removal of ${name} was refused${more(why)}`,
  linkDown: (name, { word }) => `the link of ${name} went down${more(word)}`,
  linkUp: (name, { word }) => `the link of ${name} came up${more(word)}`,
  frameErrors: (name) => `${name} saw dropped frames`,
  rportLost: (name) => `${name} was lost`,
  connError: (name, { code }) => `${name} lost its connection${more(code, ' (error ')}`,
  sessionTimedOut: (name, { seconds }) =>
    `the recovery of ${name} timed out${more(seconds, ' after ', ' s')}`,
  operational: (name, { attempts }) => `${name} works again${more(attempts, ' after ', ' attempts')}`,
  sessionOpened: (name, { target }) => `${name} was opened${more(target, ' to ', '')}`,
  sessionClosed: (name) => `${name} was closed`,
  targetMessage: (_name, { text: words }) => `the iSCSI target sent a message${more(words, ': ', '')}`,
  timeout: (name) => `a command of ${name} was not answered in time`,
  errorRecovery: (name) => `${name} went into error recovery`,
  keepAliveFailed: (name) => `${name} did not answer its keep alive`,
  reconnecting: (name) => `${name} tries to connect`,
  reconnectFailed: (name, { attempt }) => `${name} could not connect${more(attempt, ' (attempt ')}`,
  reconnected: (name) => `${name} is connected again`,
  gaveUp: (name) => `${name} was given up`,
  connectivityLost: (name) => `${name} lost its connection`,
  connectivityBack: (name) => `${name} is connected again`,
  controllerReset: (name) => `${name} was reset`,
  hostBooted: (_name, { kernel }) => `the host was started${more(kernel, ' (kernel ')}`,
  hostShutdown: () => 'the host was going down',
  daemonStarted: (name) => `${name} was started`,
  daemonStopped: (name) => `${name} was stopped: from here nobody checked`,
  reconfigure: (name) => `${name} read its configuration again`,
  clockStepped: (_name, { seconds }) => `the clock of the host was set${more(seconds, ', by ', ' s')}`,
  hungTask: (_name, { task, seconds }) =>
    `the task ${text(task)} was blocked for more than ${text(seconds)} s`,
  suppressed: (_name, { count, of: what, by }) =>
    `${text(count)} lines${more(what, ' of ', '')} were dropped${more(by, ' by ', '')}`,
}

/** What a fact says, without who says it and where. */
export function sentenceOf(fact: Fact): string {
  const name = subjectName(fact)
  return WORDS[fact.what]?.(name, fact.detail, fact) ?? `${name}: ${fact.what}`
}

/** How a fact is tied to its cause, for a sentence about the cause: what only times link is never told as a reason. */
export function linkWords({ rule }: Fact): string {
  return rule === 'coincides' ? 'at the same time as that' : `because, by the rule ${String(rule)}`
}
