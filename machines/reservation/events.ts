// What happens to the persistent reservations of a logical unit, as one engine sees and does it. Numbers 401 to 499.
import { z } from 'zod'
import { eventType, whole, word, type MachineEventOf } from '../events.ts'
import { RESERVATION_ACTIONS, RESERVATION_TYPES, type ReservationType } from './rules.ts'

const TYPES = Object.keys(RESERVATION_TYPES) as [ReservationType, ...ReservationType[]]
const key = z.string().regex(/^0x[0-9a-f]{16}$/)
const nexusName = { initiator: word, nexus: word }
const type = z.enum(TYPES).nullable()
const byte = z.int().min(0).max(0xff)
const attention = z.strictObject({ ...nexusName, asc: byte, ascq: byte })

/** What an array would keep of a LUN's reservations, as it comes from a ledger or from the LUN's own file. */
export const reservationState = z.strictObject({
  generation: z.int().min(0).max(0xffff_ffff),
  registrants: z.array(z.strictObject({ ...nexusName, key })).max(4096),
  holder: z.strictObject(nexusName).nullable(),
  type,
  aptpl: z.boolean(),
  attentions: z.array(attention).max(16_384),
})

export const RESERVATION_EVENTS = [
  // What the LUN's own storage says where it differs from what this engine knew: another engine did something.
  eventType(
    401,
    'reservation.adopted',
    { gate: true },
    z.strictObject({ initiator: word, epoch: whole, why: word, state: reservationState }),
  ),
  // A command of this engine, and what the storage answered.
  eventType(
    402,
    'reservation.commanded',
    { gate: true },
    z.strictObject({
      action: z.enum(RESERVATION_ACTIONS),
      ...nexusName,
      nexuses: z.array(word).max(1024),
      key,
      serviceKey: key,
      /** The type of the reservation, in Linux's words. */
      kind: type,
      aptpl: z.boolean(),
      epoch: whole,
    }),
  ),
  // One more path is registered, before its first I/O.
  eventType(
    403,
    'reservation.pathRegistered',
    { gate: true },
    z.strictObject({ ...nexusName, epoch: whole }),
  ),
  // This engine has no write open that is older than the epoch: whoever waits for it may go on.
  eventType(404, 'reservation.acknowledged', { gate: true }, z.strictObject({ epoch: whole })),
  // A command of this engine is in force on every engine, or is not proved to be, and why.
  eventType(
    405,
    'reservation.settled',
    { gate: true },
    z.strictObject({
      action: z.enum(RESERVATION_ACTIONS),
      epoch: whole,
      status: z.enum(['GOOD', 'BUSY', 'CONFLICT']),
      why: word,
    }),
  ),
  // An I/O was refused; its caller got EBADE, and no path was failed for it.
  eventType(
    406,
    'reservation.conflict',
    {},
    z.strictObject({ bio: whole, op: word, offset: whole, length: whole }),
  ),
  // Our nexuses have heard their unit attentions.
  eventType(
    407,
    'reservation.attentionsHeard',
    { gate: true },
    z.strictObject({ initiator: word, epoch: whole }),
  ),
  // What this engine is about to ask of the LUN's storage: on the ledger before any other engine can see what came of it.
  eventType(
    408,
    'reservation.asked',
    { gate: true },
    z.strictObject({
      action: z.enum([...RESERVATION_ACTIONS, 'registerPath']),
      ...nexusName,
      key,
      serviceKey: key,
      kind: type,
    }),
  ),
] as const

/** What happened to a LUN's reservations, with the monotonic time at which it did. */
export type ReservationEvent = MachineEventOf<typeof RESERVATION_EVENTS>
