import { expect, test } from 'vitest'
import { VerifyLoad } from '../engine/load.ts'
import { Rig } from '../engine/rig.ts'
import { expectExplained } from '../explained.ts'

const HCTLS = ['8:0:0:0', '9:0:0:0', '10:0:0:0', '11:0:0:0']
const SERVING = { life: 'live', service: 'serving' }

test('scenario 1: four paths, no fault, 30 s of verified load: no error, no state event, counts add up', async () => {
  const rig = await Rig.open({ iopolicy: 'round-robin' })
  for (const hctl of HCTLS) await rig.add(hctl, { latencyUs: 20_000 })
  const start = rig.position
  const load = new VerifyLoad(rig, { workers: 4, seed: 1 })
  load.start()
  await rig.pass(15_000)
  const during = rig.position
  await rig.pass(15_000)
  await rig.drive(load.stop())

  expect(load.tally).toMatchObject({ errors: [], mismatched: 0 })
  expect(load.verifyMedium()).toBe(0)
  expect(load.tally.writes).toBeGreaterThan(1_000)
  const { reads, writes, readBytes, writeBytes, callerErrors, requeued, resent } = rig.head.counters
  expect({ callerErrors, requeued, resent }).toEqual({ callerErrors: 0, requeued: 0, resent: 0 })
  expect({ reads, writes }).toEqual({ reads: load.tally.reads, writes: load.tally.writes })
  const perPath = rig.head.paths.map(({ counters }) => counters)
  const sum = (key: keyof (typeof perPath)[number]) => perPath.reduce((total, of) => total + of[key], 0)
  expect([sum('reads'), sum('writes'), sum('readBytes'), sum('writeBytes'), sum('errors')]).toEqual([
    ...[reads, writes, readBytes, writeBytes, 0],
  ])
  // Round-robin over four equal paths: each has its quarter.
  for (const path of perPath) expect(path.reads + path.writes).toBeCloseTo((reads + writes) / 4, -1)

  // After the start nothing but samples: no state event, so there is no first evidence either.
  const types = new Set(rig.memory.rows().flatMap(({ position, type }) => (position > start ? [type] : [])))
  expect([...types].sort()).toEqual(['head.ioSampled', 'path.ioSampled'])
  expect(rig.rows('path.failed')).toEqual([])
  for (const target of [`head/${rig.lun.wwid}`, `path/${rig.lun.wwid}/8:0:0:0`]) {
    expectExplained(rig.memory, { stream: target }, { kind: 'nothing' })
  }

  rig.expectReplayEqualsLive()
  for (const position of [start, during, rig.position]) expect(rig.stateAt(position)).toEqual(SERVING)
})

test('scenario 1: what the samples on the ledger add up to is what was done', async () => {
  const rig = await Rig.open({ iopolicy: 'round-robin' })
  for (const hctl of HCTLS) await rig.add(hctl, { latencyUs: 20_000 })
  const load = new VerifyLoad(rig, { workers: 3, seed: 2 })
  load.start()
  await rig.pass(5_300)
  await rig.drive(load.stop())
  await rig.end()
  for (const figure of ['reads', 'writes'] as const) {
    const done = load.tally[figure]
    for (const type of ['head.ioSampled', 'path.ioSampled']) {
      const sampled = rig.events(type).reduce((sum, event) => sum + Number(event[figure]), 0)
      expect(sampled, `${figure} of ${type}`).toBe(done)
    }
  }
})
