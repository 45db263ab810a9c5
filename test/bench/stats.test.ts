// The figures of paired rounds.
import { describe, expect, test } from 'vitest'
import { median, percentile, ratioOf, rounded } from '../../bench/shared/stats.ts'

describe('paired rounds', () => {
  test('have the median of their ratios, and the order statistics that hold it with 95 %', () => {
    const ours = Array.from({ length: 20 }, (_, round) => round + 1)
    const yardstick = ours.map(() => 2)
    // Of 20 rounds the 6th and the 15th: a binomial tail of 2.07 % on each side.
    expect(ratioOf(ours, yardstick)).toEqual({ median: 5.25, low: 3, high: 7.5, rounds: 20 })
    expect(ratioOf([3], [2])).toEqual({ median: 1.5, low: 1.5, high: 1.5, rounds: 1 })
  })

  test('do not mind the order of the rounds, nor one that was disturbed', () => {
    const ratios = [9, 1.01, 0.99, 1, 1.02, 0.98]
    const ratio = ratioOf(
      ratios,
      ratios.map(() => 1),
    )
    expect(ratio.median).toBeCloseTo(1.005)
    expect(median([3, 1, 2])).toBe(2)
  })

  test('a p99 is the figure that 99 of 100 are not above', () => {
    const figures = Array.from({ length: 200 }, (_, at) => 200 - at)
    expect([percentile(figures, 0.99), percentile(figures, 1), percentile([7], 0.99)]).toEqual([198, 200, 7])
    expect([rounded(0.123456), rounded(123_456)]).toEqual([0.123, 123_000])
  })
})
