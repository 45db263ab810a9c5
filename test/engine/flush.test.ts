// A flush that says ok: everything that was acknowledged before it is on the medium, wherever it lay. The paths of these tests
// have write caches of their own, which lose what was not flushed through them when they die.
import { describe, expect, test } from 'vitest'
import { wrapPath } from '../../adapters/filters/wrap.ts'
import type { PathDevice } from '../../adapters/ports.ts'
import { GONE_CACHES_MAX, WriteCaches } from '../../engine/lun/write-caches.ts'
import { bytesOf, Rig, type RigOptions, type RigPath } from './rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'

/** Offsets of writes that a path has acknowledged and that are in its cache alone. */
type Cache = Set<number>

/** Puts a cache into a path: what it writes is there until a flush that was sent after it has succeeded. */
function caching(cache: Cache) {
  return (inner: PathDevice): PathDevice =>
    wrapPath(inner, (request, done) => {
      const { op, offset, fua } = request
      const before = [...cache]
      inner.submit(request, (completion) => {
        if (completion.errno === null && op === 'write' && !fua) cache.add(offset)
        if (completion.errno === null && op === 'flush') for (const one of before) cache.delete(one)
        done(completion)
      })
    })
}

interface Two {
  readonly rig: Rig
  readonly a: RigPath
  readonly b: RigPath
  readonly inA: Cache
  readonly inB: Cache
}

/** Two paths, each with one acknowledged write in its cache. */
async function twoDirty(options: RigOptions = {}): Promise<Two> {
  const rig = await Rig.open({ iopolicy: 'round-robin', ...options })
  const [inA, inB] = [new Set<number>(), new Set<number>()]
  const a = await rig.add(A, { wrap: caching(inA) })
  const b = await rig.add(B, { wrap: caching(inB) })
  await rig.write(0, bytesOf(1))
  await rig.write(512, bytesOf(2))
  expect([inA.size, inB.size]).toEqual([1, 1])
  return { rig, a, b, inA, inB }
}

const flushed = ({ ios }: RigPath) => ios.filter(({ op }) => op === 'flush').length

describe('a flush covers what was acknowledged when it was called', () => {
  test('through every path that has a cache of its own; a second one asks one path, for form', async () => {
    const { rig, a, b, inA, inB } = await twoDirty()
    await rig.drive(rig.head.flush())
    expect([inA.size, inB.size]).toEqual([0, 0])
    expect([flushed(a), flushed(b)]).toEqual([1, 1])
    await rig.drive(rig.head.flush())
    expect(flushed(a) + flushed(b)).toBe(3)
  })

  test('through one path where all share an inode', async () => {
    const rig = await Rig.open({ iopolicy: 'round-robin' })
    const wrap = (device: PathDevice) => ({ ...device, coherence: { inode: '8:1:42', direct: true } })
    const [a, b] = [await rig.add(A, { wrap }), await rig.add(B, { wrap })]
    await rig.write(0, bytesOf(1))
    await rig.write(512, bytesOf(2))
    await rig.drive(rig.head.flush())
    expect(flushed(a) + flushed(b)).toBe(1)
    // It failed through one: the other reaches the same cache.
    await rig.write(0, bytesOf(3))
    a.fail()
    b.heal()
    await rig.drive(rig.head.flush())
    await rig.drive(a.path.remove())
    expect(rig.rows('lun.writesLeft')).toEqual([])
  })

  test('and not what was written with FUA: that is on the medium already', async () => {
    const rig = await Rig.open()
    const [a, b] = [await rig.add(A), await rig.add(B)]
    await rig.write(0, bytesOf(1), { fua: true })
    expect(a.ios).toMatchObject([{ op: 'write', fua: true }])
    await rig.drive(a.path.remove())
    await rig.drive(rig.head.flush())
    expect([flushed(a), flushed(b)]).toEqual([0, 1])
  })

  test('a second flush waits for the first, where that was sent after the same writes', async () => {
    const { rig, a, b } = await twoDirty()
    b.delay.enable({ delayUs: 300_000, op: 'flush' })
    let ended = 0
    const flushes = [1, 2, 3].map(() => rig.head.flush().then(() => (ended += 1)))
    await rig.pass(100)
    expect(ended).toBe(0)
    await rig.drive(Promise.all(flushes))
    expect([flushed(a), flushed(b)]).toEqual([1, 1])
  })

  test('a second flush does not wait for the first, where a write was acknowledged after that was sent', async () => {
    const { rig, b, inA, inB } = await twoDirty()
    b.delay.enable({ delayUs: 300_000, op: 'flush' })
    const first = rig.head.flush()
    await rig.pass(50)
    await rig.write(1024, bytesOf(3))
    await rig.write(1536, bytesOf(4))
    const second = rig.head.flush()
    await rig.drive(first)
    expect(inB.size).toBe(1)
    await rig.drive(second)
    expect([inA.size, inB.size, flushed(b)]).toEqual([0, 0, 2])
  })

  test('a flush that failed leaves its path to be flushed again', async () => {
    const { rig, a, inA } = await twoDirty()
    a.fail({ op: 'flush', count: 1 })
    expect(await rig.errorOf(rig.head.flush())).toMatchObject({ code: 'IO_ERROR' })
    expect(inA.size).toBe(1)
    await rig.drive(rig.head.flush())
    expect(inA.size).toBe(0)
  })

  test.each(['drained', 'aborted'])(
    'a flush that is %s while it waits leaves the writes uncovered',
    async (how) => {
      const { rig, a, inA } = await twoDirty({ noPathRetry: 'queue' })
      a.path.block()
      const abort = new AbortController()
      const first = new Promise((resolve) => {
        const flush = { op: 'flush' as const, offset: 0, length: 0 }
        rig.head.submit([{ ...flush, signal: abort.signal, done: (error) => resolve(error?.code) }])
      })
      await rig.pass(10)
      if (how === 'drained') rig.head.drain({ reason: 'test' })
      else abort.abort()
      expect(await rig.drive(first)).toBe(how === 'drained' ? 'DRAINED' : 'ABORTED')
      a.path.unblock()
      await rig.drive(rig.head.flush())
      expect(inA.size).toBe(0)
    },
  )

  test('so many flushes may wait as any other callers, and the next is refused', async () => {
    const { rig, a } = await twoDirty({ waitersMax: 4 })
    a.path.block()
    // Three callers, and the flush that they wait for.
    const flushes = [1, 2, 3].map(() => rig.head.flush())
    await rig.settle()
    expect(await rig.errorOf(rig.head.flush())).toMatchObject({ code: 'QUEUE_FULL' })
    a.path.unblock()
    await rig.drive(Promise.all(flushes))
  })
})

describe('a path that was left with acknowledged writes', () => {
  test('and that its operator pulled takes the flush, and nothing else', async () => {
    const { rig, a, inA } = await twoDirty()
    a.path.fail({ reason: 'maintenance' })
    await rig.drive(rig.head.flush())
    expect(inA.size).toBe(0)
    await rig.write(0, bytesOf(3))
    await rig.drive(rig.head.flush())
    expect(a.ios.map(({ op }) => op)).toEqual(['write', 'flush'])
  })

  test('and is blocked is waited for: a flush is well when it comes back', async () => {
    const { rig, a, inA } = await twoDirty()
    a.path.block()
    const flushing = rig.head.flush()
    await rig.pass(4_000)
    a.path.unblock()
    await rig.drive(flushing)
    expect(inA.size).toBe(0)
  })

  test('and stays blocked fails a flush after flushWaitMs, once, and is flushed when it is back', async () => {
    const { rig, a, b, inA } = await twoDirty({ flushWaitMs: 500 })
    a.path.block()
    const beganUs = rig.clock.monoUs()
    const error = await rig.errorOf(rig.head.flush())
    expect(error).toMatchObject({ code: 'NOT_DURABLE', errno: 'EIO', details: { path: A, acknowledged: 2 } })
    expect(error.why).toContain('blocked')
    expect(rig.clock.monoUs() - beganUs).toBe(500_000)
    expect(rig.events('lun.flushFellShort')).toMatchObject([{ path: A, acknowledged: 2, covered: 0 }])
    // What came after is another matter, and is covered.
    await rig.write(1024, bytesOf(3))
    await rig.drive(rig.head.flush())
    expect(flushed(b)).toBe(2)
    a.path.unblock()
    await rig.drive(rig.head.flush())
    expect(inA.size).toBe(0)
  })

  test('and failed fails a flush at once where nothing waits for paths; other paths do not speak for it', async () => {
    const { rig, a, b, inA } = await twoDirty()
    a.fail()
    await rig.read(0)
    await rig.read(0)
    expect(a.path.state.health).not.toBe('online')
    expect(await rig.errorOf(rig.head.flush())).toMatchObject({ code: 'NOT_DURABLE' })
    expect(flushed(b)).toBe(1)
    a.heal()
    await rig.pass(60_000)
    expect(a.path.usable).toBe(true)
    await rig.drive(rig.head.flush())
    expect(inA.size).toBe(0)
  })

  test('and fails under the flush itself: no other path takes that over', async () => {
    const { rig, a, b, inA } = await twoDirty()
    a.fail()
    expect(await rig.errorOf(rig.head.flush())).toMatchObject({ code: 'NOT_DURABLE' })
    expect([inA.size, flushed(b)]).toEqual([1, 1])
  })

  test('and is removed is flushed before it goes', async () => {
    const { rig, a, inA } = await twoDirty()
    await rig.drive(a.path.remove())
    expect([inA.size, flushed(a)]).toEqual([0, 1])
    await rig.drive(rig.head.flush())
    expect(rig.events('lun.writesCovered')).toEqual([{ path: A, acknowledged: 2, covered: 2 }])
  })

  test('and is removed while a flush of it waits: the flush that it goes with is enough', async () => {
    const { rig, a, inA } = await twoDirty()
    a.path.fail()
    a.delay.enable({ delayUs: 100_000, op: 'flush' })
    const removing = a.path.remove()
    const flushing = rig.head.flush()
    await rig.drive(Promise.all([removing, flushing]))
    expect([inA.size, flushed(a)]).toEqual([0, 1])
  })

  test.each([
    ['cannot be flushed any more', (a: RigPath) => a.fail({ op: 'flush' })],
    ['hangs as it is flushed', (a: RigPath) => a.hang.enable({ op: 'flush' })],
    ['is not well', (a: RigPath) => a.path.block()],
  ])('and %s as it is removed: the next flush says so, once', async (_what, spoil) => {
    const { rig, a, b } = await twoDirty()
    spoil(a)
    await rig.drive(a.path.remove())
    expect(rig.events('lun.writesLeft')).toEqual([{ path: A, acknowledged: 2, covered: 0, why: 'removed' }])
    const both = [rig.head.flush(), rig.head.flush()].map((flush) => rig.errorOf(flush))
    for (const error of await Promise.all(both)) {
      expect(error).toMatchObject({ code: 'NOT_DURABLE', details: { path: A } })
      expect(error.why).toContain('gone')
    }
    // Both were called before anybody had heard of it; the third was not.
    await rig.drive(rig.head.flush())
    expect(flushed(b)).toBeGreaterThan(0)
    a.hang.disable()
    await rig.settle()
  })

  test('and all paths are gone: a flush fails as all I/O does, and forgets nothing', async () => {
    const { rig, a, b, inA, inB } = await twoDirty()
    a.path.setOffline()
    b.path.setOffline()
    expect(await rig.errorOf(rig.head.flush())).toMatchObject({ code: 'NO_PATH' })
    a.path.setOnline()
    b.path.setOnline()
    await rig.drive(rig.head.flush())
    expect([inA.size, inB.size]).toEqual([0, 0])
  })
})

describe('the next run', () => {
  /** What the first run left on its ledger when it died without a word. */
  async function died(spoil: (two: Two) => Promise<void> = async () => undefined): Promise<Two> {
    const two = await twoDirty({ checked: false })
    await spoil(two)
    await two.rig.settle()
    return two
  }

  async function restarted({ rig }: Two, options: RigOptions = {}): Promise<Rig> {
    return Rig.open({ rows: rig.memory.rows(), lun: rig.lun, ...options })
  }

  test('flushes every path that has come back: nobody knows what the last one left there', async () => {
    const before = await died()
    const rig = await restarted(before)
    const a = await rig.add(A, { wrap: caching(before.inA) })
    const b = await rig.add(B, { wrap: caching(before.inB) })
    await rig.drive(rig.head.flush())
    expect([flushed(a), flushed(b), before.inA.size, before.inB.size]).toEqual([1, 1, 0, 0])
  })

  test('waits for a path that has not come back yet', async () => {
    const before = await died()
    const rig = await restarted(before)
    await rig.add(B)
    const flushing = rig.head.flush()
    await rig.pass(1_000)
    const a = await rig.add(A)
    await rig.drive(flushing)
    expect(flushed(a)).toBe(1)
  })

  test('says it, once, of a path that does not come back', async () => {
    const rig = await restarted(await died())
    await rig.add(B)
    const error = await rig.errorOf(rig.head.flush())
    expect(error).toMatchObject({ code: 'NOT_DURABLE', details: { path: A } })
    expect(error.why).toContain('last run')
    await rig.drive(rig.head.flush())
  })

  test('says what the last one had not told of a path that went', async () => {
    const removed = async ({ rig, a }: Two) => {
      a.fail({ op: 'flush' })
      await rig.drive(a.path.remove())
    }
    const untold = await restarted(await died(removed))
    await untold.add(B)
    expect(await untold.errorOf(untold.head.flush())).toMatchObject({ details: { path: A } })
    await untold.drive(untold.head.flush())
  })

  test('says it again where the last one died after it was on the ledger, and not where that was closed', async () => {
    const before = await died(async ({ rig, a }) => {
      a.fail({ op: 'flush' })
      await rig.drive(a.path.remove())
      await rig.errorOf(rig.head.flush())
    })
    const again = await restarted(before)
    await again.add(B)
    expect(await again.errorOf(again.head.flush())).toMatchObject({ details: { path: A } })
    await again.end()
    const third = await restarted({ ...before, rig: again })
    await third.add(B)
    await third.drive(third.head.flush())
  })

  test('has nothing to say of a run that was closed', async () => {
    const before = await twoDirty()
    await before.rig.end()
    expect([before.inA.size, before.inB.size]).toEqual([0, 0])
    const rig = await restarted(before)
    const a = await rig.add(A)
    await rig.drive(rig.head.flush())
    expect(flushed(a)).toBe(1)
  })
})

test('paths that come and go without end with writes that nobody flushed take a bounded memory', () => {
  const caches = new WriteCaches()
  for (let turn = 0; turn < 3 * GONE_CACHES_MAX; turn += 1) {
    const cache = caches.join({ hctl: `8:0:0:${turn}`, device: { coherence: { inode: null } } }, false)
    caches.acknowledge(cache)
    caches.leave(cache)
  }
  const left = caches.uncovered()
  expect(left).toHaveLength(GONE_CACHES_MAX)
  expect(left[0]).toMatchObject({ label: 'several paths', covered: 0 })
  for (const cache of left) caches.told(cache, caches.last)
  expect(caches.uncovered()).toEqual([])
})

test('an answer that comes after its path was let go is not forgotten either', () => {
  const caches = new WriteCaches()
  const cache = caches.join({ hctl: A, device: { coherence: { inode: null } } }, false)
  caches.leave(cache)
  caches.acknowledge(cache)
  expect(caches.uncovered()).toEqual([cache])
})
