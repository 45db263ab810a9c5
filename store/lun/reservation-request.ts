// What an engine asks of a LUN's reservations, and what the rules make of it. Pure: the file, the memory of a simulation
// and every test decide here.
import {
  applyReservation,
  hearAttentions,
  registerNexus,
  type ReservationAnswer,
  type ReservationState,
} from '../../machines/reservation/rules.ts'
import type { ReservationReply, ReservationSnapshot, ReservationRequest } from './types.ts'

/** The state after a request. */
function decideReservation(state: ReservationState, request: ReservationRequest): ReservationAnswer {
  switch (request.kind) {
    case 'command':
      return applyReservation(state, request.command)
    case 'registerNexus':
      return { status: 'GOOD', state: registerNexus(state, request) }
    case 'hearAttentions':
      return { status: 'GOOD', state: hearAttentions(state, request.initiator) }
    case 'restore':
      return { status: 'GOOD', state: request.state }
  }
}

/** What a request comes to: every change has an epoch of its own, but for unit attentions that were only heard. */
export function replyOf(
  { epoch, state: before }: ReservationSnapshot,
  request: ReservationRequest,
): ReservationReply {
  // What was lost is brought back only to where nothing has been since.
  if (request.kind === 'restore' && epoch > 0)
    return { status: 'CONFLICT', epoch, before, state: before, changed: false }
  const { status, state } = decideReservation(before, request)
  const changed = JSON.stringify(state) !== JSON.stringify(before)
  const counts = changed && request.kind !== 'hearAttentions'
  return { status, epoch: counts ? epoch + 1 : epoch, before, state, changed }
}
