// `pathledger/scsi`: SCSI as bytes, built and parsed: sense data, INQUIRY, device identification, target port groups, and
// persistent reservations. Nothing here opens a device.
export * from '../adapters/scsi/index.ts'
export { PathledgerError } from '../errors.ts'
export type { ErrorCode } from '../errors/codes.ts'

// What the above take and give, by name.
export type { ReservationAction, ReservationType } from '../machines/reservation/rules.ts'
export type { AccessState } from '../machines/words.ts'
