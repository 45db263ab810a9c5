// Target port groups of a logical unit (ALUA): what is known of each, which path goes in through which, and the two
// timers of a transition. Pure: the LUN's machine calls advance() for each of its events that has to do with groups.
//
//   transitioning -> asked again every 2 s (timer `poll`) until the transition time is over (timer `transition`),
//                    then the group counts as standby until somebody says otherwise
//
// While a head has no usable path for its access states alone they are asked about too (wait.ts).
import type { Effect } from '../effects.ts'
import type { LunEvent } from './events.ts'
import type { AccessState } from '../words.ts'
import { beginWait, giveUp, running, slower, type GroupWait } from './wait.ts'

export interface GroupState {
  readonly access: AccessState
  readonly preferred: boolean
  readonly supported: number
  /** While in transition: when it falls to standby, monotonic microseconds. */
  readonly untilUs: number | null
  /** Its transition took too long: a target that still says so is not believed. */
  readonly overdue?: boolean
}

export interface LunGroups {
  /** Group of each path, by H:C:I:L. */
  readonly members: Readonly<Record<string, number>>
  /** What the last report said of each group, by its number. A group that it did not list is not here (D-60). */
  readonly groups: Readonly<Record<string, GroupState>>
  /** How long a transition may take, as the target says. */
  readonly transitionUs: number
  /** Something waits for a group to be usable again. Absent like null: nothing does. */
  readonly wait?: GroupWait | null
  /** Armed timers and the monotonic time each is due at. */
  readonly timers: Readonly<Record<string, number>>
}

/** Context of the LUN's machine with nothing known of its groups: what waits is over with them. */
function forgotten({ wait }: LunGroups): LunGroups {
  return wait === undefined || wait === null ? NO_GROUPS : { ...NO_GROUPS, wait: null }
}

/** Time between two looks at a group in transition. */
export const POLL_US = 2_000_000
/** How long a transition may take where the target does not say: the same minute as for its commands. */
export const TRANSITION_US = 60_000_000

export const NO_GROUPS: LunGroups = { members: {}, groups: {}, transitionUs: TRANSITION_US, timers: {} }

/** Sense codes, as `asc << 8 | ascq`: what they make of the group of their path, and whether to ask for a report. */
const ACCESS_OF_SENSE: Readonly<Record<number, AccessState>> = {
  0x040a: 'transitioning',
  0x040b: 'standby',
  0x040c: 'unavailable',
}
const CHANGED: ReadonlySet<number> = new Set([0x2a06, 0x2a07])
const NOT_READY = 0x2
const UNIT_ATTENTION = 0x6

export interface Advanced {
  readonly next: LunGroups
  readonly effects: readonly Effect[]
}

/** What an event makes of the groups, and what it asks of the engine. Pure. */
export function advance(before: LunGroups, event: LunEvent): Advanced {
  switch (event.type) {
    case 'lun.pathGrouped':
      return plain({ ...before, members: { ...before.members, [event.path]: event.group } })
    case 'lun.pathUngrouped':
      return ungroup(before, event.path)
    case 'lun.groupsForgotten':
      return plain(forgotten(before))
    case 'lun.groupsReported':
      return reported(before, event)
    case 'lun.reportFailed':
      return retimed(before, before, event.atUs, true)
    case 'lun.senseReceived':
      return sensed(before, event)
    case 'lun.waitBegan':
      return waitBegan(before, event)
    case 'lun.waitEnded':
      return retimed(before, { ...before, wait: null }, event.atUs, false)
    case 'lun.timerFired':
      return fired(before, event)
    default:
      return plain(before)
  }
}

/** True when a timer that fires is the one that is armed: an expiry of an earlier arming means nothing. */
export function isArmed({ timers }: LunGroups, event: LunEvent): boolean {
  return event.type === 'lun.timerFired' && timers[event.timer] === event.dueUs
}

/** The state of the group of a path; null when nothing is known of it. */
export function groupOf(known: LunGroups, path: string): GroupState | null {
  const group = groupNumberOf(known, path)
  return group === null ? null : (known.groups[group] ?? null)
}

/** The number of the group that a path goes in through; null where it has none. */
export function groupNumberOf({ members }: LunGroups, path: string): number | null {
  // A path may be named like something that every object has.
  return Object.hasOwn(members, path) ? (members[path] ?? null) : null
}

type Of<Type extends LunEvent['type']> = Extract<LunEvent, { type: Type }>

function plain(next: LunGroups): Advanced {
  return { next, effects: [] }
}

/** With its last path the LUN is out of sight: nothing is known of its groups any more. */
function ungroup(before: LunGroups, path: string): Advanced {
  const { [path]: _gone, ...members } = before.members
  if (Object.keys(members).length > 0) return plain({ ...before, members })
  const effects = Object.entries(before.timers).map(([timer, dueUs]) => cancelled(timer, dueUs))
  return { next: forgotten(before), effects }
}

function waitBegan(before: LunGroups, event: Of<'lun.waitBegan'>): Advanced {
  const { next, effects } = retimed(before, { ...before, wait: beginWait(event) }, event.atUs, false)
  return { next, effects: [...effects, { type: 'reportGroups' }] }
}

function reported(before: LunGroups, event: Of<'lun.groupsReported'>): Advanced {
  const { transitionUs, atUs } = event
  const groups: Record<string, GroupState> = {}
  for (const { group, access, preferred, supported } of event.groups) {
    const known = before.groups[group]
    if (access === 'transitioning' && known?.overdue === true) {
      groups[group] = { ...known, preferred, supported }
      continue
    }
    const untilUs = access === 'transitioning' ? (known?.untilUs ?? atUs + transitionUs) : null
    groups[group] = { access, preferred, supported, untilUs }
  }
  const { next, effects } = retimed(before, { ...before, groups, transitionUs }, atUs, true)
  return { next, effects: [{ type: 'spreadGroups' }, ...effects] }
}

function sensed(before: LunGroups, { path, key, asc, ascq, atUs }: Of<'lun.senseReceived'>): Advanced {
  const code = asc * 0x100 + ascq
  const tells = key === NOT_READY || key === UNIT_ATTENTION
  const access = tells ? ACCESS_OF_SENSE[code] : undefined
  const asks = access !== undefined || (key === UNIT_ATTENTION && CHANGED.has(code))
  const ask: Effect[] = asks ? [{ type: 'reportGroups' }] : []
  const group = groupNumberOf(before, path)
  const known = groupOf(before, path)
  if (access === undefined || group === null || known?.access === access)
    return { next: before, effects: ask }
  const untilUs = access === 'transitioning' ? atUs + before.transitionUs : null
  const state = { preferred: known?.preferred ?? false, supported: known?.supported ?? 0, access, untilUs }
  const told = { ...before, groups: { ...before.groups, [group]: state } }
  const { next, effects } = retimed(before, told, atUs, false)
  return { next, effects: [{ type: 'spreadGroups' }, ...effects, ...ask] }
}

function fired(before: LunGroups, { timer, atUs, behaviour }: Of<'lun.timerFired'>): Advanced {
  const { [timer]: _fired, ...timers } = before.timers
  const unarmed = { ...before, timers }
  if (timer === 'poll') return { next: unarmed, effects: [{ type: 'reportGroups' }] }
  if (timer === 'wait') {
    const wait = before.wait ?? null
    const over = wait === null ? null : giveUp(wait)
    return { next: { ...unarmed, wait: over }, effects: [{ type: 'recountPaths' }] }
  }
  // Ledgers that were begun before the flag believed the target once more.
  const mark = behaviour?.outages === false ? {} : { overdue: true }
  const groups: Record<string, GroupState> = {}
  for (const [group, state] of Object.entries(before.groups)) {
    const over = state.untilUs !== null && state.untilUs <= atUs
    groups[group] = over ? { ...state, access: 'standby', untilUs: null, ...mark } : state
  }
  const { next, effects } = retimed(unarmed, { ...unarmed, groups }, atUs, false)
  return { next, effects: [{ type: 'spreadGroups' }, ...effects] }
}

/** Arms and cancels what the groups need now. `answered`: a report has come, the next look is due some time after it. */
function retimed(armed: LunGroups, told: LunGroups, atUs: number, answered: boolean): Advanced {
  const untils = Object.values(told.groups).flatMap(({ untilUs }) => (untilUs === null ? [] : [untilUs]))
  const changing = untils.length > 0
  const wait = waitNow(told.wait ?? null, { atUs, changing, answered })
  const next = wait === (told.wait ?? null) ? told : { ...told, wait }
  const everyUs = changing ? POLL_US : (told.wait?.pollUs ?? null)
  const pollUs = answered && everyUs !== null ? atUs + everyUs : armed.timers['poll']
  const timers = set({
    transition: changing ? untils.reduce((one, other) => Math.min(one, other)) : null,
    wait: wait?.untilUs ?? null,
    poll: everyUs === null ? null : (pollUs ?? null),
  })
  return { next: { ...next, timers }, effects: timerEffects(armed.timers, timers) }
}

/** Those that are to be armed. */
function set(wanted: Readonly<Record<string, number | null>>): Record<string, number> {
  const armed = Object.entries(wanted).filter((entry): entry is [string, number] => entry[1] !== null)
  return Object.fromEntries(armed)
}

function timerEffects(before: LunGroups['timers'], after: LunGroups['timers']): Effect[] {
  const effects: Effect[] = []
  for (const timer of ['poll', 'transition', 'wait']) {
    const [from, to] = [before[timer], after[timer]]
    if (to === from) continue
    if (from !== undefined) effects.push(cancelled(timer, from))
    if (to !== undefined) effects.push({ type: 'startTimer', timer, dueUs: to })
  }
  return effects
}

function waitNow(
  wait: GroupWait | null,
  { atUs, changing, answered }: { atUs: number; changing: boolean; answered: boolean },
): GroupWait | null {
  if (wait === null || changing) return wait
  const runs = running(wait, atUs)
  return answered ? slower(runs) : runs
}

function cancelled(timer: string, dueUs: number): Effect {
  return { type: 'cancelTimer', timer, dueUs }
}
