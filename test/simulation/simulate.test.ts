// The simulator: nothing is found in an engine that is right, and a run is a function of its seed.
import { describe, expect, test } from 'vitest'
import { simulate, type SeedResult } from '../../engine/simulation/simulate.ts'

async function sweep(from: number, to: number): Promise<SeedResult[]> {
  const seeds: SeedResult[] = []
  await simulate({ from, to, onSeed: (result) => void seeds.push(result) })
  return seeds
}

describe('the simulator', () => {
  test('finds nothing wrong in twenty-five seeds that are full of faults', async () => {
    const result = await simulate({ from: 1, to: 25 })
    expect(result.violations).toEqual([])
    expect(result.seeds).toBe(25)
    expect(result.ios).toBeGreaterThan(4_000)
    expect(result.faults).toBeGreaterThan(200)
  })

  test('gives the same trace for a seed, alone and in a sweep, whatever ran before it', async () => {
    const seeds = await sweep(3, 6)
    const backwards: SeedResult[] = []
    for (const { seed } of [...seeds].reverse()) backwards.push(...(await sweep(seed, seed)))
    expect(backwards.reverse()).toEqual(seeds)
    expect(new Set(seeds.map(({ trace }) => trace)).size).toBe(seeds.length)
  })

  test('sums a sweep up from its seeds', async () => {
    const seeds: SeedResult[] = []
    const { trace, ...result } = await simulate({ from: 5, to: 7, onSeed: (seed) => void seeds.push(seed) })
    const sum = (of: (seed: SeedResult) => number) => seeds.reduce((total, seed) => total + of(seed), 0)
    expect(result).toEqual({ seeds: 3, violations: [], ios: sum((s) => s.ios), faults: sum((s) => s.faults) })
    expect(trace).toMatch(/^[0-9a-f]{64}$/)
  })

  test.each([
    [5, 4],
    [-1, 3],
    [0.5, 2],
    [1, Number.POSITIVE_INFINITY],
  ])('%s..%s is no range of seeds', async (from, to) => {
    await expect(simulate({ from, to })).rejects.toMatchObject({ code: 'SEEDS_INVALID' })
  })

  test('without the guard against ghosts it sees the corruption that the guard is there for', async () => {
    const found: string[] = []
    for (let seed = 1; seed <= 30 && found.length === 0; seed += 1) {
      const { violations } = await simulate({ from: seed, to: seed, guardsOff: true })
      found.push(...violations.map(({ invariant }) => invariant))
    }
    expect(found.some((name) => name === 'nothingLost' || name === 'readsAreLegal')).toBe(true)
  })
})
