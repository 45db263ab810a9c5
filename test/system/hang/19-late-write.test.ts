// A write hangs on A, goes again through B, a newer one follows, and A wakes up. Each test runs with the guard switched
// off as well, and must then see the corruption.
import { describe, expect, test } from 'vitest'
import { alignedBytes } from '../../../adapters/aligned.ts'
import { loopPath } from '../../../adapters/paths/loops.ts'
import { EngineChild } from './engine-child.ts'
import { hangWith, HUNG, isHeld, NEW, OLD, open, WITHOUT } from './late-write.ts'
import { BLOCK, filled, HangRig, until, WWID } from './rig.ts'
import type { Pending } from './rig.ts'

describe('a write hangs on A and is acknowledged through B', () => {
  test('scenario 19: the newer write waits for the ghost, and survives it', async () => {
    const rig = await open()
    await hangWith(rig)
    // The acknowledgement came after the record of what may still land.
    expect(rig.seen('lun.ghostsOpened')).toMatchObject([
      { path: rig.hctl('A'), reason: 'timeout', ghosts: [{ op: 'write', offset: 0, length: 4096 }] },
    ])
    expect(rig.seen('path.failed')).toHaveLength(1)
    expect(rig.mark(0)).toBe(OLD)
    const newer = rig.begin(rig.write(0, NEW))
    await isHeld(rig)
    // Elsewhere nothing waits.
    await rig.write(2 * BLOCK, NEW)
    expect(newer.state).toBe('pending')
    expect(rig.mark(0)).toBe(OLD)
    rig.a.resume()
    await newer.promise
    expect(rig.seen('lun.ghostsEnded')).toMatchObject([{ proof: 'completion' }])
    expect(rig.mp.ghosts).toEqual([])
    await rig.close()
    rig.explains('A', 'path.failed', { ...HUNG, offset: 0, path: rig.hctl('A'), incarnation: 1 })
    expect(rig.mark(0)).toBe(NEW)
  })

  test('scenario 19: without the guard the old write lands on the newer one', async () => {
    const rig = await open(WITHOUT)
    await hangWith(rig)
    await rig.write(0, NEW)
    expect(rig.mark(0)).toBe(NEW)
    rig.a.resume()
    await until('the old write lands', () => rig.mark(0) === OLD)
  })

  test('scenario 19: where no proof comes, the newer write fails and was never acknowledged', async () => {
    const rig = await open({ ghostHoldMaxMs: 500 })
    await hangWith(rig)
    await expect(rig.write(0, NEW)).rejects.toMatchObject({ code: 'GHOST_HOLD', outcome: 'failed' })
    await until('it is on the ledger', () => rig.seen('lun.holdExpired').length === 1)
    rig.explains('A', 'lun.holdExpired', { ...HUNG, offset: 0 })
    expect(rig.mark(0)).toBe(OLD)
  })
})

describe('a path that answers EIO while its server still holds the write', () => {
  async function answerEio(rig: HangRig): Promise<void> {
    rig.a.hang()
    const old = rig.begin(rig.write(0, OLD))
    await rig.a.holds(BLOCK)
    await rig.a.gone()
    await old.promise
    expect(rig.mark(0)).toBe(OLD)
  }

  // Whether nbdkit reads the request before it notices that nbdfuse is dead is its own race, about even: where it does
  // not, nothing lands and there is nothing to see. Then once more; what lands does so at once.
  const AGAIN = { retry: 9 }
  const LANDS_MS = 4_000

  test(
    'scenario 19b: the error is no proof; the newer write waits until an operator vouches',
    AGAIN,
    async () => {
      const rig = await open({ attemptTimeoutMs: 15_000 })
      await answerEio(rig)
      expect(rig.seen('lun.ghostsOpened')).toMatchObject([{ reason: 'error', path: rig.hctl('A') }])
      const newer = rig.begin(rig.write(0, NEW))
      await isHeld(rig)
      const before = rig.a.answered('Write')
      rig.a.resume()
      await until('the late write lands', () => rig.a.answered('Write') > before, LANDS_MS)
      expect(newer.state).toBe('pending')
      expect(rig.mp.releaseGhosts({ reason: 'nbdkit has written it' })).toBe(1)
      await newer.promise
      expect(rig.mark(0)).toBe(NEW)
      expect(rig.seen('lun.ghostsEnded')).toMatchObject([
        { proof: 'operator', detail: 'nbdkit has written it' },
      ])
      await rig.close()
      rig.explains('A', 'path.failed', { kind: 'pathError', errno: 'EIO', op: 'write', offset: 0 })
    },
  )

  test('scenario 19b: without the guard the write lands after its EIO, on the newer one', AGAIN, async () => {
    const rig = await open({ ...WITHOUT, attemptTimeoutMs: 15_000 })
    await answerEio(rig)
    await rig.write(0, NEW)
    expect(rig.mark(0)).toBe(NEW)
    rig.a.resume()
    await until('the old write lands', () => rig.mark(0) === OLD, LANDS_MS)
  })
})

describe('an engine that dies before it knows of the hang', () => {
  async function dieWithAWrite(rig: HangRig, guardsOff: boolean): Promise<EngineChild> {
    const child = await EngineChild.start(rig, { guardsOff, options: { attemptTimeoutMs: 60_000 } })
    rig.a.hang()
    void child.ask('write', { mark: OLD })
    await rig.a.holds(BLOCK)
    expect(await child.kill()).toBeLessThan(1000)
    // Its dead ring keeps the claim until its I/O has ended.
    const lun = { wwid: WWID, implicitAlua: true }
    await expect(loopPath(child.device('A'), { lun, hctl: rig.hctl('A') })).rejects.toMatchObject({
      code: 'PATH_GHOST_CLAIM',
      errno: 'EBUSY',
    })
    return child
  }

  test('scenario 19c: on its ledger the next engine holds writes anywhere, until an operator vouches', async () => {
    const rig = await HangRig.make()
    const dead = await dieWithAWrite(rig, false)
    await rig.open({ with: ['B'] })
    // The claim that nobody alive has is on the ledger, and time does not release what it stands for.
    const lun = { wwid: WWID, implicitAlua: true }
    const opening = loopPath(dead.device('A'), { lun, hctl: rig.hctl('A') })
    await expect(rig.mp.addPath(opening)).rejects.toMatchObject({ code: 'PATH_GHOST_CLAIM' })
    expect(rig.mp.ghosts.filter(({ returned }) => !returned).map(({ path }) => path)).toEqual([rig.hctl('A')])
    await until('the refusal is on the ledger', () => rig.seen('engine.pathRefused').length > 0)
    expect(rig.seen('engine.pathRefused')).toMatchObject([{ code: 'PATH_GHOST_CLAIM', hctl: rig.hctl('A') }])
    // Nothing says what was in flight: the whole LUN is a ghost of each path that was attached.
    expect(
      rig.mp.ghosts.map(({ path, reason, offset, length }) => ({ path, reason, offset, length })),
    ).toEqual(
      ['A', 'B'].map((name) => ({
        path: rig.hctl(name),
        reason: 'unclean',
        offset: 0,
        length: rig.head.sizeBytes,
      })),
    )
    const newer = [0, 64 * BLOCK].map((offset) => rig.begin(rig.write(offset, NEW)))
    await isHeld(rig, 2)
    expect((await rig.head.read({ offset: 0, length: BLOCK }))[0]).toBe(0)
    rig.a.resume()
    await until('the late write lands', () => rig.mark(0) === OLD)
    expect(newer.map(({ state }) => state)).toEqual(['pending', 'pending'])
    rig.mp.releaseGhosts({ reason: 'nbdkit has written it' })
    await Promise.all(newer.map(({ promise }) => promise))
    expect(rig.mark(0)).toBe(NEW)
    await rig.close()
    rig.explains('A', 'path.lost', { kind: 'engine', path: null })
  })

  test('scenario 19c: without the guard the dead engine’s write lands on the newer one', async () => {
    const rig = await HangRig.make()
    await dieWithAWrite(rig, true)
    await rig.open({ with: ['B'], ...WITHOUT })
    await rig.write(0, NEW)
    expect(rig.mark(0)).toBe(NEW)
    rig.a.resume()
    await until('the old write lands', () => rig.mark(0) === OLD)
  })
})

describe('the memory of a hung write', () => {
  const COUNT = 120
  // Not side by side: the kernel would make one request of them, and the server has the bytes of its first ones.
  const place = (index: number): number => index * 2 * BLOCK

  /** Writes 120 blocks that hang, then uses their memory, the caller's and the engine's, for something else. */
  async function scribble(rig: HangRig): Promise<void> {
    rig.a.hang()
    const buffers = Array.from({ length: COUNT }, (_, index) => filled(index + 1))
    const writes = buffers.map((data, index) => rig.head.write({ offset: place(index), data }))
    await Promise.all(writes)
    for (const buffer of buffers) buffer.fill(0xee)
    const elsewhere = buffers.map((data, index) => rig.head.write({ offset: place(1000 + index), data }))
    await Promise.all(elsewhere)
    rig.a.resume()
    await until('nothing hangs any more', () => rig.path('A').inFlight === 0)
  }

  const wrong = (rig: HangRig): number[] =>
    Array.from({ length: COUNT }, (_, index) => rig.mark(place(index))).filter(
      (mark, index) => mark !== index + 1,
    )

  test('scenario 19d: what was acknowledged is on the medium, whatever the caller does with his buffer', async () => {
    const rig = await open()
    await scribble(rig)
    expect(wrong(rig)).toEqual([])
    await rig.close()
    rig.explains('A', 'path.failed', HUNG)
  })

  test('scenario 19d: without the guard the late writes take the bytes that are there by then', async () => {
    const rig = await open(WITHOUT)
    await scribble(rig)
    expect(wrong(rig)).toContain(0xee)
  })

  /** The same with lent buffers; those that come back are lent again and filled with something else. */
  async function scribbleLent(rig: HangRig): Promise<void> {
    rig.a.hang()
    const buffers = Array.from({ length: COUNT }, () => rig.head.alloc(BLOCK))
    const views = buffers.map(({ bytes }, index) => bytes.fill(index + 1))
    await Promise.all(buffers.map((buffer, index) => rig.head.write({ offset: place(index), buffer })))
    for (const view of views) for (let at = 0; at < BLOCK; at += 1) view[at] = 0xee
    for (let index = 0; index < COUNT; index += 1) rig.head.alloc(BLOCK).bytes.fill(0xee)
    rig.a.resume()
    await until('nothing hangs any more', () => rig.path('A').inFlight === 0)
  }

  test('scenario 19d: a lent buffer is out of its caller’s reach while a hung path has it', async () => {
    const rig = await open()
    await scribbleLent(rig)
    expect(wrong(rig)).toEqual([])
    await rig.close()
  })

  test('scenario 19d: without the guard a lent buffer is lent again while a hung path has it', async () => {
    const rig = await open(WITHOUT)
    await scribbleLent(rig)
    expect(wrong(rig)).toContain(0xee)
  })

  /** The same with the caller's own memory, which he changes as soon as he is told that the write is over. */
  function scribbleOwn(rig: HangRig): Pending<void>[] {
    rig.a.hang()
    const all = alignedBytes(COUNT * BLOCK)
    return Array.from({ length: COUNT }, (_, index) => {
      const data = all.subarray(index * BLOCK, (index + 1) * BLOCK).fill(index + 1)
      const writing = rig.head.write({ offset: place(index), data, ghostSafe: false })
      return rig.begin(writing.then(() => void data.fill(0xee)))
    })
  }

  const ended = (writes: Pending<void>[]): number => writes.filter(({ state }) => state === 'done').length

  test('scenario 19d: a write from the caller’s memory is over when the hung path gave it back', async () => {
    const rig = await open()
    const writes = scribbleOwn(rig)
    await until('all is on the medium, through B', () => wrong(rig).length === 0)
    await until('all of them left their ghosts', () => rig.mp.ghosts.length === COUNT)
    expect(ended(writes)).toBe(0)
    rig.a.resume()
    await Promise.all(writes.map(({ promise }) => promise))
    // None of the writes; a probe of the path may be on its way.
    expect(rig.path('A').inFlight).toBeLessThanOrEqual(1)
    expect(wrong(rig)).toEqual([])
    await rig.close()
  })

  test('scenario 19d: without the guard the caller is told while a hung path still has his memory', async () => {
    const rig = await open(WITHOUT)
    const writes = scribbleOwn(rig)
    await Promise.all(writes.map(({ promise }) => promise))
    rig.a.resume()
    await until('nothing hangs any more', () => rig.path('A').inFlight === 0)
    expect(wrong(rig)).toContain(0xee)
  })
})
