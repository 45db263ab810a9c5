// Every stream of the engine's ledger, by name. One goes on where the last run left it: an operator's word on a path outlives
// the path's removal.
import type { StreamStates } from '../../machines/step.ts'
import { Stream, type StreamPorts } from './stream.ts'

export class Streams {
  readonly #ports: StreamPorts
  /** Where they stood on the ledger at the start. */
  readonly #before: StreamStates
  readonly #known = new Map<string, Stream>()

  constructor(ports: StreamPorts, before: StreamStates) {
    this.#ports = ports
    this.#before = before
  }

  of(name: string): Stream {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const before = this.#before[name]
    const state = before === undefined ? undefined : { value: before.value, context: before.context }
    const stream = new Stream(this.#ports, name, state)
    this.#known.set(name, stream)
    return stream
  }

  /** As they stand now, those that only earlier runs used included. */
  states(): StreamStates {
    const now = [...this.#known].map(([name, { state }]) => [name, state] as const)
    return { ...this.#before, ...Object.fromEntries(now) }
  }
}
