// Arrays that were away, and came back without a word: what waits for them is served, and not for ever.
import { describe, expect, test } from 'vitest'
import { A, aluaRig, B } from './alua-rig.ts'
import { BLOCK, bytesOf } from './rig.ts'

const groups = [
  { id: 1, paths: [A] },
  { id: 2, paths: [B], access: 'standby' as const },
]
const both = [
  { id: 1, paths: [A] },
  { id: 2, paths: [B] },
]

describe('an active/standby array', () => {
  test('F-10: takes over: when the last usable path fails the groups are asked about, and I/O goes on at once', async () => {
    const { rig, target } = await aluaRig({ groups }, { noPathRetry: 3, noPathCheckMs: 1_000 })
    const [a, b] = [await rig.add(A), await rig.add(B)]
    // The controller is gone with its port, and the other one tells only whoever asks.
    a.fail({ errno: 'ENOLINK' })
    target.setGroup(1, { access: 'unavailable' })
    target.setGroup(2, { access: 'optimal' })
    const from = rig.clock.monoUs()
    await rig.write(0, bytesOf(7))
    expect(rig.clock.monoUs() - from).toBeLessThan(1_000_000)
    expect([a.path.state.health, b.path.state.access]).toEqual(['failed', 'optimal'])
    const [began] = rig.rows('lun.waitBegan')
    expect(began?.cause).toBe(rig.rows('path.failed').at(-1)?.position)
    expect(rig.rows('lun.waitEnded')).toHaveLength(1)
    rig.expectReplayEqualsLive()
  })

  test('F-10: takes over late: the looks come less and less often, and no later than `groupPoll.maxMs` apart', async () => {
    const options = { noPathRetry: 'queue', groupPoll: { minMs: 500, maxMs: 4_000 } } as const
    const { rig, target, asked } = await aluaRig({ groups }, options)
    const [a] = [await rig.add(A), await rig.add(B)]
    a.fail({ errno: 'ENOLINK' })
    const write = rig.head.write({ offset: 0, data: bytesOf(1) })
    await rig.pass(100)
    const looks: number[] = []
    let last = asked()
    for (let second = 0; second < 600; second += 1) {
      await rig.pass(1_000)
      if (asked() > last) looks.push(second)
      last = asked()
    }
    const gaps = looks.slice(1).map((at, index) => at - looks[index]!)
    expect(Math.max(...gaps)).toBe(4)
    expect(looks.length).toBeGreaterThan(140)
    expect(looks.length).toBeLessThan(160)
    target.setGroup(2, { access: 'optimal' })
    const from = rig.clock.monoUs()
    await rig.drive(write)
    expect(rig.clock.monoUs() - from).toBeLessThanOrEqual(4_000_000)
  })

  test('F-10: begins with no path for use at all: its groups are asked about all the same', async () => {
    const standby = both.map((group) => ({ ...group, access: 'standby' as const }))
    const { rig, target } = await aluaRig({ groups: standby })
    await rig.add(A)
    await rig.add(B)
    const write = rig.head.write({ offset: 0, data: bytesOf(1) })
    await rig.pass(5_000)
    target.setGroup(2, { access: 'optimal' })
    await rig.pass(10_000)
    await write
  })

  test('F-10: a failed path that reaches the target again asks at once', async () => {
    const options = { noPathRetry: 'queue', groupPoll: { minMs: 60_000, maxMs: 60_000 } } as const
    const { rig, target } = await aluaRig({ groups }, { ...options, checker: { minMs: 1_000, maxMs: 2_000 } })
    const [a, b] = [await rig.add(A), await rig.add(B)]
    for (const path of [a, b]) path.fail({ errno: 'ENOLINK' })
    b.path.setAccessState('active')
    const write = rig.head.write({ offset: 0, data: bytesOf(1) })
    await rig.pass(100)
    expect([a.path.state.health, b.path.state.health]).toEqual(['failed', 'failed'])
    target.setGroup(1, { access: 'standby' })
    a.path.setAccessState('standby')
    b.path.setAccessState('standby')
    target.setGroup(2, { access: 'optimal' })
    b.heal()
    const from = rig.clock.monoUs()
    await rig.drive(write)
    expect(rig.clock.monoUs() - from).toBeLessThan(5_000_000)
  })
})

describe('an array that was away', () => {
  test.each(['unavailable', 'standby', 'transitioning', 'offline'] as const)(
    'F-10: %s for a few seconds with all its groups: what waited is served soon after it is back',
    async (access) => {
      const { rig, target } = await aluaRig({ groups: both, transitionSeconds: 2 })
      await rig.add(A)
      await rig.add(B)
      for (const id of [1, 2]) target.setGroup(id, { access })
      const write = rig.head.write({ offset: 0, data: bytesOf(2) })
      await rig.pass(3_000)
      for (const id of [1, 2]) target.setGroup(id, { access: 'optimal' })
      await rig.pass(5_000)
      await write
      expect(rig.head.state.service).toBe('serving')
      expect(rig.head.counters).toMatchObject({ callerErrors: 0 })
    },
  )

  test('F-40: all groups went away for an hour and came back, and nobody was told: I/O goes on', async () => {
    const { rig, target } = await aluaRig({ groups: both }, { noPathRetry: 'queue', iopolicy: 'round-robin' })
    await rig.add(A)
    await rig.add(B)
    for (const id of [1, 2]) target.setGroup(id, { access: 'unavailable' })
    const reads = [0, 1, 2].map((at) => rig.head.read({ offset: at * BLOCK, length: BLOCK }))
    await rig.pass(3_600_000)
    for (const id of [1, 2]) target.setGroup(id, { access: 'optimal' })
    await rig.pass(10_100)
    await Promise.all(reads)
    expect(rig.head.queued.bios).toBe(0)
    rig.expectReplayEqualsLive()
  })

  test('F-10: is worth waiting for until `accessWaitMs`; then `noPathRetry` decides, and its return is seen all the same', async () => {
    const { rig, target } = await aluaRig({ groups: both }, { noPathRetry: 'fail', accessWaitMs: 20_000 })
    await rig.add(A)
    await rig.add(B)
    for (const id of [1, 2]) target.setGroup(id, { access: 'unavailable' })
    const from = rig.clock.monoUs()
    const error = await rig.errorOf(rig.head.read({ offset: 0, length: BLOCK }))
    expect(error.code).toBe('NO_PATH')
    expect((rig.clock.monoUs() - from) / 1e6).toBeCloseTo(20, 1)
    const over = rig.rows('lun.timerFired').find(({ data }) => data.includes('"wait"'))
    expect(rig.rows('head.pathsChanged').at(-1)?.cause).toBe(over?.position)
    for (const id of [1, 2]) target.setGroup(id, { access: 'optimal' })
    await rig.pass(10_100)
    await rig.read(0)
    rig.expectReplayEqualsLive()
  })

  test('F-10: noPathRetry that is a number counts while access states alone keep the paths out, but for a transition', async () => {
    const settings = { noPathRetry: 3, noPathCheckMs: 1_000 } as const
    const { rig, target } = await aluaRig({ groups: both, transitionSeconds: 30 }, settings)
    await rig.add(A)
    await rig.add(B)
    for (const id of [1, 2]) target.setGroup(id, { access: 'transitioning' })
    const read = rig.head.read({ offset: 0, length: BLOCK })
    await rig.pass(20_000)
    expect(rig.head.state.service).toBe('queueing')
    expect(rig.head.countdown).toBeNull()
    for (const id of [1, 2]) target.setGroup(id, { access: 'standby' })
    const from = rig.clock.monoUs()
    expect((await rig.errorOf(read)).code).toBe('NO_PATH')
    expect((rig.clock.monoUs() - from) / 1e6).toBeLessThan(6)
  })

  test('F-10: what the operator says of noPathRetry holds at once for paths that are waited for', async () => {
    const { rig, target } = await aluaRig({ groups: both })
    await rig.add(A)
    await rig.add(B)
    for (const id of [1, 2]) target.setGroup(id, { access: 'standby' })
    const read = rig.head.read({ offset: 0, length: BLOCK })
    await rig.pass(1_000)
    rig.head.setNoPathRetry(1)
    expect((await rig.errorOf(read)).code).toBe('NO_PATH')
  })
})

describe('the last usable path fails', () => {
  test('F-19: a path that failed long ago and is well again is tried at once, and carries the I/O', async () => {
    const { rig } = await aluaRig(
      { groups: both },
      { noPathRetry: 2, noPathCheckMs: 1_000, checker: { minMs: 1_000, maxMs: 20_000 } },
    )
    const [a, b] = [await rig.add(A), await rig.add(B)]
    a.fail({ errno: 'ENOLINK' })
    await rig.write(0, bytesOf(1))
    await rig.pass(120_000)
    expect(a.path.state.health).toBe('failed')
    // Right after a look: the next one is nearly 20 s away.
    a.heal()
    b.fail({ errno: 'ENOLINK' })
    const from = rig.clock.monoUs()
    await rig.write(BLOCK, bytesOf(2))
    expect((rig.clock.monoUs() - from) / 1e6).toBeLessThan(1)
    const tried = rig.rows('path.triedAtOnce', A)
    expect(tried).toHaveLength(1)
    expect(tried[0]?.cause).toBe(rig.rows('path.failed', B).at(-1)?.position)
  })

  test('F-19: one that is still away is tried soon again, as often as one that has only just failed', async () => {
    const { rig } = await aluaRig(
      { groups: both },
      { noPathRetry: 'queue', checker: { minMs: 1_000, maxMs: 20_000 } },
    )
    const [a, b] = [await rig.add(A), await rig.add(B)]
    a.fail({ errno: 'ENOLINK' })
    await rig.write(0, bytesOf(1))
    await rig.pass(120_000)
    b.fail({ errno: 'ENOLINK' })
    const write = rig.head.write({ offset: 0, data: bytesOf(3) })
    await rig.pass(2_500)
    a.heal()
    await rig.pass(4_000)
    await write
  })
})
