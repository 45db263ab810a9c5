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

/** Why there are reservations in a storage that nobody has used. */
export const RESTORED = "the LUN's storage is another one than before: what this ledger knew was put there"

/** Why an I/O met a conflict. */
export function conflictWords({ type, holder }: ReservationState): string {
  const whose = holder === null ? 'its registrants' : `initiator ${holder.initiator}`
  return `The LUN is reserved ${type ?? 'by nobody'} for ${whose}, and this engine is not one of them.`
}

/** What an array would keep, without what else is known of it. */
export function stateOf(known: ReservationState): ReservationState {
  const { generation, registrants, holder, type, aptpl, attentions } = known
  return { generation, registrants, holder, type, aptpl, attentions }
}

/** True when nothing of what an array would keep differs. */
export function isSame(one: ReservationState, other: ReservationState): boolean {
  return JSON.stringify(stateOf(one)) === JSON.stringify(stateOf(other))
}

/** Whether something came of what was asked. */
export function isAnswered(asked: Promise<unknown>): Promise<boolean> {
  return asked.then(
    () => true,
    () => false,
  )
}

/** What a wait for the other engines came to: who was waited for in vain, and for how long. */
export function whySettled(pending: readonly string[], waitMs: number): string {
  if (pending.length === 0) return 'every engine has it'
  return `${pending.join('; ').slice(0, 440)}; waited reservationWaitMs, ${waitMs} ms`
}
