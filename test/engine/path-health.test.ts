// What docs/health.md promises of checks, of paths that are put back, and of losses: each line that no scenario has.
import { describe, expect, test } from 'vitest'
import { BLOCK, bytesOf, Rig, type RigPath } from './rig.ts'

const [A, B] = ['8:0:0:0', '9:0:0:0'] as const
const MIB = 1024 * 1024
const US = 1_000_000

async function two(settings = {}): Promise<{ rig: Rig; a: RigPath; b: RigPath }> {
  const rig = await Rig.open({ checker: { minMs: 1_000, maxMs: 4_000 }, ...settings })
  return { rig, a: await rig.add(A), b: await rig.add(B) }
}

describe('a path that is well', () => {
  const checker = { minMs: 1_000, maxMs: 4_000, healthyMaxMs: 8_000 }

  test('is checked at intervals that double to healthyMaxMs, and not at all by default', async () => {
    const { rig, a } = await two({ checker })
    const startUs = rig.rows('path.rulesSet', A)[0]!.monoUs
    await rig.pass(32_000)
    const seconds = rig.rows('path.timerFired', A).map(({ monoUs }) => Math.round((monoUs - startUs) / US))
    expect(seconds).toEqual([1, 3, 7, 15, 23, 31])
    expect(rig.rows('path.checkPassed', A)).toHaveLength(seconds.length)
    expect(a.path.state.health).toBe('online')

    const quiet = await two()
    await quiet.rig.pass(60_000)
    expect(quiet.a.probes).toEqual([])
  })

  test('and idle and dead is found by a check; healed, it is checked soon again', async () => {
    const { rig, a } = await two({ checker })
    await rig.pass(16_000)
    a.fail()
    await rig.pass(8_000)
    expect(rig.events('path.checkFailed', A)).toMatchObject([{ errno: 'EIO', op: 'read' }])
    expect(rig.events('path.failed', A)).toMatchObject([{ verdict: 'probe', first: { errno: 'EIO' } }])
    expect(a.ios).toEqual([])
    a.heal()
    await rig.pass(4_100)
    const [back] = rig.rows('path.probeSucceeded', A)
    await rig.pass(1_100)
    const next = rig.rows('path.checkPassed', A).filter(({ position }) => position > back!.position)
    expect(Math.round((next[0]!.monoUs - back!.monoUs) / US)).toBe(1)
  })

  test('and does not answer its check in time has failed by it; I/O goes on elsewhere meanwhile', async () => {
    const { rig, a, b } = await two({ checker, probeTimeoutMs: 500 })
    a.hang.enable()
    await rig.pass(3_000)
    expect(rig.events('path.checkFailed', A)[0]).toMatchObject({ status: 'TIMEOUT' })
    expect(a.path.state.health).toBe('failed')
    await rig.write(0, bytesOf(1))
    expect([a.ios.length, b.ios.length]).toEqual([0, 1])
    a.hang.disable()
  })

  test('and is another device now is found by a check, though it reads well', async () => {
    const { rig, a } = await two({ checker })
    a.memory.setIdentity('naa.another')
    await rig.pass(1_500)
    expect(rig.events('path.failed', A)).toMatchObject([{ verdict: 'identity' }])
    expect(rig.events('path.checkFailed', A)).toEqual([])
  })

  test('is read where checker.reads says, stacked; at random that is anywhere, on whole blocks', async () => {
    const reads = ['first', 'random', 'last'] as const
    const { rig, a } = await two({ checker: { ...checker, healthyMaxMs: 1_000, reads } })
    await rig.pass(20_500)
    const rounds = Array.from({ length: 20 }, (_, round) => a.probes.slice(3 * round, 3 * round + 3))
    const middles = rounds.map(([first, middle, last]) => {
      expect([first?.offset, last?.offset]).toEqual([0, MIB - 4_096])
      return middle!.offset
    })
    for (const offset of middles) {
      expect(offset % BLOCK).toBe(0)
      expect(offset).toBeLessThanOrEqual(MIB - 4_096)
    }
    expect(new Set(middles).size).toBeGreaterThan(10)
  })
})

describe('a path that comes back is proved to be what it was', () => {
  test.each([
    ['its operator pulled it', (path: RigPath) => path.path.fail(), (path: RigPath) => path.path.reinstate()],
    ['it was blocked', (path: RigPath) => path.path.block(), (path: RigPath) => path.path.unblock()],
    ['it was quiesced', (path: RigPath) => path.path.quiesce(), (path: RigPath) => path.path.resume()],
    ['it was offline', (path: RigPath) => path.path.setOffline(), (path: RigPath) => path.path.setOnline()],
    [
      'it was inaccessible',
      (path: RigPath) => path.path.setAccessState('unavailable'),
      (path: RigPath) => path.path.setAccessState('optimal'),
    ],
  ])('after %s', async (_why, away, back) => {
    const { rig, a, b } = await two()
    away(a)
    a.memory.setIdentity('naa.another')
    await rig.pass(100)
    back(a)
    await rig.settle()
    expect(rig.events('path.failed', A)).toMatchObject([
      { verdict: 'identity', detail: expect.stringContaining('naa.another') as string },
    ])
    await rig.write(0, bytesOf(1))
    expect([a.ios.length, b.ios.length]).toEqual([0, 1])
    a.memory.setIdentity(rig.lun.wwid)
    await rig.pass(2_000)
    expect(a.path.usable).toBe(true)
  })

  test('and what is still the same device just carries on', async () => {
    const { rig, a } = await two()
    a.path.fail()
    await rig.pass(100)
    a.path.reinstate()
    await rig.write(0, bytesOf(1))
    expect(a.ios).toHaveLength(1)
    expect(rig.rows('path.failed')).toEqual([])
  })
})

describe('no path is left', () => {
  /** Both paths have failed, and a read waits: ten checks of a second each. */
  async function waiting() {
    const made = await two({ noPathRetry: 10, noPathCheckMs: 1_000 })
    const { rig, a, b } = made
    a.fail()
    await rig.read(0)
    b.fail()
    const reading = rig.head.read({ offset: 0, length: BLOCK })
    reading.catch(() => undefined)
    await rig.pass(500)
    expect(rig.head).toMatchObject({ loss: 'allPathsDown', countdown: { checksLeft: 10 } })
    return { ...made, reading }
  }

  test('all paths down: it is waited for, and a path that heals takes the I/O', async () => {
    const { rig, a, reading } = await waiting()
    a.heal()
    await rig.drive(reading)
    expect(rig.head).toMatchObject({ loss: 'none', countdown: null })
  })

  test('lost for good: I/O fails at once, however many checks are left; queue still waits for a new path', async () => {
    const { rig, a, b, reading } = await waiting()
    for (const path of [a, b]) {
      path.memory.setIdentity('naa.another')
      path.heal()
    }
    const startUs = rig.clock.monoUs()
    expect(await rig.errorOf(reading)).toMatchObject({ code: 'NO_PATH' })
    // As soon as the probes said what the devices are, and long before the tenth check.
    expect(Math.ceil((rig.clock.monoUs() - startUs) / US)).toBeLessThan(5)
    expect(rig.head).toMatchObject({ loss: 'permanent', countdown: null })
    const nowUs = rig.clock.monoUs()
    expect(await rig.errorOf(rig.head.read({ offset: 0, length: BLOCK }))).toMatchObject({ code: 'NO_PATH' })
    expect(rig.clock.monoUs()).toBe(nowUs)

    rig.head.setNoPathRetry('queue')
    const queued = rig.head.read({ offset: 0, length: BLOCK })
    await rig.pass(60_000)
    expect(rig.head.queued.bios).toBe(1)
    await rig.add('10:0:0:0')
    await rig.drive(queued)
  })
})

test('flap damping: the time to the next look at a marginal path doubles with each failure soon after another', async () => {
  const marginal = { on: true, sampleMs: 1_000, recheckMs: 2_000, recheckMaxMs: 12_000 }
  // Alone it carries I/O also while it is marginal.
  const rig = await Rig.open({ marginal, checker: { minMs: 100, maxMs: 100 } })
  const a = await rig.add(A)
  const waits: number[] = []
  for (let failure = 1; failure <= 6; failure += 1) {
    a.fail()
    await rig.errorOf(rig.head.read({ offset: 0, length: BLOCK }))
    a.heal()
    await rig.pass(200)
    expect(a.path.state.health).toBe(failure === 1 ? 'online' : 'marginal')
    if (failure === 1) continue
    // Its samples err, and so it is looked at again later.
    a.fail({ op: 'read' })
    await rig.pass(1_100)
    const passedUs = rig.clock.monoUs() - rig.rows('path.sampled', A).at(-1)!.monoUs
    waits.push(Math.round(a.path.timers['recheck']! / 1_000 + passedUs / US))
  }
  expect(waits).toEqual([2, 4, 8, 12, 12])
})
