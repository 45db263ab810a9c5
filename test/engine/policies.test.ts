// What the policies beyond the series choose, in a running engine: which path each I/O went down.
import { describe, expect, test } from 'vitest'
import { IO_POLICIES, type IoPolicy } from '../../machines/words.ts'
import { BLOCK, bytesOf, Rig, type RigPath } from './rig.ts'
import { members, takenByReads, takenByWrites } from './taken.ts'

interface Opened {
  readonly rig: Rig
  readonly all: readonly RigPath[]
}

/** Paths that answer after so many microseconds each. */
async function open(iopolicy: IoPolicy, latencies: readonly number[]): Promise<Opened> {
  const rig = await Rig.open({ iopolicy })
  const all: RigPath[] = []
  for (const [at, latencyUs] of latencies.entries()) all.push(await rig.add(`${8 + at}:0:0:0`, { latencyUs }))
  return { rig, all }
}

const counts = (all: readonly RigPath[]) => all.map(({ ios }) => ios.length)

/** Starts I/Os of so many bytes that all stay in flight; where each of them went. */
function placed({ rig, all }: Opened, lengths: readonly number[]): number[] {
  return lengths.map((length) => {
    const before = counts(all)
    rig.head.read({ offset: 0, length }).catch(() => undefined)
    return counts(all).findIndex((count, at) => count > (before[at] ?? 0))
  })
}

describe('read-spread', () => {
  test('reads go down all paths in turn, writes down one, and neither disturbs the other', async () => {
    const { rig, all } = await open('read-spread', [100, 100, 100])
    expect(await takenByReads(rig, all, 4)).toEqual([0, 1, 2, 0])
    expect(await takenByWrites(rig, all, 3)).toEqual([0, 0, 0])
    expect(await takenByReads(rig, all, 4)).toEqual([1, 2, 0, 1])
  })

  test('when the path of the writes fails they have another one, and reads go down those that are left', async () => {
    const { rig, all } = await open('read-spread', [100, 100, 100])
    await takenByWrites(rig, all, 1)
    all[0]!.fail()
    await rig.write(0, bytesOf(1))
    expect(await takenByWrites(rig, all, 3)).toEqual([1, 1, 1])
    expect(members(await takenByReads(rig, all, 4))).toEqual([1, 2])
  })

  test('flushes, discards and zeroing go where the writes go', async () => {
    const { rig, all } = await open('read-spread', [100, 100, 100])
    await takenByReads(rig, all, 2)
    await takenByWrites(rig, all, 1)
    const before = counts(all)
    await rig.drive(rig.head.flush())
    await rig.drive(rig.head.discard({ offset: 0, length: BLOCK }))
    await rig.drive(rig.head.writeZeroes({ offset: 0, length: BLOCK }))
    expect(counts(all).map((count, at) => count - before[at]!)).toEqual([3, 0, 0])
  })
})

describe('service-time', () => {
  test('the path with the fewest bytes in flight; of equal ones the one with fewer I/Os, then the first', async () => {
    const opened = await open('service-time', [1_000, 1_000])
    //       A 8k  B 2k  B 4k  B 6k  B 8k  A has one I/O, B four
    expect(placed(opened, [8_192, 2_048, 2_048, 2_048, 2_048, 2_048])).toEqual([0, 1, 1, 1, 1, 0])
    expect(placed(opened, [512, 512])).toEqual([1, 1])
    await opened.rig.pass(10)
    expect(placed(opened, [512, 512, 512]), 'what was answered is in flight no more').toEqual([0, 1, 0])
    await opened.rig.pass(10)
  })

  test('a path that hangs fills up and gets no more, while the other goes on', async () => {
    const opened = await open('service-time', [100, 100])
    const { rig, all } = opened
    all[0]!.hang.enable()
    expect(placed(opened, [2_048])).toEqual([0])
    expect(await takenByReads(rig, all, 20)).toEqual(Array.from({ length: 20 }, () => 1))
    all[0]!.hang.disable()
    await rig.pass(10)
  })
})

describe('historical-service-time', () => {
  test('each path is tried, then the fast one has the I/O; every 64th is a look at another', async () => {
    const { rig, all } = await open('historical-service-time', [800, 100])
    expect(members(await takenByReads(rig, all, 2)), 'of neither was anything known').toEqual([0, 1])
    const order = await takenByReads(rig, all, 256)
    const looks = order.flatMap((path, at) => (path === 0 ? [at] : []))
    expect(looks.length).toBeGreaterThanOrEqual(1)
    expect(looks.length).toBeLessThanOrEqual(4)
    for (const [at, look] of looks.slice(1).entries()) expect((look - looks[at]!) % 64).toBe(0)
  })

  test('a path that is slow no longer is found by these looks, and has I/O again', async () => {
    const { rig, all } = await open('historical-service-time', [100, 100])
    const [slow] = all as [RigPath]
    slow.delay.enable({ delayUs: 900 })
    await takenByReads(rig, all, 10)
    expect(members(await takenByReads(rig, all, 40))).toEqual([1])
    slow.delay.disable()
    all[1]!.delay.enable({ delayUs: 700 })
    // It is looked at every other 64th I/O, and each answer weighs an eighth.
    const order = await takenByReads(rig, all, 64 * 7)
    expect(members(order.slice(-64))).toContain(0)
    expect(order.slice(-60).filter((path) => path === 0).length).toBeGreaterThan(50)
  })

  test('how many are in flight counts too: four fast answers in a row are a slow one', async () => {
    const opened = await open('historical-service-time', [400, 100])
    await takenByReads(opened.rig, opened.all, 4)
    expect(
      placed(
        opened,
        Array.from({ length: 10 }, () => 512),
      ),
    ).toEqual([1, 1, 1, 0, 1, 1, 1, 1, 0, 1])
    await opened.rig.pass(10)
  })

  test('a path of which nothing is known is tried and not flooded before it has answered', async () => {
    const opened = await open('historical-service-time', [1_000, 1_000])
    const order = placed(
      opened,
      Array.from({ length: 32 }, () => 512),
    )
    expect(order.filter((path) => path === 0)).toHaveLength(16)
    await opened.rig.pass(100)
  })
})

test.each(IO_POLICIES)('a preferred path has every I/O while it is well, under %s', async (iopolicy) => {
  const { rig, all } = await open(iopolicy, [100, 100, 100])
  all[2]!.path.prefer()
  expect(members(await takenByReads(rig, all, 4))).toEqual([2])
  expect(members(await takenByWrites(rig, all, 4))).toEqual([2])
  all[2]!.fail()
  await rig.write(0, bytesOf(1))
  const others = [...(await takenByReads(rig, all, 3)), ...(await takenByWrites(rig, all, 3))]
  expect(others).not.toContain(2)
  all[2]!.heal()
  await rig.pass(2_000)
  expect(members(await takenByReads(rig, all, 3)), 'and is back on it when it is well again').toEqual([2])
})

test('F-18: round-robin goes on from the cached path when its access state becomes unusable, not from the first path', async () => {
  const opened = await open('round-robin', [100, 100, 100, 100])
  const { rig, all } = opened
  expect(await takenByReads(rig, all, 3)).toEqual([1, 2, 3].map((at) => at % 4))
  expect(await takenByReads(rig, all, 3)).toEqual([0, 1, 2])
  all[2]!.path.setAccessState('unavailable')
  expect(all[2]!.path.numaNodes).toEqual([])
  expect(await takenByReads(rig, all, 4)).toEqual([3, 0, 1, 3])
  // Removal, block and failover forget it: the search begins at the first path again.
  all[3]!.path.block()
  expect(await takenByReads(rig, all, 2)).toEqual([0, 1])
})
