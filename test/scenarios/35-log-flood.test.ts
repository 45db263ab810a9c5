import { expect, test } from 'vitest'
import { bytesOf, Rig } from '../engine/rig.ts'
import { expectExplained } from '../explained.ts'

const [A, B] = ['8:0:0:0', '9:0:0:0'] as const
const ERRORS = 100_000
const AT_ONCE = 500
const ROWS_A_MINUTE = 1_000

test('scenario 35: a hundred thousand identical errors make a bounded number of rows, and are all counted', async () => {
  // Its probes are well and no number of bios condemns it: so each of them is an error of its own.
  const rig = await Rig.open({ failThreshold: 1_000_000, errorRowsPerMinute: ROWS_A_MINUTE })
  const a = await rig.add(A)
  await rig.add(B)
  a.fail({ errno: 'EIO', op: 'write' })
  const startUs = rig.clock.monoUs()
  const before = rig.position
  const data = bytesOf(35)
  const { head } = rig
  for (let done = 0; done < ERRORS; done += AT_ONCE) {
    await rig.drive(Promise.all(Array.from({ length: AT_ONCE }, () => head.write({ offset: 0, data }))))
  }
  const minutes = Math.ceil((rig.clock.monoUs() - startUs) / 60_000_000)
  expect(a.path.counters).toMatchObject({ errors: ERRORS, resent: ERRORS })
  expect(head.counters.callerErrors).toBe(0)
  expect(a.path.state.health).toBe('online')

  await rig.pass(2_000)
  const told = rig.rows('path.suspected', A)
  expect(told.length).toBeGreaterThan(0)
  expect(told.length).toBeLessThanOrEqual(ROWS_A_MINUTE * minutes)
  // Suspicions, their ends, and samples once a second for each path and the head.
  expect(rig.position - before).toBeLessThanOrEqual(2 * ROWS_A_MINUTE * minutes + 3 * (60 * minutes + 3))
  const sampled = rig.events('path.ioSampled', A).reduce((sum, { errors }) => sum + Number(errors), 0)
  expect(sampled, 'what no row tells of is in the counts').toBe(ERRORS)
  expect(rig.events('path.suspected', A)[0]).toMatchObject({ errno: 'EIO', op: 'write', offset: 0 })
  const root = { kind: 'pathError', errno: 'EIO', op: 'write', offset: 0, path: A } as const
  for (const stream of [`path/${rig.lun.wwid}/${A}`, `head/${rig.lun.wwid}`]) {
    expect(expectExplained(rig.memory, { stream }, root).now).toBe(false)
  }
  rig.expectReplayEqualsLive()
})
