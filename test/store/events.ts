// Events for tests, made as the engine makes them: decided by the real machines, on a clock that only counts.
import { NEWEST_BEHAVIOUR, type Behaviour } from '../../machines/behaviour.ts'
import { decisionText } from '../../machines/decision.ts'
import { machineOf } from '../../machines/registry.ts'
import type { StreamState } from '../../machines/step.ts'
import type { HeaderFacts } from '../../store/rows/header.ts'
import type { NewEvent } from '../../store/types.ts'

export const HEADER: HeaderFacts = {
  eventId: 'header',
  recordedAtUs: 1_700_000_000_000_000,
  monoUs: 1_000_000,
  bootId: 'boot-1',
  engine: '0.1.0',
  xstate: '5.33.3',
}

export const WWID = 'naa.600140505200a986f0043c9afa1fd077'
export const PATH_A = `path/${WWID}/8:0:0:0`
export const PATH_B = `path/${WWID}/9:0:0:0`
export const HEAD = `head/${WWID}`
export const LUN = `lun/${WWID}`

export const EVIDENCE = { errno: 'EIO', status: 'IOERR', op: 'write', offset: 4096, length: 4096 }

type Data = Readonly<Record<string, unknown>>

export interface Extras extends Partial<Omit<NewEvent, 'stream' | 'type' | 'data' | 'decision'>> {
  /** Microseconds since the event before. Default 1,000. */
  readonly afterUs?: number
}

/** Decides events one after the other and remembers the states: an engine's bookkeeping without the engine. */
export class Scribe {
  readonly states = new Map<string, StreamState>()
  readonly #behaviour: Behaviour
  #made = 0
  #elapsedUs = 0

  constructor(behaviour: Behaviour = NEWEST_BEHAVIOUR) {
    this.#behaviour = behaviour
  }

  /** The next event of a stream. */
  event(stream: string, type: string, data: Data = {}, extras: Extras = {}): NewEvent {
    const { afterUs = 1_000, ...fields } = extras
    this.#made += 1
    this.#elapsedUs += afterUs
    const monoUs = fields.monoUs ?? HEADER.monoUs + this.#elapsedUs
    const machine = machineOf(stream)
    const before = this.states.get(stream) ?? this.#initial(stream)
    const { state, decision } = machine.decide(before, { type, atUs: monoUs, data }, this.#behaviour)
    this.states.set(stream, state)
    return {
      eventId: `event-${this.#made}`,
      stream,
      type,
      schema: 1,
      recordedAtUs: HEADER.recordedAtUs + this.#elapsedUs,
      bootId: HEADER.bootId,
      cause: null,
      actor: 'engine',
      reason: null,
      ...fields,
      monoUs,
      data: JSON.stringify(data),
      decision: decisionText(decision, this.#behaviour),
    }
  }

  /** The engine's stream begins with the header, which the store itself appends. */
  #initial(stream: string): StreamState {
    return machineOf(stream).initial()
  }
}

export function added(hctl: string, index: number): Data {
  return {
    ...{ wwid: WWID, hctl, name: `sda:${index}`, index, kind: 'memory', device: 'memory', numaNode: null },
    ...{ sizeBytes: 1_048_576, logicalBlockBytes: 512, errorsAreFinal: true, backend: 'memory' },
    ...{ access: 'optimal', preferred: false, checker: { minUs: 1_000_000, maxUs: 8_000_000 } },
    facts: { diskseq: 17 + index },
  }
}

export function failed(): Data {
  return {
    ...{ first: EVIDENCE, verdict: 'probe', detail: null, errors: 3, bios: 3, resent: 3 },
    ...{ firstUs: 1_001_000, lastUs: 1_002_000, samples: [EVIDENCE] },
  }
}

export function sampled(sinceUs: number, reads: number, writes: number): Data {
  return {
    ...{ sinceUs, reads, writes, flushes: 0, readBytes: reads * 4096, writeBytes: writes * 4096 },
    ...{ errors: 0, resent: 0 },
  }
}

/** The first event of an engine's run. */
export function started(scribe: Scribe, extras: Extras = {}): NewEvent {
  return scribe.event(
    'engine',
    'engine.started',
    { version: '0.1.0', multipath: 'always', unclean: false, pid: 4711 },
    extras,
  )
}

/** Two paths added: the shortest story with more than one stream. */
export function twoPaths(scribe: Scribe): NewEvent[] {
  return [
    scribe.event(PATH_A, 'path.added', added('8:0:0:0', 0)),
    scribe.event(PATH_B, 'path.added', added('9:0:0:0', 1)),
  ]
}
