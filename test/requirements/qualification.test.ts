// Section 3: when a device is multipathed, by what its own bytes say; why not is an event, and the device stays whole.
import { describe, expect, test } from 'vitest'
import type { PathDevice } from '../../adapters/ports.ts'
import { bytesOf as textBytes } from '../../adapters/scsi/bytes.ts'
import { DESIGNATOR_TYPES, type Designator } from '../../adapters/scsi/designators.ts'
import { A, aluaRig, B } from '../engine/alua-rig.ts'
import { BLOCK, WWID } from '../engine/rig.ts'

const NAME = 'iqn.2026-11.example:lun'

const nameString = (text: string): Designator => ({
  association: 0,
  type: DESIGNATOR_TYPES.nameString,
  bytes: textBytes(text),
})

describe('a device is taken', () => {
  test.each([
    ['on', 0, 'PATH_NO_ALUA'],
    ['on', 1, null],
    ['on', 2, 'PATH_NO_ALUA'],
    ['on', 3, null],
    ['always', 0, null],
    ['always', 1, null],
    ['always', 2, null],
    ['always', 3, null],
    ['off', 1, 'MULTIPATH_OFF'],
  ] as const)('D-13: with multipath %s and TPGS %i: %s', async (multipath, tpgs, code) => {
    const { rig, target } = await aluaRig({ tpgs }, { multipath })
    const { device } = rig.makePath(A)
    if (code === null) {
      expect((await rig.drive(rig.mp.addPath(device))).usable).toBe(true)
      return
    }
    const error = await rig.errorOf(rig.mp.addPath(device))
    expect(error.code).toBe(code)
    // The condition that was tested, in words: the implicit bit, not "any TPGS".
    if (code === 'PATH_NO_ALUA') expect(error.why).toContain('implicit bit of TPGS is not set')
    expect(rig.events('engine.pathRefused')).toEqual([
      expect.objectContaining({ hctl: A, code, why: error.why }),
    ])
    // With 'off' the device is not even asked.
    if (multipath === 'off') expect(target.commands.size).toBe(0)
  })

  test('by the id of its page 0x83, not by what the program called its LUN', async () => {
    const { rig } = await aluaRig({ designators: [nameString(NAME)] })
    await rig.drive(rig.mp.addPath(rig.makePath(A).device))
    expect(rig.mp.heads.map(({ wwid }) => wwid)).toEqual([NAME])
    await rig.drive(rig.mp.addPath(rig.makePath(B).device))
    expect(rig.mp.head(NAME).paths).toHaveLength(2)
    await rig.drive(rig.mp.head(NAME).write({ offset: 0, data: new Uint8Array(BLOCK) }))
  })

  test('D-9: ids of 250 characters that differ in the last one are two LUNs', async () => {
    const long = `iqn.${'x'.repeat(245)}`
    const one = await aluaRig({ designators: [nameString(`${long}1`)] })
    const two = await aluaRig({ designators: [nameString(`${long}2`)] })
    const { rig } = one
    await rig.drive(rig.mp.addPath(rig.makePath(A).device))
    await rig.drive(rig.mp.addPath(rig.makePath(B, { lun: two.rig.lun }).device))
    expect(rig.mp.heads.map(({ wwid }) => wwid)).toEqual([`${long}1`, `${long}2`])
  })

  test('D-10: not without an id: no designator, an empty one, no page', async () => {
    const none: readonly (readonly Designator[])[] = [[], [nameString('\0\0')], [nameString('\0x')]]
    for (const designators of none) {
      for (const multipath of ['on', 'always'] as const) {
        const { rig } = await aluaRig({ designators }, { multipath })
        const error = await rig.errorOf(rig.mp.addPath(rig.makePath(A).device))
        expect(error).toMatchObject({ code: 'PATH_NO_ID' })
        expect(rig.mp.heads).toEqual([])
      }
    }
  })

  test('D-11: with a page 0x83 that lies about its lengths only for what is whole in it', async () => {
    const { rig } = await aluaRig()
    const tampered = (change: (page: Uint8Array) => void) =>
      rig.makePath(A, {
        wrap: (device) =>
          answering(device, 0x12, (data, cdb) => (cdb[2] === 0x83 ? change(data) : undefined)),
      })
    // The NAA says that it is longer than the page: nothing is left that names the LUN.
    const lying = tampered((page) => void (page[7] = 200))
    expect((await rig.errorOf(rig.mp.addPath(lying.device))).code).toBe('PATH_NO_ID')
    const other = tampered((page) => void (page[1] = 0x80))
    expect((await rig.errorOf(rig.mp.addPath(other.device))).code).toBe('PATH_NOT_IDENTIFIED')
    expect(rig.events('engine.pathRefused').map(({ code }) => code)).toEqual([
      'PATH_NO_ID',
      'PATH_NOT_IDENTIFIED',
    ])
    await rig.add(B)
    expect(rig.head.wwid).toBe(WWID)
  })

  test('not when it does not answer in time: the engine goes on, and it stays a plain device', async () => {
    const { rig } = await aluaRig({}, { commandTimeoutMs: 500 })
    await rig.add(B)
    const silent = rig.makePath(A)
    silent.hang.enable()
    const adding = rig.mp.addPath(silent.device).catch((error: unknown) => error)
    expect(await rig.read(0)).toHaveLength(BLOCK)
    expect(await rig.drive(adding)).toMatchObject({ code: 'PATH_NOT_IDENTIFIED' })
    expect(rig.events('engine.pathRefused')).toEqual([
      expect.objectContaining({ hctl: A, code: 'PATH_NOT_IDENTIFIED' }),
    ])
    silent.hang.disable()
    await rig.addMade(silent)
    expect(rig.head.paths).toHaveLength(2)
  })
})

/** A device whose answers to one operation code are changed on their way. */
function answering(
  device: PathDevice,
  opcode: number,
  change: (data: Uint8Array, cdb: Uint8Array) => void,
): PathDevice {
  return {
    ...device,
    submit: (request, done) => device.submit(request, done),
    command: (command, done) =>
      device.command?.(command, (answer) => {
        const data = answer.data.slice()
        if (command.cdb[0] === opcode) change(data, command.cdb)
        done({ ...answer, data })
      }),
  }
}
