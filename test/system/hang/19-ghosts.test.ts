// Ghosts whose path or head has gone, that cover more or less than the newer write, or that their caller aborted. Each test
// runs with the guard switched off as well, and must then see the corruption.
import { describe, expect, test } from 'vitest'
import { hangWith, HUNG, isHeld, NEW, OLD, open, WITHOUT } from './late-write.ts'
import type { HangRig } from './rig.ts'
import { BLOCK, filled, until } from './rig.ts'

describe('a ghost outlives its path and its head', () => {
  async function leaveAndReturn(rig: HangRig): Promise<void> {
    await hangWith(rig)
    await rig.path('A').remove()
    await rig.path('B').remove()
    expect(rig.mp.heads).toEqual([])
    await rig.add('B')
  }

  test('scenario 19e: the newer write through the new head waits for it', async () => {
    const rig = await open()
    await leaveAndReturn(rig)
    expect(rig.mp.ghosts).toMatchObject([{ path: rig.hctl('A'), reason: 'timeout', returned: false }])
    const newer = rig.begin(rig.write(0, NEW))
    await isHeld(rig)
    rig.a.resume()
    await newer.promise
    expect(rig.mark(0)).toBe(NEW)
    expect(rig.seen('lun.ghostsEnded')).toMatchObject([{ proof: 'completion' }])
    await rig.close()
    expect(rig.mark(0)).toBe(NEW)
    rig.explains('A', 'path.failed', { ...HUNG, offset: 0 })
  })

  test('scenario 19e: without the guard the removed path’s write lands on the newer one', async () => {
    const rig = await open(WITHOUT)
    await leaveAndReturn(rig)
    await rig.write(0, NEW)
    expect(rig.mark(0)).toBe(NEW)
    rig.a.resume()
    await until('the old write lands', () => rig.mark(0) === OLD)
  })
})

describe('ghosts and newer writes that share a block, or do not', () => {
  const START = 1024 * 1024
  const LENGTH = 65_536

  /** The first and the last block of the ghost, and the two beside it. */
  function edges(rig: HangRig): { inside: number[]; beside: number[]; block: number } {
    const block = rig.head.logicalBlockBytes
    const inside = [START, START + LENGTH - block]
    return { inside, beside: [START - block, START + LENGTH], block }
  }

  test('scenario 19f: 512 bytes at each edge of 64 KiB', async () => {
    const rig = await open()
    const { inside, beside, block } = edges(rig)
    await hangWith(rig, START, LENGTH)
    const held = inside.map((offset) => rig.begin(rig.write(offset, NEW, block)))
    await isHeld(rig, 2)
    await Promise.all(beside.map((offset) => rig.write(offset, NEW, block)))
    expect(held.map(({ state }) => state)).toEqual(['pending', 'pending'])
    rig.a.resume()
    await Promise.all(held.map(({ promise }) => promise))
    for (const offset of [...inside, ...beside]) expect(rig.mark(offset, block)).toBe(NEW)
    expect(rig.mark(START + block, LENGTH - 2 * block)).toBe(OLD)
    await rig.close()
    rig.explains('A', 'path.failed', { ...HUNG, offset: START, length: LENGTH })
  })

  test('scenario 19f: without the guard both edges inside are overwritten', async () => {
    const rig = await open(WITHOUT)
    const { inside, beside, block } = edges(rig)
    await hangWith(rig, START, LENGTH)
    await Promise.all([...inside, ...beside].map((offset) => rig.write(offset, NEW, block)))
    for (const offset of inside) expect(rig.mark(offset, block)).toBe(NEW)
    rig.a.resume()
    await until('the old write lands', () => inside.every((offset) => rig.mark(offset, block) === OLD))
    for (const offset of beside) expect(rig.mark(offset, block)).toBe(NEW)
  })

  const bytelessOps = ['discard', 'writeZeroes'] as const

  test.each(bytelessOps)('scenario 19f: a ghost %s', async (op) => {
    const rig = await open()
    await rig.write(START, OLD, LENGTH)
    rig.a.hang()
    await rig.head[op]({ offset: START, length: LENGTH })
    expect(rig.mark(START, LENGTH)).toBe(0)
    expect(rig.mp.ghosts).toMatchObject([{ op, offset: START, length: LENGTH }])
    const newer = rig.begin(rig.write(START, NEW))
    await isHeld(rig)
    rig.a.resume()
    await newer.promise
    expect(rig.mark(START)).toBe(NEW)
    await rig.close()
    expect(rig.mark(START)).toBe(NEW)
    rig.explains('A', 'path.failed', { ...HUNG, op, offset: START, length: LENGTH })
  })

  test.each(bytelessOps)('scenario 19f: without the guard a late %s wipes the newer write', async (op) => {
    const rig = await open(WITHOUT)
    await rig.write(START, OLD, LENGTH)
    rig.a.hang()
    await rig.head[op]({ offset: START, length: LENGTH })
    await rig.write(START, NEW)
    expect(rig.mark(START)).toBe(NEW)
    rig.a.resume()
    await until('the newer write is wiped', () => rig.mark(START) === 0)
  })
})

describe('a hung write that its caller aborts', () => {
  async function abort(rig: HangRig): Promise<void> {
    rig.a.hang()
    const stop = new AbortController()
    const old = rig.head.write({ offset: 0, data: filled(OLD), signal: stop.signal })
    await rig.a.holds(BLOCK)
    stop.abort()
    await expect(old).rejects.toMatchObject({ code: 'ABORTED' })
  }

  test('scenario 19g: it may still land, and says so; the newer write waits', async () => {
    const rig = await open({ attemptTimeoutMs: 15_000 })
    await abort(rig)
    expect(rig.mp.ghosts).toMatchObject([{ reason: 'abort', offset: 0, length: BLOCK }])
    const newer = rig.begin(rig.write(0, NEW))
    await isHeld(rig)
    rig.a.resume()
    await newer.promise
    expect(rig.mark(0)).toBe(NEW)
    await rig.close()
    expect(rig.mark(0)).toBe(NEW)
    // Its path is well as far as anybody knows: the head's newer writes wait for what was aborted.
    const root = { kind: 'ghost', op: 'write', offset: 0, length: BLOCK, path: rig.hctl('A') } as const
    rig.explains(null, 'lun.ghostsOpened', root)
  })

  test('scenario 19g: without the guard the aborted write lands on the newer one', async () => {
    const rig = await open({ ...WITHOUT, attemptTimeoutMs: 300 })
    await abort(rig)
    // An abort says nothing about the path: sent down A as well, the newer write would land behind the old one.
    rig.path('A').fail()
    await rig.write(0, NEW)
    expect(rig.mark(0)).toBe(NEW)
    rig.a.resume()
    await until('the old write lands', () => rig.mark(0) === OLD)
  })
})
