import { expect, test } from 'vitest'
import { VerifyLoad } from '../engine/load.ts'
import { Rig, type RigPath } from '../engine/rig.ts'
import { expectExplained } from '../explained.ts'

const HCTLS = ['8:0:0:0', '9:0:0:0', '10:0:0:0', '11:0:0:0']
const SERVING = { life: 'live', service: 'serving' }

test('scenario 5: each of four paths in turn fails and heals for 30 s: no error at the caller, all data right', async () => {
  const rig = await Rig.open({
    ...{ iopolicy: 'round-robin', noPathRetry: 'queue', checker: { minMs: 100, maxMs: 400 } },
  })
  const paths: RigPath[] = []
  for (const hctl of HCTLS) paths.push(await rig.add(hctl, { latencyUs: 5_000 }))
  const before = rig.position
  const load = new VerifyLoad(rig, { workers: 4, seed: 5 })
  load.start()
  const turns: { hctl: string; failed: number; healed: number }[] = []
  const end = rig.clock.monoUs() + 30_000_000
  for (let turn = 0; rig.clock.monoUs() < end; turn += 1) {
    const path = paths[turn % 4]!
    path.fail({ errno: 'EIO' })
    await rig.pass(300)
    expect(path.path.state.health, path.hctl).not.toBe('online')
    const failed = rig.position
    path.heal()
    await rig.pass(500)
    expect(path.path.state.health, path.hctl).toBe('online')
    turns.push({ hctl: path.hctl, failed, healed: rig.position })
  }
  await rig.drive(load.stop())

  expect(load.tally).toMatchObject({ errors: [], mismatched: 0 })
  expect(load.verifyMedium()).toBe(0)
  expect(turns.length).toBeGreaterThan(30)
  expect(rig.head.counters.callerErrors).toBe(0)
  // Every transition has a cause: a failure its first evidence, a return the probe that its timer sent.
  const failures = rig.rows('path.failed')
  expect(failures.length).toBeGreaterThanOrEqual(turns.length)
  for (const row of failures) {
    expect(row.cause, `position ${row.position}`).not.toBeNull()
    expect(JSON.parse(row.data)).toMatchObject({ first: { errno: 'EIO' } })
  }
  for (const row of rig.rows('head.pathsChanged'))
    expect(row.cause, `position ${row.position}`).not.toBeNull()

  rig.expectReplayEqualsLive()
  expect(rig.stateAt(before)).toEqual(SERVING)
  expect(rig.stateAt(rig.position)).toEqual(SERVING)
  for (const { hctl, failed, healed } of turns) {
    expect(['failed', 'probing']).toContain((rig.stateAt(failed, hctl) as { health: string }).health)
    expect(rig.stateAt(healed, hctl)).toMatchObject({ health: 'online' })
  }
  // The last of the failures, while it lasted.
  const { hctl, failed } = turns.at(-1)!
  const root = { kind: 'pathError', path: hctl, errno: 'EIO' } as const
  expectExplained(rig.memory, { stream: `path/${rig.lun.wwid}/${hctl}` }, root, failed)
})
