// The score of `explain`: a small run of it, and that it notices what is wrong. `npm run explain:score` is the whole of it.
import { expect, test } from 'vitest'
import { KINDS, score, type Miss } from '../../bench/explain/score.ts'
import type { Kind } from '../../bench/explain/ask.ts'

test('F-41: explain names what was injected, in each of the kinds, and says nothing that is false', async () => {
  const misses: string[] = []
  const result = await score({ seed: 'quick', rounds: 1 }, ({ kind, seed, what }) =>
    misses.push(`${kind} (${seed}): ${what}`),
  )
  expect(misses).toEqual([])
  expect(result).toMatchObject({ incidents: KINDS.length, exact: 100, layer: 100, false: 0 })
  // The whole run has eight of each.
  expect(KINDS.length).toBeGreaterThanOrEqual(50)
  expect(new Set(KINDS.map(({ name }) => name)).size).toBe(KINDS.length)
}, 60_000)

test('the score notices a wrong answer, a wrong layer and a sentence that is false', async () => {
  const wrong: Kind = {
    name: 'wrong',
    run: async (world) => {
      await world.open()
      const lun = world.lun()
      const path = await world.add(lun, '8:0:0:0')
      await world.add(lun, '9:0:0:0')
      world.fail([path], { errno: 'ENOLINK' })
      await world.io(lun, 4)
      const target = { stream: path.stream }
      return [
        {
          target,
          root: { kind: 'operator', errno: 'EIO' },
          layer: 'adapter',
          never: [/cable/],
          after: 1_000_000,
        },
      ]
    },
  }
  const misses: Miss[] = []
  const result = await score({ seed: '1', rounds: 2, kinds: [wrong] }, (miss) => misses.push(miss))
  expect(result).toMatchObject({ incidents: 2, exact: 0, layer: 0, false: 2 })
  expect(misses.map(({ what }) => what)).toEqual(
    expect.arrayContaining([
      'kind is pathError and was operator',
      'errno is ENOLINK and was EIO',
      'layer path, and it was adapter',
      expect.stringContaining('false: Look at what is between'),
      expect.stringContaining('it names position'),
    ]),
  )
})
