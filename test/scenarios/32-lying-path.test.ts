// SHORT: reads past the end of a truncated file give EIO, writes succeed and regrow it.
import { expect, test } from 'vitest'
import { bytesOf, Rig, type RigPath } from '../engine/rig.ts'
import { expectExplained } from '../explained.ts'

const [A, B] = ['8:0:0:0', '9:0:0:0'] as const
const MIB = 1024 * 1024
const SETTINGS = { checker: { minMs: 100, maxMs: 400 } } as const

const LIES = [
  { lie: 'every read fails', range: { offset: 0, length: MIB }, at: 4_096 },
  { lie: 'reads of the second half fail', range: { offset: MIB / 2, length: MIB / 2 }, at: 768 * 1_024 },
  { lie: 'reads of the last blocks fail', range: { offset: MIB - 8_192, length: 8_192 }, at: MIB - 512 },
  {
    lie: 'reads of the one block fail that was wanted',
    range: { offset: 300 * 1_024, length: 512 },
    at: 300 * 1_024,
  },
] as const

test.each(LIES)(
  'scenario 32: $lie, writes succeed: the path is found out, and not reinstated',
  async ({ range, at }) => {
    const rig = await Rig.open(SETTINGS)
    const [a, b] = [await rig.add(A), await rig.add(B)]
    a.fail({ errno: 'EIO', op: 'read', range })
    for (let turn = 0; turn < 10; turn += 1) {
      await rig.write(at, bytesOf(turn))
      expect(await rig.read(at)).toEqual(bytesOf(turn))
    }
    expect(['failed', 'probing']).toContain(a.path.state.health)
    const ios = a.ios.length
    await rig.pass(60_000)
    await rig.write(at, bytesOf(7))
    expect(await rig.read(at)).toEqual(bytesOf(7))
    expect(a.ios, 'nothing goes there').toHaveLength(ios)
    expect(rig.rows('path.probeSucceeded', A)).toEqual([])
    expect(rig.rows('path.probeFailed', A).length).toBeGreaterThan(10)
    expect(b.path.state.health).toBe('online')
    expect(rig.events('path.failed', A)[0]).toMatchObject({ first: { errno: 'EIO', op: 'read' } })
    const root = { kind: 'pathError', path: A, errno: 'EIO', op: 'read' } as const
    expectExplained(rig.memory, { stream: `path/${rig.lun.wwid}/${A}` }, root)
    rig.expectReplayEqualsLive()

    a.heal()
    await rig.pass(1_000)
    expect(a.path.state.health).toBe('online')
  },
)

test("scenario 32: a block that no path can read is the LUN's, and keeps no path out", async () => {
  const rig = await Rig.open(SETTINGS)
  const [a, b] = [await rig.add(A), await rig.add(B)]
  const range = { offset: 8_192, length: 512 }
  a.fail({ errno: 'EIO' })
  b.fail({ errno: 'EIO', op: 'read', range })
  await rig.errorOf(rig.head.read({ offset: 8_192, length: 512 }))
  expect(a.path.state.health).not.toBe('online')
  a.fail({ errno: 'EIO', op: 'read', range })
  await rig.pass(2_000)
  expect(a.path.state.health).toBe('online')
})

test('scenario 32: a path that answers its checker and fails real I/O is taken out by real I/O', async () => {
  const rig = await Rig.open({ ...SETTINGS, failThreshold: 4 })
  const [a, b] = [await rig.add(A), await rig.add(B)]
  a.fail({ errno: 'EIO', op: 'write' })
  for (let turn = 0; turn < 20 && a.path.state.health === 'online'; turn += 1)
    await rig.write(0, bytesOf(turn))
  expect(a.path.state.health).toBe('failed')
  expect(rig.events('path.failed', A)[0]).toMatchObject({ verdict: 'failThreshold' })
  expect(rig.head.counters.callerErrors).toBe(0)
  expect(b.path.state.health).toBe('online')
})

test('scenario 32: such a path comes back marginal where that is on, and every good probe does not help it', async () => {
  const rig = await Rig.open({ ...SETTINGS, failThreshold: 4, marginal: { on: true } })
  const paths: RigPath[] = [await rig.add(A), await rig.add(B)]
  const [a] = paths as [RigPath]
  a.fail({ errno: 'EIO', op: 'write' })
  for (let life = 0; life < 2; life += 1) {
    for (let turn = 0; turn < 20; turn += 1) await rig.write(0, bytesOf(turn))
    await rig.pass(1_000)
  }
  expect(a.path.state.health).toBe('marginal')
  const ios = a.ios.length
  for (let turn = 0; turn < 20; turn += 1) await rig.write(0, bytesOf(turn))
  expect(a.ios).toHaveLength(ios)
})
