// Reservations as the control socket asks for them: each a call of the public API, answered with what the LUN says then.
import type { ControlRequest } from '../../adapters/control/frames.ts'
import type { Head } from '../api/head.ts'
import type { OperatorWord } from '../core/spoken.ts'
import type { ReservationInfo } from '../api/reservations.ts'
import type { Registrant, ReservationType } from '../../machines/reservation/rules.ts'

/** What a LUN's reservations are, for who asks from outside. */
export interface ReservationReport {
  readonly head: string
  readonly wwid: string
  readonly generation: number
  /** Activate persist through power loss, as last registered. */
  readonly aptpl: boolean
  readonly reservation: ReservationInfo | null
  /** Every path of every engine that is registered, with its key, in the order of registration. */
  readonly registrants: readonly Registrant[]
}

type Command = Extract<ControlRequest, { key: string }>

/** Does what was asked and resolves with the report after it; rejects as {@link Head.reservations} does. */
export async function askReservations(
  head: Head,
  request: Command,
  word: OperatorWord,
): Promise<ReservationReport> {
  await perform(head, request, word)
  return reservationReport(head)
}

function perform({ reservations }: Head, request: Command, word: OperatorWord): Promise<void> {
  switch (request.verb) {
    case 'reservationRegister': {
      const { key, oldKey, ignore, aptpl } = request
      const given = {
        ...(oldKey === undefined ? {} : { oldKey }),
        ignore: ignore ?? false,
        aptpl: aptpl ?? true,
      }
      return reservations.register(key, { ...given, ...word })
    }
    // A type that is none of Linux's is refused there, by name.
    case 'reservationReserve':
      return reservations.reserve(request.key, request.type as ReservationType, word)
    case 'reservationRelease':
      return reservations.release(request.key, request.type as ReservationType, word)
    case 'reservationPreempt': {
      const { key, victim, type, abort = false } = request
      return reservations.preempt(key, victim, type as ReservationType, { abort, ...word })
    }
    case 'reservationClear':
      return reservations.clear(request.key, word)
  }
}

/** What the LUN says now, whichever engine did it. */
export function reservationReport({ name, wwid, reservations }: Head): ReservationReport {
  const { generation } = reservations.readKeys()
  const { aptpl } = reservations.reportCapabilities()
  return {
    head: name,
    wwid,
    generation,
    aptpl,
    reservation: reservations.readReservation(),
    registrants: reservations.readFullStatus(),
  }
}
