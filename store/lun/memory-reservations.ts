// Reservations that live in this process alone: for a LUN without storage of its own, and for simulations.
import { NO_RESERVATION } from '../../machines/reservation/rules.ts'
import { replyOf } from './reservation-request.ts'
import type { ReservationSnapshot, ReservationStore } from './types.ts'

/** Makes the reservations of one LUN; nobody else sees them, so nobody else is ever waited for. */
export function memoryReservations(): ReservationStore {
  let now: ReservationSnapshot = { epoch: 0, state: NO_RESERVATION }
  return {
    word: () => now.epoch,
    read: () => now,
    readNow: () => now,
    engines: () => [],
    request: async (request) => {
      const reply = replyOf(now, request)
      now = { epoch: reply.epoch, state: reply.state }
      return reply
    },
    acknowledge: async () => undefined,
    leave: async () => undefined,
    isAlive: () => true,
    catchUp: async () => undefined,
    onChange: () => undefined,
  }
}
