// SPDK's test_find_io_path_min_qd: who is picked by depth and access state.
import { expect, test } from 'vitest'
import type { AccessState } from '../../machines/words.ts'
import { Rig, type RigPath } from '../engine/rig.ts'
import { expectExplained } from '../explained.ts'

/** Reads from here on are answered an hour later: they make up the depth. */
const SLOW_OFFSET = 512 * 1024
const HOUR_US = 3_600_000_000
const HCTLS = ['8:0:0:0', '9:0:0:0', '10:0:0:0'] as const
const STATES = { o: 'optimal', n: 'active', i: 'unavailable' } as const

const STEPS = [
  { access: 'oon', depth2: 1, picked: 2 },
  { access: 'nni', depth2: 1, picked: 2 },
  { access: 'ooi', depth2: 1, picked: 2 },
  { access: 'ooi', depth2: 4, picked: 1 },
] as const

test('scenario 11: queue-depth with depths 2, 1, 0 picks 2, 2, 2, and 1 once path 2 has depth 4', async () => {
  const rig = await Rig.open({ iopolicy: 'queue-depth', attemptTimeoutMs: 0 })
  const latencyUs = ({ offset }: { offset: number }) => (offset >= SLOW_OFFSET ? HOUR_US : 100)
  const paths: RigPath[] = []
  for (const hctl of HCTLS) paths.push(await rig.add(hctl, { latencyUs }))
  const held = [await hold(rig, paths, 1, 2), await hold(rig, paths, 2, 1)]
  const script: { position: number; access: string }[] = []

  let depth2 = 1
  for (const step of STEPS) {
    if (step.depth2 > depth2) held.push(await hold(rig, paths, 2, step.depth2 - depth2))
    depth2 = step.depth2
    setAccess(paths, step.access)
    expect(paths.map(({ path }) => path.queueDepth)).toEqual([2, depth2, 0])
    expect(await pick(rig, paths), `picked at (${step.access}), depth of path 2 is ${depth2}`).toBe(
      step.picked,
    )
    // The depth shown, used and counted is one figure, and back where it was when the I/O has ended (D-29).
    expect(paths.map(({ path }) => path.queueDepth)).toEqual([2, depth2, 0])
    script.push({ position: rig.position, access: step.access })
  }

  rig.expectReplayEqualsLive()
  expect(rig.rows('path.failed')).toEqual([])
  for (const { position, access } of script) {
    const then = HCTLS.map((hctl) => (rig.stateAt(position, hctl) as { access: string }).access)
    expect(then).toEqual(Array.from(access).map((letter) => STATES[letter as keyof typeof STATES]))
    for (const [at, hctl] of HCTLS.entries()) {
      if (access[at] !== 'i') continue
      const stream = `path/${rig.lun.wwid}/${hctl}`
      expectExplained(rig.memory, { stream }, { kind: 'accessState', path: hctl }, position)
    }
  }
  await rig.drive(Promise.all(held.flat()))
  expect(paths.map(({ path }) => path.queueDepth)).toEqual([0, 0, 0])
})

/** Sends slow reads down one path (counted from 1): for a moment it is the only usable one. */
async function hold(
  rig: Rig,
  paths: RigPath[],
  which: number,
  count: number,
): Promise<Promise<Uint8Array>[]> {
  setAccess(paths, paths.map((_path, at) => (at === which - 1 ? 'o' : 'i')).join(''))
  const reads = Array.from({ length: count }, () => rig.head.read({ offset: SLOW_OFFSET, length: 512 }))
  await rig.settle()
  return reads
}

function setAccess(paths: RigPath[], letters: string): void {
  paths.forEach(({ path }, at) => {
    const access: AccessState = STATES[letters[at] as keyof typeof STATES]
    path.setAccessState(access)
  })
}

/** Which path (counted from 1) one read goes down. */
async function pick(rig: Rig, paths: RigPath[]): Promise<number> {
  const before = paths.map(({ ios }) => ios.length)
  await rig.read(0)
  const took = paths.flatMap(({ ios }, at) => (ios.length > (before[at] ?? 0) ? [at + 1] : []))
  expect(took).toHaveLength(1)
  return took[0] ?? 0
}
