import { expect, test } from 'vitest'
import { VerifyLoad } from '../engine/load.ts'
import { Rig, type RigPath } from '../engine/rig.ts'
import { expectExplained } from '../explained.ts'

const HCTLS = ['8:0:0:0', '9:0:0:0', '10:0:0:0', '11:0:0:0']

test('scenario 6: each path dies, is taken away and attached anew under load: no duplicate, all data right', async () => {
  const rig = await Rig.open({
    iopolicy: 'round-robin',
    noPathRetry: 'queue',
    checker: { minMs: 100, maxMs: 400 },
  })
  const paths: RigPath[] = []
  for (const hctl of HCTLS) paths.push(await rig.add(hctl, { latencyUs: 5_000 }))
  const load = new VerifyLoad(rig, { workers: 4, seed: 6 })
  load.start()
  const end = rig.clock.monoUs() + 30_000_000
  for (let turn = 0; rig.clock.monoUs() < end; turn += 1) {
    const hctl = HCTLS[turn % 4]!
    const old = paths[turn % 4]!
    old.fail({ errno: 'EIO' })
    await rig.pass(300)
    await rig.drive(old.path.remove({ reason: 'its device is gone' }))
    await rig.pass(200)
    // The same address is another device now, and it is proved like a new one.
    paths[turn % 4] = await rig.add(hctl, { latencyUs: 5_000 })
    await rig.pass(200)
    expect(rig.head.paths.map((path) => path.hctl).sort()).toEqual([...HCTLS].sort())
    expect(paths[turn % 4]!.path.state).toMatchObject({ device: 'running', health: 'online' })
  }
  await rig.drive(load.stop())
  expect(load.tally).toMatchObject({ errors: [], mismatched: 0 })
  expect(load.verifyMedium()).toBe(0)
  const lives = rig.rows('path.added').length
  expect(lives).toBeGreaterThan(30)
  expect(rig.rows('path.removed')).toHaveLength(lives - 4)
  expect(rig.rows('engine.pathRefused')).toEqual([])
  // Of each life: that it failed, and then that it was taken away, by whom and why.
  for (const [at, hctl] of HCTLS.entries()) {
    const stream = `path/${rig.lun.wwid}/${hctl}`
    const [failed] = rig.rows('path.failed', hctl)
    const error = { kind: 'pathError', errno: 'EIO', path: hctl, incarnation: 1 } as const
    expectExplained(rig.memory, { stream }, error, failed!.position)
    const gone = { kind: 'operator', reason: 'its device is gone', path: hctl } as const
    const removed = rig.rows('path.removed', hctl)
    for (const [life, { position }] of removed.entries()) {
      expectExplained(rig.memory, { stream }, { ...gone, incarnation: life + 1 }, position)
    }
    expect(removed.length, String(at)).toBeGreaterThan(5)
  }
  rig.expectReplayEqualsLive()
})

test('scenario 6: what comes back under a known address and is another LUN, or a second time, is refused', async () => {
  const rig = await Rig.open()
  for (const hctl of HCTLS) await rig.add(hctl)
  const twice = rig.makePath(HCTLS[0]!)
  expect(await rig.errorOf(rig.mp.addPath(twice.device))).toMatchObject({ code: 'PATH_DUPLICATE' })
  expect(rig.head.paths).toHaveLength(4)
  expect(rig.events('engine.pathRefused')).toEqual([expect.objectContaining({ code: 'PATH_DUPLICATE' })])
  const { also } = expectExplained(
    rig.memory,
    { stream: `path/${rig.lun.wwid}/${HCTLS[0]}` },
    { kind: 'nothing' },
  )
  expect(also).toEqual([expect.stringContaining('PATH_DUPLICATE')])
})

test('scenario 6: a path whose device is another one when it answers again is not reinstated', async () => {
  const rig = await Rig.open({ checker: { minMs: 100, maxMs: 400 } })
  const a = await rig.add(HCTLS[0]!)
  await rig.add(HCTLS[1]!)
  a.fail({ errno: 'EIO' })
  await rig.read(0)
  a.memory.setIdentity('naa.another')
  a.heal()
  await rig.pass(5_000)
  expect(a.path.state.health).not.toBe('online')
  const refused = rig.events('path.probeFailed', HCTLS[0])
  expect(refused.at(-1)).toMatchObject({ detail: expect.stringContaining('naa.another') as string })
  expect(a.ios).toHaveLength(1)
})
