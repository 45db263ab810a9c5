// REPORT TARGET PORT GROUPS, with both headers, built and parsed as bytes (SPC-4, 6.37).
import { checkArguments, checkFields } from '../../errors/arguments.ts'
import type { AccessState } from '../../machines/words.ts'
import { byteAt, joined, put32, truncated, uint16At, uint32At } from './bytes.ts'
import { uint16Field, uint32Field } from './cdb.ts'

export const MAINTENANCE_IN = 0xa3
export const REPORT_TARGET_PORT_GROUPS = 0x0a

/** One group of target ports and how its ports reach the logical unit. */
export interface PortGroup {
  readonly group: number
  /** An unknown nibble is 'unavailable': it must never count as usable. */
  readonly access: AccessState
  /** ALUA's preferred bit, apart from the state (D-20). */
  readonly preferred: boolean
  /** The supported-states byte as it is; {@link supportedStates} names its bits. */
  readonly supported: number
  /** Relative numbers of its ports. */
  readonly ports: readonly number[]
}

/** An answer to REPORT TARGET PORT GROUPS. */
export interface PortGroups {
  readonly extended: boolean
  /** Implicit transition time of the extended header; null where it says none. */
  readonly transitionSeconds: number | null
  readonly groups: readonly PortGroup[]
}

const STATE_NIBBLES: readonly (readonly [number, AccessState])[] = [
  [0x0, 'optimal'],
  [0x1, 'active'],
  [0x2, 'standby'],
  [0x3, 'unavailable'],
  [0x4, 'lbaDependent'],
  [0xe, 'offline'],
  [0xf, 'transitioning'],
]
const SUPPORTED_BITS: readonly (readonly [number, AccessState])[] = [
  [0x01, 'optimal'],
  [0x02, 'active'],
  [0x04, 'standby'],
  [0x08, 'unavailable'],
  [0x10, 'lbaDependent'],
  [0x40, 'offline'],
  [0x80, 'transitioning'],
]

const PREFERRED = 0x80
const STATE_MASK = 0x0f
const FORMAT_MASK = 0x70
const EXTENDED_FORMAT = 0x10
const DESCRIPTOR_BYTES = 8
const PORT_BYTES = 4

/** CDB of MAINTENANCE IN / REPORT TARGET PORT GROUPS; `extended` asks for the longer header. */
export function portGroupsCdb(extended: boolean, allocation: number): Uint8Array {
  const action = REPORT_TARGET_PORT_GROUPS | (extended ? 0x20 : 0)
  return Uint8Array.of(MAINTENANCE_IN, action, 0, 0, 0, 0, ...uint32Field(allocation), 0, 0)
}

/** What such a CDB asks for; null for another command. */
export function readPortGroupsCdb(cdb: Uint8Array): { extended: boolean; allocation: number } | null {
  if (byteAt(cdb, 0) !== MAINTENANCE_IN) return null
  const action = byteAt(cdb, 1)
  if ((action & 0x1f) !== REPORT_TARGET_PORT_GROUPS) return null
  return { extended: action >> 5 === 1, allocation: uint32At(cdb, 6) }
}

/** The answer's bytes. */
export function buildPortGroups(answer: PortGroups): Uint8Array {
  checkFields('buildPortGroups', 'answer', answer, { extended: 'flag', groups: 'list' })
  for (const one of answer.groups) checkGroup(one)
  const { extended, transitionSeconds, groups } = answer
  const seconds = transitionSeconds ?? 0
  checkArguments('buildPortGroups', { transitionSeconds: seconds }, { transitionSeconds: 'count' })
  const header = new Uint8Array(extended ? 8 : 4)
  if (extended) {
    header[4] = EXTENDED_FORMAT
    header[5] = seconds & 0xff
  }
  const whole = joined([header, ...groups.map(descriptor)])
  put32(whole, 0, whole.length - 4)
  return whole
}

function checkGroup(group: PortGroup): void {
  const wanted = {
    group: 'count',
    access: 'text',
    preferred: 'flag',
    supported: 'count',
    ports: 'list',
  } as const
  checkFields('buildPortGroups', 'a group', group, wanted)
  for (const port of group.ports) checkArguments('buildPortGroups', { port }, { port: 'count' })
}

function descriptor({ group, access, preferred, supported, ports }: PortGroup): Uint8Array {
  const state = STATE_NIBBLES.find(([, word]) => word === access)?.[0] ?? 0x3
  const first = state | (preferred ? PREFERRED : 0)
  const header = [first, supported & 0xff, ...uint16Field(group), 0, 0, 0, ports.length & 0xff]
  return Uint8Array.of(...header, ...ports.flatMap((port) => [0, 0, ...uint16Field(port)]))
}

/** How long the whole answer is, its length field included: more than its bytes where those were cut. */
export function portGroupsBytes(bytes: Uint8Array): number {
  return 4 + uint32At(bytes, 0)
}

/** Parses the answer, whichever header it has. Throws SCSI_TRUNCATED where a descriptor runs past its end. */
export function parsePortGroups(bytes: Uint8Array): PortGroups {
  checkArguments('parsePortGroups', { bytes }, { bytes: 'bytes' })
  const end = portGroupsBytes(bytes)
  if (end > bytes.length) throw truncated(bytes.length, end)
  // Without the long header this is the first byte of a descriptor, where these bits are reserved.
  const extended = end > 4 && (byteAt(bytes, 4) & FORMAT_MASK) === EXTENDED_FORMAT
  const groups: PortGroup[] = []
  let at = extended ? 8 : 4
  while (at < end) {
    if (at + DESCRIPTOR_BYTES > end) throw truncated(end, at + DESCRIPTOR_BYTES)
    const next = at + DESCRIPTOR_BYTES + PORT_BYTES * byteAt(bytes, at + 7)
    if (next > end) throw truncated(end, next)
    groups.push(groupAt(bytes, at, next))
    at = next
  }
  const seconds = extended ? byteAt(bytes, 5) : 0
  return { extended, transitionSeconds: seconds === 0 ? null : seconds, groups }
}

function groupAt(bytes: Uint8Array, at: number, next: number): PortGroup {
  const first = byteAt(bytes, at)
  const ports: number[] = []
  for (let port = at + DESCRIPTOR_BYTES; port < next; port += PORT_BYTES)
    ports.push(uint16At(bytes, port + 2))
  return {
    group: uint16At(bytes, at + 2),
    access: STATE_NIBBLES.find(([nibble]) => nibble === (first & STATE_MASK))?.[1] ?? 'unavailable',
    preferred: (first & PREFERRED) !== 0,
    supported: byteAt(bytes, at + 1),
    ports,
  }
}

/** The states that a supported-states byte names. */
export function supportedStates(supported: number): AccessState[] {
  checkArguments('supportedStates', { supported }, { supported: 'count' })
  return SUPPORTED_BITS.filter(([bit]) => (supported & bit) !== 0).map(([, word]) => word)
}

/** The supported-states byte of these states. */
export function supportedByte(states: readonly AccessState[]): number {
  return SUPPORTED_BITS.filter(([, word]) => states.includes(word)).reduce((byte, [bit]) => byte | bit, 0)
}
