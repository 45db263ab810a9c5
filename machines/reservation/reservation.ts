// The persistent reservations of one logical unit, as one engine knows them: free or reserved, and who is registered.
// The rules are reservation-rules.ts; the LUN's own storage decides, and the machine decides the same again.
import { assign, setup } from 'xstate'
import type { ReservationEvent } from './events.ts'
import {
  applyReservation,
  hearAttentions,
  NO_RESERVATION,
  registerNexus,
  type ReservationState,
} from './rules.ts'

export interface ReservationContext extends ReservationState {
  /** The name of this engine's initiator: the same in every run. */
  readonly mine: string
  /** Counts every change, on whichever engine; what a submit compares. */
  readonly epoch: number
  /** The last epoch that this engine has no older write open for. */
  readonly acknowledged: number
  /** How the last command of this engine ended. */
  readonly why: string
}

/** What an event makes of the reservations. Pure. */
export function reservationAfter(before: ReservationState, event: ReservationEvent): ReservationState {
  switch (event.type) {
    case 'reservation.adopted':
      return event.state
    case 'reservation.commanded':
      return applyReservation(before, { ...event, type: event.kind }).state
    case 'reservation.pathRegistered':
      return registerNexus(before, event)
    case 'reservation.attentionsHeard':
      return hearAttentions(before, event.initiator)
    default:
      return before
  }
}

/** A command that the rules refuse is refused here too: the storage would not have done it. */
function isTaken(before: ReservationState, event: ReservationEvent): boolean {
  if (event.type !== 'reservation.commanded') return true
  return applyReservation(before, { ...event, type: event.kind }).status === 'GOOD'
}

const reservation = setup({
  types: { context: {} as ReservationContext, events: {} as ReservationEvent },
  guards: {
    becomesReserved: ({ context, event }) =>
      isTaken(context, event) && reservationAfter(context, event).type !== null,
    isTaken: ({ context, event }) => isTaken(context, event),
  },
  actions: {
    take: assign(({ context, event }) => {
      const { generation, registrants, holder, type, aptpl, attentions } = reservationAfter(context, event)
      const epoch = 'epoch' in event ? event.epoch : context.epoch
      const mine = 'initiator' in event ? event.initiator : context.mine
      return { mine, generation, registrants, holder, type, aptpl, attentions, epoch }
    }),
    noteAcknowledged: assign(({ event }) =>
      event.type === 'reservation.acknowledged' ? { acknowledged: event.epoch } : {},
    ),
    noteSettled: assign(({ event }) =>
      event.type === 'reservation.settled' ? { why: `${event.action} ${event.status}: ${event.why}` } : {},
    ),
    /** Kept for who asks why an I/O was refused; it changes nothing. */
    keep: assign({}),
  },
})

const changes = [
  { guard: 'becomesReserved', target: 'reserved', actions: 'take' },
  { guard: 'isTaken', target: 'free', actions: 'take' },
] as const

export const reservationMachine = reservation.createMachine({
  id: 'reservation',
  version: '1',
  context: { ...NO_RESERVATION, mine: '', epoch: 0, acknowledged: 0, why: '' },
  initial: 'free',
  on: {
    'reservation.adopted': changes.map(({ target, ...rest }) => ({ ...rest, target: `.${target}` as const })),
    'reservation.commanded': changes.map(({ target, ...rest }) => ({
      ...rest,
      target: `.${target}` as const,
    })),
    'reservation.pathRegistered': { actions: 'take' },
    'reservation.attentionsHeard': { actions: 'take' },
    'reservation.acknowledged': { actions: 'noteAcknowledged' },
    'reservation.settled': { actions: 'noteSettled' },
    'reservation.conflict': { actions: 'keep' },
    'reservation.asked': { actions: 'keep' },
  },
  states: { free: {}, reserved: {} },
})
