// Each machine as a model for xstate/graph: the events to try, and what of a state tells it from another. The context is
// abstracted (a counter would make the space endless); no abstraction merges states that take different transitions.
import { createActor, type AnyMachineSnapshot, type AnyStateMachine, type EventObject } from 'xstate'
import { ENGINE_EVENTS } from '../../machines/engine/events.ts'
import type { EventType } from '../../machines/events.ts'
import { HEAD_EVENTS } from '../../machines/head/events.ts'
import { HEAD_FAILBACK_EVENTS } from '../../machines/head/failback-events.ts'
import { LUN_EVENTS } from '../../machines/lun/events.ts'
import { PATH_EVENTS } from '../../machines/path/events.ts'
import { PATH_HEALTH_EVENTS } from '../../machines/path/health-events.ts'
import { MACHINES, type MachineName } from '../../machines/registry.ts'
import { RESERVATION_EVENTS } from '../../machines/reservation/events.ts'
import type { Happening } from './given.ts'
import { added, created, DELAY_US, EVIDENCE, failed, paths, samplesOf, WHY } from './payloads.ts'

/** When everything in a model happens. Deadlines are later than that, by the intervals. */
const AT_US = 1_000_000

/** Far above what any model comes to: the search ends here instead of never. */
const TRAVERSALS_MAX = 200_000

export interface Model {
  readonly name: MachineName
  readonly machine: AnyStateMachine
  readonly types: readonly EventType[]
  /** Event types that begin a life; random stories often start with one. */
  readonly openings: readonly string[]
  readonly abstraction: (context: Context) => unknown
  /** What is tried together. Searches apart keep the space small where regions have nothing to do with each other. */
  readonly searches: readonly (readonly Happening[])[]
  /** For the search over all simple paths, which grows much faster than the one over shortest paths. */
  readonly few: readonly Happening[]
}

type Context = Readonly<Record<string, unknown>>

export interface ModelEvent extends EventObject {
  readonly atUs: number
}

const armed = ({ timers }: Context): string[] => Object.keys(timers ?? {}).sort()
const atMost = (limit: number, value: unknown): number => Math.min(limit, Number(value))

/** What the health of a path has to do with: one access state, and a device that comes and goes. */
const HEALTH_STORY: readonly Happening[] = [
  ['path.added', added()],
  ...samplesOf(
    PATH_EVENTS.filter(({ type }) =>
      [
        ...['path.removed', 'path.failed', 'path.probeFailed', 'path.probeSucceeded'],
        ...['path.becameMarginal', 'path.becameSteady', 'path.enabled', 'path.disabled'],
      ].includes(type),
    ),
  ),
]

const BESIDE = ['silent', 'answersAgain', 'placeUnreadable', 'busy', 'busyEnded', 'lateError']
/** What has little to do with the other events of health. */
const isOfSilence = ({ type }: { readonly type: string }): boolean =>
  BESIDE.includes(type.slice('path.'.length))

const SILENCE_STORY: readonly Happening[] = [
  ['path.added', added()],
  ['path.failed', failed()],
  ['path.removed', WHY],
  ['path.lost', { ...WHY, timers: {} }],
]

/** What the loss of all paths has to do with: heads that wait and heads that do not. */
const LOSS_STORY: readonly Happening[] = [
  ['head.created', created()],
  ['head.created', created({ noPathRetry: 'queue' })],
  ['head.created', created({ noPathRetry: 2 })],
  ['head.published'],
  ['head.pathsChanged', paths(1)],
  ['head.pathsChanged', paths(1, 0)],
  ['head.closed', WHY],
]

export const MODELS: readonly Model[] = [
  {
    name: 'path',
    machine: MACHINES.path.machine,
    types: PATH_EVENTS,
    openings: ['path.added'],
    abstraction: (context) => [
      context['present'],
      context['lost'],
      context['fenced'],
      context['suspect'] !== null,
      armed(context),
      Number(context['probeIntervalUs']) > 1_000_000,
      ...['rules', 'newSizeBytes'].map((key) => context[key] !== null),
      ...['override', 'waiting', 'heldBack', 'goingAway'].map((key) => context[key]),
      context['silent'] === true,
      atMost(2, context['flaps']),
    ],
    searches: [
      samplesOf(PATH_EVENTS.filter((type) => !PATH_HEALTH_EVENTS.includes(type as never))),
      [...HEALTH_STORY, ...samplesOf(PATH_HEALTH_EVENTS.filter((type) => !isOfSilence(type)))],
      // By itself: beside all the others it would double what there is to look at.
      [...SILENCE_STORY, ...samplesOf(PATH_HEALTH_EVENTS.filter(isOfSilence))],
    ],
    few: [
      ['path.added', added()],
      ['path.suspected', EVIDENCE],
      ['path.failed', failed()],
      ['path.probeFailed', { errno: null, detail: 'no answer' }],
      ['path.probeSucceeded', { reads: 3 }],
      ['path.blocked', WHY],
      ['path.unblocked', WHY],
      ['path.removed', WHY],
    ],
  },
  {
    name: 'head',
    machine: MACHINES.head.machine,
    types: HEAD_EVENTS,
    openings: ['head.created'],
    abstraction: (context) => [
      ...['present', 'iopolicy', 'noPathRetry', 'exhausted'].map((key) => context[key]),
      ...['paths', 'usable', 'available', 'checksLeft'].map((key) => atMost(3, context[key])),
      Number(context['lost']) > 0,
      context['delayedRemovalUs'] === DELAY_US,
      context['loss'],
      armed(context),
    ],
    searches: [
      samplesOf(HEAD_EVENTS.filter((type) => !HEAD_FAILBACK_EVENTS.includes(type as never))),
      [...LOSS_STORY, ...samplesOf(HEAD_FAILBACK_EVENTS)],
    ],
    few: [
      ['head.created', created({ noPathRetry: 2, delayedRemovalUs: DELAY_US })],
      ['head.published'],
      ['head.pathsChanged', paths(1)],
      ['head.pathsChanged', paths(1, 0)],
      ['head.pathsChanged', paths(0)],
      ['head.closed', WHY],
    ],
  },
  {
    name: 'lun',
    machine: MACHINES.lun.machine,
    types: LUN_EVENTS,
    openings: ['lun.found'],
    abstraction: (context) => [
      ...['poisoned', 'flushErrors', 'ghosts'].map((key) => atMost(1, context[key])),
      context['members'],
      Object.values(context['groups'] ?? {}).map(({ access }: { access: string }) => access),
      armed(context),
    ],
    searches: [samplesOf(LUN_EVENTS)],
    few: samplesOf(LUN_EVENTS.filter(({ number }) => number < 210)),
  },
  {
    name: 'engine',
    machine: MACHINES.engine.machine,
    types: ENGINE_EVENTS,
    openings: ['engine.started'],
    abstraction: (context) => [
      context['why'],
      ...['runs', 'uncleanStarts', 'refusedPaths', 'ledgerGaps'].map((key) => atMost(1, context[key])),
    ],
    searches: [samplesOf(ENGINE_EVENTS)],
    few: samplesOf(ENGINE_EVENTS.filter(({ type }) => type !== 'engine.pathRefused')),
  },
  {
    name: 'reservation',
    machine: MACHINES.reservation.machine,
    types: RESERVATION_EVENTS,
    openings: ['reservation.adopted'],
    abstraction: (context) => [
      ...['registrants', 'holder', 'type'].map((key) => context[key]),
      atMost(1, (context['attentions'] as unknown[] | undefined)?.length ?? 0),
    ],
    searches: [samplesOf(RESERVATION_EVENTS)],
    few: samplesOf(RESERVATION_EVENTS.filter(({ number }) => number === 401)),
  },
]

/** What getShortestPaths, getSimplePaths and getAdjacencyMap want to know. Armed timers fire besides `happenings`. */
export function traversal(model: Model, happenings: readonly Happening[]) {
  const { name, machine, abstraction } = model
  const events = happenings.map(([type, data]): ModelEvent => ({ ...data, type, atUs: AT_US }))
  return {
    events: (snapshot: AnyMachineSnapshot): ModelEvent[] => [...events, ...firing(name, snapshot.context)],
    filterEvents: (snapshot: AnyMachineSnapshot, event: ModelEvent) => snapshot.can(event),
    serializeState: ({ value, context }: AnyMachineSnapshot) => JSON.stringify([value, abstraction(context)]),
    fromState: createActor(machine).getSnapshot() as AnyMachineSnapshot,
    limit: TRAVERSALS_MAX,
  }
}

/** The armed timers, each firing on time. */
function firing(name: string, context: Context): ModelEvent[] {
  const timers = Object.entries((context['timers'] ?? {}) as Readonly<Record<string, number>>)
  return timers.map(([timer, dueUs]): ModelEvent => {
    const event = { type: `${name}.timerFired`, timer, dueUs, atUs: dueUs }
    return event
  })
}
