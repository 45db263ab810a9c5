// SCSI commands that callers send down one path of a virtual LUN, with real bytes.
import { describe, expect, test } from 'vitest'
import { memoryLun, memoryPath } from '../../adapters/paths/memory.ts'
import { ASSOCIATIONS, DESIGNATOR_TYPES } from '../../adapters/scsi/designators.ts'
import { inquiryCdb, parseInquiry } from '../../adapters/scsi/inquiry.ts'
import { virtualLun } from '../../adapters/paths/virtual-lun.ts'
import { Rig, WWID } from './rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'
const ASYMMETRIC_STATE_CHANGED = { asc: 0x2a, ascq: 0x06 }

const { logicalUnit, targetPort } = ASSOCIATIONS
const { naa, eui64, portGroup } = DESIGNATOR_TYPES
const idOf = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))

async function begin() {
  const designators = [
    { association: logicalUnit, type: eui64, bytes: idOf('0025388b710116a1') },
    { association: logicalUnit, type: naa, bytes: idOf('5000c500a1b2c3d4') },
    { association: logicalUnit, type: naa, bytes: idOf(WWID.slice('naa.'.length)) },
    { association: targetPort, type: naa, bytes: idOf('5000000000000001') },
    { association: targetPort, type: portGroup, bytes: Uint8Array.of(0, 0, 0, 1) },
  ]
  const { scsi } = virtualLun({ wwid: WWID, designators, groups: [{ id: 1, paths: [A, B] }] })
  const lun = memoryLun({ wwid: WWID, sizeBytes: 1024 * 1024, scsi })
  const rig = await Rig.open({ lun, iopolicy: 'round-robin' })
  const [a, b] = [await rig.add(A), await rig.add(B)]
  return { rig, scsi, a, b }
}

describe('a SCSI command', () => {
  test('goes down one path, and the target answers with its bytes', async () => {
    const { rig } = await begin()
    const { status, sense, data } = await rig.drive(rig.head.sendCommand({ cdb: inquiryCdb(null, 255) }))
    expect([status, sense]).toEqual([0, null])
    expect(parseInquiry(data).tpgs).toBe(1)
  })

  test('that the target refuses is answered, once, and its sense data is the caller’s', async () => {
    const { rig } = await begin()
    const { status, sense } = await rig.drive(rig.head.sendCommand({ cdb: new Uint8Array(6).fill(0xff) }))
    expect(status).toBe(2)
    expect((sense?.[2] ?? 0) & 0xf, 'ILLEGAL REQUEST').toBe(5)
    expect(rig.rows('path.suspected')).toEqual([])
  })

  test('that meets a unit attention gives it to its caller, and the engine hears of it as well', async () => {
    const { rig, scsi } = await begin()
    scsi.raise(ASYMMETRIC_STATE_CHANGED)
    // TEST UNIT READY
    const { status } = await rig.drive(rig.head.sendCommand({ cdb: new Uint8Array(6) }))
    expect(status).toBe(2)
    await rig.pass(1_000)
    expect(rig.events('lun.senseReceived')).toContainEqual(expect.objectContaining(ASYMMETRIC_STATE_CHANGED))
  })

  test.each([0x5e, 0x5f])('0x%s is refused with EOPNOTSUPP: one path is not the LUN', async (opcode) => {
    const { rig } = await begin()
    const error = await rig.errorOf(
      rig.head.sendCommand({ cdb: Uint8Array.of(opcode, ...new Uint8Array(9)) }),
    )
    expect(error).toMatchObject({ code: 'COMMAND_REFUSED', errno: 'EOPNOTSUPP' })
  })

  test.each([
    ['too short', new Uint8Array(5)],
    ['too long', new Uint8Array(33)],
    ['no bytes', 'inquiry' as unknown as Uint8Array],
  ])('that is %s is not sent', async (_what, cdb) => {
    const { rig } = await begin()
    expect(await rig.errorOf(rig.head.sendCommand({ cdb }))).toMatchObject({ code: 'COMMAND_INVALID' })
  })

  test('D-51: has nobody to go to without a path (EWOULDBLOCK) or without SCSI behind it (ENOTTY)', async () => {
    const { rig, a, b } = await begin()
    for (const { path } of [a, b]) path.fail()
    const cdb = inquiryCdb(null, 255)
    expect(await rig.errorOf(rig.head.sendCommand({ cdb }))).toMatchObject({
      code: 'NO_PATH',
      errno: 'EWOULDBLOCK',
    })
    const plain = memoryLun({ wwid: 'naa.600140500000000000000000000000b2', sizeBytes: 4096 })
    await rig.drive(rig.mp.addPath(memoryPath(plain, { hctl: '10:0:0:0', clock: rig.clock })))
    const nothing = rig.mp.head(plain.wwid).sendCommand({ cdb })
    expect(await rig.errorOf(nothing)).toMatchObject({ code: 'IOCTL_UNSUPPORTED', errno: 'ENOTTY' })
  })
})

test('getUniqueId reads page 0x83: the longest designator of its kind that names the logical unit', async () => {
  const { rig, scsi } = await begin()
  scsi.raise(ASYMMETRIC_STATE_CHANGED)
  const hex = async (type: 'naa' | 'eui64' | 't10') =>
    Buffer.from(await rig.drive(rig.head.getUniqueId(type))).toString('hex')
  expect(await hex('naa')).toBe(WWID.slice('naa.'.length))
  expect(await hex('eui64')).toBe('0025388b710116a1')
  expect(await hex('t10')).toBe('')
})
