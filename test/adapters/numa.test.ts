// NUMA distances and nodes from a sysfs of our own making, right and wrong.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkDistances, numaFromSysfs, numaNodeOf } from '../../adapters/numa.ts'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pathledger-numa-'))
})
afterEach(() => rmSync(root, { recursive: true }))

function nodes(distances: Readonly<Record<string, string>>): string {
  for (const [node, text] of Object.entries(distances)) {
    mkdirSync(join(root, node))
    writeFileSync(join(root, node, 'distance'), text)
  }
  return root
}

describe('distances', () => {
  test('are read for two nodes and for four', () => {
    expect(numaFromSysfs(nodes({ node0: '10 21\n', node1: '21 10\n' }))).toEqual({
      numaNodes: 2,
      numaDistance: [
        [10, 21],
        [21, 10],
      ],
    })
    rmSync(root, { recursive: true })
    mkdirSync(root)
    const four = { node0: '10 12 20 22', node1: '12 10 22 20', node2: '20 22 10 12', node3: '22 20 12 10' }
    expect(numaFromSysfs(nodes(four)).numaDistance[2]).toEqual([20, 22, 10, 12])
  })

  test('of a node that is not there are out of reach, and ten nodes come in the order of their numbers', () => {
    expect(numaFromSysfs(nodes({ node0: '10 30', node2: '30 10', power: '' }))).toEqual({
      numaNodes: 3,
      numaDistance: [
        [10, 255, 30],
        [255, 10, 255],
        [30, 255, 10],
      ],
    })
  })

  test('of a machine without NUMA are one node', () => {
    const one = { numaNodes: 1, numaDistance: [[10]] }
    expect([numaFromSysfs(join(root, 'none')), numaFromSysfs(root)]).toEqual([one, one])
  })

  test('of this machine are distances', () => {
    const { numaNodes, numaDistance } = numaFromSysfs()
    checkDistances(numaDistance, numaNodes)
  })

  test.each([
    ['too few', { node0: '10', node1: '20 10' }],
    ['no numbers', { node0: '10 far', node1: '20 10' }],
    ['nearer than itself', { node0: '10 9', node1: '20 10' }],
    ['a node that is not local to itself', { node0: '11 20', node1: '20 10' }],
    ['more than there is', { node0: '10 256', node1: '20 10' }],
  ])('that are %s are refused', (_what, distances) => {
    expect(() => numaFromSysfs(nodes(distances))).toThrow(
      expect.objectContaining({ code: 'NUMA_DISTANCES', errno: 'EINVAL' }),
    )
  })
})

describe('the node of a device', () => {
  function device(place: string, node: string | null, at = ''): string {
    mkdirSync(join(root, 'dev/block'), { recursive: true })
    mkdirSync(join(root, 'devices', place), { recursive: true })
    if (node !== null) writeFileSync(join(root, 'devices', at, 'numa_node'), `${node}\n`)
    symlinkSync(join(root, 'devices', place), join(root, 'dev/block/8:0'))
    return root
  }

  test('is that of the nearest device above it that has one', () => {
    expect(numaNodeOf('8:0', device('pci0/host8/block/sda', '3', 'pci0'))).toBe(3)
  })

  test.each([
    ['has none', null],
    ['says -1', '-1'],
    ['says something else', 'two'],
  ])('is none where it %s', (_what, node) => {
    expect(numaNodeOf('8:0', device('virtual/block/loop0', node, 'virtual'))).toBeNull()
  })

  test('is none where there is no device', () => {
    expect(numaNodeOf('9:9', root)).toBeNull()
  })
})
