// PERSISTENT RESERVE IN and OUT, built and parsed as bytes (SPC-4, 6.15 and 6.16). What they mean is
// machines/reservation-rules.ts.
import { argumentInvalid, checkArguments, checkFields, shown } from '../../errors/arguments.ts'
import type {
  Registrant,
  ReservationAction,
  ReservationState,
  ReservationType,
} from '../../machines/reservation/rules.ts'
import { byteAt, bytesOf, joined, malformed, put32, put64, uint32At, uint64At } from './bytes.ts'
import { uint16Field, uint32Field } from './cdb.ts'

export const PERSISTENT_RESERVE_IN = 0x5e
export const PERSISTENT_RESERVE_OUT = 0x5f

/** Service actions of PERSISTENT RESERVE IN. */
export const RESERVE_IN = { keys: 0, reservation: 1, capabilities: 2, fullStatus: 3 } as const

const OUT_ACTIONS: readonly (readonly [number, ReservationAction])[] = [
  [0, 'register'],
  [1, 'reserve'],
  [2, 'release'],
  [3, 'clear'],
  [4, 'preempt'],
  [5, 'preemptAbort'],
  [6, 'registerIgnore'],
]
const TYPES: readonly (readonly [number, ReservationType])[] = [
  [0x1, 'write-exclusive'],
  [0x3, 'exclusive-access'],
  [0x5, 'write-exclusive-reg-only'],
  [0x6, 'exclusive-access-reg-only'],
  [0x7, 'write-exclusive-all-regs'],
  [0x8, 'exclusive-access-all-regs'],
]
const PARAMETER_BYTES = 24
/** Bits of byte 20 of the parameter list. */
const APTPL = 0x01
const ALL_TARGET_PORTS = 0x04
const SPECIFY_INITIATORS = 0x08

/** PERSISTENT RESERVE OUT, read. */
export interface ReserveOut {
  readonly action: ReservationAction
  /** Null for a number that is no type. */
  readonly type: ReservationType | null
  readonly key: string
  readonly serviceKey: string
  readonly aptpl: boolean
  /** ALL_TG_PT: of every target port; ours always is. */
  readonly allPorts: boolean
}

/** The CDB and parameter list of a PERSISTENT RESERVE OUT. */
export function buildReserveOut(command: ReserveOut): { cdb: Uint8Array; dataOut: Uint8Array } {
  checkFields('buildReserveOut', 'command', command, {
    ...{ action: OUT_ACTIONS.map(([, word]) => word), key: 'text', serviceKey: 'text' },
    ...{ aptpl: 'flag', allPorts: 'flag' },
  })
  const action = OUT_ACTIONS.find(([, word]) => word === command.action)?.[0] ?? 0
  const type = TYPES.find(([, word]) => word === command.type)?.[0] ?? 0
  const cdb = Uint8Array.of(PERSISTENT_RESERVE_OUT, action, type, 0, 0, ...uint32Field(PARAMETER_BYTES), 0)
  const dataOut = new Uint8Array(PARAMETER_BYTES)
  put64(dataOut, 0, keyNumber(command.key))
  put64(dataOut, 8, keyNumber(command.serviceKey))
  dataOut[20] = (command.aptpl ? APTPL : 0) | (command.allPorts ? ALL_TARGET_PORTS : 0)
  return { cdb, dataOut }
}

/** The number that the text of a key stands for. */
function keyNumber(key: string): bigint {
  if (/^0x[0-9a-f]{1,16}$/i.test(key)) return BigInt(key)
  throw argumentInvalid(
    'buildReserveOut',
    `A key is '0x' and up to 16 hex digits, and it was given ${shown(key)}.`,
  )
}

/**
 * Reads a PERSISTENT RESERVE OUT. Throws SCSI_MALFORMED for an action or a scope that is not known, SPEC_I_PT, or a
 * parameter list that is not 24 bytes; SCSI_TRUNCATED for a CDB that ends too early.
 */
export function parseReserveOut(cdb: Uint8Array, dataOut: Uint8Array | null): ReserveOut {
  checkArguments('parseReserveOut', { cdb }, { cdb: 'bytes' })
  if (dataOut !== null) checkArguments('parseReserveOut', { dataOut }, { dataOut: 'bytes' })
  const action = OUT_ACTIONS.find(([number]) => number === (byteAt(cdb, 1) & 0x1f))?.[1]
  if (byteAt(cdb, 0) !== PERSISTENT_RESERVE_OUT || action === undefined) {
    throw malformed('a PERSISTENT RESERVE OUT', 'Its operation code or service action is another one.')
  }
  const scope = byteAt(cdb, 2) >> 4
  if (scope !== 0) throw malformed('a reservation of a logical unit', `Its scope is ${scope}.`)
  const length = uint32At(cdb, 5)
  if (dataOut === null || dataOut.length !== PARAMETER_BYTES || length !== PARAMETER_BYTES) {
    throw malformed('the parameter list of a PERSISTENT RESERVE OUT', `It has ${PARAMETER_BYTES} bytes.`)
  }
  const flags = byteAt(dataOut, 20)
  if ((flags & SPECIFY_INITIATORS) !== 0) throw malformed('a registration of oneself', 'SPEC_I_PT is set.')
  return {
    action,
    type: TYPES.find(([number]) => number === (byteAt(cdb, 2) & 0xf))?.[1] ?? null,
    key: keyText(uint64At(dataOut, 0)),
    serviceKey: keyText(uint64At(dataOut, 8)),
    aptpl: (flags & APTPL) !== 0,
    allPorts: (flags & ALL_TARGET_PORTS) !== 0,
  }
}

/** The CDB of a PERSISTENT RESERVE IN. */
export function reserveInCdb(action: number, allocation: number): Uint8Array {
  checkArguments('reserveInCdb', { action, allocation }, { action: 'count', allocation: 'count' })
  return Uint8Array.of(PERSISTENT_RESERVE_IN, action, 0, 0, 0, 0, 0, ...uint16Field(allocation), 0)
}

/** READ KEYS: generation, and a key for each nexus that is registered. */
export function buildKeys({ generation, registrants }: ReservationState): Uint8Array {
  const keys = new Uint8Array(8 * registrants.length)
  registrants.forEach(({ key }, at) => put64(keys, 8 * at, BigInt(key)))
  return headed(generation, keys)
}

/** Parses READ KEYS. Throws SCSI_TRUNCATED where it ends before its length. */
export function parseKeys(bytes: Uint8Array): { generation: number; keys: string[] } {
  checkArguments('parseKeys', { bytes }, { bytes: 'bytes' })
  const count = Math.floor(uint32At(bytes, 4) / 8)
  const keys = Array.from({ length: Math.min(count, bytes.length) }, (_, at) =>
    keyText(uint64At(bytes, 8 + 8 * at)),
  )
  return { generation: uint32At(bytes, 0), keys }
}

/** READ RESERVATION: the holder's key and the type; key 0 where every registrant holds it. */
export function buildReservation(state: ReservationState): Uint8Array {
  const { generation, type, holder, registrants } = state
  if (type === null) return headed(generation, new Uint8Array(0))
  const body = new Uint8Array(16)
  const key = holder === null ? null : keyOfHolder(registrants, holder)
  put64(body, 0, BigInt(key ?? 0))
  body[13] = TYPES.find(([, word]) => word === type)?.[0] ?? 0
  return headed(generation, body)
}

/** Parses READ RESERVATION. Throws SCSI_TRUNCATED where it ends before its length. */
export function parseReservation(bytes: Uint8Array): {
  generation: number
  reservation: { key: string; type: ReservationType | null } | null
} {
  checkArguments('parseReservation', { bytes }, { bytes: 'bytes' })
  const generation = uint32At(bytes, 0)
  if (uint32At(bytes, 4) < 16) return { generation, reservation: null }
  const type = TYPES.find(([number]) => number === (byteAt(bytes, 21) & 0xf))?.[1] ?? null
  return { generation, reservation: { key: keyText(uint64At(bytes, 8)), type } }
}

/** REPORT CAPABILITIES: all six types, persistence through power loss, all target ports at once. */
export function buildCapabilities({ aptpl }: ReservationState): Uint8Array {
  const mask = TYPES.reduce((bits, [number]) => bits | (1 << number), 0)
  const bytes = Uint8Array.of(0, 8, 0x01 | 0x04, 0x80 | (aptpl ? 1 : 0), 0, 0, 0, 0)
  // Byte 4 holds types 1, 3, 5, 6, 7 in their bits, byte 5 type 8 in bit 0.
  bytes[4] = mask & 0xff
  bytes[5] = (mask >> 8) & 0xff
  return bytes
}

/** READ FULL STATUS: a descriptor for each nexus, its initiator as a SCSI name of iSCSI form. */
export function buildFullStatus(state: ReservationState): Uint8Array {
  const { registrants, holder, type } = state
  const number = TYPES.find(([, word]) => word === type)?.[0] ?? 0
  const parts = registrants.map((one) => {
    const holds =
      type !== null && (holder === null || (holder.initiator === one.initiator && holder.nexus === one.nexus))
    const name = bytesOf(`iqn.pathledger:${one.initiator},i,0x${one.nexus.replaceAll(':', '')}\0`)
    const id = new Uint8Array(4 + Math.ceil(name.length / 4) * 4)
    id[0] = 0x45
    id[3] = id.length - 4
    id.set(name, 4)
    const head = new Uint8Array(24)
    put64(head, 0, BigInt(one.key))
    head[12] = holds ? 1 : 0
    head[13] = holds ? number : 0
    put32(head, 20, id.length)
    return joined([head, id])
  })
  return headed(state.generation, joined(parts))
}

function headed(generation: number, body: Uint8Array): Uint8Array {
  const header = new Uint8Array(8)
  put32(header, 0, generation)
  put32(header, 4, body.length)
  return joined([header, body])
}

function keyOfHolder(registrants: readonly Registrant[], holder: { initiator: string; nexus: string }) {
  const { initiator, nexus } = holder
  return registrants.find((one) => one.initiator === initiator && one.nexus === nexus)?.key ?? null
}

/** '0x' and 16 digits: a key as it is written everywhere. */
export function keyText(key: bigint): string {
  return `0x${BigInt.asUintN(64, key).toString(16).padStart(16, '0')}`
}
