// INQUIRY, REPORT TARGET PORT GROUPS and sense data: what is built is parsed to the same, and no input whatever makes a
// parser crash, read beyond its end, or fail without a code.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { identificationBytes, parseDeviceIdentification } from '../../../adapters/scsi/designators.ts'
import {
  buildInquiry,
  buildSupportedPages,
  parseInquiry,
  parseSupportedPages,
} from '../../../adapters/scsi/inquiry.ts'
import { lunId, targetPort } from '../../../adapters/scsi/lun-id.ts'
import {
  buildPortGroups,
  parsePortGroups,
  portGroupsBytes,
  supportedByte,
  supportedStates,
  type PortGroup,
} from '../../../adapters/scsi/port-groups.ts'
import { blkStatusOf } from '../../../adapters/scsi/result.ts'
import { buildDescriptorSense, buildFixedSense, parseSense, senseText } from '../../../adapters/scsi/sense.ts'
import { virtualLun } from '../../../adapters/paths/virtual-lun.ts'
import { PathledgerError } from '../../../errors.ts'
import { ACCESS_STATES } from '../../../machines/words.ts'

const group: fc.Arbitrary<PortGroup> = fc.record({
  group: fc.integer({ min: 0, max: 0xffff }),
  access: fc.constantFrom(...ACCESS_STATES),
  preferred: fc.boolean(),
  supported: fc.integer({ min: 0, max: 0xff }),
  ports: fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 }),
})
const groups = fc.record({
  extended: fc.boolean(),
  transitionSeconds: fc.option(fc.integer({ min: 1, max: 255 })),
  groups: fc.array(group, { maxLength: 6 }),
})

describe('REPORT TARGET PORT GROUPS', () => {
  test('both headers: what is built is parsed to the same', () => {
    fc.assert(
      fc.property(groups, (report) => {
        const transitionSeconds = report.extended ? report.transitionSeconds : null
        expect(parsePortGroups(buildPortGroups(report))).toEqual({ ...report, transitionSeconds })
      }),
    )
  })

  test('the bytes are those of SPC-4', () => {
    const one = { group: 0x0102, access: 'active', preferred: true, supported: 0x87, ports: [1, 2] } as const
    const body = [0x81, 0x87, 1, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]
    const short = buildPortGroups({ extended: false, transitionSeconds: null, groups: [one] })
    expect([...short]).toEqual([0, 0, 0, 16, ...body])
    const long = buildPortGroups({ extended: true, transitionSeconds: 30, groups: [one] })
    expect([...long]).toEqual([0, 0, 0, 20, 0x10, 30, 0, 0, ...body])
  })

  test('D-20: the preferred bit is masked out of the state, and a state without a name is not usable', () => {
    for (let state = 0; state <= 0xff; state += 1) {
      const answer = Uint8Array.of(0, 0, 0, 8, state & 0x8f, 0, 0, 1, 0, 0, 0, 0)
      const [parsed] = parsePortGroups(answer).groups
      expect(parsed?.preferred).toBe((state & 0x80) !== 0)
      const named = { 0: 'optimal', 1: 'active', 2: 'standby', 4: 'lbaDependent', 14: 'offline' }
      const wanted = state % 16 === 15 ? 'transitioning' : (named as Record<number, string>)[state % 16]
      expect(parsed?.access).toBe(wanted ?? 'unavailable')
    }
  })

  test('the supported-states byte has a bit for each state', () => {
    expect(supportedByte(ACCESS_STATES)).toBe(0xdf)
    expect(supportedStates(0x01)).toEqual(['optimal'])
    for (let byte = 0; byte <= 0xff; byte += 1) expect(supportedByte(supportedStates(byte))).toBe(byte & 0xdf)
  })

  test('a cut answer says how long it is', () => {
    const whole = buildPortGroups({ extended: true, transitionSeconds: null, groups: [] })
    expect(portGroupsBytes(whole.slice(0, 4))).toBe(8)
    expect(() => parsePortGroups(whole.slice(0, 6))).toThrow(
      expect.objectContaining({ code: 'SCSI_TRUNCATED' }) as Error,
    )
  })
})

describe('sense data', () => {
  test('both formats: what is built is parsed to the same', () => {
    const byte = fc.integer({ min: 0, max: 0xff })
    const any = fc.record({
      key: fc.integer({ min: 0, max: 15 }),
      asc: byte,
      ascq: byte,
      deferred: fc.boolean(),
    })
    fc.assert(
      fc.property(any, (sense) => {
        expect(parseSense(buildFixedSense(sense))).toEqual(sense)
        expect(parseSense(buildDescriptorSense(sense))).toEqual(sense)
      }),
    )
  })

  test('fixed data without its codes has none; what is no sense data is refused', () => {
    expect(parseSense(Uint8Array.of(0x70, 0, 6))).toEqual({ key: 6, asc: 0, ascq: 0, deferred: false })
    const short = buildFixedSense({ key: 6, asc: 0x2a, ascq: 6, deferred: false })
    short[7] = 4
    expect(parseSense(short).asc).toBe(0)
    expect(senseText({ key: 2, asc: 4, ascq: 10, deferred: false })).toBe('2/04/0a')
    expect(() => parseSense(Uint8Array.of(0x00, 0, 0))).toThrow(
      expect.objectContaining({ code: 'SCSI_MALFORMED' }) as Error,
    )
  })

  test.each([
    [0x00, null, 'OK'],
    [0x18, null, 'RESV_CONFLICT'],
    [0x08, null, 'AGAIN'],
    [0x02, null, 'IOERR'],
    [0x02, [0x3, 0x11, 0x00], 'MEDIUM'],
    [0x02, [0x3, 0x13, 0x00], 'MEDIUM'],
    [0x02, [0x3, 0x0c, 0x00], 'IOERR'],
    [0x02, [0x4, 0x44, 0x00], 'TARGET'],
    [0x02, [0x5, 0x20, 0x00], 'TARGET'],
    [0x02, [0x5, 0x10, 0x01], 'PROTECTION'],
    [0x02, [0x7, 0x27, 0x07], 'NOSPC'],
    [0x02, [0x7, 0x27, 0x00], 'IOERR'],
    [0x02, [0xd, 0x00, 0x00], 'TARGET'],
    [0x02, [0x2, 0x04, 0x0a], 'AGAIN'],
    [0x02, [0x2, 0x3a, 0x00], 'IOERR'],
    [0x02, [0x6, 0x29, 0x00], 'AGAIN'],
  ] as const)('status 0x%s with sense %j is %s', (status, codes, wanted) => {
    const [key, asc, ascq] = codes ?? [0, 0, 0]
    expect(blkStatusOf(status, codes === null ? null : { key, asc, ascq, deferred: false })).toBe(wanted)
  })
})

describe('INQUIRY', () => {
  test('the TPGS bits are bits 4 and 5 of byte 5', () => {
    for (const tpgs of [0, 1, 2, 3]) {
      const parts = { deviceType: 0, tpgs, vendor: 'LINUX', product: 'DISK', revision: '1' }
      const bytes = buildInquiry(parts)
      expect([bytes.length, bytes[5]]).toEqual([36, tpgs << 4])
      expect(parseInquiry(bytes)).toEqual(parts)
    }
    expect(parseSupportedPages(buildSupportedPages([0x00, 0x83]))).toEqual([0x00, 0x83])
  })
})

describe('any bytes at all', () => {
  const { scsi } = virtualLun({ wwid: 'naa.600140500000000000000000000000a1' })
  const parsers: readonly ((bytes: Uint8Array) => unknown)[] = [
    parseInquiry,
    parseSupportedPages,
    parseDeviceIdentification,
    identificationBytes,
    (bytes) => lunId(bytes),
    (bytes) => lunId(bytes, 21),
    targetPort,
    parsePortGroups,
    portGroupsBytes,
    parseSense,
  ]

  /** Parses in a buffer with a wall of 0xaa behind the bytes: a parser that read there would say so somewhere. */
  function tryAll(bytes: Uint8Array): void {
    const walled = new Uint8Array(bytes.length + 512).fill(0xaa)
    walled.set(bytes)
    const fenced = walled.subarray(0, bytes.length)
    for (const parse of parsers) {
      const [inside, alone] = [outcome(() => parse(fenced)), outcome(() => parse(bytes.slice()))]
      expect(inside).toEqual(alone)
    }
    const answer = scsi.execute(scsi.connect('8:0:0:0'), bytes, null)
    expect([0x00, 0x02]).toContain(answer.status)
  }

  function outcome(parse: () => unknown): unknown {
    try {
      return parse()
    } catch (error) {
      expect(error).toBeInstanceOf(PathledgerError)
      return (error as PathledgerError).code
    }
  }

  test('no parser crashes, reads beyond the end, or fails without a code', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), tryAll), { numRuns: 500 })
  })

  test('nor with one byte of a good answer changed, or with its end cut off', () => {
    const corpus = CORPUS()
    const mutation = fc.record({
      which: fc.nat(corpus.length - 1),
      at: fc.nat(200),
      value: fc.integer({ min: 0, max: 0xff }),
      cut: fc.nat(200),
    })
    fc.assert(
      fc.property(mutation, ({ which, at, value, cut }) => {
        const bytes = corpus[which]!.slice()
        if (at < bytes.length) bytes[at] = value
        tryAll(bytes)
        tryAll(bytes.slice(0, cut))
      }),
      { numRuns: 500 },
    )
  })

  /** Answers of a real target's kind, and commands. */
  function CORPUS(): Uint8Array[] {
    const nexus = scsi.connect('9:0:0:0')
    const ask = (...cdb: number[]) => nexus.execute(Uint8Array.from(cdb), null).data
    return [
      ask(0x12, 0, 0, 0, 255, 0),
      ask(0x12, 1, 0, 0, 255, 0),
      ask(0x12, 1, 0x83, 0, 255, 0),
      ask(0xa3, 0x0a, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0),
      ask(0xa3, 0x2a, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0),
      buildFixedSense({ key: 6, asc: 0x2a, ascq: 6, deferred: false }),
      buildDescriptorSense({ key: 2, asc: 4, ascq: 0x0a, deferred: false }),
      Uint8Array.of(0x12, 1, 0x83, 0, 255, 0),
      Uint8Array.of(0xa3, 0x2a, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0),
    ]
  }
})
