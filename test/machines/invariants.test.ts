// What holds after every step, whatever happens in whatever order: properties over random stories.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Effect } from '../../machines/effects.ts'
import type { HeadContext } from '../../machines/head/head.ts'
import type { PathContext } from '../../machines/path/path.ts'
import { isDisabled } from '../../machines/predicates.ts'
import { MACHINES, type Decided, type RecordedInput } from '../../machines/registry.ts'
import type { StreamState } from '../../machines/step.ts'
import type { HeadValue, PathValue } from '../../machines/words.ts'
import { randomStory } from './arbitraries.ts'
import { MODELS, type Model } from './models.ts'
import { aim, armedTimers } from './stories.ts'

interface Told {
  readonly before: StreamState
  readonly input: RecordedInput
  readonly decided: Decided
}

/** Tells random stories of a machine and asks `holds` after each step. */
function always({ name, types, openings }: Model, holds: (told: Told) => void): void {
  fc.assert(
    fc.property(randomStory(types, openings), (story) => {
      let state = MACHINES[name].initial()
      for (const input of aim(story, () => state)) {
        const decided = MACHINES[name].decide(state, input)
        holds({ before: state, input, decided })
        state = decided.state
      }
    }),
    { numRuns: 150 },
  )
}

const [PATH, HEAD] = MODELS as [Model, Model]
/** Devices that only a path has, and those that no path has; the others may be found so before they are added. */
const PRESENT = ['running', 'blocked', 'quiesced']
const ABSENT = ['created', 'createdBlocked', 'deleted']

/** Whole numbers everywhere, so that no build of Node computes another. */
function expectIntegers(value: unknown): void {
  if (typeof value === 'number') expect(Number.isSafeInteger(value), String(value)).toBe(true)
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(expectIntegers)
}

/** Timers as somebody sees them who only performs effects and tells what fired. */
function timersAfter(before: StreamState, { type, data }: RecordedInput, { effects, decision }: Decided) {
  const armed = new Map(armedTimers(before))
  if (type.endsWith('.timerFired') && decision.refused !== true) armed.delete(String(data['timer']))
  for (const effect of effects) perform(armed, effect, RESTARTS.includes(type))
  return Object.fromEntries(armed)
}

/** After these another engine has the timers: what was armed is armed again there. */
const RESTARTS = ['path.lost', 'head.recovered']

function perform(armed: Map<string, number>, { type, timer = '', dueUs }: Effect, again: boolean): void {
  if (type === 'startTimer') {
    if (!again) expect(armed.has(timer), `${timer} is armed once`).toBe(false)
    armed.set(timer, dueUs ?? -1)
  }
  if (type === 'cancelTimer') {
    expect(armed.get(timer), `${timer} is cancelled as it was armed`).toBe(dueUs)
    armed.delete(timer)
  }
}

describe.each([PATH, HEAD])('the $name machine', (model) => {
  test('D-41: arms each timer once, and cancels what is armed; context and effects agree', () => {
    always(model, ({ before, input, decided }) => {
      expect(decided.state.context['timers']).toEqual(timersAfter(before, input, decided))
    })
  })

  test('computes with whole numbers only', () => {
    always(model, ({ decided }) => expectIntegers(decided.state.context))
  })

  test('takes an event whole or not at all', () => {
    always(model, ({ before, decided }) => {
      if (decided.decision.refused !== true) return
      expect(decided.state).toEqual(before)
      expect(decided.effects).toEqual([])
    })
  })
})

test('a path: its context says what its regions say', () => {
  always(PATH, ({ decided: { state } }) => {
    const value = state.value as unknown as PathValue
    const context = state.context as unknown as PathContext
    expect(context.present ? ABSENT : PRESENT, 'present').not.toContain(value.device)
    expect('probe' in context.timers, 'probe is armed').toBe(value.health === 'failed' && !context.fenced)
    expect(context.failure !== null, 'has failed').toBe(['failed', 'probing'].includes(value.health))
    if (context.lost)
      expect([context.present, value.device, isDisabled(value)]).toEqual([false, 'deleted', true])
    if (!context.present && !context.lost) {
      expect([value.health, context.suspect, isDisabled(value)]).toEqual(['online', null, true])
    }
    if (context.suspect !== null) expect(['online', 'marginal']).toContain(value.health)
  })
})

test('a path: a deadline is the time of the event and the interval, which grows and never passes its limit', () => {
  always(PATH, ({ input, decided: { state, effects } }) => {
    if (RESTARTS.includes(input.type)) return
    const { probeIntervalUs, checker, rules } = state.context as unknown as PathContext
    for (const { type, timer, dueUs } of effects) {
      if (type !== 'startTimer' || timer !== 'probe') continue
      expect(dueUs).toBe(input.atUs + probeIntervalUs)
      // With loss rules it is their delay, which does not grow.
      const limitUs = (rules?.loss.delay ?? 0) * 1_000_000 || Math.max(checker.minUs, checker.maxUs)
      expect(probeIntervalUs).toBeLessThanOrEqual(limitUs)
    }
  })
})

test('a head: its service and its timers follow from its paths and settings', () => {
  always(HEAD, ({ decided: { state } }) => {
    const { life, service } = state.value as unknown as HeadValue
    const context = state.context as unknown as HeadContext
    expect(context.present, 'present').toBe(life !== 'removed')
    expect('removal' in context.timers, 'removal is armed').toBe(life === 'removalPending')
    if ('reattach' in context.timers) expect(context.lost).toBeGreaterThan(0)
    expect('noPath' in context.timers, 'noPath is armed').toBe(context.checksLeft > 0)
    if (life !== 'allocated') expect(serviceOf(context)).toContain(service)
    if (life === 'removalPending') expect([context.paths, context.lost, service]).toEqual([0, 0, 'queueing'])
    if (service !== 'queueing') expect(context.checksLeft).toBe(0)
  })
})

/** The service that these counts and settings call for; both of two where the past decides. */
function serviceOf({ present, usable, available, ...context }: HeadContext): string[] {
  const paths = context.paths + context.lost
  if (!present) return ['failing']
  if (usable > 0) return [usable === paths ? 'serving' : 'degraded']
  // A head that was published before its first path: nothing has been said of its paths yet.
  if (paths === 0) return context.timers['removal'] === undefined ? ['failing', 'queueing'] : ['queueing']
  if (available > 0) return ['queueing']
  if (context.loss === 'permanent' && context.noPathRetry !== 'queue') return ['failing']
  if (context.noPathRetry === 'fail' || context.exhausted) return ['failing']
  return ['queueing']
}

test('a head: a deadline is the time of the event and the interval that is set', () => {
  always(HEAD, ({ input, decided: { state, effects } }) => {
    if (RESTARTS.includes(input.type)) return
    const { checkIntervalUs, delayedRemovalUs } = state.context as unknown as HeadContext
    for (const { type, timer, dueUs } of effects) {
      if (type !== 'startTimer') continue
      expect(dueUs).toBe(input.atUs + (timer === 'removal' ? delayedRemovalUs : checkIntervalUs))
    }
  })
})
