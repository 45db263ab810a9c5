// Model-based: the machines are their own maps, and everything on a map can be reached. A state or a transition that no
// sequence of valid events leads to is dead, or a mistake in a guard.
import { describe, expect, test } from 'vitest'
import { createMachine } from 'xstate'
import { checkEvent } from '../../machines/registry.ts'
import { allOf, missing, reachOf } from './coverage.ts'
import { MODELS, type Model } from './models.ts'
import { samplesOf } from './payloads.ts'

describe.each(MODELS)('model of the $name machine', (model) => {
  const { name, machine, types, few } = model
  const all = allOf(machine)
  const reached = reachOf(model)

  test('reaches every state', () => {
    expect(all.states.size).toBeGreaterThan(2)
    expect(missing(all.states, reached.states)).toEqual([])
  })

  test('takes every transition', () => {
    expect(all.transitions.size).toBeGreaterThan(4)
    expect(missing(all.transitions, reached.transitions)).toEqual([])
  })

  test('gives every event type somewhere to be taken', () => {
    const events = new Set(
      [...reached.transitions].map((transition) => transition.split(' on ')[1]?.split(' ')[0]),
    )
    expect(missing(new Set(types.map(({ type }) => type)), events as Set<string>)).toEqual([])
  })

  test('tries payloads that a ledger would take', () => {
    const stream = name === 'engine' ? name : `${name}/a`
    for (const [type, data] of [...samplesOf(types), ...few]) checkEvent(stream, type, data ?? {})
  })
})

test('a state that nothing leads to, and a transition that another one hides, are found', () => {
  const machine = createMachine({
    id: 'lun',
    initial: 'unknown',
    context: {},
    states: {
      unknown: { on: { 'lun.found': [{ target: 'known' }, { target: 'lost' }] } },
      known: { on: { 'lun.lost': { target: 'unknown' } } },
      lost: { on: { 'lun.found': { target: 'known' } } },
    },
  })
  const [, , lun] = MODELS
  const model = { ...(lun as Model), machine }
  const [all, reached] = [allOf(machine), reachOf(model)]
  expect(missing(all.states, reached.states)).toEqual(['lun.lost'])
  expect(missing(all.transitions, reached.transitions)).toEqual([
    'lun.known on lun.lost [0]',
    'lun.lost on lun.found [0]',
    'lun.unknown on lun.found [1]',
  ])
})
