// What tells chaos that data was lost has to see it.
import { expect, test } from 'vitest'
import { BLOCK, blocksOf, Shadow } from './shadow.ts'

/** Generation 1 acknowledged, 2 begun after it, on blocks 4 and 5. */
function begun(): Shadow {
  const shadow = new Shadow()
  shadow.begin({ generation: 1, change: 'write', first: 4, count: 2 })
  shadow.acknowledge(1)
  shadow.begin({ generation: 2, change: 'write', first: 4, count: 2 })
  return shadow
}

function read(shadow: Shadow, bytes: Uint8Array): string[] {
  return shadow.endRead(shadow.beginRead(4, 2), bytes)
}

test('a write that was begun may be there or not, whole or in part; an older one may not', () => {
  expect(read(begun(), blocksOf(4, 2, 1))).toEqual([])
  expect(read(begun(), blocksOf(4, 2, 2))).toEqual([])
  const landing = blocksOf(4, 2, 1)
  landing.set(blocksOf(4, 1, 2).subarray(0, 512))
  expect(read(begun(), landing)).toEqual([])
  expect(read(begun(), new Uint8Array(2 * BLOCK))).toEqual([
    'block 4 holds generation 0, not 1 or 2',
    'block 5 holds generation 0, not 1 or 2',
  ])
})

test('what was acknowledged is there, whole and in its place', () => {
  const shadow = begun()
  shadow.acknowledge(2)
  expect(read(shadow, blocksOf(4, 2, 1))).toHaveLength(2)
  expect(read(shadow, blocksOf(5, 2, 2))).toEqual([
    'block 4 holds generation 2 of block 5, not 2',
    'block 5 holds generation 2 of block 6, not 2',
  ])
  const torn = blocksOf(4, 2, 2)
  torn.fill(0, BLOCK - 8, BLOCK)
  expect(read(shadow, torn)).toEqual(['block 4 holds generation 0 in part, not 2'])
})

test("'failed' says that it is not there; 'unknown', and a death, that it may be for ever", () => {
  const failed = begun()
  failed.fail(2, 'failed')
  expect(read(failed, blocksOf(4, 2, 2))).toHaveLength(2)
  const unknown = begun()
  unknown.fail(2, 'unknown')
  expect(read(unknown, blocksOf(4, 2, 2))).toEqual([])
  const dead = Shadow.load(begun().dump())
  expect(dead.last).toBe(2)
  expect(read(dead, blocksOf(4, 2, 2))).toEqual([])
  expect(read(dead, blocksOf(4, 2, 1))).toEqual([])
})

test('a read may hold what was legal at any time of it; a discard promises nothing, a zeroing does', () => {
  const shadow = begun()
  const reading = shadow.beginRead(4, 2)
  shadow.acknowledge(2)
  shadow.begin({ generation: 3, change: 'discard', first: 4, count: 1 })
  expect(shadow.endRead(reading, blocksOf(4, 2, 1))).toEqual([])
  shadow.acknowledge(3)
  expect([...shadow.legal(4)]).toEqual([2, 0])
  shadow.begin({ generation: 4, change: 'zero', first: 4, count: 1 })
  shadow.acknowledge(4)
  const image = new Uint8Array(8 * BLOCK)
  image.set(blocksOf(5, 1, 2), 5 * BLOCK)
  expect(shadow.wrong(image)).toEqual([])
  image.set(blocksOf(4, 1, 2), 4 * BLOCK)
  expect(shadow.wrong(image)).toEqual(['block 4 holds generation 2, not 0'])
})
