// One step of a lifecycle machine: pure, synchronous, the same bits every time.
//
// XState's own transition() builds an actor for each call. The public method machine.transition() with a scope that is
// kept does the same work without it; test/machines/step.test.ts holds the two equal.
import { createActor, type AnyMachineSnapshot, type AnyStateMachine } from 'xstate'
import type { Effect } from './effects.ts'
import type { MachineEvent } from './events.ts'

/** State of a stream as plain JSON: what the ledger keeps and what replay compares. */
export interface StreamState {
  readonly value: StateValue
  readonly context: Readonly<Record<string, unknown>>
}

/** State of a machine: one word, or a word for each region. */
export type StateValue = string | { readonly [region: string]: string }

export interface Step {
  readonly state: StreamState
  readonly effects: readonly Effect[]
  /** False when the machine has no transition for the event here: it was refused, and nothing changed. */
  readonly handled: boolean
}

export interface Stepper {
  initial(): StreamState
  step(state: StreamState, event: MachineEvent): Step
}

/** Makes a stepper for a machine. It keeps nothing between calls but the scope. */
export function createStepper(machine: AnyStateMachine): Stepper {
  const self = createActor(machine)
  let effects: Effect[] = []
  const scope = {
    self,
    id: '',
    sessionId: '',
    system: self.system,
    logger: ignore,
    defer: ignore,
    stopChild: ignore,
    emit: ignore,
    actionExecutor: (action: { type: string; params: unknown }) => {
      effects.push({ type: action.type, ...(action.params as object | undefined) } as Effect)
    },
  }
  const initial = plain(self.getSnapshot() as AnyMachineSnapshot)
  return {
    initial: () => initial,
    step(state, event) {
      effects = []
      const before = machine.resolveState({ value: state.value, context: state.context })
      const after = machine.transition(before, event, scope as never) as AnyMachineSnapshot
      return { state: plain(after), effects, handled: after !== before || effects.length > 0 }
    },
  }
}

function plain(snapshot: AnyMachineSnapshot): StreamState {
  return { value: snapshot.value as StateValue, context: snapshot.context as Record<string, unknown> }
}

function ignore(): void {
  // Nothing in a pure step is emitted, deferred or stopped.
}

/** By stream name. */
export type StreamStates = Readonly<Record<string, StreamState>>
