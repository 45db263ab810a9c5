// The simulator: nothing is found in an engine that is right, and a run is a function of its seed.
import { describe, expect, test } from 'vitest'
import { simulate, simulateSeed, type SeedResult } from '../../simulation/simulate.ts'
import { ALL_SITUATIONS } from '../../simulation/world/sometimes.ts'
import { readSeeds } from '../../scripts/pages/simulator-page.ts'

async function sweep(from: number, to: number, steps = 150): Promise<SeedResult[]> {
  const seeds: SeedResult[] = []
  await simulate({ from, to, steps, onSeed: (result) => void seeds.push(result) })
  return seeds
}

describe('the simulator', () => {
  test('finds nothing wrong in ten seeds that are full of faults, and says what it came across', async () => {
    const result = await simulate({ from: 301, to: 310 })
    expect(result.violations).toEqual([])
    expect(result.seeds).toBe(10)
    expect(result.ios).toBeGreaterThan(1_000)
    expect(result.faults).toBeGreaterThan(50)
    expect(result.crashes).toBeGreaterThan(5)
    expect(Object.keys(result.sometimes)).toEqual(ALL_SITUATIONS)
    expect(result.sometimes['wholeLunHeld']).toBeGreaterThan(0)
  })

  test.each(readSeeds().failed)('finds nothing wrong any more in seed $seed: $found', async ({ seed }) => {
    expect((await simulateSeed(seed)).violations).toEqual([])
  })

  test('comes to the same whether seeds run one by one or side by side', async () => {
    const range = { from: 20, to: 23, steps: 60 }
    const elsewhere = (seed: number) => simulateSeed(seed, { steps: 60 })
    const seeds = await sweep(20, 23, 60)
    const backwards = new Map(seeds.reverse().map((result) => [result.seed, result]))
    expect(await simulate({ ...range, elsewhere: async (seed) => backwards.get(seed)!, lanes: 3 })).toEqual(
      await simulate({ ...range, elsewhere }),
    )
  })

  test('a sweep of a thousand seeds has failed when it misses a rare situation; a shorter one, or one with a bug, has not', async () => {
    const all = { violations: [], reached: ALL_SITUATIONS, ios: 1, faults: 1, crashes: 1, trace: '' }
    const elsewhere = async (seed: number): Promise<SeedResult> => ({
      ...all,
      seed,
      reached: ALL_SITUATIONS.slice(1),
    })
    const missed = await simulate({ from: 1, to: 1_000, elsewhere })
    expect(missed.violations).toMatchObject([{ seed: 1, step: 0, invariant: 'sometimes' }])
    expect(missed.violations[0]?.detail).toContain(ALL_SITUATIONS[0])
    expect((await simulate({ from: 1, to: 999, elsewhere })).violations).toEqual([])
    expect((await simulate({ from: 1, to: 1_000, elsewhere, plant: 'wakeUpLost' })).violations).toEqual([])
    const whole = await simulate({ from: 1, to: 1_000, elsewhere: async (seed) => ({ ...all, seed }) })
    expect(whole).toMatchObject({ violations: [], ios: 1_000, faults: 1_000, crashes: 1_000 })
  })

  test('tells what happens, step by step, in the order in which it does', async () => {
    const told: [number, string][] = []
    await simulate({ from: 5, to: 5, steps: 30, onLine: (step, line) => void told.push([step, line]) })
    const steps = told.map(([step]) => step)
    expect(steps).toEqual([...steps].sort((one, other) => one - other))
    expect(told.some(([, line]) => line.includes('head.published'))).toBe(true)
    expect(told.some(([, line]) => line === '. write')).toBe(true)
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
    const onSeed = (seed: SeedResult) => void seeds.push(seed)
    const result = await simulate({ from: 5, to: 7, steps: 60, onSeed })
    const sum = (of: (seed: SeedResult) => number) => seeds.reduce((total, seed) => total + of(seed), 0)
    expect(result).toMatchObject({ seeds: 3, violations: [], ios: sum((s) => s.ios) })
    expect(result).toMatchObject({ faults: sum((s) => s.faults), crashes: sum((s) => s.crashes) })
    expect(result.sometimes['headRemoved']).toBe(
      seeds.filter((s) => s.reached.includes('headRemoved')).length,
    )
    expect(result.trace).toMatch(/^[0-9a-f]{64}$/)
  })

  test.each([
    [5, 4],
    [-1, 3],
    [0.5, 2],
    [1, Number.POSITIVE_INFINITY],
  ])('%s..%s is no range of seeds', async (from, to) => {
    await expect(simulate({ from, to })).rejects.toMatchObject({ code: 'SEEDS_INVALID' })
  })
})
