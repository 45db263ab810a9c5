// A step is a function of its inputs. What the tidy test cannot see in a source is tried here: that nothing reaches for
// time or chance while stepping, that one stream leaves no trace in another, and that both builds of XState agree.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { MACHINES, type Decided, type RecordedInput } from '../../machines/registry.ts'
import { randomStory, type RandomEvent } from './arbitraries.ts'
import { MODELS, type Model } from './models.ts'
import { aim } from './stories.ts'

/** The whole life that a story makes, step by step. */
function* life({ name }: Model, story: readonly RandomEvent[]): Generator<Decided> {
  let state = MACHINES[name].initial()
  for (const input of aim(story, () => state)) {
    const decided = MACHINES[name].decide(state, input)
    yield decided
    state = decided.state
  }
}

const told = (model: Model, story: readonly RandomEvent[]) =>
  [...life(model, story)].map((one) => JSON.stringify(one))

const reachedFor = (name: string) => () => {
  throw new Error(`a step reached for ${name}`)
}

/** Takes away what a step must not use. */
function withoutTheWorld(): void {
  const { now: _now, ...rest } = performance
  vi.stubGlobal('Date', Object.assign(reachedFor('Date'), { now: reachedFor('Date.now') }))
  vi.stubGlobal('performance', { ...rest, now: reachedFor('performance.now') })
  vi.stubGlobal('crypto', {
    randomUUID: reachedFor('randomUUID'),
    getRandomValues: reachedFor('getRandomValues'),
  })
  for (const name of ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'fetch']) {
    vi.stubGlobal(name, reachedFor(name))
  }
  vi.spyOn(Math, 'random').mockImplementation(reachedFor('Math.random'))
  vi.spyOn(process, 'nextTick').mockImplementation(reachedFor('nextTick'))
  vi.spyOn(process, 'cwd').mockImplementation(reachedFor('cwd'))
}

afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

describe.each(MODELS)('a step of the $name machine', (model) => {
  const stories = fc.sample(randomStory(model.types, model.openings), { numRuns: 50, seed: 1 })

  test('reaches for neither time nor chance nor the event loop', () => {
    const before = stories.map((story) => told(model, story))
    withoutTheWorld()
    let after: string[][]
    try {
      expect(() => Date.now()).toThrow('a step reached for Date.now')
      after = stories.map((story) => told(model, story))
    } finally {
      vi.unstubAllGlobals()
      vi.restoreAllMocks()
    }
    expect(after).toEqual(before)
    expect(after.flat().length).toBeGreaterThan(100)
  })

  test('leaves no trace in another stream of the same machine', () => {
    const [one, other] = stories.toSorted((left, right) => right.length - left.length) as [
      RandomEvent[],
      RandomEvent[],
    ]
    const [first, second] = [life(model, one), life(model, other)]
    const together: [string[], string[]] = [[], []]
    for (let step = 0; step < Math.max(one.length, other.length); step += 1) {
      for (const [index, story] of [first, second].entries()) {
        const next = story.next()
        if (next.done !== true) together[index]?.push(JSON.stringify(next.value))
      }
    }
    expect(together).toEqual([told(model, one), told(model, other)])
  })

  test('that cannot be taken throws, and leaves nothing behind', () => {
    const machine = MACHINES[model.name]
    const [story] = stories.filter(({ length }) => length > 10)
    const before = told(model, story ?? [])
    const [type] = model.openings as [string]
    const input: RecordedInput = { type, atUs: 1, data: {} }
    expect(() => machine.decide({ value: 'nowhere', context: {} }, input)).toThrow()
    expect(() => machine.decide(machine.initial(), { ...input, type: 'nothing.happened' })).toThrow(
      expect.objectContaining({ code: 'INVARIANT_BROKEN' }),
    )
    expect(told(model, story ?? [])).toEqual(before)
  })
})

test('the production build of XState steps as the development build does', () => {
  const script = join(import.meta.dirname, 'walk-digest.ts')
  const run = (...conditions: string[]) =>
    JSON.parse(execFileSync(process.execPath, [...conditions, script], { encoding: 'utf8' }))
  const [production, development] = [run(), run('--conditions=development')]
  expect(production.xstate).not.toBe(development.xstate)
  expect(production.digest).toBe(development.digest)
})
