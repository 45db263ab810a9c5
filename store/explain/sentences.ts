// Events in sentences that an engineer on call can act on.
import type { Evidence } from '../../machines/events.ts'
import type { Choice } from '../../machines/head/trace-events.ts'
import { regionOf, type History, type Told } from './history.ts'

const VERDICTS: Readonly<Record<string, string>> = {
  probe: 'a probe elsewhere on it failed too',
  probeTimeout: 'a probe elsewhere on it was not answered in time',
  failThreshold: 'too many I/Os failed on it and succeeded elsewhere',
  identity: 'it is no longer the same device',
  removedUnderIo: 'it was removed while it had I/O',
}

const LOSSES: Readonly<Record<string, string>> = {
  none: 'There is a usable path again',
  allPathsDown: 'Every path is down',
  permanent: 'No path will come back by itself',
}

export const REASONS: Readonly<Record<string, string>> = {
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

const CHOSEN: Readonly<Record<Choice['by'], string>> = {
  cache: 'it leads to the cache that the flush is for',
  elsewhere: 'another path had refused it',
  only: 'no other path was usable',
  preferred: 'its operator prefers it',
  cached: "it was the node's cached path",
  nearest: 'it was the nearest path of the best rank',
  quantum: 'its turn continued',
  turn: 'its turn came',
  depth: 'its adapter had the fewest in flight',
  service: 'it was the least busy',
  spread: 'reads are spread by their offset',
}

/** Why the policy chose a path: 'Chosen by round-robin: its turn came (rank 0, 2 paths usable).' */
export function describeChoice({ by, policy, rank, usable, depth }: Choice): string {
  const flight = depth === undefined ? '' : `, ${depth} in flight`
  return `Chosen by ${policy}: ${CHOSEN[by]} (rank ${rank}, ${counted(usable, 'path')} usable${flight}).`
}

type Say = (event: Told, name: string, history: History) => string

/** Events that say what became of a suspicion. */
const OUTCOMES = ['path.cleared', 'path.failed', 'path.removed', 'path.lost']

/** How often I/O was sent again because of a suspicion, as far as that is told; ' ' with nothing to say. */
function sentAgain(event: Told, history: History): string {
  const later = history.of(event.stream).filter(({ position }) => position > event.position)
  const end = later.findIndex(({ type, decision }) => OUTCOMES.includes(type) && decision.refused !== true)
  const outcome = later[end]
  if (outcome === undefined || !['path.cleared', 'path.failed'].includes(outcome.type)) return ''
  const next = later.slice(end + 1).find(({ type }) => /^path\.(failed|episodeEnded|suspected)$/.test(type))
  const { resent, bios } = (next?.type === 'path.episodeEnded' ? next : outcome).data
  if (resent === 0 || typeof resent !== 'number') return ''
  if (bios === 1 && resent === 1) return ', and the I/O was sent again'
  return `, and I/O was sent again ${resent} times because of it`
}

/** Sentences by type; what has none is said by its type and its own reason. */
export const SENTENCES: Readonly<Record<string, Say | undefined>> = {
  'path.suspected': (event, name, history) =>
    `${name} ${describeAnswer(event.data as unknown as Evidence)}: it came under suspicion${sentAgain(event, history)}.`,
  'path.checkFailed': ({ data }, name) =>
    `A check of ${name} found trouble: it ${describeAnswer(data as unknown as Evidence)}.`,
  'path.overridden': (event, name) => `${name} is tried although its operator disabled it${why(event)}.`,
  'path.cleared': ({ data }, name) =>
    `A probe elsewhere on ${name} was answered: the error was not the path's (${counted(data['errors'], 'error')}, ${text(data['resent'])} sent again).`,
  'path.failed': ({ data }, name) =>
    `${name} failed: ${VERDICTS[text(data['verdict'])] ?? text(data['verdict'])}${data['detail'] === null ? '' : ` (${text(data['detail'])})`}` +
    // Of a device that was looked at no I/O needs to have failed.
    `${data['errors'] === 0 ? '' : `; ${counted(data['errors'], 'error')} by then`}.`,
  'path.probeSucceeded': ({ decision }, name) =>
    `A probe of ${name} succeeded: ${regionOf(decision.state, 'health') === 'marginal' ? 'it came back as marginal, because it had failed twice within a short time' : 'it was reinstated'}.`,
  'path.probeFailed': ({ data }, name) =>
    `A probe of ${name} failed: ${text(data['errno'] ?? data['detail'])}.`,
  'path.becameMarginal': (event, name) => `${name} became marginal${why(event)}.`,
  'path.sampled': ({ data }, name) =>
    `${counted(data['reads'], 'sample')} of ${name}: ${counted(data['errors'], 'error')}, ${text(data['slow'])} slow.`,
  'path.becameSteady': (event, name) => `${name} works well again${why(event)}.`,
  'path.heldBack': (event, name) => `${name} is back, but does not get its I/O yet${why(event)}.`,
  'path.failedBack': (event, name) => `${name} takes its I/O again${why(event)}.`,
  'path.overrideEnded': (event, name) => `${name} is disabled again, as its operator wants${why(event)}.`,
  'path.goingAway': (event, name) => `${name} is going away${why(event)}.`,
  'path.placeUnreadable': ({ data }, name) =>
    `${name} could not read ${text(data['length'])} bytes at ${text(data['offset'])}, but could read elsewhere: the medium is bad there.`,
  'path.silent': (event, name) => `${name} is silent${why(event)}: new I/O and its reads go elsewhere.`,
  'path.answersAgain': (_event, name) => `${name} answers again.`,
  'path.busy': ({ data }, name) => `${name} was busy (${text(data['status'])}) and refused I/O.`,
  'path.busyEnded': ({ data }, name) =>
    `${name} takes I/O again, after it had refused some ${counted(data['times'], 'time')}.`,
  'path.lateError': ({ data }, name) =>
    `An I/O that was sent down ${name} before it came back into use ended with ${text(data['status'])}: the path is not suspected because of it.`,
  'path.triedAtOnce': (event, name) => `${name} was tried at once${why(event)}.`,
  'path.capacityChanged': ({ data }, name) =>
    `The device of ${name} has ${text(data['toBytes'])} bytes now, and had ${text(data['fromBytes'])}.`,
  'path.rulesSet': (_event, name) => `${name} got the rules for its health.`,
  'path.checkPassed': (_event, name) => `A check of ${name} found it well.`,
  'path.found': (event, name) => `A device was found for ${name}${why(event)}.`,
  'path.blocked': (event, name) => `The transport holds the I/O of ${name} back${why(event)}.`,
  'path.unblocked': (event, name) => `The transport lets the I/O of ${name} continue${why(event)}.`,
  'path.quiesced': (event, name) => `${name} was quiesced${why(event)}.`,
  'path.resumed': (event, name) => `${name} was resumed${why(event)}.`,
  'path.wentOffline': (event, name) => `The device of ${name} went offline${why(event)}.`,
  'path.transportWentOffline': (event, name) => `The transport to ${name} is gone${why(event)}.`,
  'path.cameOnline': (event, name) => `${name} is back online${why(event)}.`,
  'path.cancelled': (event, name) => `The device of ${name} is being taken away${why(event)}.`,
  'path.added': ({ data }, name) => `${name} was added, ${text(data['kind'])} ${text(data['device'])}.`,
  'path.removed': (event, name) =>
    event.data['why'] === 'closed'
      ? `${name} was released: the engine closed.`
      : `${name} was removed${why(event)}.`,
  'path.lost': (event, name) => `${name} was lost with its engine${why(event)}. It is known, but absent.`,
  'path.returned': (_event, name) => `${name} was attached again after a restart: the same device.`,
  'path.forgotten': (event, name) => `${name} was given up after a restart${why(event)}.`,
  'path.disabled': (event, name) => `${name} was disabled by its operator${why(event)}.`,
  'path.enabled': (event, name) => `${name} was enabled again${why(event)}.`,
  'path.accessChanged': (event, name) =>
    `The access state of ${name} became ${text(event.data['access'])}${why(event)}.`,
  'path.fenced': ({ data }, name) =>
    `${name} was fenced: ${text(data['detail'])}. It must be attached again.`,
  'path.timerFired': ({ data }, name) => `The timer '${text(data['timer'])}' of ${name} ran out.`,
  'head.timerFired': ({ data }, name) => `The timer '${text(data['timer'])}' of ${name} ran out.`,
  'head.pathsChanged': ({ data }, name) =>
    `${name} had ${text(data['usable'])} of ${counted(data['paths'], 'path')} usable from here on.`,
  'head.recovered': ({ data }, name) =>
    `${name} was restored after a restart, with ${counted(data['lost'], 'path')} to be attached again.`,
  'head.lostPathsChanged': ({ data }, name) =>
    `${name} had ${text(data['usable'])} of ${counted(data['paths'], 'path')} usable from here on, and ${text(data['lost'])} still lost.`,
  'head.created': (_event, name) => `${name} was made.`,
  'head.published': (_event, name) => `${name} became visible.`,
  'head.lossChanged': (event, name) =>
    `${LOSSES[text(event.data['to'])] ?? text(event.data['to'])} of ${name}${why(event)}.`,
  'head.pathPreferred': ({ data }, name) =>
    data['path'] === null
      ? `No path of ${name} is preferred any more.`
      : `${text(data['path'])} is preferred for ${name}.`,
  'head.resized': ({ data }, name) => `${name} grew to ${text(data['toBytes'])} bytes.`,
  'head.shrinkRefused': ({ data }, name) =>
    `${text(data['path'])} has ${text(data['toBytes'])} bytes, fewer than ${name}: the rest cannot be reached through it. ${name} keeps its size.`,
  'head.closed': (event, name) => `${name} was closed${why(event)}.`,
  'head.drained': ({ data }, name) => `The I/O that waited on ${name} was ended: ${text(data['why'])}.`,
  'lun.bioPoisoned': ({ data }) =>
    `${listed(data['paths'])} are healthy, and refused the same I/O in the same way: the first ${describeAnswer(data['evidence'] as Evidence)}. ` +
    `The error is the LUN's. The caller got it, and no path failed because of it.`,
  'lun.ioFailed': ({ data }) =>
    `The target itself, through ${text(data['path'])}, ${describeAnswer(data['evidence'] as Evidence)}. Its caller got it.`,
  'lun.flushFailed': ({ data }) =>
    `${text(data['path'])} ${describeAnswer(data['evidence'] as Evidence)}: writes may be lost. Its caller got it, and it is not tried again.`,
  'lun.writesLeft': ({ data }) =>
    `${text(data['path'])} was about to go with acknowledged writes that no flush had covered.`,
  'lun.writesCovered': ({ data }) =>
    `${text(data['path'])} was flushed before it went: the writes that it had acknowledged are durable.`,
  'lun.flushFellShort': ({ data }) =>
    `A flush could not reach writes that were acknowledged through ${text(data['path'])}: ${text(data['why'])}. Its caller got NOT_DURABLE, once.`,
  'lun.ghostsOpened': ({ data }) =>
    `${counted(Array.isArray(data['ghosts']) ? data['ghosts'].length : 0, 'attempt')} on ${text(data['path'])} may still land: ${REASONS[text(data['reason'])] ?? text(data['reason'])}.`,
  'lun.holdExpired': ({ data }) =>
    `A write of ${text(data['length'])} bytes at offset ${text(data['offset'])} waited too long for the ghost ${text(data['ghost'])}: its caller got GHOST_HOLD.`,
  'lun.ghostsEnded': ({ data }) =>
    `${counted(Array.isArray(data['ids']) ? data['ids'].length : 0, 'ghost')} over, by ${text(data['proof'])}.`,
  'lun.pathGrouped': ({ data }) => `${text(data['path'])} uses target port group ${text(data['group'])}.`,
  'lun.groupsReported': ({ data }) =>
    `The target reported the states of its port groups, through ${text(data['via'])}.`,
  'lun.reportFailed': ({ data }) =>
    `No path got an answer about the target's port groups: ${text(data['why'])}.`,
  'lun.senseReceived': ({ data }) =>
    `${text(data['path'])} brought sense data of the target (${[data['key'], data['asc'], data['ascq']].map(hex).join('/')}).`,
  'lun.timerFired': ({ data }, name) => `The timer '${text(data['timer'])}' of the LUN of ${name} ran out.`,
  'lun.waitBegan': (event) => `The target's port groups are asked about again and again${why(event)}.`,
  'lun.waitEnded': (event) => `The target's port groups are asked about no longer${why(event)}.`,
  'lun.groupsForgotten': (event) => `What was known of the target's port groups was forgotten${why(event)}.`,
  'reservation.conflict': ({ data }, name) =>
    `${describeIo(data as unknown as Evidence)} on ${name} was refused because of a reservation: its caller got EBADE, and no path failed.`,
  'reservation.adopted': (event, name) =>
    `The reservations of ${name} were changed by another engine${why(event)}: ${holderOf(event)}.`,
  'reservation.asked': ({ data }, name) =>
    `This engine was about to ask ${text(data['action'])} of the storage of ${name}, with key ${text(data['key'])}.`,
  'reservation.commanded': ({ data }, name) =>
    `This engine's own reservation command on ${name} was done: ${text(data['action'])} with key ${text(data['key'])}.`,
  'engine.pathRefused': ({ data }) =>
    `${text(data['device'])} was refused as path ${text(data['hctl'])}: ${text(data['code'])}, ${text(data['why'])}`,
  'engine.ledgerDegraded': (event) => `The ledger stopped taking events${why(event)}.`,
  'engine.ledgerRecovered': ({ data }) =>
    `The ledger took no events for a time: ${text(data['waited'])} waited, ${counted(data['dropped'], 'sample')} dropped, and what needed its record waited or failed with LEDGER_STALLED.`,
  'engine.proceededWithoutRecord': ({ data }) =>
    `${counted(data['gates'], 'step')} went on without the record that must come first, as ledgerStall 'continue' has it.`,
  'ledger.stateCarried': (event, name) =>
    `${name} was so when this ledger began${carriedWhy(event)}: what led to it is in the segment before it.`,
  'engine.started': ({ data }) =>
    data['unclean'] === true
      ? 'The engine started, after a run that ended without closing.'
      : 'The engine started.',
  'engine.stopped': ({ data }) => `The engine stopped: ${text(data['why'])}.`,
  'engine.broke': ({ data }) => `The engine stopped itself: ${text(data['code'])}, ${text(data['detail'])}.`,
}

/** What happened, in a sentence. */
export function say(event: Told, history: History): string {
  const name = history.nameOf(event.stream, event.position)
  const sentence = SENTENCES[event.type]?.(event, name, history) ?? `${event.type} of ${name}${why(event)}.`
  const who = isOutsider(event.actor) ? ` By ${event.actor}${quoted(event)}.` : ''
  return `${sentence}${who}`
}

function hex(value: unknown): string {
  return `0x${Number(value).toString(16).padStart(2, '0')}`
}

function holderOf({ data }: Told): string {
  const { holder, type } = data['state'] as { holder: { initiator: string } | null; type: string | null }
  return holder === null ? 'nobody holds one' : `${holder.initiator} holds ${text(type)}`
}

function carriedWhy({ context }: Told): string {
  const { why: given } = context
  return typeof given === 'string' && given !== '' ? ` (${given})` : ''
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

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null)
}

function counted(value: unknown, noun: string): string {
  return `${text(value)} ${noun}${value === 1 ? '' : 's'}`
}

function listed(value: unknown): string {
  return Array.isArray(value) ? value.join(' and ') : text(value)
}
