// Limits of a head: those of its paths at once. And offsets where 32 bits, or the bits of a shift, would not do.
import { describe, expect, test } from 'vitest'
import { wrapPath } from '../../adapters/filters/wrap.ts'
import type { DeviceLimits, IoRequest, PathDevice } from '../../adapters/ports.ts'
import { limitsOf, stackLimits } from '../../engine/heads/limits.ts'
import { BLOCK, bytesOf, Rig, testLun } from './rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'
const KIB = 1024

const limited =
  (limits: Partial<DeviceLimits>) =>
  (device: PathDevice): PathDevice => ({
    ...wrapPath(device, (request, done) => device.submit(request, done)),
    geometry: { ...device.geometry, limits },
    limitsNow: () => limits,
  })

describe('limits', () => {
  test('are stacked as the block layer stacks them: blocks and minimum up, optimum to a common multiple, transfers down', () => {
    const geometry = (limits: Partial<DeviceLimits>) =>
      limitsOf({ sizeBytes: 1, logicalBlockBytes: 512, readOnly: false, limits })
    const one = {
      physicalBlockBytes: 4096,
      ioMinBytes: 4096,
      ioOptBytes: 6 * KIB,
      maxTransferBytes: 128 * KIB,
    }
    const other = {
      physicalBlockBytes: 512,
      ioMinBytes: 8192,
      ioOptBytes: 4 * KIB,
      maxTransferBytes: 64 * KIB,
    }
    expect(stackLimits([geometry(one), geometry(other)])).toEqual({
      ...{ physicalBlockBytes: 4096, ioMinBytes: 8192, ioOptBytes: 12 * KIB, maxTransferBytes: 64 * KIB },
      ...{ discardMaxBytes: Infinity, discardGranularityBytes: 0 },
    })
    expect(stackLimits([geometry({}), geometry(one)])).toMatchObject({
      ioOptBytes: 6 * KIB,
      physicalBlockBytes: 4096,
    })
    // A multiple that no number holds exactly says nothing.
    const [odd, even] = [2 ** 40 - 87, 2 ** 40].map((ioOptBytes) => geometry({ ...one, ioOptBytes }))
    expect(stackLimits([odd!, even!])).toMatchObject({ ioOptBytes: 0 })
    expect(stackLimits([])).toBeNull()
  })

  test('cut I/O before a path is chosen: every piece fits down the path that takes least', async () => {
    const rig = await Rig.open({ iopolicy: 'round-robin' })
    const a = await rig.add(A, { wrap: limited({ maxTransferBytes: 8 * KIB, discardMaxBytes: 16 * KIB }) })
    const b = await rig.add(B, { wrap: limited({ maxTransferBytes: 32 * KIB }) })
    const data = bytesOf(7, 100 * KIB)
    await rig.write(0, data)
    expect(await rig.read(0, data.length)).toEqual(data)
    const lengths = [...a.ios, ...b.ios].map(({ length }) => length)
    expect(Math.max(...lengths)).toBe(8 * KIB)
    await rig.drive(rig.head.discard({ offset: 0, length: 64 * KIB }))
    const discards = [...a.ios, ...b.ios].filter(({ op }) => op === 'discard').map(({ length }) => length)
    expect(discards).toEqual([16, 16, 16, 16].map((kib) => kib * KIB))
    // Without the narrow path I/O may be larger again.
    await rig.drive(a.path.remove())
    await rig.write(0, data)
    expect(Math.max(...b.ios.map(({ length }) => length))).toBe(32 * KIB)
  })

  test('a path of other blocks is not taken, neither 4096 under 512 nor 512 under 4096', async () => {
    for (const [first, second] of [
      [512, 4096],
      [4096, 512],
    ] as const) {
      const rig = await Rig.open({ lun: testLun({ logicalBlockBytes: first }) })
      await rig.add(A)
      const other = rig.makePath(B, { lun: testLun({ logicalBlockBytes: second }) })
      expect(await rig.errorOf(rig.mp.addPath(other.device))).toMatchObject({
        code: 'PATH_BLOCK_MISMATCH',
        errno: 'EINVAL',
      })
    }
  })

  test('blocks of 4096 bytes are the unit of everything', async () => {
    const rig = await Rig.open({ lun: testLun({ logicalBlockBytes: 4096 }) })
    await rig.add(A)
    await rig.write(4096, bytesOf(1, 4096))
    expect(await rig.read(4096, 4096)).toEqual(bytesOf(1, 4096))
    for (const [offset, length] of [
      [512, 4096],
      [4096, 512],
    ] as const) {
      expect(await rig.errorOf(rig.head.read({ offset, length }))).toMatchObject({ code: 'IO_UNALIGNED' })
    }
  })
})

describe('a LUN far larger than its memory', () => {
  /** Keeps what was written by its place; everything else is zeros. */
  function sparse(sizeBytes: number) {
    const blocks = new Map<number, Uint8Array>()
    const wrap = (device: PathDevice): PathDevice => ({
      ...wrapPath(device, ({ op, offset, data }: IoRequest, done) => {
        const { length } = data ?? new Uint8Array(0)
        for (let at = 0; at < length; at += BLOCK) {
          if (op === 'write') blocks.set(offset + at, (data as Uint8Array).slice(at, at + BLOCK))
          if (op === 'read') data?.set(blocks.get(offset + at) ?? new Uint8Array(BLOCK), at)
        }
        queueMicrotask(() => done({ errno: null, status: null, bytes: length }))
      }),
      geometry: { ...device.geometry, sizeBytes },
    })
    return { blocks, wrap }
  }

  test.each([
    ['past 2 TiB, where a 32-bit sector number ends', 4 * 2 ** 40, 2 ** 41],
    ['past 2^32 sectors, on a path that fails over', 2 ** 50, 2 ** 45 + BLOCK],
    ['at the last block that a number holds exactly', 2 ** 53 - BLOCK, 2 ** 53 - 2 * BLOCK],
  ])('is written and read %s', async (_where, sizeBytes, offset) => {
    const { blocks, wrap } = sparse(sizeBytes)
    const rig = await Rig.open({ iopolicy: 'round-robin', checker: { minMs: 100, maxMs: 100 } })
    const a = await rig.add(A, { wrap })
    await rig.add(B, { wrap })
    await rig.write(offset, bytesOf(5))
    expect([...blocks.keys()]).toEqual([offset])
    expect(await rig.read(offset)).toEqual(bytesOf(5))
    expect(await rig.read(offset % 2 ** 32)).toEqual(new Uint8Array(BLOCK))
    a.path.fail()
    await rig.write(offset, bytesOf(6))
    a.path.reinstate()
    expect([await rig.read(offset), await rig.read(offset)]).toEqual([bytesOf(6), bytesOf(6)])
    expect(await rig.errorOf(rig.head.read({ offset: sizeBytes, length: BLOCK }))).toMatchObject({
      code: expect.stringMatching(/^IO_/) as string,
    })
    const [row] = rig.events('path.added')
    expect(row).toMatchObject({ sizeBytes })
  })
})
