// Which machine lives on which stream, and which events it takes. The ledger, the engine and replay all ask here.
import { createHash } from 'node:crypto'
import type { AnyStateMachine } from 'xstate'
import { invariant, PathledgerError } from '../errors.ts'
import { NEWEST_BEHAVIOUR, type Behaviour } from './behaviour.ts'
import { OBSERVED_SCHEMA, OBSERVED_TYPES, observedPayload, type ObservedKind } from './observed/events.ts'
import { OBSERVED_HASH, observedInitial, observedStep } from './observed/observed.ts'
import { decisionOf, type Decision } from './decision.ts'
import type { Effect } from './effects.ts'
import { ENGINE_EVENTS } from './engine/events.ts'
import { engineMachine } from './engine/engine.ts'
import type { EventType, MachineEvent } from './events.ts'
import { HEAD_EVENTS } from './head/events.ts'
import { headMachine } from './head/head.ts'
import { LUN_EVENTS } from './lun/events.ts'
import { lunMachine } from './lun/lun.ts'
import { PATH_EVENTS } from './path/events.ts'
import { pathMachine } from './path/path.ts'
import { quickCheck, type QuickCheck } from './quick-check.ts'
import { RESERVATION_EVENTS } from './reservation/events.ts'
import { reservationMachine } from './reservation/reservation.ts'
import { createStepper, type StreamState } from './step.ts'

export type MachineName = 'path' | 'head' | 'lun' | 'engine' | 'reservation'

/** An event with its payload, as recorded: the type, when (monotonic microseconds), and the payload's object. */
export interface RecordedInput {
  readonly type: string
  readonly atUs: number
  readonly data: Readonly<Record<string, unknown>>
}

export interface Decided {
  readonly state: StreamState
  readonly decision: Decision
  readonly effects: readonly Effect[]
}

/** What decides on a stream: a lifecycle machine, or what makes a state of observations. */
export interface Decider {
  readonly name: MachineName | 'observed'
  /** SHA-256 over the machine's definition and its version: changes when its logic is meant to. */
  readonly hash: string
  initial(): StreamState
  /** One step, from inputs alone, as a ledger of this behaviour decides. Pure. */
  decide(state: StreamState, input: RecordedInput, behaviour?: Behaviour): Decided
  /** The same, and whether nothing of the event was looked at but its type. */
  decideWatched(
    state: StreamState,
    input: RecordedInput,
    behaviour?: Behaviour,
  ): Decided & { readonly byTypeAlone: boolean }
}

export interface LifecycleMachine extends Decider {
  readonly name: MachineName
  readonly machine: AnyStateMachine
}

const EVENTS_OF: Readonly<Record<MachineName, readonly EventType[]>> = {
  path: PATH_EVENTS,
  head: HEAD_EVENTS,
  lun: LUN_EVENTS,
  engine: ENGINE_EVENTS,
  reservation: RESERVATION_EVENTS,
}

export const MACHINES: Readonly<Record<MachineName, LifecycleMachine>> = {
  path: lifecycle('path', pathMachine),
  head: lifecycle('head', headMachine),
  lun: lifecycle('lun', lunMachine),
  engine: lifecycle('engine', engineMachine),
  reservation: lifecycle('reservation', reservationMachine),
}

/** Every event type there is, by name. */
export const EVENT_TYPES: ReadonlyMap<string, EventType> = new Map(
  Object.values(EVENTS_OF).flatMap((list) => list.map((eventType) => [eventType.type, eventType] as const)),
)

interface Declared {
  readonly machine: LifecycleMachine
  readonly payload: EventType['payload']
  readonly quick: QuickCheck | null
}

/** The same with what a check needs. A type belongs to one machine. */
const DECLARED: ReadonlyMap<string, Declared> = new Map(
  Object.values(MACHINES).flatMap((machine) =>
    EVENTS_OF[machine.name].map(
      ({ type, payload }) => [type, { machine, payload, quick: quickCheck(payload) }] as const,
    ),
  ),
)

const OBSERVED: Readonly<Record<ObservedKind, Decider>> = {
  path: observed('path'),
  head: observed('head'),
  port: observed('port'),
  host: observed('host'),
  source: observed('source'),
}

/** On a ledger of observations 'path/...', 'head/...', 'port/<kind>/<id>', 'source/<n>' and 'host' were decided by nobody. */
function observedOf(name: string, behaviour: Pick<Behaviour, 'observed'> | undefined): Decider | null {
  const always = name === 'port' || name === 'source' || name === 'host'
  const observes = always || behaviour?.observed === true
  return observes && Object.hasOwn(OBSERVED, name) ? OBSERVED[name as ObservedKind] : null
}

/**
 * 'path/<wwid>/<hctl>', 'head/<wwid>', 'lun/<wwid>', 'reservation/<wwid>', 'engine'; on a ledger of this behaviour, which
 * may be one of observations.
 */
export function machineOf(stream: string, behaviour?: Pick<Behaviour, 'observed'>): Decider {
  const slash = stream.indexOf('/')
  const name = slash === -1 ? stream : stream.slice(0, slash)
  const observer = observedOf(name, behaviour)
  if (observer !== null) return observer
  if (Object.hasOwn(MACHINES, name)) return MACHINES[name as MachineName]
  throw new PathledgerError('STREAM_UNKNOWN', {
    message: `'${stream}' is not a stream of pathledger.`,
    why: "Streams are named 'path/<wwid>/<H:C:I:L>', 'head/<wwid>', 'lun/<wwid>', 'reservation/<wwid>' and 'engine'.",
    todo: 'Use one of these names.',
  })
}

/** Validates a payload against the schema of its type and returns it. Throws EVENT_INVALID. */
export function checkEvent(stream: string, type: string, data: unknown, schema = 1): Record<string, unknown> {
  if (schema === OBSERVED_SCHEMA) return checkObserved(stream, type, data)
  const declared = DECLARED.get(type)
  if (declared?.machine !== machineOf(stream)) {
    throw invalid(stream, type, 'No such event type belongs to this kind of stream.')
  }
  if (declared.quick?.(data) === true) return data as Record<string, unknown>
  const parsed = declared.payload.safeParse(data)
  if (!parsed.success) throw invalid(stream, type, parsed.error.issues.map(describeIssue).join('; '))
  return parsed.data as Record<string, unknown>
}

/** The same for an observation. */
function checkObserved(stream: string, type: string, data: unknown): Record<string, unknown> {
  const declared = OBSERVED_TYPES.get(type)
  const kind = stream.split('/')[0]
  if (declared === undefined || declared.kind !== kind) {
    throw invalid(stream, type, 'No such observation belongs to this kind of stream.')
  }
  const parsed = observedPayload.safeParse(data)
  if (!parsed.success) throw invalid(stream, type, parsed.error.issues.map(describeIssue).join('; '))
  return parsed.data
}

function describeIssue(issue: { path: PropertyKey[]; message: string }): string {
  return `${issue.path.map(String).join('.') || 'payload'}: ${issue.message}`
}

function invalid(stream: string, type: string, why: string): PathledgerError {
  return new PathledgerError('EVENT_INVALID', {
    message: `The event ${type} on ${stream} is not valid.`,
    why,
    todo: 'Check the payload against docs/events.md.',
  })
}

function observed(kind: ObservedKind): Decider {
  const decide = (state: StreamState, { type, data }: RecordedInput): Decided => {
    const after = observedStep(state, type, data)
    return {
      state: after,
      decision: decisionOf(state, { state: after, effects: [], handled: true }),
      effects: [],
    }
  }
  return {
    name: 'observed',
    hash: OBSERVED_HASH,
    initial: () => observedInitial(kind),
    decide,
    decideWatched: (state, input) => ({ ...decide(state, input), byTypeAlone: false }),
  }
}

function lifecycle(name: MachineName, machine: AnyStateMachine): LifecycleMachine {
  const stepper = createStepper(machine)
  const definition = JSON.stringify(
    { version: machine.version, config: machine.config },
    (_key, value: unknown) => (typeof value === 'function' ? 'function' : value),
  )
  const decide = (state: StreamState, event: MachineEvent): Decided => {
    invariant(EVENT_TYPES.has(event.type), `event type ${event.type} is declared`)
    const step = stepper.step(state, event)
    return { state: step.state, decision: decisionOf(state, step), effects: step.effects }
  }
  return {
    name,
    machine,
    hash: createHash('sha256').update(definition).digest('hex'),
    initial: () => stepper.initial(),
    decide: (state, input, behaviour = NEWEST_BEHAVIOUR) => decide(state, eventOf(input, behaviour)),
    decideWatched(state, input, behaviour = NEWEST_BEHAVIOUR) {
      const watched = watch(eventOf(input, behaviour))
      const decided = decide(state, watched.event)
      return { ...decided, byTypeAlone: !watched.lookedAt() }
    },
  }
}

function eventOf({ type, atUs, data }: RecordedInput, behaviour: Behaviour): MachineEvent {
  return { ...data, type, atUs, behaviour }
}

/** The event, and whether anything of it has been looked at since but the type, and the ledger's behaviour. */
function watch(event: MachineEvent): { event: MachineEvent; lookedAt: () => boolean } {
  let looked = false
  const notes =
    <Arguments extends unknown[], Result>(reflect: (...given: Arguments) => Result) =>
    (...given: Arguments): Result => {
      looked = true
      return reflect(...given)
    }
  const seen = new Proxy(event, {
    get: (target, key, receiver) => {
      looked ||= key !== 'type' && key !== 'behaviour'
      return Reflect.get(target, key, receiver) as unknown
    },
    has: notes((target: object, key: PropertyKey) => Reflect.has(target, key)),
    ownKeys: notes((target: object) => Reflect.ownKeys(target)),
    getOwnPropertyDescriptor: notes((target: object, key: PropertyKey) =>
      Reflect.getOwnPropertyDescriptor(target, key),
    ),
  })
  return { event: seen, lookedAt: () => looked }
}
