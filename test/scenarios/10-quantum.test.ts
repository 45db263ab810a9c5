// SPDK's test_find_next_io_path, and what dm-multipath calls rr_min_io.
import { expect, test } from 'vitest'
import { bytesOf, Rig, type RigPath } from '../engine/rig.ts'
import { takenByReads } from '../engine/taken.ts'

async function paths(rig: Rig, letters: string): Promise<RigPath[]> {
  const access = { o: 'optimal', n: 'active' } as const
  const made: RigPath[] = []
  for (const [at, letter] of Array.from(letters).entries()) {
    made.push(await rig.add(`${8 + at}:0:0:0`, { access: access[letter as 'o' | 'n'] }))
  }
  return made
}

test('scenario 10: round-robin with a quantum of 2 over o,o,n selects 1,1,2,2,1,1', async () => {
  const rig = await Rig.open({ iopolicy: 'round-robin', quantum: { unit: 'ios', size: 2 } })
  const all = await paths(rig, 'oon')
  // The kernel's first I/O goes to the path after the one that was found first: begin where that leads to path 1.
  rig.head.setIoPolicy('numa')
  rig.head.setIoPolicy('round-robin')
  const start = rig.position
  expect((await takenByReads(rig, all, 6)).map((at) => at + 1)).toEqual([1, 1, 2, 2, 1, 1])
  rig.expectReplayEqualsLive()
  expect(rig.stateAt(start)).toEqual(rig.stateAt(rig.position))
  expect(rig.rows('path.failed')).toEqual([])
})

test('scenario 10: with o,n only it is always the o', async () => {
  const rig = await Rig.open({ iopolicy: 'round-robin', quantum: { unit: 'ios', size: 2 } })
  const all = await paths(rig, 'on')
  expect(await takenByReads(rig, all, 6)).toEqual([0, 0, 0, 0, 0, 0])
})

test('scenario 10: a quantum in bytes goes on when so many have gone down the path', async () => {
  const rig = await Rig.open({ iopolicy: 'round-robin' })
  const all = await paths(rig, 'oo')
  rig.head.setQuantum({ unit: 'bytes', size: 1_024 })
  const order: number[] = []
  for (const length of [512, 512, 1_024, 2_048, 512, 512]) {
    const before = all.map(({ ios }) => ios.length)
    await rig.write(0, bytesOf(1, length))
    order.push(all.findIndex(({ ios }, at) => ios.length > (before[at] ?? 0)))
  }
  const first = order[0] ?? 0
  const other = 1 - first
  expect(order).toEqual([first, first, other, first, other, other])
  expect(rig.events('head.quantumSet')).toEqual([{ unit: 'bytes', size: 1_024 }])
})

test('scenario 10: a quantum that is none is refused and changes nothing', async () => {
  const rig = await Rig.open({ iopolicy: 'round-robin' })
  await paths(rig, 'oo')
  for (const wrong of [
    { unit: 'ios', size: 0 },
    { unit: 'turns', size: 1 },
    { unit: 'bytes', size: 1.5 },
  ]) {
    expect(() => rig.head.setQuantum(wrong as never)).toThrow(
      expect.objectContaining({ code: 'QUANTUM_INVALID' }),
    )
  }
  expect(rig.rows('head.quantumSet')).toEqual([])
})
