// Section D of the specification, "Accounting": D-27 to D-31.
import { describe, expect, test } from 'vitest'
import { completed } from '../../adapters/completions.ts'
import { wrapPath } from '../../adapters/filters/wrap.ts'
import type { PathDevice } from '../../adapters/ports.ts'
import { BLOCK, bytesOf, Rig, testLun, type RigPath } from '../engine/rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'
const KIB = 1024

/** What is counted as in flight: by the engine, and what its devices really have. */
const depths = (paths: RigPath[]) =>
  paths.map(({ path, inFlight }) => [path.inFlight, path.queueDepth, inFlight])

describe('what is in flight', () => {
  test('D-27: ends as it started: the counters of a path at rest are zero', async () => {
    const rig = await Rig.open({ iopolicy: 'queue-depth' })
    const paths = [await rig.add(A), await rig.add(B)]
    const all = Array.from({ length: 20 }, (_, at) =>
      rig.head.write({ offset: at * BLOCK, data: bytesOf(at) }),
    )
    await rig.settle()
    expect(depths(paths)).toEqual([
      [10, 10, 10],
      [10, 10, 10],
    ])
    await rig.drive(Promise.all(all))
    expect(depths(paths)).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ])
  })

  test('D-28: every start has one end: success, failover, busy, parked, refused, timed out, removed', async () => {
    const rig = await Rig.open({ iopolicy: 'queue-depth', noPathRetry: 'queue', attemptTimeoutMs: 1_000 })
    const paths = [await rig.add(A), await rig.add(B)]
    const [a, b] = paths as [RigPath, RigPath]
    const rest = () =>
      expect(
        depths(paths)
          .flat()
          .every((depth) => depth === 0),
      ).toBe(true)
    await rig.write(0, bytesOf(1))
    rest()
    a.fail({ count: 1, op: 'write' })
    await rig.write(0, bytesOf(1))
    rest()
    for (const path of paths) path.fail({ errno: 'EAGAIN', count: 2 })
    await rig.write(0, bytesOf(1))
    rest()
    for (const path of paths) path.fail({ op: 'write' })
    await rig.errorOf(rig.head.write({ offset: 0, data: bytesOf(1) }))
    rest()
    for (const path of paths) path.fail()
    const parked = rig.head.write({ offset: 0, data: bytesOf(1) })
    await rig.pass(100)
    expect(rig.head.queued.bios).toBe(1)
    rest()
    for (const path of paths) path.heal()
    await rig.drive(parked)
    await rig.pass(30_000)
    rest()
    // A read that hangs is given up and done elsewhere: it is in flight until the device gives it back.
    a.hang.enable()
    b.path.fail()
    const hung = rig.head.read({ offset: 0, length: BLOCK })
    await rig.settle()
    b.path.reinstate()
    await rig.drive(hung)
    expect(a.path.queueDepth, 'nobody waits for it any more').toBe(0)
    expect(a.path.inFlight).toBe(a.inFlight)
    a.hang.disable()
    await rig.pass(60_000)
    rest()
    const last = rig.head.read({ offset: 0, length: BLOCK })
    const removing = a.path.remove()
    await rig.drive(Promise.all([last, removing]))
    expect([b.path.inFlight, b.path.queueDepth]).toEqual([0, 0])
  })

  test('D-28: a device that answers twice is a bug that stops the engine, and not a count below zero', async () => {
    const rig = await Rig.open({ checked: false })
    const wrap = (device: PathDevice) =>
      wrapPath(device, (request, done) => {
        device.submit(request, (completion) => {
          done(completion)
          done(completion)
        })
      })
    const a = await rig.add(A, { wrap })
    await rig.write(0, bytesOf(1))
    expect(rig.mp.broken?.code).toBe('INVARIANT_BROKEN')
    expect([a.path.inFlight, a.path.queueDepth]).toEqual([0, 0])
    await rig.drive(rig.mp.close())
  })
})

test('D-29: the counter shown, used for selection and counted is one, and belongs to the adapter', async () => {
  const rig = await Rig.open({ iopolicy: 'queue-depth' })
  const other = testLun({ wwid: 'naa.600140500000000000000000000000b2' })
  const one = [await rig.add('8:0:0:0'), await rig.add('9:0:0:0')]
  const two = [await rig.add('8:0:0:1', { lun: other }), await rig.add('9:0:0:1', { lun: other })]
  // Load on one LUN keeps adapter 8 busy.
  one[1]!.path.fail()
  one[0]!.hang.enable()
  const held = Array.from({ length: 3 }, () => rig.head.read({ offset: 0, length: BLOCK }))
  await rig.settle()
  expect([...one, ...two].map(({ path }) => path.queueDepth)).toEqual([3, 0, 3, 0])
  // The other LUN sees it, and goes by adapter 9.
  await rig.drive(rig.mp.head(other.wwid).read({ offset: 0, length: BLOCK }))
  expect(two.map(({ ios }) => ios.length)).toEqual([0, 1])
  one[0]!.hang.disable()
  await rig.drive(Promise.all(held))
  expect([...one, ...two].map(({ path }) => path.queueDepth)).toEqual([0, 0, 0, 0])
})

describe('what was counted', () => {
  test('D-30: is uncounted at its end, whatever the policy is by then', async () => {
    const rig = await Rig.open({ iopolicy: 'queue-depth' })
    const a = await rig.add(A)
    a.hang.enable()
    const counted = [1, 2, 3].map(() => rig.head.read({ offset: 0, length: BLOCK }))
    await rig.settle()
    rig.head.setIoPolicy('numa')
    const uncounted = [1, 2].map(() => rig.head.read({ offset: 0, length: BLOCK }))
    await rig.settle()
    expect([a.path.queueDepth, a.path.inFlight]).toEqual([3, 5])
    rig.head.setIoPolicy('queue-depth')
    a.hang.disable()
    await rig.drive(Promise.all([...counted, ...uncounted]))
    expect([a.path.queueDepth, a.path.inFlight]).toEqual([0, 0])
    expect(rig.mp.broken).toBeNull()
  })

  test('D-30: a partial completion ends nothing; the bytes counted are those that were really done', async () => {
    const rig = await Rig.open({ bioBytesMax: 64 * KIB })
    let short = 3
    const wrap = (device: PathDevice) =>
      wrapPath(device, (request, done) => {
        device.submit(request, (full) => {
          const cut = request.op === 'write' && short > 0
          if (cut) short -= 1
          done(cut ? completed(full.bytes / 2) : full)
        })
      })
    const a = await rig.add(A, { wrap })
    const b = await rig.add(B)
    await rig.write(0, bytesOf(1, 160 * KIB))
    expect(rig.head.counters).toMatchObject({ writes: 3, writeBytes: 160 * KIB, callerErrors: 0 })
    const sum = a.path.counters.writeBytes + b.path.counters.writeBytes
    expect(sum).toBe(160 * KIB)
    expect(a.path.counters.errors).toBe(3)
    expect(rig.lun.medium.subarray(0, 160 * KIB)).toEqual(bytesOf(1, 160 * KIB))
  })
})

test('D-31: a new head takes the default policy of the engine; an old one keeps its own', async () => {
  for (const iopolicy of ['round-robin', 'queue-depth', 'numa'] as const) {
    const rig = await Rig.open({ iopolicy })
    await rig.add(A)
    expect(rig.head.ioPolicy).toBe(iopolicy)
    expect(rig.events('head.created')).toEqual([expect.objectContaining({ iopolicy })])
    const own = iopolicy === 'numa' ? 'round-robin' : 'numa'
    rig.head.setIoPolicy(own)
    const other = testLun({ wwid: 'naa.600140500000000000000000000000b2' })
    await rig.add(B, { lun: other })
    expect([rig.head.ioPolicy, rig.mp.head(other.wwid).ioPolicy]).toEqual([own, iopolicy])
  }
})
