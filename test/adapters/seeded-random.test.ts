import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../adapters/seeded-random.ts'
import type { Random } from '../../adapters/ports.ts'

const draw = (random: Random, count: number): number[] =>
  Array.from({ length: count }, () => random.nextUint32())

describe('seeded random', () => {
  test('its bits are the same for ever: seeds in bug reports must keep their meaning', () => {
    expect(draw(seededRandom(1), 4)).toEqual([2335719877, 3777884756, 1069924447, 237428469])
    expect(draw(seededRandom(1).fork('faults'), 2)).toEqual([3541252419, 2420520710])
  })

  test('a seed repeats its numbers, all of them unsigned 32-bit integers', () => {
    fc.assert(
      fc.property(fc.oneof(fc.integer(), fc.string()), (seed) => {
        const numbers = draw(seededRandom(seed), 50)
        expect(draw(seededRandom(seed), 50)).toEqual(numbers)
        for (const number of numbers) expect(number >>> 0).toBe(number)
      }),
    )
  })

  test('a fork depends on the seed and its name, not on what was drawn before', () => {
    fc.assert(
      fc.property(fc.integer(), fc.string(), fc.nat(30), (seed, name, drawn) => {
        const parent = seededRandom(seed)
        draw(parent, drawn)
        expect(draw(parent.fork(name), 5)).toEqual(draw(seededRandom(seed).fork(name), 5))
      }),
    )
  })

  test('near seeds, sibling forks and nested forks are different streams', () => {
    const streams = [
      ...Array.from({ length: 1000 }, (_, seed) => seededRandom(seed)),
      ...Array.from({ length: 1000 }, (_, fork) => seededRandom(0).fork(String(fork))),
      seededRandom(0).fork('a').fork('b'),
      seededRandom(0).fork('ab'),
      seededRandom(0).fork('b').fork('a'),
    ]
    const firsts = streams.map((random) => draw(random, 2).join(' '))
    expect(new Set(firsts).size).toBe(streams.length)
  })

  test('each bit is set about half of the time, over numbers and over seeds', () => {
    const count = 20_000
    const one = seededRandom('bits')
    const sets = [
      Array.from({ length: count }, () => one.nextUint32()),
      Array.from({ length: count }, (_, seed) => seededRandom(seed).nextUint32()),
    ]
    for (const numbers of sets) {
      for (let bit = 0; bit < 32; bit += 1) {
        const set = numbers.filter((number) => (number >>> bit) & 1).length
        // Six standard deviations of a fair coin are 424.
        expect(Math.abs(set - count / 2)).toBeLessThan(424)
      }
    }
  })
})
