import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { deviceNumber, inspectFile } from '../../adapters/file-facts.ts'
import { mountOf, readMounts } from '../../adapters/mounts.ts'
import { fakeMachine } from './fake-machine.ts'
import type { FakeMachine } from './fake-machine.ts'

describe('mounts', () => {
  let machine: FakeMachine
  const find = (path: string) => mountOf(path, readMounts(machine.view.procRoot))

  beforeEach(() => {
    machine = fakeMachine()
    machine.mount('8:1', '/', 'ext4', '/dev/sda1')
  })

  afterEach(() => {
    machine.remove()
  })

  test('a path lies on the longest mount point above it, by whole names', () => {
    machine.mount('7:3', '/mnt/a', 'xfs', '/dev/loop3', 'rw,noquota')
    expect(find('/mnt/a/b')).toEqual({
      device: '7:3',
      mountPoint: '/mnt/a',
      fsType: 'xfs',
      source: '/dev/loop3',
      options: ['rw', 'noquota'],
    })
    expect(find('/mnt/a')?.device).toBe('7:3')
    expect(find('/mnt/ab')?.device).toBe('8:1')
  })

  test('of two mounts on one place the newer one counts', () => {
    machine.mount('7:3', '/mnt', 'ext4', '/dev/loop3')
    machine.mount('7:4', '/mnt', 'ext4', '/dev/loop4')
    expect(find('/mnt/x')?.device).toBe('7:4')
  })

  test('blanks in names are read as they are', () => {
    machine.mount('7:3', '/my\\040disk', 'ext4', '/dev/loop3')
    expect(find('/my disk/x')?.device).toBe('7:3')
  })

  test('without mountinfo there are no mounts, and lines that are none are passed over', () => {
    expect(readMounts('/nowhere')).toEqual([])
    expect(readMounts(machine.view.procRoot)).toHaveLength(1)
  })

  test('this machine has a root', () => {
    expect(mountOf('/', readMounts())?.mountPoint).toBe('/')
  })
})

describe('facts of a file', () => {
  test('device numbers are told apart up to the widest', () => {
    expect([deviceNumber(0xfe00n), deviceNumber(0x0703n), deviceNumber(0x10_0801n)]).toEqual([
      '254:0',
      '7:3',
      '8:257',
    ])
    expect(deviceNumber(0xabcd_e000_0000_0000n | 0x1230_0000n)).toBe(`2882396160:74496`)
  })

  test('a file that cannot be reached has none', () => {
    expect(inspectFile('/nowhere/at/all')).toBeNull()
  })

  test('a character device is no block device', () => {
    expect(inspectFile('/dev/null')).toMatchObject({ realPath: '/dev/null', blockNumber: null })
  })
})
