import { expect, test } from 'vitest'
import { bytesOf, Rig } from '../engine/rig.ts'
import { expectExplained } from '../explained.ts'

const [A, B] = ['8:0:0:0', '9:0:0:0'] as const
const WORD = { actor: 'operator:1000', reason: 'cable swap' }

test('scenario 4: A was pulled, B starts EIO: with restoreOnError A is tried, and the intent on A still shown', async () => {
  const rig = await Rig.open({ restoreOnError: true })
  const [a, b] = [await rig.add(A), await rig.add(B)]
  a.path.fail(WORD)
  await rig.settle()
  const before = rig.position
  b.fail({ errno: 'EIO' })
  await rig.write(0, bytesOf(4))

  expect(rig.lun.medium.subarray(0, 512)).toEqual(bytesOf(4))
  expect(a.ios.map(({ op }) => op)).toEqual(['write'])
  expect(a.path.usable).toBe(true)
  // What the operator wants stands beside what is done.
  expect(a.path.state).toMatchObject({ admin: 'disabled', health: 'online' })
  expect(a.path.flags.override).toBe('on')
  expect(b.path.state).toMatchObject({ health: 'failed' })
  const [failed] = rig.rows('path.failed')
  expect(rig.rows('path.overridden', A)).toEqual([expect.objectContaining({ cause: failed?.position })])

  // In use as it is, A is not what is wrong with the head: B is.
  const eio = { kind: 'pathError', path: B, errno: 'EIO', op: 'write', offset: 0 } as const
  expectExplained(rig.memory, { stream: `head/${rig.lun.wwid}` }, eio)

  // B is back: the operator's word holds again.
  b.heal()
  await rig.pass(2_000)
  expect(a.path.flags.override).toBe('none')
  expect(a.path.usable).toBe(false)
  expect(rig.rows('path.overrideEnded', A)).toHaveLength(1)
  const ios = a.ios.length
  await rig.write(512, bytesOf(5))
  expect(a.ios).toHaveLength(ios)

  const pulled = { kind: 'operator', path: A, ...WORD } as const
  expectExplained(rig.memory, { stream: `path/${rig.lun.wwid}/${A}` }, pulled)
  rig.expectReplayEqualsLive()
  expect(rig.stateAt(before, A)).toMatchObject({ admin: 'disabled' })
  expect(rig.stateAt(rig.position)).toMatchObject({ service: 'degraded' })
})

test('scenario 4: off, as it is by default, an operator who pulled a path wins', async () => {
  const rig = await Rig.open()
  const [a, b] = [await rig.add(A), await rig.add(B)]
  a.path.fail(WORD)
  b.fail({ errno: 'EIO' })
  const error = await rig.errorOf(rig.head.write({ offset: 0, data: bytesOf(4) }))
  expect(error).toMatchObject({ code: 'NO_PATH' })
  expect(a.ios).toHaveLength(0)
  expect(rig.rows('path.overridden')).toEqual([])
})

test('scenario 4: an operator who pulls it again while it is overridden is not overridden twice', async () => {
  const rig = await Rig.open({ restoreOnError: true })
  const [a, b] = [await rig.add(A), await rig.add(B)]
  a.path.fail(WORD)
  b.fail({ errno: 'EIO' })
  await rig.write(0, bytesOf(4))
  a.path.fail({ ...WORD, reason: 'I mean it' })
  expect(a.path).toMatchObject({ usable: false, flags: { override: 'refused' } })
  await rig.errorOf(rig.head.read({ offset: 0, length: 512 }))
  b.heal()
  await rig.pass(2_000)
  b.fail({ errno: 'EIO' })
  await rig.errorOf(rig.head.write({ offset: 0, data: bytesOf(6) }))
  expect(rig.rows('path.overridden')).toHaveLength(1)
  // Only he himself puts it back.
  a.path.reinstate(WORD)
  await rig.write(0, bytesOf(7))
  expect(a.path).toMatchObject({ usable: true, flags: { override: 'none' } })
})
