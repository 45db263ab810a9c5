// A command of reservations on its way: what is asked, how it ended, and the words for that.
import type {
  ReservationAction,
  ReservationCommand,
  ReservationState,
} from '../../machines/reservation/rules.ts'
import type { ReservationReply } from '../../store/lun/types.ts'

/** How a command ended: GOOD, or the status and why. */
export interface Outcome {
  readonly status: 'GOOD' | 'CONFLICT' | 'BUSY' | 'INVALID_RELEASE' | 'INVALID_FIELD' | 'NO_RESOURCES'
  readonly why: string
  readonly state: ReservationState
}

/** A command without what the engine knows by itself: who it is and by which paths it comes. */
export type Wish = Pick<ReservationCommand, 'action' | 'key' | 'serviceKey' | 'type' | 'aptpl'>

/** What is about to be asked: a command, or that one more path be registered. */
export type Asked = Pick<ReservationCommand, 'initiator' | 'nexus' | 'key' | 'serviceKey' | 'type'> & {
  readonly action: ReservationAction | 'registerPath'
}

/** Why a command that was done ended in conflict all the same. */
export const OVERTAKEN = 'another engine took our registration away before it was in force everywhere'

/** Why the storage did not do a command. */
export function refusalWords({ status, state }: ReservationReply): string {
  if (status === 'INVALID_RELEASE')
    return state.type === null
      ? 'There is no reservation of any type.'
      : `The reservation is of type ${state.type}.`
  if (status === 'INVALID_FIELD') return 'A key of 0, or no type, makes no sense here.'
  if (status === 'NO_RESOURCES') return 'There are as many registrants as there may be.'
  return 'The key is not the one that is registered, or somebody else holds the reservation.'
}

/** True when nothing of what an array would keep differs. */
export function isSame(one: ReservationState, other: ReservationState): boolean {
  return textOf(one) === textOf(other)
}

function textOf({ generation, registrants, holder, type, aptpl, attentions }: ReservationState): string {
  return JSON.stringify({ generation, registrants, holder, type, aptpl, attentions })
}
