import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BufferPool, type PoolBlock } from '../../engine/memory/pool.ts'
import { hasCode } from '../../errors.ts'

const KIB = 1024
const PAGE = 4 * KIB

/** Plain memory: nothing here is handed to the kernel. */
const plain = (bytes: number) => new ArrayBuffer(bytes)

function rounded(length: number): number {
  let size = PAGE
  while (size < length) size *= 2
  return size
}

describe('the buffer pool', () => {
  test('its memory starts on a page and so does every block: O_DIRECT needs it', () => {
    const pool = new BufferPool(1024 * KIB)
    const blocks = [512, 4096, 5000, 65_536].map((length) => pool.take(length)!)
    for (const { bytes, offset } of blocks) {
      expect(offset % PAGE).toBe(0)
      expect(bytes.byteOffset % PAGE).toBe(0)
    }
    expect(blocks.map(({ bytes }) => bytes.length)).toEqual([512, 4096, 5000, 65_536])
  })

  test('memory that lies elsewhere counts against the bound, and giving it back wakes who waits', () => {
    const pool = new BufferPool(64 * KIB, plain)
    let woken = 0
    pool.onFreed = () => void (woken += 1)
    expect([pool.reserve(60 * KIB), pool.reserve(8 * KIB), pool.usedBytes]).toEqual([true, false, 60 * KIB])
    expect(pool.take(8 * KIB)).toBeNull()
    pool.want()
    pool.unreserve(60 * KIB)
    expect([woken, pool.usedBytes]).toEqual([1, 0])
    expect(pool.reserve(64 * KIB)).toBe(true)
    // Nobody waits any more.
    pool.unreserve(64 * KIB)
    expect(woken).toBe(1)
  })

  test('no two blocks overlap, nothing leaks, and what was given back is whole again', () => {
    const take = fc.integer({ min: 1, max: 256 * KIB })
    const give = fc.nat({ max: 1_000 }).map((which) => -which)
    const sizes = fc.constantFrom(1024 * KIB, 1536 * KIB, 1472 * KIB)
    fc.assert(
      fc.property(sizes, fc.array(fc.oneof(take, give), { maxLength: 120 }), (size, steps) => {
        const pool = new BufferPool(size, plain)
        const held: PoolBlock[] = []
        for (const next of steps) {
          if (next > 0) {
            const block = pool.take(next)
            if (block === null) continue
            expect(block.bytes.length).toBe(next)
            held.push(block)
            // Every block says whose it is: an overlap would be seen when it is given back.
            block.bytes.fill(held.length)
          } else if (held.length > 0) {
            pool.release(held.splice(-next % held.length, 1)[0]!)
          }
          expect(pool.usedBytes).toBe(held.reduce((sum, { bytes }) => sum + rounded(bytes.length), 0))
          expectNoOverlap(held, size)
        }
        for (const block of held.splice(0)) pool.release(block)
        expect(pool.usedBytes).toBe(0)
        expectWhole(pool, size)
      }),
      { numRuns: 300 },
    )
  })

  test('the lowest blocks go first, whatever the size of the whole: they are registered with the rings', () => {
    for (const size of [1024 * KIB, 1536 * KIB]) {
      const pool = new BufferPool(size, plain)
      expect([PAGE, 2 * PAGE, PAGE, 16 * PAGE].map((length) => pool.take(length)?.offset)).toEqual([
        0,
        2 * PAGE,
        PAGE,
        16 * PAGE,
      ])
    }
  })

  test('a full pool says null, and takes again once a block came back', () => {
    const pool = new BufferPool(64 * KIB, plain)
    const blocks = Array.from({ length: 16 }, () => pool.take(PAGE))
    expect(blocks.every((block) => block !== null)).toBe(true)
    expect(pool.take(1)).toBeNull()
    pool.release(blocks[7]!)
    expect(pool.take(PAGE)?.offset).toBe(blocks[7]!.offset)
  })

  test('a block is given back once; the second time is our bug, and the pool is as before', () => {
    const pool = new BufferPool(64 * KIB, plain)
    const [one, neighbour, other] = [pool.take(PAGE)!, pool.take(PAGE)!, pool.take(PAGE)!]
    pool.release(one)
    expect(codeOf(() => pool.release(one))).toBe('INVARIANT_BROKEN')
    // Also when it has become part of a larger free block meanwhile.
    pool.release(neighbour)
    expect(codeOf(() => pool.release(one))).toBe('INVARIANT_BROKEN')
    expect(pool.usedBytes).toBe(PAGE)
    pool.release(other)
    expect(pool.take(64 * KIB)?.offset).toBe(0)
  })

  test('more than the pool can ever hold is our bug, not something to wait for', () => {
    const pool = new BufferPool(64 * KIB, plain)
    expect(codeOf(() => pool.take(128 * KIB))).toBe('INVARIANT_BROKEN')
  })
})

function expectNoOverlap(held: readonly PoolBlock[], size: number): void {
  const sorted = held.map(({ offset, bytes }) => ({ offset, end: offset + rounded(bytes.length) }))
  sorted.sort((one, other) => one.offset - other.offset)
  sorted.forEach(({ offset, end }, at) => {
    expect(offset % PAGE).toBe(0)
    expect(offset).toBeGreaterThanOrEqual(sorted[at - 1]?.end ?? 0)
    expect(end).toBeLessThanOrEqual(size)
  })
}

/** The largest blocks that a fresh pool gives, this one gives too: everything has coalesced. */
function expectWhole(pool: BufferPool, size: number): void {
  const fresh = new BufferPool(size, plain)
  for (let block = 1024 * KIB; block >= PAGE; block /= 2) {
    for (;;) {
      const one = block <= size ? fresh.take(block) : null
      if (one === null) break
      expect(pool.take(block), `a block of ${block}`).not.toBeNull()
    }
  }
}

function codeOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    return hasCode(error, 'INVARIANT_BROKEN') ? error.code : String(error)
  }
  return 'none'
}
