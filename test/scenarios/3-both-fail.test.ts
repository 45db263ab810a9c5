import { expect, test } from 'vitest'
import { bytesOf, Rig } from '../engine/rig.ts'
import { expectExplained } from '../explained.ts'

const PATHS = ['8:0:0:0', '9:0:0:0'] as const
const OFFSET = 4096

test('scenario 3: both paths fail, one 4 KiB write: EIO for the caller, two attempts, no loop, bounded time', async () => {
  const rig = await Rig.open()
  const [a, b] = [await rig.add(PATHS[0]), await rig.add(PATHS[1])]
  const before = rig.position
  for (const path of [a, b]) path.fail({ errno: 'EIO' })

  const startUs = rig.clock.monoUs()
  const error = await rig.errorOf(rig.head.write({ offset: OFFSET, data: bytesOf(3, 4096) }))
  expect(error).toMatchObject({ errno: 'EIO', outcome: 'failed' })
  expect(error.message).toContain('no usable path')
  const tookUs = rig.clock.monoUs() - startUs
  // Every probe failed at once: nothing waited for a timer of the checker.
  expect(tookUs).toBeLessThan(10_000)

  const writes = () => [...a.requests, ...b.requests].filter(({ op }) => op === 'write').length
  expect(writes()).toBe(2)
  await rig.pass(120_000)
  expect(writes(), 'nothing sends it again behind the back of its caller').toBe(2)
  expect(rig.lun.medium.every((byte) => byte === 0)).toBe(true)
  expect(rig.head.counters).toMatchObject({ writes: 0, callerErrors: 1, failedNoPath: 1 })
  expect(rig.head.state).toEqual({ life: 'live', service: 'failing' })

  const first = { errno: 'EIO', status: 'IOERR', op: 'write', offset: OFFSET, length: 4096 }
  for (const hctl of PATHS) {
    expect(rig.events('path.failed', hctl)).toEqual([expect.objectContaining({ first, verdict: 'probe' })])
  }
  for (const hctl of PATHS) {
    const root = { ...first, kind: 'pathError', path: hctl } as const
    expectExplained(rig.memory, { stream: `path/${rig.lun.wwid}/${hctl}` }, root)
  }
  const why = expectExplained(rig.memory, { stream: `head/${rig.lun.wwid}` }, { ...first, path: PATHS[0] })
  expect(why.symptom).toBe('sda has no usable path: I/O fails.')
  expect(why.also[0]).toMatch(
    /^sda:1 has failed, and its last probe \(position \d+\) failed too: .* \(position \d+\)$/,
  )
  rig.expectReplayEqualsLive()
  expect(rig.stateAt(before)).toEqual({ life: 'live', service: 'serving' })
  const [onceFailed, twiceFailed] = rig.rows('path.failed')
  expect(rig.stateAt(twiceFailed!.position)).toEqual({ life: 'live', service: 'degraded' })
  expect(rig.stateAt(onceFailed!.position, PATHS[0])).toMatchObject({ health: 'failed' })
  // The event of the head that follows the second failure says that I/O fails from here on.
  expect(rig.stateAt(twiceFailed!.position + 1)).toEqual({ life: 'live', service: 'failing' })

  // The next I/O fails at once, without an attempt; and after healing all is well.
  await rig.errorOf(rig.head.read({ offset: 0, length: 512 }))
  expect(a.ios.length + b.ios.length).toBe(2)
  for (const path of [a, b]) path.heal()
  await rig.pass(30_000)
  await rig.write(OFFSET, bytesOf(3, 4096))
  expect(rig.lun.medium.subarray(OFFSET, OFFSET + 4096)).toEqual(bytesOf(3, 4096))
  expect(rig.head.state).toEqual({ life: 'live', service: 'serving' })
})
