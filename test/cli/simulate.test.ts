// `pathledger simulate`: seeds, one document, the same trace alone and in a sweep.
import { describe, expect, test } from 'vitest'
import { documentIn, run, runWith } from './harness.ts'

const STEPS = ['--steps', '40']

describe('simulate', () => {
  test('prints one document and exits with 0 when nothing was violated', async () => {
    const ran = await run('simulate', '--seeds', '1..3', ...STEPS, '--json')
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(documentIn(ran)).toEqual({
      seeds: 3,
      violations: [],
      ios: expect.any(Number),
      faults: expect.any(Number),
      trace: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(documentIn(ran).ios).toBeGreaterThan(0)
  })

  test('one seed gives the same trace again', async () => {
    const once = documentIn(await run('simulate', '--seeds', '7', ...STEPS, '--json'))
    const again = documentIn(await run('simulate', '--seeds', '7..7', ...STEPS, '--json'))
    expect(once).toEqual(again)
    expect(once.seeds).toBe(1)
  })

  test('people get a sentence, and at a terminal a bar that is wiped again', async () => {
    const { stdout, stderr } = await runWith({ live: true }, 'simulate', '--seeds', '1..2', ...STEPS)
    expect(stdout).toMatch(
      /^2 seeds, [\d,]+ I\/Os, [\d,]+ faults: nothing was violated\ntrace [0-9a-f]{64}\n$/,
    )
    expect(stderr === '' || stderr.endsWith(`\r${String.fromCharCode(27)}[K`)).toBe(true)
  })

  test.each(['x', '1..', '..3', '5..1', '-1..3', '1.5', ''])(
    'seeds %j are refused as usage',
    async (seeds) => {
      const { code, stderr } = await run('simulate', '--seeds', seeds)
      expect(code).toBe(2)
      expect(stderr).toMatch(/is not a range of seeds/)
    },
  )

  test.each(['0', '-1', 'x'])('%s steps are refused as usage', async (steps) => {
    expect((await run('simulate', '--seeds', '1', '--steps', steps)).code).toBe(2)
  })
})
