// One step() of ours against XState's own transition(): an upgrade that breaks the short cut is seen here at once.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { initialTransition } from 'xstate'
import { getShortestPaths, getSimplePaths } from 'xstate/graph'
import type { RecordedInput } from '../../machines/registry.ts'
import { randomStory } from './arbitraries.ts'
import { MODELS, traversal, type Model, type ModelEvent } from './models.ts'
import { aim } from './stories.ts'
import { Twins } from './twins.ts'

interface Path {
  readonly steps: readonly { readonly event: ModelEvent }[]
}

/** Walks generated paths, each common beginning once. Returns how many steps that were. */
function walk({ name }: Model, paths: readonly Path[]): number {
  const walked = new Map([['', Twins.of(name)]])
  for (const { steps } of paths) {
    let key = ''
    // The first step is `xstate.init`, which is no event of ours.
    for (const { event } of steps.slice(1)) {
      const twins = walked.get(key)?.fork()
      key += JSON.stringify(event)
      if (twins === undefined || walked.has(key)) continue
      twins.step(inputOf(event))
      walked.set(key, twins)
    }
  }
  return walked.size - 1
}

function inputOf({ type, atUs, ...data }: ModelEvent): RecordedInput {
  return { type, atUs, data }
}

describe.each(MODELS)('step of the $name machine', (model) => {
  const { name, machine, types, openings, few } = model

  test('begins where XState begins', () => {
    const [snapshot] = initialTransition(machine)
    expect(Twins.of(name).state).toEqual({ value: snapshot.value, context: snapshot.context })
  })

  test('equals transition() along the shortest path to every state', () => {
    for (const happenings of model.searches) {
      const paths = getShortestPaths(machine, traversal(model, happenings))
      expect(walk(model, paths as Path[])).toBe(paths.length - 1)
    }
  })

  test('equals transition() along every simple path of a few events', () => {
    const paths = getSimplePaths(machine, traversal(model, few))
    expect(paths.length).toBeGreaterThan(few.length)
    expect(walk(model, paths as Path[])).toBeGreaterThan(few.length)
  })

  test('equals transition() over random events, refused ones included', () => {
    let [taken, refused] = [0, 0]
    fc.assert(
      fc.property(randomStory(types, openings), (story) => {
        const twins = Twins.of(name)
        for (const input of aim(story, () => twins.state)) {
          if (twins.step(input).decision.refused === true) refused += 1
          else taken += 1
        }
      }),
      { numRuns: 60 },
    )
    expect(taken).toBeGreaterThan(100)
    expect(refused).toBeGreaterThan(100)
  })
})
