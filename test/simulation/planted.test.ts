// A check that cannot fail is worth nothing: each planted bug is found by the seed that test/seeds.json names for it, and the
// same seed finds nothing wrong in the engine as it is.
import { describe, expect, test } from 'vitest'
import { AT_THE_END, EVERY_STEP, SEEN, WHEN_CLOSED } from '../../simulation/invariants.ts'
import { PLANTS } from '../../simulation/plants/plants.ts'
import { simulateSeed } from '../../simulation/simulate.ts'
import { CHECKS, readSeeds } from '../../scripts/pages/simulator-page.ts'

const { planted } = readSeeds()
const CHECKED = [...Object.keys(EVERY_STEP), ...SEEN, ...Object.keys(AT_THE_END), ...Object.keys(WHEN_CLOSED)]

describe('a planted bug', () => {
  test('has its seed, one of the first two hundred, and the check that finds it', () => {
    expect(Object.keys(planted)).toEqual(Object.keys(PLANTS))
    expect(Object.keys(PLANTS).length).toBeGreaterThanOrEqual(15)
    for (const { seed } of Object.values(planted)) expect(seed).toBeLessThanOrEqual(200)
    for (const { invariant } of Object.values(planted)) expect(CHECKED).toContain(invariant)
    expect(Object.keys(CHECKS).sort()).toEqual([...new Set(CHECKED), 'sometimes'].sort())
  })

  test('is there for every check: one that nothing can break is worth nothing', () => {
    const finds = new Set(Object.values(planted).map(({ invariant }) => invariant))
    expect(CHECKED.filter((check) => !finds.has(check))).toEqual([])
  })

  test.each(Object.entries(planted))('%s is found', async (plant, { seed, invariant }) => {
    const { violations } = await simulateSeed(seed, { plant })
    expect(violations.map(({ invariant: found }) => found)).toContain(invariant)
  })

  test('that there is not is refused', async () => {
    await expect(simulateSeed(1, { plant: 'none' })).rejects.toMatchObject({ code: 'PLANT_UNKNOWN' })
  })
})

test.each([...new Set(Object.values(planted).map(({ seed }) => seed))])(
  'the engine as it is passes seed %i, which finds bugs',
  async (seed) => {
    expect((await simulateSeed(seed)).violations).toEqual([])
  },
)
