// The LUN changes its size under a head: it grows when all its paths say so, and never shrinks.
import { describe, expect, test } from 'vitest'
import { wrapPath } from '../../adapters/filters/wrap.ts'
import type { PathDevice } from '../../adapters/ports.ts'
import { BLOCK, bytesOf, Rig, testLun } from '../engine/rig.ts'
import { expectExplained } from '../explained.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'
const SMALL = 512 * 1024

/** A LUN of 1 MiB behind devices that had half of it when they were opened. */
function growing() {
  const sizes = new Map<string, number>()
  const wrap = (device: PathDevice): PathDevice => ({
    ...wrapPath(device, (request, done) => device.submit(request, done)),
    geometry: { ...device.geometry, sizeBytes: sizes.get(device.hctl) ?? SMALL },
    sizeNow: () => sizes.get(device.hctl) ?? SMALL,
  })
  return { sizes, wrap }
}

describe('scenario 29', () => {
  test('scenario 29: a head grows when the last of its paths has grown, and I/O reaches the new end', async () => {
    const { sizes, wrap } = growing()
    const rig = await Rig.open()
    await rig.add(A, { wrap })
    await rig.add(B, { wrap })
    const { head } = rig
    expect(head.sizeBytes).toBe(SMALL)
    sizes.set(A, 2 * SMALL)
    head.rescan()
    expect(head.sizeBytes).toBe(SMALL)
    expect(await rig.errorOf(head.write({ offset: SMALL, data: bytesOf(1) }))).toMatchObject({
      code: 'IO_OUT_OF_RANGE',
    })
    sizes.set(B, 2 * SMALL)
    head.rescan()
    expect(head.sizeBytes).toBe(2 * SMALL)
    await rig.write(2 * SMALL - BLOCK, bytesOf(9))
    expect(await rig.read(2 * SMALL - BLOCK)).toEqual(bytesOf(9))
    expect(rig.events('path.capacityChanged')).toEqual(
      [SMALL, SMALL].map((fromBytes) => ({ fromBytes, toBytes: 2 * SMALL })),
    )
    expect(rig.events('head.resized')).toEqual([{ fromBytes: SMALL, toBytes: 2 * SMALL }])
    expect(rig.rows('head.resized')[0]!.cause).toBe(rig.rows('path.capacityChanged', B)[0]!.position)
    // A path of the new size is taken from now on, one of the old size is not.
    const late = rig.makePath('10:0:0:0')
    await rig.addMade(late)
    const old = rig.makePath('11:0:0:0', { wrap })
    expect(await rig.errorOf(rig.mp.addPath(old.device))).toMatchObject({ code: 'PATH_SIZE_MISMATCH' })
  })

  test('scenario 29: while there is I/O the growth is noticed by itself', async () => {
    const { sizes, wrap } = growing()
    const rig = await Rig.open({ sampleMs: 1_000 })
    await rig.add(A, { wrap })
    sizes.set(A, 2 * SMALL)
    await rig.write(0, bytesOf(1))
    await rig.pass(1_000)
    expect(rig.head.sizeBytes).toBe(2 * SMALL)
  })

  test('scenario 29: a path that shrank is an event, once, and the head keeps its size', async () => {
    const { sizes, wrap } = growing()
    const rig = await Rig.open()
    await rig.add(A, { wrap })
    await rig.add(B, { wrap })
    sizes.set(A, SMALL / 2)
    rig.head.rescan()
    rig.head.rescan()
    await rig.settle()
    expect(rig.head.sizeBytes).toBe(SMALL)
    expect(rig.events('head.shrinkRefused')).toEqual([
      { path: 'sda:0', fromBytes: SMALL, toBytes: SMALL / 2 },
    ])
    const root = { kind: 'deviceState', path: A } as const
    const { chain } = expectExplained(rig.memory, { stream: `head/${rig.lun.wwid}` }, root)
    expect(chain.map(({ type }) => type)).toEqual(['head.shrinkRefused', 'path.capacityChanged'])
    // Both shrink: it is still not the head's to give data away.
    sizes.set(B, SMALL / 2)
    rig.head.rescan()
    expect(rig.head.sizeBytes).toBe(SMALL)
    expect(rig.rows('head.resized')).toEqual([])
  })

  test('scenario 29: a LUN that grew while no engine ran is found so by the next one', async () => {
    const { sizes, wrap } = growing()
    const first = await Rig.open({ checked: false, lun: testLun() })
    await first.add(A, { wrap })
    const rig = await Rig.open({ rows: first.rows(), lun: first.lun })
    expect(rig.head.sizeBytes).toBe(SMALL)
    sizes.set(A, 2 * SMALL)
    await rig.add(A, { wrap })
    expect(rig.head.sizeBytes).toBe(2 * SMALL)
    expect(rig.events('head.resized')).toEqual([{ fromBytes: SMALL, toBytes: 2 * SMALL }])
  })

  test('scenario 29: the paths of a LUN that grew may all be attached again at once', async () => {
    const { sizes, wrap } = growing()
    const first = await Rig.open({ checked: false, lun: testLun() })
    await first.add(A, { wrap })
    await first.add(B, { wrap })
    const rig = await Rig.open({ rows: first.rows(), lun: first.lun })
    for (const path of [A, B]) sizes.set(path, 2 * SMALL)
    await Promise.all([rig.add(A, { wrap }), rig.add(B, { wrap })])
    expect(rig.head.paths).toHaveLength(2)
    expect(rig.head.sizeBytes).toBe(2 * SMALL)
    expect(rig.events('head.resized')).toEqual([{ fromBytes: SMALL, toBytes: 2 * SMALL }])
  })
})
