// `pathledger simulate`: seeds, one document, the same trace alone and in a sweep.
import { describe, expect, test } from 'vitest'
import { simulate } from '../../doors/simulate.ts'
import { documentIn, run, runWith } from './harness.ts'

const STEPS = ['--steps', '40']

describe('simulate', () => {
  test('prints one document and exits with 0 when nothing was violated', async () => {
    const ran = await run('simulate', '--seeds', '1..3', ...STEPS, '--json')
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(documentIn(ran)).toEqual({
      seeds: 3,
      violations: [],
      sometimes: expect.objectContaining({ outcomeUnknown: expect.any(Number) }),
      ios: expect.any(Number),
      faults: expect.any(Number),
      crashes: expect.any(Number),
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
      /^seeds 1\.\.2, pathledger \S+, commit \S+, steps 40, plant none\n2 seeds, [\d,]+ I\/Os, [\d,]+ faults?, [\d,]+ crash(es)?: nothing was violated\n\d+ of \d+ rare situations came up\ntrace [0-9a-f]{64}\n$/,
    )
    expect(stderr === '' || stderr.endsWith(`${String.fromCharCode(27)}[K`)).toBe(true)
  })

  test('a sweep on several cores comes to what its seeds come to, one by one', async () => {
    const seeds = 10
    const ran = documentIn(await run('simulate', '--seeds', `1..${seeds}`, '--steps', '5', '--json'))
    const { ios, trace } = await simulate({ from: 1, to: seeds, steps: 5 })
    expect(ran).toMatchObject({ seeds, ios, trace })
  })

  test('with a planted bug it exits with 5 and says all that is needed to see it again', async () => {
    const options = ['--steps', '90', '--plant', 'headNotTold']
    const { code, stdout } = await run('simulate', '--seeds', '2..3', ...options)
    expect(code).toBe(5)
    const [first, ...rest] = stdout.split('\n')
    expect(first).toMatch(/^seeds 2\.\.3, pathledger \S+, commit \S+, steps 90, plant headNotTold$/)
    const [, step, detail] = /^ {2}seed 2, step (\d+): headFollowsPaths: (.*)$/m.exec(stdout) ?? []
    const again = `simulate --seeds 2 --steps 90 --plant headNotTold --trace --from ${Math.max(1, Number(step) - 10)}`
    expect(rest).toContain(`    again: npx pathledger ${again}`)
    // One line for each change of a state, up to the one that must not be.
    const changes = rest.slice(rest.findIndex((line) => line.includes('changes of state')) + 1, -2)
    expect(changes.length).toBeGreaterThan(5)
    for (const line of changes.slice(0, -1)) expect(line).toMatch(/^ {4}\d+ \S+ \d+ \S+ \S+ -> [{"]/)
    expect(changes.at(-1)).toBe(`    ${step} ! headFollowsPaths: ${detail}`)
    const told = (await run(...again.split(' '))).stdout.split('\n')
    expect(told[0]).toBe(first?.replace('seeds 2..3', 'seed 2'))
    expect(told).toContain(changes.at(-1)?.trimStart())
    expect(told).toContain(`  seed 2, step ${step}: headFollowsPaths: ${detail}`)
  })

  test('what led to a violation is shown from the step that is asked for, or its last forty changes', async () => {
    const options = ['simulate', '--seeds', '6', '--plant', 'removalDelayIgnored']
    const changesOf = async (...more: string[]) => {
      const lines = (await run(...options, ...more)).stdout.split('\n')
      const at = lines.findIndex((line) => line.includes('changes of state'))
      return { what: lines[at], changes: lines.slice(at + 1, -2) }
    }
    const last = await changesOf()
    expect(last.changes).toHaveLength(40)
    expect(last.what).toMatch(/\(\d+ more before these: --from 1\):$/)
    const all = await changesOf('--from', '1')
    expect(all.changes.length).toBeGreaterThan(40)
    expect(all.changes.slice(-40)).toEqual(last.changes)
  })

  test('a bug that there is not is refused with the names that there are', async () => {
    const { code, stderr } = await run('simulate', '--seeds', '1', '--plant', 'gremlins')
    expect(code).not.toBe(0)
    expect(stderr).toContain('noGhostGuard')
  })

  test('--trace tells the story of one seed, from a step on, and says what it is the story of', async () => {
    const { code, stdout } = await run('simulate', '--seeds', '7', ...STEPS, '--trace', '--from', '30')
    expect(code).toBe(0)
    const [first, ...story] = stdout.split('\n')
    expect(first).toMatch(/^seed 7, pathledger \S+, commit \S+, steps 40, plant none$/)
    const steps = story
      .map((line) => /^(\d+) (?!seed|of )/.exec(line)?.[1])
      .filter((step) => step !== undefined)
    expect(Math.min(...steps.map(Number))).toBeGreaterThanOrEqual(30)
    const many = await run('simulate', '--seeds', '1..2', '--trace')
    expect(many).toMatchObject({ code: 2 })
    expect(many.stderr).toContain('one seed')
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
