// What keeps a path from being used, or from being used like the others, and the event that brought it about.
import { isDisabled } from '../../machines/predicates.ts'
import type { PathValue } from '../../machines/words.ts'
import { enteredBy, firstOfRun, flagsAfter, isIdentity, type History, type Told } from './history.ts'

export interface Reason {
  readonly says: string
  readonly event: Told
  /** What to do about it, where that is not what is to be done about its first evidence. */
  readonly advice?: string
}

const stateOf = ({ decision }: Told): PathValue => decision.state as unknown as PathValue

/** What keeps a path from being used now, in the order in which it came about. */
export function reasonsAgainst(events: readonly Told[], name: string): Reason[] {
  const last = events.at(-1)
  if (last === undefined) return []
  const state = stateOf(last)
  const { override } = flagsAfter(last)
  const reasons: Reason[] = []
  const add = (says: string, event: Told): void => void reasons.push({ says, event })
  if (state.device !== 'running') {
    const says =
      last.context['lost'] === true
        ? `${name} was lost with its engine, and has not been attached again.`
        : `${name} is not there to be used: its device is ${state.device}.`
    add(says, enteredBy(events, last, 'device'))
    if (state.device === 'deleted') return reasons
  }
  if (state.admin === 'disabled' && override !== 'on') {
    add(
      `${name} was disabled by its operator and has not been enabled again.`,
      enteredBy(events, last, 'admin'),
    )
  }
  if (state.health === 'failed' || state.health === 'probing') reasons.push(failure(events, last, name))
  if (state.access !== 'optimal' && state.access !== 'active') {
    add(
      `The target does not serve through ${name}: its access state is ${state.access}.`,
      enteredBy(events, last, 'access'),
    )
  }
  return reasons.sort((one, other) => one.event.position - other.event.position)
}

/** That a path failed, and what its last probe found: where that is another device, it is what keeps the path out now. */
function failure(events: readonly Told[], last: Told, name: string): Reason {
  const isFailed = ({ type, decision }: Told) =>
    type === 'path.failed' ? decision.refused !== true : isCarried(type)
  const failed = events.findLast(isFailed) ?? last
  const probes = events.filter(
    ({ type, position }) => type === 'path.probeFailed' && position > failed.position,
  )
  const probe = probes.at(-1)
  const fenced = last.context['fenced'] === true ? ' It was fenced, and needs a new attach.' : ''
  if (probe === undefined) return { says: `${name} has failed.${fenced}`, event: failed }
  if (isIdentity(probe)) {
    const isAlike = ({ data }: Told) => data['detail'] === probe.data['detail']
    const event = firstOfRun(probes, probe, isAlike)
    return {
      says: `${name} is kept out: another device stands there now, ${String(probe.data['detail'])}.`,
      event,
    }
  }
  const found = String(probe.data['detail'] ?? probe.data['errno'])
  const says = `${name} has failed, and its last probe (position ${probe.position}) failed too: ${found}.${fenced}`
  return { says, event: failed }
}

/** Whether the checker brings a path back by itself once it answers: it failed, and nothing else keeps it out. */
export function comesBack(events: readonly Told[]): boolean {
  const last = events.at(-1)
  if (last === undefined) return false
  const { health } = stateOf(last)
  if ((health !== 'failed' && health !== 'probing') || last.context['fenced'] === true) return false
  const [reason, ...others] = reasonsAgainst(events, '')
  return others.length === 0 && reason !== undefined && !isIdentity(reason.event)
}

/** Why a path that can be used is not used like the others, in the order in which it came about. */
export function drawbacks(events: readonly Told[], name: string): Reason[] {
  const last = events.at(-1)
  if (last === undefined || !isUsable(last)) return []
  const { override, heldBack, goingAway, silent } = flagsAfter(last)
  const reasons: Reason[] = []
  const add = (says: string, event: Told, advice?: string): void =>
    void reasons.push({ says, event, ...(advice === undefined ? {} : { advice }) })
  if (stateOf(last).health === 'marginal') {
    add(`${name} works badly: it is marginal, and used last.`, enteredBy(events, last, 'health'))
  }
  if (silent === true) {
    add(
      `${name} is silent: it answers nothing while another path does, and is used last.`,
      firstOfRun(events, last, (event) => flagsAfter(event).silent === true),
    )
  }
  if (heldBack) {
    add(
      `${name} is back and does not take its I/O yet: it waits for its failback.`,
      firstOfRun(events, last, (event) => flagsAfter(event).heldBack),
      `\`pathledger path prefer ${name}\` brings its I/O back now; otherwise it comes with its failback, or when nothing else is left.`,
    )
  }
  if (goingAway) {
    add(
      `${name} is going away: it is used last.`,
      firstOfRun(events, last, (event) => flagsAfter(event).goingAway),
    )
  }
  if (override === 'on' && stateOf(last).admin === 'disabled') {
    add(
      `${name} was disabled by its operator, but is used because every other path failed.`,
      firstOfRun(events, last, (event) => flagsAfter(event).override === 'on'),
    )
  }
  return reasons.sort((one, other) => one.event.position - other.event.position)
}

function isCarried(type: string): boolean {
  return type.startsWith('ledger.')
}

export function isUsable(event: Told): boolean {
  return !isDisabled(stateOf(event), flagsAfter(event))
}

/** Used like any other path. */
function isWell(event: Told): boolean {
  const { heldBack, goingAway, silent } = flagsAfter(event)
  const asOthers = !heldBack && !goingAway && silent !== true
  return isUsable(event) && stateOf(event).health === 'online' && asOthers
}

/** The last event that made a path unusable, or used last, or put it under suspicion. */
export function lastTrouble(events: readonly Told[]): Told | null {
  const found = events.findLast((event, at) => {
    if (event.decision.refused === true) return false
    if (event.type === 'path.suspected' || event.type === 'path.failed') return true
    const before = events[at - 1]
    // An engine that closed let go of its paths: nothing went wrong with them.
    if (before === undefined || (event.type === 'path.removed' && event.data['why'] === 'closed'))
      return false
    const worse = isUsable(before) && !isUsable(event)
    return worse || (isWell(before) && !isWell(event) && isUsable(event))
  })
  return found ?? null
}

/** Failures within this time that make a path one that flaps, as `audit flapping` has them. */
const FLAPS_US = 60_000_000
const FLAPS = 3

/** That a path failed again and again up to its last failure, by the monotonic clock of one boot; null where it did not. */
export function flaps(events: readonly Told[], name: string): string | null {
  const failures = events.filter(({ type, decision }) => type === 'path.failed' && decision.refused !== true)
  const last = failures.at(-1)
  if (last === undefined) return null
  const near = failures.filter(
    ({ bootId, monoUs }) => bootId === last.bootId && last.monoUs - monoUs <= FLAPS_US,
  )
  const [first] = near
  if (first === undefined || near.length < FLAPS) return null
  const seconds = Math.max(1, Math.round((last.monoUs - first.monoUs) / 1_000_000))
  return `${name} failed ${near.length} times within ${seconds} s: it flaps (position ${first.position} on).`
}

/** The event with which a trouble was over, if it is. */
export function endOf(events: readonly Told[], trouble: Told): Told | null {
  return events.find((event) => event.position > trouble.position && isWell(event)) ?? null
}

/** Devices that were not taken for a path of this stream. */
export function refusals(history: History, stream: string): Told[] {
  return history
    .ofType('engine.pathRefused')
    .filter(({ data }) => `path/${String(data['wwid'])}/${String(data['hctl'])}` === stream)
}
