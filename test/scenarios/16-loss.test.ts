// SPDK's test_fail_path, and timeout.sh: loss 4 s, reconnect 1 s, fast-fail 2 s.
import { expect, test } from 'vitest'
import { bytesOf, Rig } from '../engine/rig.ts'
import { expectExplained } from '../explained.ts'

const A = '8:0:0:0'
const LOSS = { lossSeconds: 4, reconnectSeconds: 1, fastFailSeconds: 2 }

/** Milliseconds since the path failed. */
function sinceFailure(rig: Rig, monoUs: number): number {
  return Math.round((monoUs - rig.rows('path.failed')[0]!.monoUs) / 1_000)
}

test('scenario 16: I/O waits until fast-fail and fails then, later I/O at once, and the path goes when it is lost', async () => {
  const rig = await Rig.open({ loss: LOSS })
  const a = await rig.add(A)
  const before = rig.position
  a.fail({ errno: 'EIO' })
  const failedAt = { ms: -1 }
  const first = rig.head.write({ offset: 0, data: bytesOf(16) }).catch((error: unknown) => {
    failedAt.ms = sinceFailure(rig, rig.clock.monoUs())
    return error
  })
  await rig.pass(1_900)
  expect(rig.head.state.service).toBe('queueing')
  expect(rig.head.queued.bios).toBe(1)
  expect(a.path.flags.waiting).toBe(true)
  expect(failedAt.ms).toBe(-1)
  const waiting = rig.position
  await rig.pass(200)
  expect(await first).toMatchObject({ code: 'NO_PATH', errno: 'EIO' })
  expect(failedAt.ms).toBe(2_000)
  expect(rig.head.state.service).toBe('failing')

  const startUs = rig.clock.monoUs()
  expect(await rig.errorOf(rig.head.read({ offset: 0, length: 512 }))).toMatchObject({ code: 'NO_PATH' })
  expect(rig.clock.monoUs() - startUs).toBeLessThan(1_000)

  const { head } = rig
  await rig.pass(2_500)
  const [removed] = rig.rows('path.removed', A)
  expect(sinceFailure(rig, removed!.monoUs)).toBe(4_000)
  expect(JSON.parse(removed!.data)).toEqual({ why: 'not back within 4 s' })
  expect(rig.mp.heads).toEqual([])
  expect(await rig.errorOf(head.read({ offset: 0, length: 512 }))).toMatchObject({ code: 'HEAD_REMOVED' })

  // Armed with the failure, each fired on its own time.
  const [failed] = rig.rows('path.failed', A)
  const armed = (JSON.parse(failed!.decision) as { context: { timers: Record<string, number> } }).context
    .timers
  expect(armed).toMatchObject({ fastFail: failed!.monoUs + 2_000_000, loss: failed!.monoUs + 4_000_000 })
  const fired = rig.events('path.timerFired', A)
  expect(fired).toContainEqual({ timer: 'fastFail', dueUs: armed['fastFail'] })
  expect(fired).toContainEqual({ timer: 'loss', dueUs: armed['loss'] })
  expect(rig.stateAt(before)).toMatchObject({ service: 'serving' })
  const root = { kind: 'pathError', path: A, errno: 'EIO', op: 'write', offset: 0 } as const
  expectExplained(rig.memory, { stream: `path/${rig.lun.wwid}/${A}` }, root, waiting)
  expect(rig.stateAt(waiting)).toMatchObject({ service: 'queueing' })
  // Removed for its loss, and its head with it: the first evidence is still the error that began it.
  for (const stream of [`path/${rig.lun.wwid}/${A}`, `head/${rig.lun.wwid}`]) {
    const { chain } = expectExplained(rig.memory, { stream }, { ...root, timer: 'loss' })
    expect(chain.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['path.removed', 'path.timerFired', 'path.failed', 'path.suspected']),
    )
  }
  expect(JSON.parse(failed!.data)).toMatchObject({ first: { errno: 'EIO', op: 'write', offset: 0 } })
})

test('scenario 16: with loss 5 s and delay 2 s it is tried three times before it is removed', async () => {
  const rig = await Rig.open({ loss: { lossSeconds: 5, reconnectSeconds: 2, fastFailSeconds: 0 } })
  const a = await rig.add(A)
  a.fail({ errno: 'EIO' })
  const waits = rig.head.read({ offset: 0, length: 512 }).catch((error: unknown) => error)
  await rig.pass(6_000)
  const tries = rig.rows('path.probeFailed', A).map(({ monoUs }) => sinceFailure(rig, monoUs))
  expect(tries).toEqual([0, 2_000, 4_000])
  // Without a fast-fail its I/O waits for it until it is removed.
  expect(await waits).toMatchObject({ code: 'HEAD_REMOVED' })
  expect(sinceFailure(rig, rig.rows('path.removed', A)[0]!.monoUs)).toBe(5_000)
})

test('scenario 16: a path that is back in time keeps its I/O, and both timers are cancelled', async () => {
  const rig = await Rig.open({ loss: LOSS })
  const a = await rig.add(A)
  a.fail({ errno: 'EIO' })
  const write = rig.head.write({ offset: 0, data: bytesOf(16) })
  await rig.pass(500)
  a.heal()
  await rig.pass(1_000)
  await write
  expect(a.path.timers).toEqual({})
  const [back] = rig.rows('path.probeSucceeded', A)
  expect(JSON.parse(back!.decision)).toMatchObject({
    effects: expect.arrayContaining(['cancelTimer']) as string[],
  })
  await rig.pass(10_000)
  expect(rig.events('path.timerFired', A).filter(({ timer }) => timer !== 'probe')).toEqual([])
  expect(rig.rows('path.removed')).toEqual([])
})

test('scenario 16: lossSeconds -1 waits for ever, and without any of it noPathRetry alone decides', async () => {
  const rig = await Rig.open({ loss: { lossSeconds: -1, reconnectSeconds: 1, fastFailSeconds: 0 } })
  const a = await rig.add(A)
  a.fail({ errno: 'EIO' })
  const write = rig.head.write({ offset: 0, data: bytesOf(16) })
  await rig.pass(600_000)
  expect(rig.head.queued.bios).toBe(1)
  a.heal()
  await rig.pass(2_000)
  await write

  const other = await Rig.open()
  const b = await other.add(A)
  b.fail({ errno: 'EIO' })
  expect(await other.errorOf(other.head.read({ offset: 0, length: 512 }))).toMatchObject({ code: 'NO_PATH' })
})
