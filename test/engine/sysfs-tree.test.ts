// The tree as a function of states: names, numbers, links. Nothing runs here.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SysfsEntry } from '../../adapters/sysfs/entries.ts'
import { diskName, DISKS_MAX, diskIndex } from '../../engine/core/names.ts'
import { deviceNumber } from '../../engine/views/sysfs/device-number.ts'
import { findEntry, readEntry } from '../../engine/views/sysfs/look.ts'
import { parseUnsigned, UINT_MAX } from '../../engine/views/sysfs/numbers.ts'
import { listFormat, sysfsTree } from '../../engine/views/sysfs/tree.ts'
import type { StreamStates } from '../../machines/step.ts'
import { MACHINES } from '../../machines/registry.ts'
import { added, created } from '../machines/payloads.ts'

const WWID = 'naa.600140505200a986f0043c9afa1fd077'
const NOTHING = { heads: new Map(), paths: new Map() }

/** A head with its paths, as their machines have them after being added. */
function lun(
  head: { wwid?: string; index?: number; name?: string; delayedRemovalUs?: number },
  hctls: string[],
) {
  const { wwid = WWID, name = 'sda' } = head
  const path = (hctl: string, index: number) =>
    MACHINES.path.decide(MACHINES.path.initial(), {
      type: 'path.added',
      atUs: 0,
      data: added({ wwid, hctl, index, name: `${name}:${index}` }),
    }).state
  const made = MACHINES.head.decide(MACHINES.head.initial(), {
    type: 'head.created',
    atUs: 0,
    data: created({ wwid, ...head }),
  }).state
  const live = MACHINES.head.decide(made, { type: 'head.published', atUs: 0, data: {} }).state
  return Object.fromEntries([
    [`head/${wwid}`, live],
    ...hctls.map((hctl, index) => [`path/${wwid}/${hctl}`, path(hctl, index)] as const),
  ]) as StreamStates
}

function treeOf(...luns: StreamStates[]): SysfsEntry[] {
  return sysfsTree(Object.assign({}, ...luns) as StreamStates, NOTHING)
}

describe('numbers of a disk', () => {
  test.each([
    ['sda', '8:0'],
    ['sdb', '8:16'],
    ['sdc', '8:32'],
    ['sdp', '8:240'],
    ['sdq', '65:0'],
    ['sdaf', '65:240'],
    ['sdag', '66:0'],
    ['sddw', '71:224'],
    ['sddx', '71:240'],
    ['sddy', '128:0'],
    ['sdiv', '135:240'],
    // Behind the last major the first one comes again, with higher minors.
    ['sdiw', '8:256'],
    ['sdzz', '131:720'],
  ])('%s is %s', (name, number) => {
    expect(deviceNumber(diskIndex(name))).toBe(number)
  })

  test('no two disks share a number, and a name says which disk it is', () => {
    const numbers = Array.from({ length: DISKS_MAX }, (_, index) => deviceNumber(index))
    expect(new Set(numbers).size).toBe(DISKS_MAX)
    fc.assert(
      fc.property(fc.nat(DISKS_MAX - 1), (index) => {
        expect(diskIndex(diskName(index))).toBe(index)
      }),
    )
  })
})

test.each([
  [[], ''],
  [[0], '0'],
  [[0, 1, 2, 3], '0-3'],
  [[0, 2, 3, 7], '0,2-3,7'],
])('nodes %j are written %j', (nodes, text) => {
  expect(listFormat(nodes)).toBe(text)
})

describe('the tree', () => {
  const tree = treeOf(
    lun({ index: 0, name: 'sda' }, ['8:0:0:0', '10:0:0:0']),
    lun({ wwid: 'eui.0011223344556677', index: 1, name: 'sdb' }, ['9:0:1:7']),
  )

  test('leads nowhere: every link ends at an entry, and every entry is in a directory', () => {
    for (const { path, target } of tree) {
      if (target !== undefined) expect(findEntry(tree, path).target, path).toBeUndefined()
      const parent = path.slice(0, path.lastIndexOf('/'))
      expect(
        parent === '/sys' || tree.some((entry) => entry.path === parent && entry.content === undefined),
      ).toBe(true)
    }
    expect(tree.filter(({ target }) => target !== undefined).length).toBeGreaterThan(20)
  })

  test('counts sessions by the numbers of the hosts', () => {
    const at = (hctl: string) => tree.find(({ path }) => path.endsWith(`/multipath/${hctl}`))?.target
    expect(at('8:0:0:0')).toBe('../../../../platform/host8/session1/target8:0:0/8:0:0:0')
    expect(at('9:0:1:7')).toBe('../../../../platform/host9/session2/target9:0:1/9:0:1:7')
    expect(at('10:0:0:0')).toBe('../../../../platform/host10/session3/target10:0:0/10:0:0:0')
  })

  test('shows no disk of a head that is not live yet, and nothing of one that is gone', () => {
    const states = lun({}, [])
    const head = states[`head/${WWID}`]!
    const allocated = { ...head, value: { ...(head.value as object), life: 'allocated' } }
    const early = sysfsTree({ [`head/${WWID}`]: allocated }, NOTHING).map(({ path }) => path)
    expect(early).toContain('/sys/class/scsi_mpath_device/0')
    expect(early.filter((path) => path.includes('sda'))).toEqual([])
    const gone = MACHINES.head.decide(head, { type: 'head.closed', atUs: 0, data: { why: 'closed' } }).state
    const late = sysfsTree({ [`head/${WWID}`]: gone }, NOTHING)
    expect(late.filter(({ content, target }) => content !== undefined || target !== undefined)).toEqual([])
  })

  test('never says that removal is off while a head outlives its last path, however shortly', () => {
    const of = (delayedRemovalUs: number) =>
      readEntry(treeOf(lun({ delayedRemovalUs }, [])), '/sys/block/sda/delayed_removal_secs')
    expect([0, 1, 999_999, 1_000_000, 1_000_001].map(of)).toEqual(['0\n', '1\n', '1\n', '1\n', '2\n'])
  })
})

describe('looking for an entry', () => {
  const tree = treeOf(lun({ name: 'sdc' }, ['8:0:0:0']))

  test.each([
    '/sys/class/scsi_mpath_device/0/wwid',
    'class/scsi_mpath_device/0/wwid',
    '/class//scsi_mpath_device/./0/wwid',
    '/sys/devices/virtual/scsi_mpath_device/0/wwid',
    '/sys/class/scsi_mpath_device/0/multipath/../wwid',
    '/sys/../class/scsi_mpath_device/0/wwid',
    '/sys/class/scsi_mpath_device/0/vpd_id',
    '/sys/class/scsi_mpath_device/0/multipath/8:0:0:0/wwid',
    '/sys/block/sdc:0/device/wwid',
  ])('%s is the wwid', (path) => {
    expect(readEntry(tree, path)).toBe(`${WWID}\n`)
  })

  test.each([
    ['/sys/class/scsi_mpath_device/1/wwid', 'SYSFS_NO_ENTRY', 'ENOENT'],
    ['', 'SYSFS_IS_DIRECTORY', 'EISDIR'],
    ['/sys/class/scsi_mpath_device/0', 'SYSFS_IS_DIRECTORY', 'EISDIR'],
    ['/sys/class/scsi_mpath_device/0/wwid/more', 'SYSFS_NO_ENTRY', 'ENOTDIR'],
    ['/sys/class/scsi_mpath_disk/0/vpd_id', 'SYSFS_NO_ENTRY', 'ENOENT'],
    ['/etc/passwd', 'SYSFS_NO_ENTRY', 'ENOENT'],
  ])('%j is refused with %s (%s)', (path, code, errno) => {
    expect(() => readEntry(tree, path)).toThrow(expect.objectContaining({ code, errno }))
  })

  test('ends where links lead in a circle', () => {
    const circle: SysfsEntry[] = [
      { path: '/sys/a', mode: 'lrwxrwxrwx', target: 'b' },
      { path: '/sys/b', mode: 'lrwxrwxrwx', target: 'a' },
    ]
    expect(() => findEntry(circle, '/sys/a/x')).toThrow(expect.objectContaining({ errno: 'ELOOP' }))
  })
})

describe('a number as the kernel reads it', () => {
  test.each([
    ['0', 0],
    ['30', 30],
    ['30\n', 30],
    ['+30', 30],
    ['0x1F', 31],
    ['0X1f\n', 31],
    ['017', 15],
    ['00', 0],
    ['4294967295', UINT_MAX],
  ])('%j is %d', (text, number) => {
    expect(parseUnsigned(text, UINT_MAX)).toBe(number)
  })

  test.each([
    '',
    '\n',
    '-1',
    ' 1',
    '1 ',
    '1\n\n',
    '08',
    '0x',
    '1.5',
    '1e3',
    '0b1',
    '0o7',
    'ten',
    '++1',
    '0x-1',
  ])('%j is none (EINVAL)', (text) => {
    expect(() => parseUnsigned(text, UINT_MAX)).toThrow(
      expect.objectContaining({ code: 'SYSFS_VALUE', errno: 'EINVAL' }),
    )
  })

  test.each(['4294967296', '0x100000000', '99999999999999999999999999'])(
    '%s is too large (ERANGE)',
    (text) => {
      expect(() => parseUnsigned(text, UINT_MAX)).toThrow(expect.objectContaining({ errno: 'ERANGE' }))
    },
  )

  test('whatever is typed is a number or refused with one of the two', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^\+?(0x|0)?[0-9a-f]{1,12}\n?$/)), (text) => {
        try {
          const number = parseUnsigned(text, UINT_MAX)
          expect(Number.isInteger(number) && number >= 0 && number <= UINT_MAX).toBe(true)
        } catch (error) {
          expect(error).toMatchObject({ code: 'SYSFS_VALUE' })
        }
      }),
    )
  })
})
