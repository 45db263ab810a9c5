// The life of one path, on one screen: four regions side by side, each in the kernel's own words.
// What a transition asks of the world is an effect: plain data that the engine performs (machines/effects.ts).
import { assign, setup } from 'xstate'
import type { Evidence } from './events.ts'
import type { PathEvent } from './path-events.ts'
import type { AccessState } from './words.ts'
import { effect, timerEffect } from './effects.ts'
import { DEVICE_REGION } from './path-device.ts'
import { healthAfter, NO_HEALTH, reconnectUs, type HealthTimer, type PathHealth } from './path-health.ts'
import { HEALTH_EVENTS_OF_THE_PATH, healthGuards } from './path-health-moves.ts'
import { ADMIN_REGION, HEALTH_REGION } from './path-health-region.ts'

export interface PathContext extends PathHealth {
  readonly wwid: string
  readonly hctl: string
  readonly name: string
  readonly index: number
  /** 'loop /dev/loop0': what the path is made of. */
  readonly device: string
  readonly numaNode: number | null
  readonly sizeBytes: number
  readonly logicalBlockBytes: number
  readonly errorsAreFinal: boolean
  /** Between added and removed. */
  readonly present: boolean
  /** Counts the lives of this path: 1 when first added, one more with each return. */
  readonly incarnation: number
  /** ALUA's preferred bit, kept apart from the access state (D-20). */
  readonly preferred: boolean
  readonly checker: { readonly minUs: number; readonly maxUs: number }
  /** An error whose verdict is still out. */
  readonly suspect: Evidence | null
  /** First evidence of the failure that holds now. */
  readonly failure: Evidence | null
  /** Fenced: the checker leaves it alone, and it needs a new attach. */
  readonly fenced: boolean
  /** Time until the next probe of a failed path; doubles from minUs to maxUs. */
  readonly probeIntervalUs: number
  /** Armed timers and the monotonic time each is due at. */
  readonly timers: Readonly<Record<string, number>>
  /** Why the path is where it is, in the words of the event that put it there. */
  readonly why: string
}

const NOTHING: PathContext = {
  ...NO_HEALTH,
  wwid: '',
  hctl: '',
  name: '',
  index: 0,
  device: '',
  numaNode: null,
  sizeBytes: 0,
  logicalBlockBytes: 0,
  errorsAreFinal: false,
  present: false,
  incarnation: 0,
  preferred: false,
  checker: { minUs: 0, maxUs: 0 },
  suspect: null,
  failure: null,
  fenced: false,
  probeIntervalUs: 0,
  timers: {},
  why: '',
}

type Of<Type extends PathEvent['type']> = Extract<PathEvent, { type: Type }>
const as = <Type extends PathEvent['type']>(event: PathEvent, _type: Type) => event as Of<Type>

const path = setup({
  types: { context: {} as PathContext, events: {} as PathEvent },
  guards: {
    ...healthGuards,
    absent: ({ context }) => !context.present,
    present: ({ context }) => context.present,
    accessIs: ({ context, event }, params: { access: AccessState }) =>
      event.type === 'path.accessChanged' && context.present && event.access === params.access,
    firstAccess: ({ context, event }, params: { access: AccessState }) =>
      event.type === 'path.added' && !context.present && event.access === params.access,
    fenced: ({ context }) => context.fenced,
    unfenced: ({ context }) => !context.fenced,
    suspected: ({ context }) => context.suspect !== null,
    isProbeTimer: ({ context, event }) =>
      event.type === 'path.timerFired' && event.timer === 'probe' && context.timers['probe'] === event.dueUs,
  },
  actions: {
    // Effects: nothing happens here. step() collects them with their params, the engine performs them.
    clearCurrentPath: effect,
    searchCurrentPath: effect,
    wakeRequeue: effect,
    probe: effect,
    check: effect,
    sample: effect,
    tally: effect,
    removePath: effect,
    startTimer: timerEffect,
    cancelTimer: timerEffect,

    /** For events that are kept for their figures and change nothing. */
    keep: assign({}),
    remember: assign(({ context, event }) => {
      const { wwid, hctl, name, index, kind, device, numaNode, sizeBytes, logicalBlockBytes } = as(
        event,
        'path.added',
      )
      const { errorsAreFinal, preferred, checker } = as(event, 'path.added')
      return {
        ...NOTHING,
        ...{
          wwid,
          hctl,
          name,
          index,
          numaNode,
          sizeBytes,
          logicalBlockBytes,
          errorsAreFinal,
          preferred,
          checker,
        },
        device: `${kind} ${device}`,
        present: true,
        incarnation: context.incarnation + 1,
        probeIntervalUs: checker.minUs,
        why: 'added',
      }
    }),
    /** The timer of a failed path is cancelled by its health, which still knows what it was due at. */
    leave: assign({ present: false, suspect: null, failure: null }),
    noteWhy: assign(({ event }) => ('why' in event ? { why: event.why } : {})),
    notePreferred: assign(({ event }) => ({ preferred: as(event, 'path.accessChanged').preferred })),
    suspect: assign(({ event }) => {
      const { errno, status, op, offset, length } = as(event, 'path.suspected')
      return { suspect: { errno, status, op, offset, length } }
    }),
    unsuspect: assign({ suspect: null }),
    noteFailure: assign(({ context, event }) => {
      const { first, verdict } = as(event, 'path.failed')
      return {
        suspect: null,
        failure: first,
        probeIntervalUs: reconnectUs(context) === null ? context.checker.minUs : 0,
        why: `failed: ${verdict}`,
      }
    }),
    noteFence: assign(({ event }) => ({ fenced: true, why: `fenced: ${as(event, 'path.fenced').detail}` })),
    forgetFailure: assign(({ context }) => ({
      failure: null,
      probeIntervalUs: context.checker.minUs,
      why: 'probe succeeded',
    })),
    slowDown: assign(({ context }) => ({
      probeIntervalUs: reconnectUs(context) ?? Math.min(context.checker.maxUs, context.probeIntervalUs * 2),
    })),
    armProbe: assign(({ context, event }) => ({
      timers: { ...context.timers, probe: event.atUs + context.probeIntervalUs },
    })),
    disarmProbe: assign(({ context }) => ({ timers: without(context.timers, 'probe') })),
    disarm: assign(({ context }, { timer }: { timer: HealthTimer }) => ({
      timers: without(context.timers, timer),
    })),
  },
})

function without(timers: PathContext['timers'], gone: string): PathContext['timers'] {
  const { [gone]: _gone, ...others } = timers
  return others
}

/** What the event means for the path's health, with its timers: those that end first, then those that begin. */
const keepHealth = path.enqueueActions(({ context, event, enqueue }) => {
  const { set, cancel, arm } = healthAfter(context, event)
  let { timers } = context
  for (const timer of cancel) {
    const dueUs = timers[timer]
    if (dueUs === undefined) continue
    enqueue({ type: 'cancelTimer', params: { timer, dueUs } })
    timers = without(timers, timer)
  }
  for (const [timer, us] of Object.entries(arm)) {
    const dueUs = event.atUs + us
    enqueue({ type: 'startTimer', params: { timer, dueUs } })
    timers = { ...timers, [timer]: dueUs }
  }
  enqueue.assign({ ...set, timers })
})

/** By its name, so that the drawing shows where health is kept. */
const kept = path.extend({ actions: { keepHealth } })

const usableNow = { actions: ['noteWhy', 'notePreferred', 'searchCurrentPath', 'wakeRequeue'] } as const
const changed = { actions: ['noteWhy', 'notePreferred', 'wakeRequeue'] } as const
const unusableNow = { actions: ['noteWhy', 'notePreferred', 'clearCurrentPath', 'wakeRequeue'] } as const

/** D-63: to optimal runs the search for every node, to unusable clears the path from the caches, no more than that. */
const ACCESS_TRANSITIONS = [
  { access: 'optimal', target: '.optimal', ...usableNow },
  { access: 'active', target: '.active', ...changed },
  { access: 'standby', target: '.standby', ...unusableNow },
  { access: 'unavailable', target: '.unavailable', ...unusableNow },
  { access: 'lbaDependent', target: '.lbaDependent', ...unusableNow },
  { access: 'offline', target: '.offline', ...unusableNow },
  { access: 'transitioning', target: '.transitioning', ...unusableNow },
] as const

export const pathMachine = kept.createMachine({
  id: 'path',
  version: '1',
  type: 'parallel',
  context: NOTHING,
  on: {
    'path.ioSampled': { actions: 'keep' },
    'path.episodeEnded': { actions: 'keep' },
    'path.transitionRefused': { actions: 'keep' },
    'path.countersSet': { actions: 'keep' },
    ...HEALTH_EVENTS_OF_THE_PATH,
  },
  states: {
    device: DEVICE_REGION,
    access: {
      initial: 'optimal',
      on: {
        'path.added': ACCESS_TRANSITIONS.map(({ access, target }) => ({
          guard: { type: 'firstAccess' as const, params: { access } },
          target,
        })),
        'path.accessChanged': ACCESS_TRANSITIONS.map(({ access, target, actions }) => ({
          guard: { type: 'accessIs' as const, params: { access } },
          target,
          actions,
        })),
      },
      states: {
        optimal: {},
        active: {},
        standby: {},
        unavailable: {},
        lbaDependent: {},
        offline: {},
        transitioning: {},
      },
    },
    health: HEALTH_REGION,
    admin: ADMIN_REGION,
  },
})
