// A LUN's id as bytes, and what filters do with operations beside I/O.
import { expect, test } from 'vitest'
import { errorFilter } from '../../adapters/filters/error.ts'
import { hangFilter } from '../../adapters/filters/hang.ts'
import { memoryLun, memoryPath } from '../../adapters/paths/memory.ts'
import { uniqueIdOf } from '../../adapters/unique-id.ts'
import { VirtualClock } from '../../adapters/virtual-clock.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

test.each([
  ['naa.600140505200a986f0043c9afa1fd077', 'naa', '600140505200a986f0043c9afa1fd077'],
  ['naa.5000c500a1b2c3d4', 'naa', '5000c500a1b2c3d4'],
  ['naa.5000c500a1b2c3d4', 'eui64', ''],
  ['naa.5000c500a1b2', 'naa', ''],
  ['naa.5000C500A1B2C3D4', 'naa', ''],
  ['eui.0025388b710116a1', 'eui64', '0025388b710116a1'],
  ['eui.0025388b710116a10025388b', 'eui64', '0025388b710116a10025388b'],
  ['t10.ATA', 't10', '415441'],
  ['iqn.2026-11.example:naa.5000c500a1b2c3d4', 'naa', ''],
] as const)('%s as %s is %j', (wwid, type, expected) => {
  expect(hex(uniqueIdOf(wwid, type))).toBe(expected)
})

test('a filter has the operations that the device within has, and no others', async () => {
  const clock = new VirtualClock({ wallUs: 0, monoUs: 0 })
  const lun = memoryLun({ wwid: 'naa.5000c500a1b2c3d4', sizeBytes: 512 })
  const plain = errorFilter(memoryPath(lun, { hctl: '8:0:0:0', clock })).path
  expect(plain.ioctl).toBeUndefined()
  const data = Uint8Array.of(1)
  const able = memoryPath(lun, { hctl: '8:0:0:0', clock, ioctl: () => ({ errno: null, value: 3, data }) })
  const wrapped = hangFilter(errorFilter(able).path).path
  expect(await wrapped.ioctl?.({ command: 'X', argument: null })).toEqual({ errno: null, value: 3, data })
  expect(hex((await wrapped.uniqueId?.('naa')) ?? data)).toBe('5000c500a1b2c3d4')
})
