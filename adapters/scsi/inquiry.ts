// INQUIRY: the standard data with its TPGS bits, and the list of VPD pages. Built and parsed as bytes (SPC-4, 6.4).
import { checkArguments, checkFields } from '../../errors/arguments.ts'
import { byteAt, bytesOf, latin1, malformed } from './bytes.ts'
import { allocated, uint16Field } from './cdb.ts'

export const INQUIRY = 0x12
export const SUPPORTED_PAGES = 0x00
export const DEVICE_IDENTIFICATION = 0x83

/** What the standard INQUIRY data says that matters here. */
export interface InquiryData {
  /** 0: a disk. */
  readonly deviceType: number
  /** Target port group support: 0 none, 1 implicit, 2 explicit, 3 both. */
  readonly tpgs: number
  readonly vendor: string
  readonly product: string
  readonly revision: string
}

const STANDARD_BYTES = 36
const SPC4 = 0x06
const RESPONSE_FORMAT = 0x02

/** CDB of INQUIRY; `page` null asks for the standard data. */
export function inquiryCdb(page: number | null, allocation: number): Uint8Array {
  const length = uint16Field(allocation)
  return Uint8Array.of(INQUIRY, page === null ? 0 : 1, page ?? 0, ...length, 0)
}

/** Standard INQUIRY data. */
export function buildInquiry(data: InquiryData): Uint8Array {
  const texts = { vendor: 'text', product: 'text', revision: 'text' } as const
  checkFields('buildInquiry', 'data', data, { deviceType: 'count', tpgs: 'count', ...texts })
  const { deviceType, tpgs, vendor, product, revision } = data
  const bytes = new Uint8Array(STANDARD_BYTES)
  bytes[0] = deviceType & 0x1f
  bytes[2] = SPC4
  bytes[3] = RESPONSE_FORMAT
  bytes[4] = STANDARD_BYTES - 5
  bytes[5] = (tpgs & 0x3) << 4
  bytes.set(bytesOf(vendor.padEnd(8).slice(0, 8)), 8)
  bytes.set(bytesOf(product.padEnd(16).slice(0, 16)), 16)
  bytes.set(bytesOf(revision.padEnd(4).slice(0, 4)), 32)
  return bytes
}

/** Parses standard INQUIRY data. Throws SCSI_TRUNCATED when it ends before the TPGS bits; names may be missing. */
export function parseInquiry(bytes: Uint8Array): InquiryData {
  checkArguments('parseInquiry', { bytes }, { bytes: 'bytes' })
  const tpgs = (byteAt(bytes, 5) >> 4) & 0x3
  const text = (from: number, to: number) => latin1(bytes.subarray(from, to)).trimEnd()
  return {
    deviceType: byteAt(bytes, 0) & 0x1f,
    tpgs,
    vendor: text(8, 16),
    product: text(16, 32),
    revision: text(32, 36),
  }
}

/** VPD page 0x00: which pages there are. */
export function buildSupportedPages(pages: readonly number[]): Uint8Array {
  return Uint8Array.of(0, SUPPORTED_PAGES, 0, pages.length, ...pages)
}

/** Parses VPD page 0x00. Throws SCSI_MALFORMED for another page, SCSI_TRUNCATED for a short one. */
export function parseSupportedPages(bytes: Uint8Array): number[] {
  checkPage(bytes, SUPPORTED_PAGES)
  const count = byteAt(bytes, 3)
  return Array.from({ length: count }, (_, at) => byteAt(bytes, 4 + at))
}

/** Throws unless the bytes are this VPD page. */
export function checkPage(bytes: Uint8Array, page: number): void {
  const found = byteAt(bytes, 1)
  if (found === page) return
  throw malformed(
    `VPD page 0x${page.toString(16).padStart(2, '0')}`,
    `They say that they are page 0x${found.toString(16).padStart(2, '0')}.`,
  )
}

/** What a target answers to an INQUIRY, cut to what was allocated; null for a CDB that it does not know. */
export function answerInquiry(
  cdb: Uint8Array,
  standard: Uint8Array,
  pages: ReadonlyMap<number, Uint8Array>,
): Uint8Array | null {
  const evpd = (byteAt(cdb, 1) & 1) === 1
  const page = byteAt(cdb, 2)
  const data = evpd ? pages.get(page) : page === 0 ? standard : undefined
  return data === undefined ? null : allocated(data, byteAt(cdb, 3) * 0x100 + byteAt(cdb, 4))
}
