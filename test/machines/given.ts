// given(...).when(...).leadsTo(...): the life of one machine as a test tells it. The steps are those that the engine and
// replay take (machines/registry.ts), on a clock that only counts.
import { expect } from 'vitest'
import type { Effect, EffectName } from '../../machines/effects.ts'
import { checkEvent, MACHINES } from '../../machines/registry.ts'
import type { Decided, MachineName } from '../../machines/registry.ts'
import type { StateValue, StreamState } from '../../machines/step.ts'

export type Data = Readonly<Record<string, unknown>>

/** Something that happens: its type, its payload, and when; without a time one millisecond after the last. */
export type Happening = readonly [type: string, data?: Data, atUs?: number]

export interface Expected {
  /** For a machine with regions: those that changed; the others must be as they were. */
  readonly value?: string | Readonly<Record<string, string>>
  /** Keys of the context with their values; others are not looked at. */
  readonly context?: Data
  /** Every effect in order: its name, or all of it. */
  readonly effects: readonly (EffectName | Effect)[]
}

/** One machine after what happened to it. */
export class Life {
  readonly name: MachineName
  readonly state: StreamState
  readonly atUs: number

  constructor(name: MachineName, state: StreamState, atUs: number) {
    this.name = name
    this.state = state
    this.atUs = atUs
  }

  get context(): Data {
    return this.state.context
  }

  get timers(): Readonly<Record<string, number>> {
    return this.context['timers'] as Readonly<Record<string, number>>
  }

  /** Something happens. What no ledger would take is a mistake of the test. */
  when(type: string, data: Data = {}, atUs = this.atUs + 1_000): Outcome {
    checkEvent(this.name === 'engine' ? 'engine' : `${this.name}/test`, type, data)
    return new Outcome(this, atUs, MACHINES[this.name].decide(this.state, { type, atUs, data }))
  }

  /** An armed timer fires, on time. */
  whenTimerFires(timer: string): Outcome {
    const dueUs = this.timers[timer]
    if (dueUs === undefined) throw new Error(`the timer ${timer} is not armed`)
    return this.when(`${this.name}.timerFired`, { timer, dueUs }, dueUs)
  }
}

/** What came of one event. Also the life after it, so that a story can go on. */
export class Outcome extends Life {
  readonly before: Life
  readonly decided: Decided

  constructor(before: Life, atUs: number, decided: Decided) {
    super(before.name, decided.state, atUs)
    this.before = before
    this.decided = decided
  }

  leadsTo({ value = {}, context, effects }: Expected): this {
    expect(this.decided.decision.refused, 'refused').toBeUndefined()
    expect(this.state.value).toEqual(valueAfter(this.before.state.value, value))
    if (context !== undefined) expect(this.context).toMatchObject(context)
    const seen = this.decided.effects.map((effect, index) =>
      typeof effects[index] === 'string' ? effect.type : effect,
    )
    expect(seen).toEqual(effects)
    return this
  }

  /** The machine has no such transition here: nothing changed, nothing is asked of the world, and the ledger says so. */
  isRefused(): this {
    const { state } = this.before
    expect(this.decided).toEqual({
      state,
      effects: [],
      decision: { state: state.value, context: {}, effects: [], digest: '', refused: true },
    })
    return this
  }
}

function valueAfter(before: StateValue, changed: NonNullable<Expected['value']>): StateValue {
  if (typeof changed === 'string') return changed
  return typeof before === 'string' ? before : { ...before, ...changed }
}

/** A machine to which all this happened; each event must have been taken. */
export function given(name: MachineName, ...happenings: readonly Happening[]): Life {
  let life = new Life(name, MACHINES[name].initial(), 1_000_000)
  for (const [type, data, atUs] of happenings) {
    const outcome = life.when(type, data, atUs)
    expect(outcome.decided.decision.refused, `${type} is taken`).toBeUndefined()
    life = outcome
  }
  return life
}
