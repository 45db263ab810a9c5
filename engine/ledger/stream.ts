// One stream of the ledger with its live state: decide, record, and hand back the effects to act on.
import type { Effect } from '../../machines/effects.ts'
import { machineOf, type Decider } from '../../machines/registry.ts'
import type { StreamState } from '../../machines/step.ts'
import type { Clock } from '../../adapters/ports.ts'
import type { Origin, Recorded, Recorder } from './recorder.ts'

export interface StreamStep {
  readonly recorded: Recorded
  readonly effects: readonly Effect[]
  /** The machine has no transition for the event here; that is on the ledger, and nothing changed. */
  readonly refused: boolean
}

/** What a stream needs of the engine. */
export interface StreamPorts {
  readonly clock: Clock
  readonly recorder: Recorder
}

export class Stream {
  readonly name: string
  readonly #ports: StreamPorts
  readonly #machine: Decider
  #state: StreamState

  /** `state` is where the stream stands on the ledger; without it the stream is new. */
  constructor(ports: StreamPorts, name: string, state?: StreamState) {
    this.name = name
    this.#ports = ports
    this.#machine = machineOf(name)
    this.#state = state ?? this.#machine.initial()
  }

  get state(): StreamState {
    return this.#state
  }

  /** Steps the machine and puts event and decision on their way to the ledger. */
  record(type: string, data: Readonly<Record<string, unknown>>, origin: Origin = {}): StreamStep {
    const { clock, recorder } = this.#ports
    const atUs = clock.monoUs()
    const decided = this.#machine.decide(this.#state, { type, atUs, data }, recorder.behaviour)
    this.#state = decided.state
    const recorded = recorder.add({ stream: this.name, type, data, atUs }, decided, origin)
    return { recorded, effects: decided.effects, refused: decided.decision.refused === true }
  }
}
