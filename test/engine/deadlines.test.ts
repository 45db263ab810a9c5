// Deadlines over restarts, as numbers.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { boundDeadlines, rebaseDeadlines } from '../../engine/attach/deadlines.ts'

const SECOND = 1_000_000
const moment = (bootId: string, monoUs: number, wallUs: number) => ({ bootId, monoUs, wallUs })

test('stand as they are within a boot', () => {
  const timers = { removal: 90 * SECOND, probe: 3 * SECOND }
  const last = moment('a', 60 * SECOND, 1_000 * SECOND)
  expect(rebaseDeadlines(timers, last, moment('a', 80 * SECOND, 5 * SECOND))).toEqual(timers)
})

test('after another boot are never further away than they were, whatever the wall clock did, and never before it began', () => {
  const time = fc.integer({ min: 0, max: 10 ** 15 })
  fc.assert(
    fc.property(time, time, time, time, time, (dueUs, lastMono, lastWall, nowMono, nowWall) => {
      const last = moment('a', lastMono, lastWall)
      const { removal = -1 } = rebaseDeadlines({ removal: dueUs }, last, moment('b', nowMono, nowWall))
      expect(Number.isSafeInteger(removal)).toBe(true)
      expect(removal).toBeGreaterThanOrEqual(0)
      expect(removal - nowMono).toBeLessThanOrEqual(Math.max(0, dueUs - lastMono))
    }),
  )
})

test('of an unknown boot do not outlast the time that their timers run', () => {
  const day = 86_400 * SECOND
  const timers = { removal: 9_000_000 * SECOND, probe: 3 * SECOND, other: 9_000_000 * SECOND }
  expect(boundDeadlines(timers, { removal: 5 * SECOND, probe: 8 * SECOND }, 100 * SECOND)).toEqual({
    ...{ removal: 105 * SECOND, probe: 3 * SECOND, other: 100 * SECOND + day },
  })
})
