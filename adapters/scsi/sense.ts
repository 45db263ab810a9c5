// Sense data in both formats, built and parsed as bytes (SPC-4, 4.5).
import { checkArguments, checkFields } from '../../errors/arguments.ts'
import { byteAt, malformed } from './bytes.ts'

/** Sense keys of SPC-4, by name. */
export const SENSE_KEYS = {
  noSense: 0x0,
  recovered: 0x1,
  notReady: 0x2,
  medium: 0x3,
  hardware: 0x4,
  illegalRequest: 0x5,
  unitAttention: 0x6,
  dataProtect: 0x7,
  blankCheck: 0x8,
  copyAborted: 0xa,
  aborted: 0xb,
  volumeOverflow: 0xd,
  miscompare: 0xe,
} as const

/** What a target says about why a command was not done. */
export interface Sense {
  /** One of {@link SENSE_KEYS}, or a number that has no name there. */
  readonly key: number
  /** Additional sense code and its qualifier: 0x04/0x0a is "in transition". */
  readonly asc: number
  readonly ascq: number
  /** About a command before the one that it came with. */
  readonly deferred: boolean
}

/** Asymmetric access: 04/0A in transition, 04/0B standby, 04/0C unavailable; unit attentions 2A/06 and 2A/07. */
export const ASYMMETRIC = {
  transition: { asc: 0x04, ascq: 0x0a },
  standby: { asc: 0x04, ascq: 0x0b },
  unavailable: { asc: 0x04, ascq: 0x0c },
  changed: { asc: 0x2a, ascq: 0x06 },
  implicitFailed: { asc: 0x2a, ascq: 0x07 },
} as const

const FIXED_BYTES = 18
const DESCRIPTOR_BYTES = 8

/** Fixed format sense data, 18 bytes. */
export function buildFixedSense(sense: Sense): Uint8Array {
  checkSense('buildFixedSense', sense)
  const { key, asc, ascq, deferred } = sense
  const bytes = new Uint8Array(FIXED_BYTES)
  bytes[0] = deferred ? 0x71 : 0x70
  bytes[2] = key & 0xf
  bytes[7] = FIXED_BYTES - 8
  bytes[12] = asc & 0xff
  bytes[13] = ascq & 0xff
  return bytes
}

/** Descriptor format sense data without descriptors, 8 bytes. */
export function buildDescriptorSense(sense: Sense): Uint8Array {
  checkSense('buildDescriptorSense', sense)
  const { key, asc, ascq, deferred } = sense
  const bytes = new Uint8Array(DESCRIPTOR_BYTES)
  bytes[0] = deferred ? 0x73 : 0x72
  bytes[1] = key & 0xf
  bytes[2] = asc & 0xff
  bytes[3] = ascq & 0xff
  return bytes
}

function checkSense(call: string, sense: unknown): void {
  checkFields(call, 'sense', sense, { key: 'count', asc: 'count', ascq: 'count', deferred: 'flag' })
}

/**
 * Parses sense data of either format. Codes that fixed data is too short for are 0, as its additional length allows.
 * Throws SCSI_TRUNCATED when the key is not there, SCSI_MALFORMED for another response code.
 */
export function parseSense(bytes: Uint8Array): Sense {
  checkArguments('parseSense', { bytes }, { bytes: 'bytes' })
  const code = byteAt(bytes, 0) & 0x7f
  if (code === 0x72 || code === 0x73) {
    const [key, asc, ascq] = [byteAt(bytes, 1) & 0xf, byteAt(bytes, 2), byteAt(bytes, 3)]
    return { key, asc, ascq, deferred: code === 0x73 }
  }
  if (code !== 0x70 && code !== 0x71) {
    throw malformed('sense data', `Its response code is 0x${code.toString(16).padStart(2, '0')}.`)
  }
  const key = byteAt(bytes, 2) & 0xf
  const end = bytes.length < 8 ? bytes.length : Math.min(bytes.length, 8 + byteAt(bytes, 7))
  const optional = (at: number) => (at < end ? byteAt(bytes, at) : 0)
  return { key, asc: optional(12), ascq: optional(13), deferred: code === 0x71 }
}

/** Short for sense that is not deferred. */
export function senseOf(key: number, asc: number, ascq: number): Sense {
  checkArguments('senseOf', { key, asc, ascq }, { key: 'count', asc: 'count', ascq: 'count' })
  return { key, asc, ascq, deferred: false }
}

/** '2/04/0a': how sense is written in logs. */
export function senseText({ key, asc, ascq }: Sense): string {
  const two = (value: number) => value.toString(16).padStart(2, '0')
  return `${key.toString(16)}/${two(asc)}/${two(ascq)}`
}
