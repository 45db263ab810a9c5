// SPDK's test_disable_auto_failback, gmultipath prefer, multipath.conf's failback, VMware's FIXED against MRU.
import { expect, test } from 'vitest'
import type { RigOptions } from '../engine/rig.ts'
import { Rig, type RigPath } from '../engine/rig.ts'
import { expectExplained } from '../explained.ts'
import { members, takenByReads } from '../engine/taken.ts'

const [A, B] = ['8:0:0:0', '9:0:0:0'] as const

interface Pair {
  readonly rig: Rig
  readonly a: RigPath
  readonly b: RigPath
  /** 'A' or 'B': where reads go now. */
  readonly where: () => Promise<string>
}

/** A is preferred, B the alternate. */
async function pair(options: RigOptions): Promise<Pair> {
  const rig = await Rig.open(options)
  const [a, b] = [await rig.add(A), await rig.add(B, { access: 'active' })]
  const where = async () =>
    members(await takenByReads(rig, [a, b], 4))
      .map((at) => 'AB'[at])
      .join('')
  expect(await where()).toBe('A')
  return { rig, a, b, where }
}

/** The path fails under I/O. */
async function fails(rig: Rig, path: RigPath): Promise<void> {
  path.fail({ errno: 'EIO' })
  for (let turn = 0; turn < 4; turn += 1) await rig.read(0)
  expect(path.path.state.health).toBe('failed')
}

async function heals(rig: Rig, path: RigPath): Promise<void> {
  path.heal()
  await rig.pass(2_000)
  expect(path.path.state.health).toBe('online')
}

const POLICIES = ['numa', 'round-robin', 'queue-depth'] as const

test.each(POLICIES)('scenario 12: immediate failback is back on A as soon as A is (%s)', async (iopolicy) => {
  const { rig, a, where } = await pair({ iopolicy })
  await fails(rig, a)
  expect(await where()).toBe('B')
  await heals(rig, a)
  expect(await where()).toBe('A')
  expect(rig.rows('path.heldBack')).toEqual([])
})

test.each(POLICIES)(
  'scenario 12: manual failback stays on B until the operator prefers A (%s)',
  async (iopolicy) => {
    const { rig, a, b, where } = await pair({ iopolicy, failback: 'manual' })
    const before = rig.position
    await fails(rig, a)
    const failed = rig.position
    await heals(rig, a)
    expect(a.path).toMatchObject({ usable: true, flags: { heldBack: true } })
    expect(await where()).toBe('B')
    await rig.pass(3_600_000)
    expect(await where()).toBe('B')

    a.path.prefer({ actor: 'operator:0', reason: 'the array is repaired' })
    expect(await where()).toBe('A')
    const [preferred] = rig.rows('head.pathPreferred')
    expect(preferred).toMatchObject({ actor: 'operator:0', reason: 'the array is repaired' })
    expect(rig.rows('path.failedBack', A)).toEqual([expect.objectContaining({ cause: preferred?.position })])

    rig.expectReplayEqualsLive()
    expect(rig.stateAt(before, A)).toMatchObject({ health: 'online' })
    const root = { kind: 'pathError', path: A, errno: 'EIO', op: 'read', offset: 0 } as const
    expectExplained(rig.memory, { stream: `path/${rig.lun.wwid}/${A}` }, root, failed)
    expect(rig.stateAt(failed, A)).toMatchObject({ health: 'failed' })
    expect(rig.events('path.failed', A)[0]).toMatchObject({ first: { errno: 'EIO' } })
    expect(b.path.flags.heldBack).toBe(false)
  },
)

test('scenario 12: a path that waits for its failback is used when no other is left, and stays then', async () => {
  const { rig, a, b, where } = await pair({ failback: 'manual' })
  await fails(rig, a)
  await heals(rig, a)
  expect(await where()).toBe('B')
  await fails(rig, b)
  expect(await where()).toBe('A')
  expect(rig.events('path.failedBack', A)).toEqual([{ why: 'no other path is left' }])
  await heals(rig, b)
  expect(await where()).toBe('A')
})

test('scenario 12: timed failback comes after A has been well for so long; the timer is on the ledger', async () => {
  const { rig, a, where } = await pair({ failback: 30_000 })
  await fails(rig, a)
  await heals(rig, a)
  const [held] = rig.rows('path.heldBack', A)
  const dueUs = held!.monoUs + 30_000_000
  expect(JSON.parse(held!.decision)).toMatchObject({ context: { timers: { failback: dueUs } } })
  await rig.pass(20_000)
  expect(await where()).toBe('B')
  await rig.pass(11_000)
  expect(await where()).toBe('A')
  expect(rig.events('path.timerFired', A)).toContainEqual({ timer: 'failback', dueUs })

  // It fails again while it waits: the timer is cancelled, and a new one armed when it is back.
  await fails(rig, a)
  await heals(rig, a)
  await rig.pass(10_000)
  a.fail({ errno: 'EIO' })
  a.path.prefer()
  await rig.read(0)
  await rig.settle()
  expect(a.path.timers).not.toHaveProperty('failback')
})

test('scenario 12: followover goes back with the first path of a group, and not with a later one', async () => {
  const rig = await Rig.open({ iopolicy: 'round-robin', failback: 'followover' })
  const a = await rig.add(A)
  const b = await rig.add(B, { access: 'active' })
  const c = await rig.add('10:0:0:0')
  const all = [a, b, c]
  await fails(rig, a)
  await fails(rig, c)
  expect(members(await takenByReads(rig, all, 4))).toEqual([1])
  await heals(rig, a)
  expect(members(await takenByReads(rig, all, 4)), 'the first path of its group brings it back').toEqual([0])

  // Somebody moved the I/O to B; then C comes back, and is not the first of its group.
  b.path.prefer()
  expect(members(await takenByReads(rig, all, 4))).toEqual([1])
  await heals(rig, c)
  expect(members(await takenByReads(rig, all, 4))).toEqual([1])
})

test('scenario 12: a preferred path takes everything while it is well, under every policy', async () => {
  for (const iopolicy of POLICIES) {
    const rig = await Rig.open({ iopolicy })
    const all = [await rig.add(A), await rig.add(B), await rig.add('10:0:0:0', { access: 'active' })]
    rig.head.prefer('10:0:0:0', { reason: 'the others are backed up' })
    expect(members(await takenByReads(rig, all, 6)), iopolicy).toEqual([2])
    await fails(rig, all[2]!)
    expect(members(await takenByReads(rig, all, 6)), iopolicy).not.toContain(2)
    await heals(rig, all[2]!)
    expect(members(await takenByReads(rig, all, 6)), iopolicy).toEqual([2])
    rig.head.prefer(null)
    expect(members(await takenByReads(rig, all, 6)), iopolicy).not.toContain(2)
  }
})

test('scenario 12: who prefers a path that is not there, or a failback that is none, hears it', async () => {
  const { rig } = await pair({})
  expect(() => rig.head.prefer('sda:9')).toThrow(expect.objectContaining({ code: 'PATH_NOT_FOUND' }))
  for (const wrong of ['never', 0, -1, Number.NaN]) {
    expect(() => rig.head.setFailback(wrong as never)).toThrow(
      expect.objectContaining({ code: 'FAILBACK_INVALID' }),
    )
  }
  rig.head.setFailback('manual', { actor: 'operator:7', reason: 'nights' })
  expect(rig.head.failback).toBe('manual')
  await rig.settle()
  expect(rig.rows('head.failbackSet')).toEqual([
    expect.objectContaining({ actor: 'operator:7', reason: 'nights' }),
  ])
})
