// PERSISTENT RESERVE IN and OUT: the bytes of SPC-4, there and back, and a typed error for everything else.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  buildCapabilities,
  buildKeys,
  buildReservation,
  buildReserveOut,
  keyText,
  parseKeys,
  parseReservation,
  parseReserveOut,
} from '../../../adapters/scsi/persistent-reserve.ts'
import { PathledgerError } from '../../../errors.ts'
import { NO_RESERVATION, RESERVATION_TYPES } from '../../../machines/reservation/rules.ts'
import { A, aluaRig, B } from '../../engine/alua-rig.ts'
import { BLOCK } from '../../engine/rig.ts'

const KEY = '0x00000000000000a1'
const OUT = {
  action: 'register',
  type: null,
  key: '0x0',
  serviceKey: KEY,
  aptpl: true,
  allPorts: false,
} as const

test('OUT: the bytes are those of SPC-4, and are read to the same', () => {
  const { cdb, dataOut } = buildReserveOut({
    ...OUT,
    action: 'preempt',
    type: 'exclusive-access-all-regs',
    key: KEY,
  })
  expect([...cdb]).toEqual([0x5f, 4, 8, 0, 0, 0, 0, 0, 24, 0])
  expect([...dataOut]).toEqual([0, 0, 0, 0, 0, 0, 0, 0xa1, 0, 0, 0, 0, 0, 0, 0, 0xa1, 0, 0, 0, 0, 1, 0, 0, 0])
  for (const type of [null, ...Object.keys(RESERVATION_TYPES)] as (typeof OUT.type | 'write-exclusive')[]) {
    const built = buildReserveOut({ ...OUT, type, key: KEY })
    expect(parseReserveOut(built.cdb, built.dataOut)).toEqual({ ...OUT, type, key: KEY })
  }
})

test('OUT: another scope, SPEC_I_PT, another action or length is a typed error', () => {
  const { cdb, dataOut } = buildReserveOut(OUT)
  const changed = (bytes: Uint8Array, at: number, value: number) =>
    bytes.map((byte, i) => (i === at ? value : byte))
  const wrong: [Uint8Array, Uint8Array | null][] = [
    [changed(cdb, 2, 0x15), dataOut],
    [changed(cdb, 1, 9), dataOut],
    [changed(cdb, 8, 25), dataOut],
    [cdb, changed(dataOut, 20, 8)],
    [cdb, null],
    [cdb, dataOut.slice(1)],
  ]
  for (const [command, data] of wrong) {
    expect(() => parseReserveOut(command, data)).toThrow(
      expect.objectContaining({ code: 'SCSI_MALFORMED' }) as Error,
    )
  }
})

test('IN: keys, reservation and capabilities', () => {
  const holder = { initiator: 'one', nexus: A }
  const registrants = [{ ...holder, key: KEY }]
  const state = { ...NO_RESERVATION, generation: 7, registrants, holder, type: 'exclusive-access' as const }
  expect(parseKeys(buildKeys(state))).toEqual({ generation: 7, keys: [KEY] })
  const reservation = { key: KEY, type: 'exclusive-access' }
  expect(parseReservation(buildReservation(state))).toEqual({ generation: 7, reservation })
  expect(parseReservation(buildReservation(NO_RESERVATION))).toEqual({ generation: 0, reservation: null })
  expect([...buildCapabilities(state)]).toEqual([0, 8, 5, 0x80, 0xea, 1, 0, 0])
})

test('any bytes are read or refused with a code', () => {
  const bytes = fc.uint8Array({ maxLength: 48 })
  fc.assert(
    fc.property(bytes, bytes, (one, other) => {
      for (const parse of [
        () => parseReserveOut(one, other),
        () => parseKeys(one),
        () => parseReservation(one),
      ]) {
        try {
          parse()
        } catch (error) {
          expect(error).toBeInstanceOf(PathledgerError)
        }
      }
    }),
  )
})

test('a head answers them as bytes: GOOD, RESERVATION CONFLICT, CHECK CONDITION', async () => {
  const { rig } = await aluaRig()
  await rig.add(A)
  const b = await rig.add(B)
  const { reservations } = rig.head
  const out = (parts: Partial<Parameters<typeof buildReserveOut>[0]>) => {
    const { cdb, dataOut } = buildReserveOut({ ...OUT, ...parts })
    return rig.drive(reservations.execute(cdb, dataOut))
  }
  expect((await out({})).status).toBe(0)
  expect((await out({})).status).toBe(0x18)
  expect((await out({ action: 'reserve', key: KEY, type: 'write-exclusive' })).status).toBe(0)
  const wrong = await out({ action: 'release', key: KEY, type: 'exclusive-access' })
  expect([wrong.status, wrong.sense?.[12], wrong.sense?.[13]]).toEqual([2, 0x26, 4])
  const keys = await rig.drive(reservations.execute(Uint8Array.of(0x5e, 0, 0, 0, 0, 0, 0, 1, 0, 0), null))
  expect(parseKeys(keys.data).keys).toEqual([KEY, KEY])
  // The holder is the engine: each of its paths may write.
  rig.head.setIoPolicy('round-robin')
  for (let turn = 0; turn < 4; turn += 1) await rig.write(0, new Uint8Array(BLOCK))
  expect(b.ios.length).toBeGreaterThan(0)
  expect((await rig.drive(reservations.execute(Uint8Array.of(0x12), null))).status).toBe(2)
  expect(keyText(0xa1n)).toBe(KEY)
})
