// Ends that a hostile review asked for: what lacks what it needs ends within a bound all the same, and is told.
import { expect, test } from 'vitest'
import { bytesOf, Rig, testLun } from './rig.ts'

const OTHER = 'naa.600140500000000000000000000000c2'

test('review 08: a path that was added while the pool was used up is probed all the same, and comes back', async () => {
  const rig = await Rig.open({
    ...{ poolBytes: 1024 * 1024, noPathRetry: 'queue', delayedRemovalMs: 60_000 },
    ...{ checker: { minMs: 50, maxMs: 100 }, probeTimeoutMs: 100 },
  })
  const [first, second] = [testLun(), testLun({ wwid: OTHER })]
  for (const [hctl, lun] of [
    ['7:0:0:0', first],
    ['8:0:0:0', second],
  ] as const) {
    await rig.add(hctl, { lun })
    await rig.drive(rig.mp.path(hctl).remove())
  }
  // Both have lost their paths, and their I/O has all of the pool.
  const queued = [first, second].flatMap(({ wwid }) =>
    Array.from({ length: 16 }, (_, at) =>
      rig.mp.head(wwid).write({ offset: at * 65_536, data: bytesOf(at, 65_536) }),
    ),
  )
  await rig.pass(10)
  expect(rig.mp.memory.usedBytes).toBe(1024 * 1024)
  const a = await rig.add('9:0:0:0', { lun: first })
  await rig.add('10:0:0:0', { lun: second })
  await rig.drive(Promise.all(queued))
  a.fail()
  const read = rig.mp.head(first.wwid).read({ offset: 0, length: 512 })
  await rig.pass(500)
  expect(a.path.state.health).not.toBe('online')
  a.heal()
  await rig.drive(read)
  await rig.pass(500)
  expect(a.path.state.health).toBe('online')
})
