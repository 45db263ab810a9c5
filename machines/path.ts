// The life of one path, on one screen: four regions side by side, each in the kernel's own words.
// What a transition asks of the world is an effect: plain data that the engine performs (machines/effects.ts).
import { assign, setup } from 'xstate'
import type { Evidence } from './events.ts'
import type { PathEvent } from './path-events.ts'
import type { AccessState } from './words.ts'
import { effect, timerEffect } from './effects.ts'
import { DEVICE_REGION } from './path-device.ts'

export interface PathContext {
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
        probeIntervalUs: context.checker.minUs,
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
      probeIntervalUs: Math.min(context.checker.maxUs, context.probeIntervalUs * 2),
    })),
    armProbe: assign(({ context, event }) => ({
      timers: { ...context.timers, probe: event.atUs + context.probeIntervalUs },
    })),
    disarmProbe: assign(({ context }) => {
      const { probe: _gone, ...timers } = context.timers
      return { timers }
    }),
  },
})

/** Arms the probe timer: in the context, so that the deadline is on the ledger, and as an effect. */
const armProbe = [
  'armProbe',
  {
    type: 'startTimer',
    params: ({ context }: { context: PathContext }) => ({
      timer: 'probe',
      dueUs: context.timers['probe'] ?? 0,
    }),
  },
] as const
const cancelProbe = [
  {
    type: 'cancelTimer',
    params: ({ context }: { context: PathContext }) => ({
      timer: 'probe',
      dueUs: context.timers['probe'] ?? 0,
    }),
  },
  'disarmProbe',
] as const

const toFailed = {
  guard: 'present',
  target: 'failed',
  actions: ['noteFailure', ...armProbe, 'clearCurrentPath', 'wakeRequeue'],
} as const

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

export const pathMachine = path.createMachine({
  id: 'path',
  version: '1',
  type: 'parallel',
  context: NOTHING,
  on: {
    'path.ioSampled': { actions: 'keep' },
    'path.episodeEnded': { actions: 'keep' },
    'path.transitionRefused': { actions: 'keep' },
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
    health: {
      initial: 'online',
      on: {
        'path.added': { guard: 'absent', target: '.online' },
      },
      states: {
        online: {
          on: {
            'path.suspected': { guard: 'present', actions: ['suspect', 'probe'] },
            'path.cleared': { guard: 'suspected', actions: 'unsuspect' },
            'path.failed': toFailed,
            'path.becameMarginal': { guard: 'present', target: 'marginal', actions: 'noteWhy' },
          },
        },
        marginal: {
          on: {
            'path.suspected': { guard: 'present', actions: ['suspect', 'probe'] },
            'path.cleared': { guard: 'suspected', actions: 'unsuspect' },
            'path.failed': toFailed,
            'path.becameSteady': { target: 'online', actions: 'noteWhy' },
            'path.removed': 'online',
          },
        },
        failed: {
          on: {
            'path.timerFired': {
              guard: 'isProbeTimer',
              target: 'probing',
              actions: ['disarmProbe', 'probe'],
            },
            'path.fenced': { guard: 'unfenced', actions: [...cancelProbe, 'noteFence'] },
            'path.removed': [
              { guard: 'fenced', target: 'online' },
              { target: 'online', actions: [...cancelProbe] },
            ],
          },
        },
        probing: {
          on: {
            'path.probeSucceeded': {
              target: 'online',
              actions: ['forgetFailure', 'searchCurrentPath', 'wakeRequeue'],
            },
            'path.fenced': { target: 'failed', actions: 'noteFence' },
            'path.probeFailed': { target: 'failed', actions: ['slowDown', ...armProbe] },
            'path.removed': 'online',
          },
        },
      },
    },
    admin: {
      initial: 'enabled',
      states: {
        enabled: {
          on: {
            'path.disabled': { target: 'disabled', actions: ['noteWhy', 'clearCurrentPath', 'wakeRequeue'] },
          },
        },
        disabled: {
          on: {
            'path.enabled': { target: 'enabled', actions: ['noteWhy', 'searchCurrentPath', 'wakeRequeue'] },
          },
        },
      },
    },
  },
})
