// What-if: the production engine over a recorded run, under the settings of then and under others.
import { describe, expect, test } from 'vitest'
import { whatIf } from '../../what-if/what-if.ts'
import { memoryReader } from '../../store/write/memory-store.ts'
import type { StoredEvent } from '../../store/types.ts'
import { bytesOf, Rig, testLun, type RigOptions } from './rig.ts'

const [A, B] = ['8:0:0:0', '9:0:0:0'] as const

/** Forty I/Os over two paths; A fails in the middle and comes back. */
async function failover(options: RigOptions = {}): Promise<readonly StoredEvent[]> {
  const rig = await Rig.open({
    ioTrace: 'full',
    iopolicy: 'numa',
    checker: { minMs: 100, maxMs: 400 },
    ...options,
  })
  const a = await rig.add(A, { latencyUs: 150 })
  await rig.add(B, { latencyUs: 450 })
  await rig.pass(10)
  for (let turn = 0; turn < 10; turn += 1) await rig.write(512 * turn, bytesOf(turn))
  a.fail({ errno: 'ENOLINK' })
  for (let turn = 0; turn < 20; turn += 1) {
    await rig.read(512 * turn)
    await rig.pass(20)
  }
  a.heal()
  await rig.pass(1_000)
  for (let turn = 0; turn < 10; turn += 1) await rig.write(512 * turn, bytesOf(turn + 1))
  await rig.end()
  return rig.memory.rows()
}

describe('with traced I/O', () => {
  test('under the settings of then everything goes as it went', async () => {
    const reader = memoryReader(await failover())
    const answer = await whatIf(reader, { settings: { iopolicy: 'numa' } })
    expect(answer).toMatchObject({ traced: true, firstDivergence: null, differingCount: 0 })
    expect(answer.fidelity).toEqual({ same: 40, of: 40 })
    expect(answer.then).toEqual(answer.instead)
    expect(answer.then).toMatchObject({ failovers: 1, outcomes: { OK: 40 } })
  })

  test('another iopolicy: the first I/O that would have gone down another path, and how the load would have spread', async () => {
    const rows = await failover()
    const answer = await whatIf(memoryReader(rows), { settings: { iopolicy: 'round-robin' } })
    expect(answer.then.firstPaths).toEqual({
      [A]: expect.any(Number) as number,
      [B]: expect.any(Number) as number,
    })
    const { io } = answer.firstDivergence!
    expect(io!.then.paths).toEqual([A])
    expect(io!.instead.paths).toEqual([B])
    // The policy alternates from the first I/O that it decides about.
    const spread = answer.instead.firstPaths
    expect(Math.abs((spread[A] ?? 0) - (spread[B] ?? 0))).toBeLessThan(25)
    expect(spread[B]).toBeGreaterThan(answer.then.firstPaths[B]!)
    expect(answer.instead.outcomes).toEqual({ OK: 40 })
    expect(answer.differingCount).toBeGreaterThan(5)
    expect(answer.differing[0]).toEqual(io)
  })

  test('another time limit: a hung I/O would have waited less', async () => {
    const rig = await Rig.open({ ioTrace: 'full', attemptTimeoutMs: 2_000, probeTimeoutMs: 500 })
    const a = await rig.add(A)
    await rig.add(B)
    await rig.write(0, bytesOf(1))
    a.hang.enable()
    await rig.drive(rig.head.read({ offset: 4096, length: 512 }))
    a.hang.disable()
    await rig.pass(10_000)
    await rig.end()
    const recorded = { probeTimeoutMs: 500 }
    const reader = memoryReader(rig.memory.rows())
    const answer = await whatIf(reader, { settings: { attemptTimeoutMs: 400 }, recorded })
    expect(answer.fidelity).toEqual({ same: 2, of: 2 })
    expect(answer.differing).toHaveLength(1)
    const { then, instead } = answer.differing[0]!
    expect([then.status, instead.status, then.paths, instead.paths]).toEqual(['OK', 'OK', [A, B], [A, B]])
    // 2,000 and 400 ms to give the attempt up, and the same probe and the same way through B afterwards.
    expect(then.tookUs - instead.tookUs).toBe(1_600_000)
  })

  test('marginal detection on: a path that failed twice would have come back last in line', async () => {
    const rig = await Rig.open({
      ...{ ioTrace: 'full', iopolicy: 'round-robin', checker: { minMs: 100, maxMs: 400 } },
    })
    const a = await rig.add(A)
    await rig.add(B)
    for (let failure = 0; failure < 2; failure += 1) {
      a.fail({ errno: 'EIO' })
      for (let turn = 0; turn < 4; turn += 1) await rig.read(512 * turn)
      a.heal()
      await rig.pass(1_000)
    }
    for (let turn = 0; turn < 20; turn += 1) await rig.read(512 * turn)
    await rig.end()
    const marginal = { on: true, doubleFailureMs: 60_000, sampleMs: 60_000 }
    const answer = await whatIf(memoryReader(rig.memory.rows()), { settings: { marginal } })
    expect(answer.fidelity).toEqual({ same: 28, of: 28 })
    expect(answer.then.firstPaths[A]).toBeGreaterThan(10)
    // All of the twenty that came after the second failure would have gone down the other path.
    expect(answer.then.firstPaths[A]! - answer.instead.firstPaths[A]!).toBe(10)
    expect(answer.differingCount).toBeGreaterThanOrEqual(10)
    expect(answer.firstDivergence?.io).toMatchObject({ then: { paths: [A] }, instead: { paths: [B] } })
    expect(answer.instead.outcomes).toEqual({ OK: 28 })
  })

  test('another noPathRetry: what failed would have waited, and the other way round', async () => {
    const rig = await Rig.open({ ioTrace: 'full', noPathRetry: 'fail' })
    const a = await rig.add(A)
    a.path.fail({ actor: 'operator:0', reason: 'cable' })
    await rig.errorOf(rig.head.write({ offset: 0, data: bytesOf(1) }))
    await rig.pass(3_000)
    a.path.reinstate({ actor: 'operator:0', reason: 'swapped' })
    await rig.write(512, bytesOf(2))
    await rig.end()
    const answer = await whatIf(memoryReader(rig.memory.rows()), { settings: { noPathRetry: 'queue' } })
    expect(answer.differing).toMatchObject([
      { then: { status: 'NO_PATH', tookUs: 0 }, instead: { status: 'OK' } },
    ])
    expect(answer.differing[0]!.instead.tookUs).toBeGreaterThanOrEqual(3_000_000)
    expect(answer.firstDivergence!.event).toMatchObject({
      then: expect.stringContaining('live/failing') as unknown,
      instead: expect.stringContaining('live/queueing') as unknown,
    })
  })
})

describe('without traced I/O', () => {
  test('what only I/O can tell is refused, with the reason', async () => {
    const reader = memoryReader(await failover({ ioTrace: 'off' }))
    await expect(
      whatIf(reader, { settings: { iopolicy: 'round-robin', noPathRetry: 'queue' } }),
    ).rejects.toMatchObject({
      ...{ code: 'WHAT_IF_NEEDS_TRACE', message: expect.stringContaining('iopolicy') as unknown },
      why: expect.stringContaining('none was traced') as unknown,
    })
  })

  test('the lives of paths are told: the same failure, found well sooner or later', async () => {
    const reader = memoryReader(await failover({ ioTrace: 'off' }))
    const same = await whatIf(reader, { settings: { noPathRetry: 'fail' } })
    expect(same).toMatchObject({ traced: false, firstDivergence: null, then: { failovers: 1, ios: 0 } })
    const slower = await whatIf(reader, { settings: { checker: { minMs: 5_000, maxMs: 60_000 } } })
    expect(slower.then.events['path.probeSucceeded']).toBe(1)
    expect(slower.instead.events['path.probeSucceeded']).toBeUndefined()
    expect(slower.firstDivergence!.io).toBeNull()
  })

  test('a head that would have outlived its last path', async () => {
    const rig = await Rig.open({ delayedRemovalMs: 1_000 })
    const a = await rig.add(A)
    await rig.drive(a.path.remove({ actor: 'operator:0', reason: 'moved' }))
    await rig.pass(3_000)
    await rig.add(A)
    await rig.end()
    const answer = await whatIf(memoryReader(rig.memory.rows()), { settings: { delayedRemovalMs: 10_000 } })
    expect([answer.then.headsRemoved, answer.instead.headsRemoved]).toEqual([1, 0])
    expect(answer.firstDivergence!.event).not.toBeNull()
  })

  test('without a trace: what hung, what only wrote badly, and what was no fault of its path', async () => {
    const rig = await Rig.open({ attemptTimeoutMs: 500, probeTimeoutMs: 100, failThreshold: 3 })
    const a = await rig.add(A)
    await rig.add(B)
    await rig.write(0, bytesOf(1))
    a.fail({ errno: 'EIO', op: 'write', count: 1 })
    await rig.write(512, bytesOf(2))
    await rig.pass(1_000)
    a.fail({ errno: 'EIO', op: 'write' })
    for (let turn = 0; turn < 6; turn += 1) {
      await rig.write(512 * turn, bytesOf(turn))
      await rig.pass(100)
    }
    a.heal()
    await rig.pass(20_000)
    a.hang.enable()
    await rig.read(0)
    await rig.pass(2_000)
    await rig.end()
    expect(rig.events('path.failed', A).map(({ verdict }) => verdict)).toContain('failThreshold')
    expect(rig.rows('path.cleared', A)).not.toEqual([])
    const recorded = { attemptTimeoutMs: 500, probeTimeoutMs: 100, failThreshold: 3 }
    const answer = await whatIf(memoryReader(rig.memory.rows()), {
      settings: { reattachMs: 1_000 },
      recorded,
    })
    expect(answer).toMatchObject({ traced: false, firstDivergence: null })
    expect(answer.instead.failovers).toBe(answer.then.failovers)
  })

  test('a run without a path, and one of two LUNs', async () => {
    const idle = await Rig.open()
    await idle.end()
    const none = await whatIf(memoryReader(idle.memory.rows()), { settings: { noPathRetry: 'fail' } })
    expect(none).toMatchObject({ firstDivergence: null, fidelity: { same: 0, of: 0 } })
    const rig = await Rig.open({ ioTrace: 'full' })
    await rig.add(A)
    const other = testLun({ wwid: 'naa.600140500000000000000000000000b2' })
    await rig.add('8:0:1:0', { lun: other })
    await rig.write(0, bytesOf(1))
    await rig.drive(rig.mp.head(other.wwid).write({ offset: 0, data: bytesOf(2) }))
    await rig.end()
    const two = await whatIf(memoryReader(rig.memory.rows()), { settings: { iopolicy: 'round-robin' } })
    expect(two).toMatchObject({ firstDivergence: null, fidelity: { same: 2, of: 2 } })
  })

  test('settings that are none, and a ledger without a run', async () => {
    const reader = memoryReader(await failover({ ioTrace: 'off' }))
    await expect(whatIf(reader, { settings: { noPathRetry: 'never' as never } })).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
    })
    const empty = memoryReader([])
    await expect(whatIf(empty, { settings: {} })).rejects.toMatchObject({ code: 'WHAT_IF_EMPTY' })
  })
})
