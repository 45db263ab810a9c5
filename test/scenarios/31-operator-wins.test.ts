import { expect, test } from 'vitest'
import { bytesOf, Rig } from '../engine/rig.ts'
import { expectExplained } from '../explained.ts'

const [A, B] = ['8:0:0:0', '9:0:0:0'] as const
const WORD = { actor: 'operator:1000', reason: 'cable swap' }

test('scenario 31: no check undoes an operator, however often the path answers', async () => {
  const rig = await Rig.open({
    iopolicy: 'round-robin',
    checker: { minMs: 100, maxMs: 400, healthyMaxMs: 800 },
  })
  const [a, b] = [await rig.add(A), await rig.add(B)]
  a.path.fail(WORD)
  const ios = a.ios.length
  await rig.pass(60_000)
  for (let turn = 0; turn < 4; turn += 1) await rig.write(turn * 512, bytesOf(turn))
  expect(a.path.state).toMatchObject({ admin: 'disabled', health: 'online' })
  expect(a.ios).toHaveLength(ios)
  expect(b.ios).toHaveLength(4)
  const pulled = rig.position

  // It fails and heals behind his back: its health changes, his word does not.
  a.fail({ errno: 'EIO' })
  await rig.pass(5_000)
  expect(a.path.state).toMatchObject({ admin: 'disabled' })
  expect(a.path.state.health).not.toBe('online')
  a.heal()
  await rig.pass(5_000)
  expect(a.path.state).toMatchObject({ admin: 'disabled', health: 'online' })
  expect(a.path.usable).toBe(false)

  // And what he puts back stays, as long as the path answers.
  a.path.reinstate({ ...WORD, reason: 'cable swapped' })
  await rig.pass(60_000)
  expect(a.path.state).toMatchObject({ admin: 'enabled', health: 'online' })
  for (let turn = 0; turn < 4; turn += 1) await rig.write(turn * 512, bytesOf(turn))
  expect(a.ios.length).toBeGreaterThan(ios)

  const words = [...rig.rows('path.disabled', A), ...rig.rows('path.enabled', A)]
  expect(words.map(({ actor, reason }) => [actor, reason])).toEqual([
    ['operator:1000', 'cable swap'],
    ['operator:1000', 'cable swapped'],
  ])
  rig.expectReplayEqualsLive()
  const word = { kind: 'operator', path: A, ...WORD } as const
  expectExplained(rig.memory, { stream: `path/${rig.lun.wwid}/${A}` }, word, pulled)
  expect(rig.stateAt(pulled, A)).toMatchObject({ admin: 'disabled', health: 'online' })
  expect(rig.events('path.failed', A)[0]).toMatchObject({ first: { errno: 'EIO', op: 'read' } })
})

test('scenario 31: what an operator put back and does not answer stays failed, and both are shown', async () => {
  const rig = await Rig.open({ checker: { minMs: 100, maxMs: 400 } })
  const a = await rig.add(A)
  await rig.add(B)
  a.fail({ errno: 'EIO' })
  await rig.read(0)
  a.path.fail(WORD)
  a.path.reinstate(WORD)
  await rig.pass(5_000)
  expect(a.path.state).toMatchObject({ admin: 'enabled' })
  expect(['failed', 'probing']).toContain(a.path.state.health)
  expect(a.path.usable).toBe(false)
})
