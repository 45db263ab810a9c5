import { expect, test } from 'vitest'
import type { IoPolicy } from '../../machines/words.ts'
import { VerifyLoad } from '../engine/load.ts'
import { BLOCK, Rig } from '../engine/rig.ts'
import { expectExplained } from '../explained.ts'

const HCTLS = ['8:0:0:0', '9:0:0:0', '10:0:0:0'] as const
const ROUND: readonly IoPolicy[] = ['numa', 'round-robin', 'queue-depth']
const CHANGES = 30
const PERIOD_MS = 100

test('scenario 34: the policy changes every 100 ms under load: no error, each counts from the next I/O on, counters come back to zero', async () => {
  const rig = await Rig.open({ iopolicy: 'queue-depth', numaNodes: 2 })
  const paths = []
  for (const hctl of HCTLS) paths.push(await rig.add(hctl, { latencyUs: 7_000, numaNode: paths.length % 2 }))
  const load = new VerifyLoad(rig, { workers: 6, seed: 34 })
  load.start()
  const script: { position: number; policy: IoPolicy }[] = []
  const shares: Record<string, number[]> = {}
  for (let change = 0; change < CHANGES; change += 1) {
    const policy = ROUND[change % ROUND.length] as IoPolicy
    rig.head.setIoPolicy(policy)
    expect(rig.head.ioPolicy).toBe(policy)
    // Every cache is cleared, and what is in flight is not touched.
    expect(paths.map(({ path }) => path.numaNodes)).toEqual([[], [], []])
    script.push({ position: rig.position, policy })
    const before = paths.map(({ ios }) => ios.length)
    await rig.pass(PERIOD_MS)
    const sent = paths.map(({ ios }, at) => ios.length - (before[at] ?? 0))
    shares[policy] = (shares[policy] ?? [0, 0, 0]).map((sum, at) => sum + (sent[at] ?? 0))
  }
  await rig.drive(load.stop())
  await rig.settle()

  expect(load.tally).toMatchObject({ errors: [], mismatched: 0 })
  expect(load.verifyMedium()).toBe(0)
  // numa has one path for a node, and all the load is on node 0; the others use every path.
  expect(shares['numa']?.slice(1)).toEqual([0, 0])
  for (const policy of ['round-robin', 'queue-depth']) {
    expect(Math.min(...(shares[policy] ?? [])), policy).toBeGreaterThan(100)
  }
  expect(paths.map(({ path }) => [path.inFlight, path.queueDepth])).toEqual([
    [0, 0],
    [0, 0],
    [0, 0],
  ])
  expect(rig.head.stat.inFlight).toBe(0)
  expect(rig.head.counters).toMatchObject({ callerErrors: 0, requeued: 0, resent: 0 })

  rig.expectReplayEqualsLive()
  expect(rig.rows('path.failed')).toEqual([])
  expect(rig.events('head.iopolicyChanged').map(({ to }) => to)).toEqual(script.map(({ policy }) => policy))
  for (const { position } of script) {
    expect(rig.stateAt(position)).toEqual({ life: 'live', service: 'serving' })
  }
})

test('scenario 34: what waits for a path is woken by a change of policy, and waits on where there is none', async () => {
  const rig = await Rig.open()
  const a = await rig.add(HCTLS[0])
  a.path.block()
  const waiting = rig.head.read({ offset: 0, length: BLOCK })
  for (let change = 1; change < CHANGES; change += 1) {
    rig.head.setIoPolicy(ROUND[change % ROUND.length] as IoPolicy)
    await rig.pass(PERIOD_MS)
    expect(rig.head.queued.bios).toBe(1)
  }
  const root = { kind: 'deviceState', path: HCTLS[0] } as const
  expectExplained(rig.memory, { stream: `head/${rig.lun.wwid}` }, root)
  // Each change sent it again, and it was put back.
  expect(rig.head.counters.requeued).toBe(CHANGES)
  a.path.unblock()
  await rig.drive(waiting)
})
