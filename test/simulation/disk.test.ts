// The simulator's disk: what a power cut may take and may not, and what a flush that fails takes.
import { expect, test } from 'vitest'
import { Disk } from '../../simulation/world/disk.ts'
import { BLOCK } from '../../simulation/world/shadow.ts'

const filled = (mark: number, blocks = 1) => new Uint8Array(blocks * BLOCK).fill(mark)
/** Says in turn whether something stays. */
const says = (...words: readonly boolean[]) => {
  const left = [...words]
  return { nextUint32: () => (left.shift() === true ? 0 : 1) } as never
}
const marks = (disk: Disk) => Array.from({ length: 4 }, (_, block) => disk.medium[block * BLOCK])

function written(): Disk {
  const disk = new Disk(4 * BLOCK, 4 * BLOCK)
  disk.write(0, filled(1), true)
  disk.write(BLOCK, filled(2), false)
  return disk
}

test('a power cut takes what was only in a cache or not, never what is on the medium, and tears what is under way', () => {
  const disk = written()
  expect(disk.dirty).toBe(1)
  disk.begin(2 * BLOCK, filled(3, 2))
  disk.begin(0, filled(4))
  expect(disk.powerCut(says(false, true, false, false))).toEqual({ lost: 1, torn: 1 })
  expect([marks(disk), disk.dirty]).toEqual([[1, 0, 3, 0], 0])
  // Nothing is left that another one could take.
  expect(disk.powerCut(says())).toEqual({ lost: 0, torn: 0 })
  const lucky = written()
  lucky.begin(2 * BLOCK, filled(3, 2))
  lucky.end(lucky.begin(0, filled(4)))
  expect(lucky.powerCut(says(true, true, true))).toEqual({ lost: 0, torn: 0 })
  expect(marks(lucky)).toEqual([1, 2, 3, 3])
})

test('a flush puts the cache on the medium; one that fails loses it, once', () => {
  const disk = written()
  disk.losesNextFlush = true
  expect([disk.flush(), marks(disk)]).toEqual([false, [1, 0, 0, 0]])
  disk.write(BLOCK, filled(5), false)
  expect(disk.flush()).toBe(true)
  disk.powerCut(says())
  expect(marks(disk)).toEqual([1, 5, 0, 0])
})

test('with a cache for each path a flush brings home its own, as it was when it was sent, and a dead server takes its own', () => {
  const disk = new Disk(4 * BLOCK, 4 * BLOCK)
  const stable = () => Array.from({ length: 3 }, (_, block) => disk.stable(block)[0])
  disk.write(0, filled(1), false, 'a')
  disk.write(BLOCK, filled(2), false, 'b')
  const sent = disk.writes
  disk.write(2 * BLOCK, filled(3), false, 'a')
  expect([disk.flush('a', sent), stable()]).toEqual([true, [1, 0, 0]])
  // The later write of a block counts, whichever cache is flushed first.
  disk.write(0, filled(4), false, 'b')
  disk.write(0, filled(5), false, 'a')
  disk.flush('a')
  disk.flush('b')
  expect(stable()).toEqual([5, 2, 3])
  disk.write(0, filled(6), false, 'a')
  disk.write(0, filled(7), false, 'b')
  disk.lose('b')
  expect([marks(disk)[0], disk.dirty]).toEqual([6, 1])
  disk.lose('a')
  expect([marks(disk)[0], disk.dirty]).toEqual([5, 0])
})
