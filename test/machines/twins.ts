// The production step beside XState's own transition(), over the same events. Whatever differs is thrown.
import { expect } from 'vitest'
import { initialTransition, transition } from 'xstate'
import type { AnyMachineSnapshot } from 'xstate'
import { applyDecision } from '../../machines/decision.ts'
import { MACHINES } from '../../machines/registry.ts'
import type { Decided, LifecycleMachine, MachineName, RecordedInput } from '../../machines/registry.ts'
import type { StreamState } from '../../machines/step.ts'

interface ReferenceStep {
  readonly value: unknown
  readonly context: unknown
  readonly effects: readonly { type: string; params: unknown }[]
}

export class Twins {
  readonly #machine: LifecycleMachine
  #state: StreamState
  #snapshot: AnyMachineSnapshot

  private constructor(machine: LifecycleMachine, state: StreamState, snapshot: AnyMachineSnapshot) {
    this.#machine = machine
    this.#state = state
    this.#snapshot = snapshot
  }

  static of(name: MachineName): Twins {
    const machine = MACHINES[name]
    const [snapshot] = initialTransition(machine.machine)
    return new Twins(machine, machine.initial(), snapshot as AnyMachineSnapshot)
  }

  /** Both as they are now, to go another way from here. */
  fork(): Twins {
    return new Twins(this.#machine, this.#state, this.#snapshot)
  }

  get state(): StreamState {
    return this.#state
  }

  /** One event for both. Also holds what the design asks of a step: pure, repeatable, and the same from plain JSON. */
  step(input: RecordedInput): Decided {
    const before = deepFreeze(this.#state)
    const decided = this.#machine.decide(before, deepFreeze(input))
    expectSame(productionStep(decided), this.#referenceStep(input, decided))
    expectSame(this.#machine.decide(before, input), decided)
    expectSame(this.#machine.decide(plainCopy(before), plainCopy(input)), decided)
    expectSame(applyDecision(before, decided.decision), decided.state)
    expectOnlyJson(decided)

    this.#state = decided.state
    return decided
  }

  #referenceStep({ type, atUs, data }: RecordedInput, { decision }: Decided): ReferenceStep {
    const event = { ...data, type, atUs }
    const taken = this.#machine.machine.getTransitionData(this.#snapshot as never, event).length > 0
    const [next, actions] = transition(this.#machine.machine, this.#snapshot as never, event)
    expect(decision.refused === true, `${type} is refused`).toBe(!taken)
    this.#snapshot = next as AnyMachineSnapshot
    return {
      value: this.#snapshot.value,
      context: this.#snapshot.context,
      effects: actions.map(({ type: name, params }) => ({ type: name, params: (params as unknown) ?? {} })),
    }
  }
}

/** Equal to the byte: what is hashed and stored is the text. */
function expectSame(one: unknown, other: unknown): void {
  const [left, right] = [JSON.stringify(one), JSON.stringify(other)]
  if (left !== right) expect(left).toBe(right)
}

/** What JSON would drop or change without a word: undefined, functions, NaN, -0, classes. */
function expectOnlyJson(value: unknown): void {
  if (typeof value === 'object' && value !== null) {
    const isPlain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
    if (!isPlain) expect.fail('an object is of a class of its own')
    for (const inner of Object.values(value)) expectOnlyJson(inner)
    return
  }
  const isJson = ['string', 'boolean', 'number'].includes(typeof value) || value === null
  const survives = typeof value !== 'number' || (Number.isFinite(value) && !Object.is(value, -0))
  if (!isJson || !survives) expect.fail(`a ${typeof value} that is not JSON`)
}

function productionStep({ state, effects }: Decided): ReferenceStep {
  return {
    value: state.value,
    context: state.context,
    effects: effects.map(({ type, ...params }) => ({ type, params })),
  }
}

function plainCopy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) deepFreeze(inner)
  }
  return value
}
