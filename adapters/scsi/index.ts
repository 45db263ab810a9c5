// SCSI as bytes: what builds and parses them serves a virtual LUN now and a real device later.
export {
  buildDeviceIdentification,
  ASSOCIATIONS,
  DESIGNATOR_TYPES,
  designatorOf,
  parseDeviceIdentification,
} from './designators.ts'
export type { Designator } from './designators.ts'
export { buildInquiry, parseInquiry } from './inquiry.ts'
export type { InquiryData } from './inquiry.ts'
export { lunId, targetPort } from './lun-id.ts'
export type { LunId, TargetPort } from './lun-id.ts'
export { buildPortGroups, parsePortGroups, supportedStates } from './port-groups.ts'
export type { PortGroup, PortGroups } from './port-groups.ts'
export { buildDescriptorSense, buildFixedSense, parseSense, SENSE_KEYS, senseOf } from './sense.ts'
export type { Sense } from './sense.ts'
export {
  buildReserveOut,
  parseKeys,
  parseReservation,
  parseReserveOut,
  RESERVE_IN,
  reserveInCdb,
} from './persistent-reserve.ts'
export type { ReserveOut } from './persistent-reserve.ts'
