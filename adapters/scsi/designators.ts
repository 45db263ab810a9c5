// VPD page 0x83, device identification: its designators, built and walked as bytes (SPC-4, 7.8.6).
import { checkArguments, checkFields } from '../../errors/arguments.ts'
import { byteAt, bytesOf, joined, uint16At } from './bytes.ts'
import { checkPage, DEVICE_IDENTIFICATION } from './inquiry.ts'

/** What a designator names: the logical unit, the port that the command came through, or the whole device. */
export const ASSOCIATIONS = { logicalUnit: 0, targetPort: 1, targetDevice: 2 } as const

/** Designator types of SPC-4, by name. */
export const DESIGNATOR_TYPES = {
  vendorSpecific: 0,
  t10: 1,
  eui64: 2,
  naa: 3,
  relativePort: 4,
  portGroup: 5,
  logicalUnitGroup: 6,
  md5: 7,
  nameString: 8,
} as const

/** One designation descriptor. */
export interface Designator {
  readonly association: number
  /** One of {@link DESIGNATOR_TYPES}. */
  readonly type: number
  /** At most 255 bytes. */
  readonly bytes: Uint8Array
}

const BINARY = 1
const ASCII = 2
const UTF8 = 3
const HEADER_BYTES = 4

/** Page 0x83 with these designators, in their order. */
export function buildDeviceIdentification(designators: readonly Designator[]): Uint8Array {
  checkArguments('buildDeviceIdentification', { designators }, { designators: 'list' })
  for (const one of designators) checkDesignator('buildDeviceIdentification', one)
  const body = joined(designators.map(descriptor))
  const header = Uint8Array.of(0, DEVICE_IDENTIFICATION, (body.length >> 8) & 0xff, body.length & 0xff)
  return joined([header, body])
}

/** Throws ARGUMENT_INVALID for what is no designator. */
export function checkDesignator(call: string, designator: unknown): void {
  const wanted = { association: 'count', type: 'count', bytes: 'bytes' } as const
  checkFields(call, 'a designator', designator, wanted)
}

function descriptor({ association, type, bytes }: Designator): Uint8Array {
  const codeSet = type === DESIGNATOR_TYPES.nameString ? UTF8 : type === DESIGNATOR_TYPES.t10 ? ASCII : BINARY
  const header = Uint8Array.of(codeSet, ((association & 0x3) << 4) | (type & 0xf), 0, bytes.length & 0xff)
  return joined([header, bytes.subarray(0, 0xff)])
}

/**
 * The designators of page 0x83, in their order. The walk ends where fewer than four bytes remain or a descriptor runs
 * past the page (D-11). Throws SCSI_TRUNCATED without a header, SCSI_MALFORMED for another page.
 */
export function parseDeviceIdentification(page: Uint8Array): Designator[] {
  checkArguments('parseDeviceIdentification', { page }, { page: 'bytes' })
  checkPage(page, DEVICE_IDENTIFICATION)
  const end = Math.min(page.length, HEADER_BYTES + uint16At(page, 2))
  const found: Designator[] = []
  let at = HEADER_BYTES
  while (end - at >= HEADER_BYTES) {
    const length = byteAt(page, at + 3)
    const next = at + HEADER_BYTES + length
    if (next > end) break
    const kind = byteAt(page, at + 1)
    const bytes = page.slice(at + HEADER_BYTES, next)
    found.push({ association: (kind >> 4) & 0x3, type: kind & 0xf, bytes })
    at = next
  }
  return found
}

/** How long page 0x83 says it is, its header included: more than its bytes where those were cut. */
export function identificationBytes(page: Uint8Array): number {
  return HEADER_BYTES + uint16At(page, 2)
}

/** The designator of a logical unit by its id: as NAA or EUI where it is one of those texts, else as a SCSI name string. */
export function designatorOf(id: string): Designator {
  checkArguments('designatorOf', { id }, { id: 'text' })
  const association = ASSOCIATIONS.logicalUnit
  const naa = /^naa\.([3456][0-9a-f]{15}(?:[0-9a-f]{16})?)$/.exec(id)?.[1]
  if (naa !== undefined) return { association, type: DESIGNATOR_TYPES.naa, bytes: fromHex(naa) }
  const eui = /^eui\.((?:[0-9a-f]{16}|[0-9a-f]{24}|[0-9a-f]{32}))$/.exec(id)?.[1]
  if (eui !== undefined) return { association, type: DESIGNATOR_TYPES.eui64, bytes: fromHex(eui) }
  return { association, type: DESIGNATOR_TYPES.nameString, bytes: bytesOf(id) }
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, at) =>
    Number.parseInt(text.slice(at * 2, at * 2 + 2), 16),
  )
}
