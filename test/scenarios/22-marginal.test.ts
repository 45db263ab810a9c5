// multipath.conf's marginal_path_*: two failures within a time, samples at 10 Hz, an error rate, and never excluded alone.
import { expect, test } from 'vitest'
import type { ExplainRoot } from '../../store/explain/types.ts'
import { Rig, type RigPath } from '../engine/rig.ts'
import { expectExplained } from '../explained.ts'
import { members, takenByReads } from '../engine/taken.ts'

const [A, B] = ['8:0:0:0', '9:0:0:0'] as const
const SETTINGS = {
  iopolicy: 'round-robin',
  checker: { minMs: 500, maxMs: 2_000 },
  marginal: { on: true, doubleFailureMs: 60_000, errorsPerThousand: 10, sampleMs: 10_000, recheckMs: 5_000 },
} as const

/** That `explain` says of A, marginal as it is, what it was that made it so. */
function expectMarginalExplained(rig: Rig, root: Partial<ExplainRoot>, position = rig.position): void {
  const stream = `path/${rig.lun.wwid}/${A}`
  const explained = expectExplained(rig.memory, { stream }, { kind: 'pathError', path: A, ...root }, position)
  expect(explained).toMatchObject({ now: true, symptom: 'sda:0 works badly: it is marginal, and used last.' })
}

async function failsAndHeals(rig: Rig, path: RigPath): Promise<void> {
  path.fail({ errno: 'EIO' })
  for (let turn = 0; turn < 2; turn += 1) await rig.read(0)
  expect(path.path.state.health).toBe('failed')
  path.heal()
  await rig.pass(1_000)
}

async function twoFailures(): Promise<{ rig: Rig; a: RigPath; b: RigPath; both: RigPath[] }> {
  const rig = await Rig.open(SETTINGS)
  const [a, b] = [await rig.add(A), await rig.add(B)]
  await failsAndHeals(rig, a)
  expect(a.path.state.health, 'one failure is no flapping').toBe('online')
  await rig.pass(5_000)
  await failsAndHeals(rig, a)
  return { rig, a, b, both: [a, b] }
}

test('scenario 22: two failures within the time: last in line, sampled at 10 Hz, and back when the samples are clean', async () => {
  const { rig, a, both } = await twoFailures()
  expect(a.path.state.health).toBe('marginal')
  expect(a.path.usable).toBe(true)
  expect(members(await takenByReads(rig, both, 6))).toEqual([1])
  const marginal = rig.position

  const before = a.probes.length
  await rig.pass(5_000)
  expect(a.probes.length - before).toBe(50)
  await rig.pass(6_000)
  const [sampled] = rig.events('path.sampled', A)
  expect(sampled).toMatchObject({ errors: 0, slow: 0 })
  expect(sampled!['reads']).toBeGreaterThanOrEqual(100)
  expect(a.path.state.health).toBe('online')
  expect(members(await takenByReads(rig, both, 6))).toEqual([0, 1])
  const after = a.probes.length
  await rig.pass(20_000)
  expect(a.probes.length, 'nobody samples it any more').toBe(after)

  // The time to sample is a timer on the ledger.
  expect(rig.events('path.timerFired', A).map(({ timer }) => timer)).toContain('sample')
  rig.expectReplayEqualsLive()
  expect(rig.stateAt(marginal, A)).toMatchObject({ health: 'marginal' })
  expectMarginalExplained(rig, { errno: 'EIO', op: 'read', offset: 0 }, marginal)
  expect(rig.events('path.failed', A)[1]).toMatchObject({ first: { errno: 'EIO' } })
})

test('scenario 22: with 5 % errors it stays last, is looked at again later, and comes back when they are over', async () => {
  const { rig, a, both } = await twoFailures()
  a.fail({ errno: 'EIO', ratePerMillion: 50_000, op: 'read' })
  await rig.pass(10_500)
  const [sampled] = rig.events('path.sampled', A) as { reads: number; errors: number }[]
  expect(sampled!.errors * 1_000).toBeGreaterThan(sampled!.reads * 10)
  expect(a.path.state.health).toBe('marginal')
  expect(members(await takenByReads(rig, both, 6))).toEqual([1])
  expect(Object.keys(a.path.timers)).toEqual(['recheck'])
  await rig.pass(16_000)
  expect(rig.rows('path.sampled', A)).toHaveLength(2)
  expect(a.path.state.health).toBe('marginal')
  a.heal()
  await rig.pass(30_000)
  expect(a.path.state.health).toBe('online')
  expect(members(await takenByReads(rig, both, 6))).toEqual([0, 1])
})

test('scenario 22: alone it carries the I/O, marginal as it is', async () => {
  const { rig, a, b, both } = await twoFailures()
  b.fail({ errno: 'EIO' })
  expect(members(await takenByReads(rig, both, 4))).toContain(0)
  expect(b.path.state.health).toBe('failed')
  expect(members(await takenByReads(rig, both, 4))).toEqual([0])
  expect(a.path.state.health).toBe('marginal')
  expect(rig.head.counters.callerErrors).toBe(0)
  const root = { kind: 'pathError', errno: 'EIO', path: B } as const
  const { also } = expectExplained(rig.memory, { stream: `head/${rig.lun.wwid}` }, root)
  expect(also).toContainEqual(expect.stringMatching(/^sda:0 works badly/))
})

test('scenario 22: real I/O that errs too often makes a path marginal, whatever its checks say', async () => {
  // So many may fail that none of the rules about failures comes first.
  const rig = await Rig.open({
    ...SETTINGS,
    failThreshold: 1_000,
    marginal: { ...SETTINGS.marginal, doubleFailureMs: 0 },
  })
  const [a, b] = [await rig.add(A), await rig.add(B)]
  a.fail({ errno: 'EIO', op: 'read', ratePerMillion: 100_000, range: { offset: 0, length: 512 } })
  for (let turn = 0; turn < 200 && a.path.state.health === 'online'; turn += 1) await rig.read(0)
  expect(a.path.state.health).toBe('marginal')
  const [row] = rig.events('path.becameMarginal', A)
  expect(row).toMatchObject({
    why: expect.stringMatching(/^\d+ of \d+ I\/Os within 10000 ms failed/) as string,
  })
  expect(rig.rows('path.failed')).toEqual([])
  expectMarginalExplained(rig, { errno: 'EIO', op: 'read', offset: 0 })
  expect(members(await takenByReads(rig, [a, b], 6))).toEqual([1])
})

test('scenario 22: a path that became slow is last in line, and back when it is fast', async () => {
  const rig = await Rig.open({
    ...SETTINGS,
    marginal: { ...SETTINGS.marginal, slowMs: 20, windowIosMin: 10 },
  })
  const [a, b] = [await rig.add(A), await rig.add(B)]
  a.delay.enable({ delayUs: 50_000 })
  for (let turn = 0; turn < 40; turn += 1) await rig.read(0)
  expect(a.path.state.health).toBe('marginal')
  expect(rig.events('path.becameMarginal', A)).toEqual([
    { by: 'slowness', why: expect.stringContaining('took longer than 20 ms') as string },
  ])
  // There is no errno in being slow.
  expectMarginalExplained(rig, {
    kind: 'slow',
    errno: null,
    reason: expect.stringContaining('20 ms') as string,
  })
  expect(members(await takenByReads(rig, [a, b], 6))).toEqual([1])
  await rig.pass(11_000)
  expect(a.path.state.health, 'slow samples keep it there').toBe('marginal')
  a.delay.disable()
  await rig.pass(40_000)
  expect(a.path.state.health).toBe('online')
})
