// Bytes that a device or a program hands in, made up: page 0x83, port groups, sense data, persistent reservations. Each
// parser gives a value or a typed error, reads nothing past its end, and never takes long; the engine behind it lives.
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { identificationBytes, parseDeviceIdentification } from '../../adapters/scsi/designators.ts'
import { ID_BUFFER, lunId, targetPort } from '../../adapters/scsi/lun-id.ts'
import {
  buildReserveOut,
  parseKeys,
  parseReservation,
  parseReserveOut,
} from '../../adapters/scsi/persistent-reserve.ts'
import { parsePortGroups, portGroupsBytes } from '../../adapters/scsi/port-groups.ts'
import { parseSense } from '../../adapters/scsi/sense.ts'
import { PathledgerError } from '../../errors.ts'
import { RESERVATION_ACTIONS, RESERVATION_TYPES } from '../../machines/reservation/rules.ts'
import { Rig } from '../engine/rig.ts'

const CORPUS = readFileSync(new URL('corpus/scsi-bytes.txt', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')

/** The corpus of one kind: each line as its words of hex. */
function corpus(kind: string): Uint8Array[][] {
  return CORPUS.map((line) => line.split(' ')).flatMap(([first, ...words]) =>
    first === kind ? [words.map((word) => new Uint8Array(Buffer.from(word, 'hex')))] : [],
  )
}

/** Bytes from nothing, and bytes of the corpus with some of them changed, cut and lengthened. */
function bytesLike(kind: string): fc.Arbitrary<Uint8Array> {
  const seeds = corpus(kind).map(([bytes]) => bytes ?? new Uint8Array(0))
  const changed = fc
    .tuple(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(64), fc.nat(255)), { maxLength: 4 }),
      fc.uint8Array({ maxLength: 40 }),
      fc.nat(80),
    )
    .map(([seed, changes, more, length]) => {
      const bytes = Uint8Array.from([...seed, ...more]).slice(0, length)
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
      return bytes
    })
  return fc.oneof(changed, fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...seeds))
}

/** What a parser makes of bytes: its value, or null for an error with one of these codes. Everything else fails. */
function taken<Value>(parse: () => Value, codes: readonly string[]): Value | null {
  try {
    return parse()
  } catch (error) {
    expect(error).toBeInstanceOf(PathledgerError)
    expect(codes).toContain((error as PathledgerError).code)
    return null
  }
}

const BAD = ['SCSI_TRUNCATED', 'SCSI_MALFORMED']

test('page 0x83: an id that fits, a group, designators within the page, or an error with a code', () => {
  const ids = { found: 0 }
  const one = (page: Uint8Array) => {
    const before = page.slice()
    const id = taken(() => lunId(page), [...BAD, 'VPD_NO_ID', 'VPD_NO_PAGE'])
    if (id !== null) {
      ids.found += 1
      expect(id.id.length).toBeGreaterThan(0)
      expect(id.id.length).toBeLessThan(ID_BUFFER)
    }
    const designators = taken(() => parseDeviceIdentification(page), BAD) ?? []
    const sum = designators.reduce((bytes, { bytes: { length } }) => bytes + 4 + length, 0)
    expect(sum).toBeLessThanOrEqual(page.length)
    const port = taken(() => targetPort(page), [...BAD, 'VPD_NO_GROUP'])
    if (port !== null) expect(port.group).toBeLessThanOrEqual(0xffff)
    taken(() => identificationBytes(page), BAD)
    expect(page).toEqual(before)
  }
  for (const [page] of corpus('page83')) one(page ?? new Uint8Array(0))
  fc.assert(fc.property(bytesLike('page83'), one), { numRuns: 500 })
  expect(ids.found).toBeGreaterThan(5)
})

test('REPORT TARGET PORT GROUPS and sense data: values in their ranges, or an error with a code', () => {
  const found = { groups: 0, sense: 0 }
  const report = (bytes: Uint8Array) => {
    const parsed = taken(() => parsePortGroups(bytes), BAD)
    found.groups += parsed?.groups.length ?? 0
    // Eight bytes for each at least: a target cannot make more of them than it sends.
    expect((parsed?.groups.length ?? 0) * 8).toBeLessThanOrEqual(bytes.length)
    const needed = taken(() => portGroupsBytes(bytes), BAD)
    if (needed !== null) expect(needed).toBeLessThanOrEqual(0xffff_ffff + 4)
  }
  const sense = (bytes: Uint8Array) => {
    const parsed = taken(() => parseSense(bytes), BAD)
    if (parsed === null) return
    found.sense += 1
    for (const byte of [parsed.key, parsed.asc, parsed.ascq]) expect(byte & 0xff).toBe(byte)
  }
  for (const [bytes] of corpus('groups')) report(bytes!)
  for (const [bytes] of corpus('sense')) sense(bytes!)
  fc.assert(fc.property(bytesLike('groups'), report), { numRuns: 300 })
  fc.assert(fc.property(bytesLike('sense'), sense), { numRuns: 300 })
  expect(Math.min(found.groups, found.sense)).toBeGreaterThan(5)
})

const key = fc
  .bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn })
  .map((value) => `0x${value.toString(16).padStart(16, '0')}`)

test('PERSISTENT RESERVE OUT: what is built is read back; what is not one is refused with a code', () => {
  const command = fc.record({
    action: fc.constantFrom(...RESERVATION_ACTIONS),
    type: fc.constantFrom(null, ...(Object.keys(RESERVATION_TYPES) as (keyof typeof RESERVATION_TYPES)[])),
    key,
    serviceKey: key,
    aptpl: fc.boolean(),
    allPorts: fc.boolean(),
  })
  fc.assert(
    fc.property(command, (given) => {
      const { cdb, dataOut } = buildReserveOut(given)
      expect(parseReserveOut(cdb, dataOut)).toEqual(given)
    }),
  )
  const any = (bytes: Uint8Array) => {
    taken(() => parseReserveOut(bytes, bytes), BAD)
    const keys = taken(() => parseKeys(bytes), BAD)
    expect((keys?.keys.length ?? 0) * 8).toBeLessThanOrEqual(bytes.length)
    taken(() => parseReservation(bytes), BAD)
  }
  fc.assert(fc.property(bytesLike('out'), any), { numRuns: 300 })
})

test('any CDB with any parameter data is answered with a status; the engine lives and its ledger is whole', async () => {
  const rig = await Rig.open({ reservationWaitMs: 10 })
  await rig.add('8:0:0:0')
  await rig.add('9:0:0:0')
  const { reservations } = rig.head
  const statuses = new Map<number, number>()
  const one = async (cdb: Uint8Array, dataOut: Uint8Array | null) => {
    const answer = await rig.drive(reservations.execute(cdb, dataOut))
    expect([0x00, 0x02, 0x08, 0x18]).toContain(answer.status)
    expect(answer.sense === null).toBe(answer.status !== 0x02)
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
    const { keys } = reservations.readKeys()
    if (reservations.readReservation() !== null) expect(keys.length).toBeGreaterThan(0)
    expect(new Set(keys).size).toBeLessThanOrEqual(1)
  }
  for (const [cdb, dataOut] of corpus('out')) await one(cdb!, dataOut ?? null)
  // Few keys, so that commands meet each other's.
  const parameters = fc
    .tuple(fc.constantFrom(0, 0xa1, 0xb2), fc.constantFrom(0, 0xa1, 0xb2), fc.constantFrom(0, 1, 4, 8))
    .map(([own, service, flags]) => {
      const bytes = new Uint8Array(24)
      bytes.set([own], 7)
      bytes.set([service], 15)
      bytes.set([flags], 20)
      return bytes
    })
  const out = fc
    .tuple(fc.nat(8), fc.nat(0x1f))
    .map(([action, scope]) => Uint8Array.of(0x5f, action, scope, 0, 0, 0, 0, 0, 24, 0))
  const read = fc
    .tuple(fc.nat(5), fc.nat(255))
    .map(([action, bytes]) => Uint8Array.of(0x5e, action, 0, 0, 0, 0, 0, 0, bytes, 0))
  const cdb = fc.oneof({ weight: 6, arbitrary: out }, { weight: 2, arbitrary: read }, bytesLike('out'))
  const data = fc.oneof(
    { weight: 6, arbitrary: parameters },
    fc.uint8Array({ maxLength: 40 }),
    fc.constant(null),
  )
  await fc.assert(fc.asyncProperty(cdb, data, one), { numRuns: 200 })
  for (const status of [0x00, 0x02, 0x18])
    expect(statuses.get(status) ?? 0, `status ${status}`).toBeGreaterThan(4)
  expect(rig.mp.broken).toBeNull()
})
