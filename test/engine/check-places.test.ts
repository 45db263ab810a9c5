// What a check proves: the path, not the medium; and how long it may take.
import { expect, test } from 'vitest'
import { BLOCK, bytesOf, Rig, type RigPath } from './rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'
const MIB = 1024 * 1024
const PLACES = { first: 0, middle: MIB / 2, last: MIB - 4096 } as const

/** Both paths of a LUN blink, for long enough that they fail. */
async function blink(rig: Rig, paths: readonly RigPath[], then: () => void): Promise<void> {
  for (const path of paths) path.fail({ errno: 'ENOLINK', op: 'all', range: null })
  const waiting = rig.head.write({ offset: 65_536, data: bytesOf(5) })
  await rig.pass(300)
  expect(paths.map(({ path }) => path.state.health)).toEqual(paths.map(() => 'failed'))
  then()
  await rig.pass(3_000)
  await waiting
}

test.each(Object.entries(PLACES))(
  'F-11: a bad block at the %s place keeps no path out: it is the medium that cannot be read there, and is told as that',
  async (_place, offset) => {
    const rig = await Rig.open({ noPathRetry: 'queue', checker: { minMs: 200, maxMs: 1_000 } })
    const paths = [await rig.add(A), await rig.add(B)]
    const spoil = () => {
      for (const path of paths) path.fail({ errno: 'EIO', op: 'read', range: { offset, length: 512 } })
    }
    await blink(rig, paths, spoil)
    expect(paths.map(({ path }) => path.state.health)).toEqual(['online', 'online'])
    const told = rig.events('path.placeUnreadable')
    expect(told[0]).toMatchObject({ offset, errno: 'EIO', status: 'IOERR' })
    // Once for each path, however often it is checked.
    for (let turn = 0; turn < 3; turn += 1) await blink(rig, paths, spoil)
    expect(rig.events('path.placeUnreadable').length).toBeLessThanOrEqual(2)
    rig.expectReplayEqualsLive()
  },
)

test('F-11: where the failure was seen may be the bad block itself, with no other path left to ask', async () => {
  const rig = await Rig.open({ noPathRetry: 'queue', checker: { minMs: 200, maxMs: 1_000 } })
  const a = await rig.add(A)
  a.fail({ errno: 'EIO' })
  const read = rig.head.read({ offset: 300 * 1024, length: BLOCK })
  await rig.pass(300)
  expect(a.path.state.health).not.toBe('online')
  a.fail({ errno: 'EIO', op: 'read', range: { offset: 300 * 1024, length: 512 } })
  const error = await rig.errorOf(read)
  expect(error.code).toBe('IO_ERROR')
  expect(a.path.state.health).toBe('online')
})

test('F-11: a path that a bad block has failed is back with its next check: places are chosen anew until one answers', async () => {
  const rig = await Rig.open({ checker: { minMs: 500, maxMs: 1_000, reads: ['middle'] } })
  const [a] = [await rig.add(A), await rig.add(B)]
  a.fail({ errno: 'EIO', range: { offset: 0, length: 512 } })
  for (let turn = 0; turn < 4; turn += 1) await rig.write(0, bytesOf(turn))
  expect(a.path.state.health).toBe('failed')
  for (const path of [a]) path.fail({ errno: 'EIO', range: { offset: MIB / 2, length: 4096 } })
  await rig.pass(600)
  expect(a.path.state.health, 'another path can read there').toBe('failed')
  rig.head.paths[1]!.block()
  await rig.pass(1_500)
  expect(a.path.state.health).toBe('online')
})

test('F-11: a path of which no place answers is silent, after a bounded number of reads', async () => {
  const rig = await Rig.open({ checker: { minMs: 1_000, maxMs: 1_000 } })
  const [a] = [await rig.add(A), await rig.add(B)]
  a.fail({ errno: 'EIO' })
  await rig.write(0, bytesOf(1))
  const before = a.probes.length
  await rig.pass(1_500)
  expect(a.path.state.health).toBe('failed')
  expect(a.probes.length - before).toBe(6)
})

test('F-12: each read of a check has its time: a slow array keeps no path out', async () => {
  const rig = await Rig.open({ noPathRetry: 'queue', probeTimeoutMs: 2_000 })
  const paths = [await rig.add(A), await rig.add(B)]
  for (const path of paths) {
    path.delay.enable({ delayUs: 1_500_000 })
    path.fail({ errno: 'ENOLINK' })
  }
  const write = rig.head.write({ offset: 0, data: bytesOf(1) })
  await rig.pass(3_000)
  for (const path of paths) path.heal()
  await rig.pass(15_000)
  expect(paths.map(({ path }) => path.state.health)).toEqual(['online', 'online'])
  await rig.drive(write)
})

test('F-12: a check that is not answered fails no path that answers its I/O meanwhile', async () => {
  const settings = { checker: { minMs: 1_000, healthyMaxMs: 1_000 }, probeTimeoutMs: 500 }
  const rig = await Rig.open(settings)
  const a = await rig.add(A)
  await rig.add(B)
  // What the checker reads never comes back, and everything else does.
  a.hang.enable({ op: 'read' })
  for (let turn = 0; turn < 100; turn += 1) {
    await rig.write(0, bytesOf(turn))
    await rig.pass(100)
  }
  expect(a.path.state.health).toBe('online')
  expect(rig.rows('path.failed')).toEqual([])
  expect(rig.rows('path.checkPassed', A).length).toBeGreaterThan(3)
})

test('F-12: one that answers nothing at all fails, and the failure has its cause', async () => {
  const settings = { checker: { minMs: 1_000, healthyMaxMs: 1_000 }, probeTimeoutMs: 500 }
  const rig = await Rig.open(settings)
  const [a] = [await rig.add(A), await rig.add(B)]
  a.hang.enable()
  await rig.pass(10_000)
  expect(a.path.state.health).not.toBe('online')
  const [failed] = rig.rows('path.failed', A)
  const [suspected] = rig.rows('path.suspected', A)
  expect(failed?.cause).toBe(suspected?.position)
  expect(suspected?.cause).toBe(rig.rows('path.checkFailed', A)[0]?.position)
})

test('F-12: a probe that is answered at once has its cause as well', async () => {
  const rig = await Rig.open()
  const a = await rig.add(A, { latencyUs: 0 })
  await rig.add(B)
  a.fail({ errno: 'ENOLINK' })
  await rig.write(0, bytesOf(1))
  const [failed] = rig.rows('path.failed', A)
  expect(failed?.cause).toBe(rig.rows('path.suspected', A)[0]?.position)
})
