// NUMA: the node of each submit, a cached path per node, and distances, with two nodes and with four.
import { describe, expect, test } from 'vitest'
import type { NumaDistance } from '../../engine/core/numa.ts'
import { BLOCK, Rig, type RigPath } from './rig.ts'

/** Two sockets of two nodes each. */
const FOUR = [
  [10, 12, 20, 22],
  [12, 10, 22, 20],
  [20, 22, 10, 12],
  [22, 20, 12, 10],
]

async function machine(distances: NumaDistance, numaNodes: number, nodesOfPaths: readonly (number | null)[]) {
  const rig = await Rig.open({ numaNodes, numaDistance: distances })
  const paths: RigPath[] = []
  for (const [at, numaNode] of nodesOfPaths.entries())
    paths.push(await rig.add(`${8 + at}:0:0:0`, { numaNode }))
  return { rig, paths }
}

/** Which path (from 0) a read on each node goes down. */
async function picks(rig: Rig, paths: RigPath[], nodes: readonly number[]): Promise<number[]> {
  const picked: number[] = []
  for (const node of nodes) {
    const before = paths.map(({ ios }) => ios.length)
    await rig.read(0, BLOCK, node)
    picked.push(paths.findIndex(({ ios }, at) => ios.length > (before[at] ?? 0)))
  }
  return picked
}

const caches = (paths: RigPath[]) => paths.map(({ path }) => path.numaNodes)

describe('four nodes', () => {
  test('each reads by the nearest path; of equals the first that was added', async () => {
    const { rig, paths } = await machine(FOUR, 4, [0, 3, 0])
    expect(await picks(rig, paths, [0, 1, 2, 3])).toEqual([0, 0, 1, 1])
    expect(caches(paths)).toEqual([[0, 1], [2, 3], []])
  })

  test('the next nearest takes over, optimized before near, and back', async () => {
    const { rig, paths } = await machine(FOUR, 4, [0, 1, 2])
    const [a, b] = paths as [RigPath, RigPath, RigPath]
    a.path.setAccessState('unavailable')
    // Node 0 alone looks again: the others go on with what they had.
    expect(caches(paths)).toEqual([[], [1], [2, 3]])
    expect(await picks(rig, paths, [0, 1, 2, 3])).toEqual([1, 1, 2, 2])
    // A cached path that is no longer optimized is looked past: the far optimized one is better.
    b.path.setAccessState('active')
    expect(await picks(rig, paths, [0, 1])).toEqual([2, 2])
    // D-63: to optimal runs the search for every node.
    a.path.setAccessState('optimal')
    expect(caches(paths)).toEqual([[0, 1], [], [2, 3]])
    expect(await picks(rig, paths, [0, 1, 2, 3])).toEqual([0, 0, 2, 2])
  })

  test('a path of no node is as near as a local one to each, and one of an unknown node is the last', async () => {
    const { rig, paths } = await machine(FOUR, 4, [9, null])
    expect(await picks(rig, paths, [0, 1, 2, 3])).toEqual([1, 1, 1, 1])
    paths[1]!.path.fail()
    expect(await picks(rig, paths, [0, 3])).toEqual([0, 0])
  })

  test('round-robin turns on each node by itself, and distance is nothing to it', async () => {
    const { rig, paths } = await machine(FOUR, 4, [0, 1, 2])
    rig.head.setIoPolicy('round-robin')
    expect(await picks(rig, paths, [3, 3, 3, 3])).toEqual([0, 1, 2, 0])
    expect(await picks(rig, paths, [0, 0])).toEqual([0, 1])
    expect(await picks(rig, paths, [3, 0])).toEqual([1, 2])
  })

  test('queue-depth keeps no cache', async () => {
    const { rig, paths } = await machine(FOUR, 4, [0, 1])
    rig.head.setIoPolicy('queue-depth')
    expect(await picks(rig, paths, [0, 1, 2, 3])).toEqual([0, 0, 0, 0])
    expect(caches(paths)).toEqual([[], []])
  })
})

describe('two nodes', () => {
  const two = [
    [10, 21],
    [21, 10],
  ]

  test.each([
    ['a table', two],
    ['a function', (from: number, to: number) => (from === to ? 10 : 21)],
    ['nothing: the kernel’s own', undefined],
  ])('with %s: each its own, the other one when that is gone', async (_what, distances) => {
    const rig = await Rig.open({
      numaNodes: 2,
      ...(distances === undefined ? {} : { numaDistance: distances }),
    })
    const paths = [await rig.add('8:0:0:0', { numaNode: 1 }), await rig.add('9:0:0:0', { numaNode: 0 })]
    expect(await picks(rig, paths, [0, 1, 0])).toEqual([1, 0, 1])
    paths[1]!.path.block()
    expect(await picks(rig, paths, [0, 1])).toEqual([0, 0])
    paths[1]!.path.unblock()
    // Unblocking runs no search: node 0 stays where it is until its path goes.
    expect(await picks(rig, paths, [0, 1])).toEqual([0, 0])
    expect(paths.map(({ path }) => path.numaNode)).toEqual([1, 0])
  })

  test('every operation goes by its node, and a node that is not there is refused', async () => {
    const { rig, paths } = await machine(two, 2, [0, 1])
    const { head } = rig
    const data = new Uint8Array(BLOCK)
    await rig.drive(head.write({ offset: 0, data, node: 1 }))
    await rig.drive(head.discard({ offset: 0, length: BLOCK, node: 1 }))
    await rig.drive(head.writeZeroes({ offset: 0, length: BLOCK, node: 1 }))
    expect(paths.map(({ ios }) => ios.length)).toEqual([0, 3])
    for (const node of [2, -1, 0.5]) {
      expect((await rig.errorOf(head.read({ offset: 0, length: BLOCK, node }))).code).toBe('NODE_UNKNOWN')
    }
  })

  test.each([
    ['too small', [[10]]],
    ['not square', [[10, 20], [20]]],
    [
      'nearer than local',
      [
        [10, 5],
        [20, 10],
      ],
    ],
  ])('a table that is %s opens nothing', async (_what, numaDistance) => {
    await expect(Rig.open({ numaNodes: 2, numaDistance })).rejects.toMatchObject({ code: 'NUMA_DISTANCES' })
  })
})
