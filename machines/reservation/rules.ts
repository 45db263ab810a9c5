// Persistent reservations as SPC-4 (5.13) has them: registrants per I_T nexus, one reservation, a generation. Pure; the
// LUN's storage applies them in a transaction, the reservation's machine applies them again to what is on the ledger.
//
// An initiator is an engine, and its nexuses are its paths. What a command does to one nexus of an initiator it does to
// all of them that it names: registered on one path is registered on every path (E1).

/** Linux's words (pr_ops) for the types, with SCSI's numbers. */
export const RESERVATION_TYPES = {
  'write-exclusive': 0x1,
  'exclusive-access': 0x3,
  'write-exclusive-reg-only': 0x5,
  'exclusive-access-reg-only': 0x6,
  'write-exclusive-all-regs': 0x7,
  'exclusive-access-all-regs': 0x8,
} as const
/** A type of a reservation, in Linux's words. */
export type ReservationType = keyof typeof RESERVATION_TYPES

/** Service actions of PERSISTENT RESERVE OUT. */
export const RESERVATION_ACTIONS = [
  'register',
  'reserve',
  'release',
  'clear',
  'preempt',
  'preemptAbort',
  'registerIgnore',
] as const
/** What a PERSISTENT RESERVE OUT command does. */
export type ReservationAction = (typeof RESERVATION_ACTIONS)[number]

/** One path of one initiator. */
export interface NexusName {
  readonly initiator: string
  readonly nexus: string
}

/** A nexus that has registered a key. */
export interface Registrant extends NexusName {
  /** '0x' and 16 hex digits. */
  readonly key: string
}

export interface Attention extends NexusName {
  readonly asc: number
  readonly ascq: number
}

/** What an array keeps of its reservations. */
export interface ReservationState {
  /** PRgeneration, 32 bits. */
  readonly generation: number
  readonly registrants: readonly Registrant[]
  /** null without a reservation, and for the types where every registrant holds it. */
  readonly holder: NexusName | null
  readonly type: ReservationType | null
  /** Activate persist through power loss, as last registered. */
  readonly aptpl: boolean
  /** Unit attentions that each nexus has still to hear. */
  readonly attentions: readonly Attention[]
}

export interface ReservationCommand {
  readonly action: ReservationAction
  readonly initiator: string
  /** The nexus that it comes in by. */
  readonly nexus: string
  /** Every nexus of the initiator that is to be registered with it; the one it comes in by among them. */
  readonly nexuses: readonly string[]
  readonly key: string
  readonly serviceKey: string
  readonly type: ReservationType | null
  readonly aptpl: boolean
}

/** GOOD, RESERVATION CONFLICT, or why it is an ILLEGAL REQUEST. */
export type ReservationStatus = 'GOOD' | 'CONFLICT' | 'INVALID_RELEASE' | 'INVALID_FIELD' | 'NO_RESOURCES'

export interface ReservationAnswer {
  readonly status: ReservationStatus
  readonly state: ReservationState
}

export const NO_KEY = '0x0000000000000000'
/** As many as 64 engines with 64 paths; a target has a bound too (INSUFFICIENT REGISTRATION RESOURCES). */
export const REGISTRANTS_MAX = 4096

export const NO_RESERVATION: ReservationState = {
  generation: 0,
  registrants: [],
  holder: null,
  type: null,
  aptpl: false,
  attentions: [],
}

const REGISTRATIONS_PREEMPTED = { asc: 0x2a, ascq: 0x05 }
const RESERVATIONS_PREEMPTED = { asc: 0x2a, ascq: 0x03 }
const RESERVATIONS_RELEASED = { asc: 0x2a, ascq: 0x04 }

/** Applies one command. Pure; a command that is refused leaves the state as it was. */
export function applyReservation(state: ReservationState, command: ReservationCommand): ReservationAnswer {
  switch (command.action) {
    case 'register':
    case 'registerIgnore':
      return register(state, command)
    case 'reserve':
      return ifRegistered(state, command, reserve)
    case 'release':
      return ifRegistered(state, command, release)
    case 'clear':
      return ifRegistered(state, command, clear)
    case 'preempt':
    case 'preemptAbort':
      return ifRegistered(state, command, preempt)
  }
}

/** True for the types that every registrant holds. */
export function isAllRegistrants(type: ReservationType | null): boolean {
  return type === 'write-exclusive-all-regs' || type === 'exclusive-access-all-regs'
}

/** May an initiator read, or change, the medium? SPC-4's table for its three kinds: holder, registrant, neither. */
export function mayAccess(state: ReservationState, initiator: string, op: 'read' | 'write'): boolean {
  const { type, holder } = state
  if (type === null) return true
  const writeExclusive = type.startsWith('write-exclusive')
  if (op === 'read' && writeExclusive) return true
  if (type === 'write-exclusive' || type === 'exclusive-access') return holder?.initiator === initiator
  return isRegistered(state, initiator)
}

/** True when the initiator is registered, through any nexus. */
export function isRegistered({ registrants }: ReservationState, initiator: string): boolean {
  return registrants.some((one) => one.initiator === initiator)
}

/** The key of a nexus; null where it is not registered. */
export function keyOf({ registrants }: ReservationState, { initiator, nexus }: NexusName): string | null {
  return registrants.find((one) => one.initiator === initiator && one.nexus === nexus)?.key ?? null
}

/** The key of an initiator, which all its nexuses share; null where it is not registered. */
export function keyOfInitiator({ registrants }: ReservationState, initiator: string): string | null {
  return registrants.find((one) => one.initiator === initiator)?.key ?? null
}

type Step = (state: ReservationState, command: ReservationCommand) => ReservationAnswer

function ifRegistered(state: ReservationState, command: ReservationCommand, step: Step): ReservationAnswer {
  return keyOf(state, command) === command.key ? step(state, command) : refused(state, 'CONFLICT')
}

function refused(state: ReservationState, status: ReservationStatus): ReservationAnswer {
  return { status, state }
}

function good(state: ReservationState): ReservationAnswer {
  return { status: 'GOOD', state }
}

function register(state: ReservationState, command: ReservationCommand): ReservationAnswer {
  const { action, initiator, key, serviceKey, aptpl } = command
  const known = keyOf(state, command)
  if (action === 'register' && (known ?? NO_KEY) !== key) return refused(state, 'CONFLICT')
  const gone = serviceKey === NO_KEY
  if (gone && known === null) return good(state)
  // A rekey is one of every nexus that the initiator has, a path that is down among them.
  const mine = state.registrants.filter((one) => one.initiator === initiator).map(({ nexus }) => nexus)
  const nexuses = [...new Set([...command.nexuses, command.nexus, ...mine])]
  const others = state.registrants.filter((one) => one.initiator !== initiator)
  const added = gone ? [] : nexuses.map((nexus) => ({ initiator, nexus, key: serviceKey }))
  if (others.length + added.length > REGISTRANTS_MAX) return refused(state, 'NO_RESOURCES')
  const registrants = gone ? others : inOrder(state.registrants, others, added)
  const next = counted({ ...state, registrants, aptpl: gone ? state.aptpl : aptpl })
  return good(gone ? withoutHolder(next, initiator) : next)
}

/** Who was registered keeps their place: reports are in the order of registration. */
function inOrder(
  before: readonly Registrant[],
  others: readonly Registrant[],
  added: readonly Registrant[],
): readonly Registrant[] {
  const kept = before.flatMap((one) => {
    const own = added.find((other) => sameNexus(other, one))
    return own === undefined ? others.filter((other) => sameNexus(other, one)) : [own]
  })
  return [...kept, ...added.filter((one) => !kept.some((other) => sameNexus(other, one)))]
}

/** An initiator that held the reservation and is not registered any more has released it. */
function withoutHolder(state: ReservationState, initiator: string): ReservationState {
  const { type, holder, registrants } = state
  const held = isAllRegistrants(type) ? registrants.length === 0 : holder?.initiator === initiator
  return held ? released(state, initiator) : state
}

function reserve(state: ReservationState, command: ReservationCommand): ReservationAnswer {
  const { initiator, nexus, type } = command
  if (type === null) return refused(state, 'INVALID_FIELD')
  if (state.type === null) {
    return good({ ...state, type, holder: isAllRegistrants(type) ? null : { initiator, nexus } })
  }
  return holds(state, initiator) && state.type === type ? good(state) : refused(state, 'CONFLICT')
}

/** True when the reservation is the initiator's, whichever of its nexuses it was made through. */
function holds({ type, holder, registrants }: ReservationState, initiator: string): boolean {
  if (isAllRegistrants(type)) return registrants.some((one) => one.initiator === initiator)
  return holder?.initiator === initiator
}

/** Works with the holder's path down: the reservation is the initiator's, and moves to the path that asks. */
function release(state: ReservationState, command: ReservationCommand): ReservationAnswer {
  if (state.type === null || !holds(state, command.initiator)) return good(state)
  if (state.type !== command.type) return refused(state, 'INVALID_RELEASE')
  return good(released(state, command.initiator))
}

/** Where all registrants had access, those who stay hear that it is over. */
function released(state: ReservationState, initiator: string): ReservationState {
  const { type } = state
  const none = { ...state, type: null, holder: null }
  const exclusive = type === 'write-exclusive' || type === 'exclusive-access'
  return exclusive ? none : told(none, othersOf(none, initiator), RESERVATIONS_RELEASED)
}

function clear(state: ReservationState, { initiator }: ReservationCommand): ReservationAnswer {
  const empty = counted({ ...state, registrants: [], holder: null, type: null })
  return good(told(empty, othersOf(state, initiator), RESERVATIONS_PREEMPTED))
}

function preempt(state: ReservationState, command: ReservationCommand): ReservationAnswer {
  const { serviceKey, initiator } = command
  const holderKey = state.holder === null ? null : keyOf(state, state.holder)
  const takesOver = isAllRegistrants(state.type) ? serviceKey === NO_KEY : holderKey === serviceKey
  if (state.type !== null && takesOver) return takeOver(state, command)
  if (serviceKey === NO_KEY) return refused(state, 'INVALID_FIELD')
  const gone = state.registrants.filter(({ key }) => key === serviceKey)
  if (gone.length === 0) return refused(state, 'CONFLICT')
  const registrants = state.registrants.filter(({ key }) => key !== serviceKey)
  const others = gone.filter((one) => one.initiator !== initiator)
  return good(told(counted({ ...state, registrants }), others, REGISTRATIONS_PREEMPTED))
}

/** The old reservation and its holder's registrations go, the new one is the preempting initiator's, on all its paths. */
function takeOver(state: ReservationState, command: ReservationCommand): ReservationAnswer {
  const { initiator, nexus, key, serviceKey, type } = command
  if (type === null) return refused(state, 'INVALID_FIELD')
  const goes = (one: Registrant) =>
    one.initiator !== initiator && (serviceKey === NO_KEY || one.key === serviceKey)
  const kept = state.registrants.filter((one) => !goes(one))
  // Taking over one's own key would take it off every other path of one's own: they are registered again (E1).
  const own = command.nexuses.map((name) => ({ initiator, nexus: name, key }))
  const registrants = inOrder(
    kept,
    kept.filter((one) => one.initiator !== initiator),
    own.length === 0 ? kept.filter((one) => one.initiator === initiator) : own,
  )
  const holder = isAllRegistrants(type) ? null : { initiator, nexus }
  const next = counted({ ...state, registrants, type, holder })
  const preempted = told(next, state.registrants.filter(goes), REGISTRATIONS_PREEMPTED)
  return good(
    type === state.type ? preempted : told(preempted, othersOf(next, initiator), RESERVATIONS_RELEASED),
  )
}

function counted(state: ReservationState): ReservationState {
  return { ...state, generation: (state.generation + 1) % 0x1_0000_0000 }
}

function othersOf({ registrants }: ReservationState, initiator: string): Registrant[] {
  return registrants.filter((one) => one.initiator !== initiator)
}

/** A nexus hears of each thing once, however often it happened. */
function told(
  state: ReservationState,
  nexuses: readonly NexusName[],
  what: { readonly asc: number; readonly ascq: number },
): ReservationState {
  const heard = (one: NexusName) =>
    state.attentions.some(
      (other) => sameNexus(one, other) && other.asc === what.asc && other.ascq === what.ascq,
    )
  const added = nexuses
    .filter((one) => !heard(one))
    .map(({ initiator, nexus }) => ({ initiator, nexus, ...what }))
  return added.length === 0 ? state : { ...state, attentions: [...state.attentions, ...added] }
}

/** One more path of an initiator that is registered already; null where it is not, any more. */
export function registerNexus(state: ReservationState, { initiator, nexus }: NexusName): ReservationState {
  const key = keyOfInitiator(state, initiator)
  if (key === null || keyOf(state, { initiator, nexus }) !== null) return state
  if (state.registrants.length >= REGISTRANTS_MAX) return state
  return counted({ ...state, registrants: [...state.registrants, { initiator, nexus, key }] })
}

/** The unit attentions of an initiator have been heard. */
export function hearAttentions(state: ReservationState, initiator: string): ReservationState {
  const attentions = state.attentions.filter((one) => one.initiator !== initiator)
  return attentions.length === state.attentions.length ? state : { ...state, attentions }
}

function sameNexus(one: NexusName, other: NexusName): boolean {
  return one.initiator === other.initiator && one.nexus === other.nexus
}
