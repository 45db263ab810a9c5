import fc from 'fast-check'
import { expect, test } from 'vitest'
import { diskName, freeHeadIndex, lowestFree, pathName } from '../../engine/core/names.ts'
import { Rig, testLun } from './rig.ts'

test('disks are named as sd names them', () => {
  const known = { 0: 'sda', 25: 'sdz', 26: 'sdaa', 51: 'sdaz', 52: 'sdba', 701: 'sdzz', 702: 'sdaaa' }
  for (const [index, name] of Object.entries(known)) expect(diskName(Number(index))).toBe(name)
})

test('every index has a name of its own, that can be read back', () => {
  fc.assert(
    fc.property(fc.nat({ max: 5_000_000 }), (index) => {
      const letters = diskName(index).slice(2)
      expect(letters).toMatch(/^[a-z]+$/)
      const back =
        Array.from(letters).reduce((value, letter) => value * 26 + letter.charCodeAt(0) - 96, 0) - 1
      expect(back).toBe(index)
    }),
  )
})

test('the lowest free number is taken', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat({ max: 40 })), (taken) => {
      const free = lowestFree(taken)
      expect(taken).not.toContain(free)
      for (let below = 0; below < free; below += 1) expect(taken).toContain(below)
    }),
  )
  expect(pathName('sdaa', 12)).toBe('sdaa:12')
})

test('heads are sda, sdb .., their paths sda:0, sda:1 .., and numbers given back are used again', async () => {
  const rig = await Rig.open()
  const other = testLun({ wwid: 'naa.600140500000000000000000000000b2' })
  await rig.add('8:0:0:0')
  const second = await rig.add('9:0:0:0')
  const third = await rig.add('8:0:0:1', { lun: other })
  const names = () => rig.mp.heads.map(({ name, paths }) => [name, ...paths.map((path) => path.name)])
  expect(names()).toEqual([
    ['sda', 'sda:0', 'sda:1'],
    ['sdb', 'sdb:0'],
  ])
  expect([rig.mp.head('sdb').wwid, rig.mp.path('sdb:0').hctl]).toEqual([other.wwid, '8:0:0:1'])

  await rig.drive(rig.mp.path('sda:0').remove())
  await rig.add('10:0:0:0')
  expect(names()[0]).toEqual(['sda', 'sda:1', 'sda:0'])
  expect([second.path.name, rig.mp.path('sda:0').hctl]).toEqual(['sda:1', '10:0:0:0'])

  await rig.drive(third.path.remove())
  await rig.add('11:0:0:0', { lun: testLun({ wwid: 'naa.600140500000000000000000000000c3' }) })
  expect(names()[1]).toEqual(['sdb', 'sdb:0'])
})

test('the first head can be another disk than sda, and no head gets the name of one that an earlier run left', async () => {
  const rig = await Rig.open({ firstDiskIndex: 2 })
  await rig.add('8:0:0:0')
  await rig.add('8:0:0:1', { lun: testLun({ wwid: 'naa.600140500000000000000000000000b2' }) })
  expect(rig.mp.heads.map(({ name, index }) => [name, index])).toEqual([
    ['sdc', 0],
    ['sdd', 1],
  ])
  // sdb and sdc were left by a run that began at sda: sdc is taken, and so is index 1.
  const left = [
    { index: 1, name: 'sdb' },
    { index: 2, name: 'sdc' },
  ]
  expect(freeHeadIndex(left, 2)).toBe(3)
  expect(freeHeadIndex(left, 0)).toBe(0)
})
