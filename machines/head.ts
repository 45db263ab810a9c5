// The life of one head: allocated, live, perhaps waiting to be removed, removed. Beside it, what service it gives.
import { assign, setup } from 'xstate'
import { effect, timerEffect } from './effects.ts'
import { FAILBACK_EVENTS, failbackAfter, NO_FAILBACK, type HeadFailback } from './head-failback.ts'
import type { HeadEvent } from './head-events.ts'
import type { IoPolicy, NoPathRetry } from './words.ts'

export interface HeadContext extends HeadFailback {
  readonly wwid: string
  /** 'sda'. */
  readonly name: string
  readonly index: number
  /** Between created and removed. */
  readonly present: boolean
  readonly incarnation: number
  readonly iopolicy: IoPolicy
  readonly noPathRetry: NoPathRetry
  /** Time between two checks while `noPathRetry` counts them. */
  readonly checkIntervalUs: number
  /** How long the head outlives its last path; 0 removes it at once. */
  readonly delayedRemovalUs: number
  readonly sizeBytes: number
  readonly logicalBlockBytes: number
  readonly paths: number
  readonly usable: number
  readonly optimized: number
  readonly available: number
  /** Checks left before parked I/O fails; 0 when nothing counts. */
  readonly checksLeft: number
  /** `noPathRetry` counted down to nothing and no path has come back since. */
  readonly exhausted: boolean
  /** Armed timers and the monotonic time each is due at. */
  readonly timers: Readonly<Record<string, number>>
  readonly why: string
}

const NOTHING: HeadContext = {
  ...NO_FAILBACK,
  wwid: '',
  name: '',
  index: 0,
  present: false,
  incarnation: 0,
  iopolicy: 'numa',
  noPathRetry: 'fail',
  checkIntervalUs: 0,
  delayedRemovalUs: 0,
  sizeBytes: 0,
  logicalBlockBytes: 0,
  paths: 0,
  usable: 0,
  optimized: 0,
  available: 0,
  checksLeft: 0,
  exhausted: false,
  timers: {},
  why: '',
}

type Of<Type extends HeadEvent['type']> = Extract<HeadEvent, { type: Type }>
const as = <Type extends HeadEvent['type']>(event: HeadEvent, _type: Type) => event as Of<Type>
type Counts = Pick<HeadContext, 'paths' | 'usable' | 'available'>

/** The counts as they are after this event. Guards run before any action, so they look at the event first. */
function counts(context: HeadContext, event: HeadEvent): Counts {
  return event.type === 'head.pathsChanged' ? event : context
}

/**
 * Whether I/O without a usable path should wait: `noPathRetry` as it is after this event. Retries that ran out stay out
 * until a path is worth waiting for again, or the operator says otherwise.
 */
function waits(context: HeadContext, event: HeadEvent): boolean {
  const { paths, available } = counts(context, event)
  if (paths === 0) return context.delayedRemovalUs > 0
  if (available > 0) return true
  if (event.type === 'head.noPathRetryChanged') return event.to !== 'fail'
  // Counting checks is for paths that may come back; who says 'queue' waits for new ones too.
  const loss = event.type === 'head.lossChanged' ? event.to : context.loss
  if (loss === 'permanent' && context.noPathRetry !== 'queue') return false
  return context.noPathRetry !== 'fail' && !context.exhausted
}

/** How many checks the waiting lasts: nothing will come back by itself, and `noPathRetry` is a number. Else 0. */
function checksToCount(context: HeadContext): number {
  const { paths, available, noPathRetry } = context
  return paths > 0 && available === 0 && typeof noPathRetry === 'number' ? noPathRetry : 0
}

const head = setup({
  types: { context: {} as HeadContext, events: {} as HeadEvent },
  guards: {
    present: ({ context }) => context.present,
    absent: ({ context }) => !context.present,
    noPaths: ({ context, event }) => counts(context, event).paths === 0,
    somePaths: ({ context, event }) => counts(context, event).paths > 0,
    noPathsAndDelay: ({ context, event }) =>
      counts(context, event).paths === 0 && context.delayedRemovalUs > 0,
    allUsable: ({ context, event }) => {
      const { paths, usable } = counts(context, event)
      return context.present && usable > 0 && usable === paths
    },
    someUsable: ({ context, event }) => context.present && counts(context, event).usable > 0,
    waits: ({ context, event }) =>
      context.present && counts(context, event).usable === 0 && waits(context, event),
    fails: ({ context, event }) =>
      context.present && counts(context, event).usable === 0 && !waits(context, event),
    isRemovalTimer: ({ context, event }) =>
      event.type === 'head.timerFired' &&
      event.timer === 'removal' &&
      context.timers['removal'] === event.dueUs &&
      context.paths === 0,
    isCheckTimer: ({ context, event }) =>
      event.type === 'head.timerFired' &&
      event.timer === 'noPath' &&
      context.timers['noPath'] === event.dueUs,
    isLastCheck: ({ context, event }) =>
      event.type === 'head.timerFired' &&
      event.timer === 'noPath' &&
      context.timers['noPath'] === event.dueUs &&
      context.checksLeft <= 1,
    delayOff: ({ event }) => event.type === 'head.delayedRemovalChanged' && event.us === 0,
    delayOffAndNoPaths: ({ context, event }) =>
      event.type === 'head.delayedRemovalChanged' && event.us === 0 && context.present && context.paths === 0,
    policyDiffers: ({ context, event }) =>
      event.type === 'head.iopolicyChanged' && context.present && event.to !== context.iopolicy,
  },
  actions: {
    clearCurrentPath: effect,
    wakeRequeue: effect,
    failRequeue: effect,
    publishDisk: effect,
    removeDisk: effect,
    startTimer: timerEffect,
    cancelTimer: timerEffect,

    /** For events that are kept for their figures and change nothing. */
    keep: assign({}),
    remember: assign(({ context, event }) => {
      const { type: _type, atUs: _atUs, ...facts } = as(event, 'head.created')
      return { ...NOTHING, ...facts, present: true, incarnation: context.incarnation + 1, why: 'created' }
    }),
    leave: assign({
      present: false,
      ...{ paths: 0, usable: 0, optimized: 0, available: 0, checksLeft: 0, exhausted: false },
    }),
    notePaths: assign(({ context, event }) => {
      const { paths, usable, optimized, available } = as(event, 'head.pathsChanged')
      return {
        paths,
        usable,
        optimized,
        available,
        exhausted: context.exhausted && usable === 0 && available === 0,
      }
    }),
    notePolicy: assign(({ event }) => ({ iopolicy: as(event, 'head.iopolicyChanged').to })),
    noteRetry: assign(({ event }) => ({
      noPathRetry: as(event, 'head.noPathRetryChanged').to,
      exhausted: false,
    })),
    noteFailback: assign(({ event }) => failbackAfter(event)),
    noteDelay: assign(({ event }) => ({ delayedRemovalUs: as(event, 'head.delayedRemovalChanged').us })),
    noteWhy: assign((_args, params: { why: string }) => ({ why: params.why })),
    countDown: assign(({ context }) => ({ checksLeft: Math.max(0, context.checksLeft - 1) })),
    stopCounting: assign({ checksLeft: 0, exhausted: true }),
    arm: assign(({ context, event }, params: { timer: 'removal' | 'noPath' }) => ({
      timers: {
        ...context.timers,
        [params.timer]:
          event.atUs + (params.timer === 'removal' ? context.delayedRemovalUs : context.checkIntervalUs),
      },
    })),
    disarm: assign(({ context }, params: { timer: string }) => ({
      timers: Object.fromEntries(Object.entries(context.timers).filter(([timer]) => timer !== params.timer)),
    })),
    setChecks: assign((_args, params: { checksLeft: number }) => params),
  },
})

type Timer = 'removal' | 'noPath'
const due =
  (timer: Timer) =>
  ({ context }: { context: HeadContext }) => ({ timer, dueUs: context.timers[timer] ?? 0 })
const arm = (timer: Timer) =>
  [
    { type: 'arm', params: { timer } },
    { type: 'startTimer', params: due(timer) },
  ] as const
const cancel = (timer: Timer) =>
  [
    { type: 'cancelTimer', params: due(timer) },
    { type: 'disarm', params: { timer } },
  ] as const
const expire = (timer: Timer) => [{ type: 'disarm', params: { timer } }] as const
const because = (why: string) => ({ type: 'noteWhy', params: { why } }) as const

const gone = ['leave', 'removeDisk', 'clearCurrentPath', 'failRequeue'] as const

/** Starts or ends the count of checks, as the waiting now needs it. */
const recount = head.enqueueActions(({ context, event, enqueue }) => {
  const checksLeft = checksToCount(context)
  const running = context.timers['noPath']
  if (checksLeft > 0 && running === undefined) {
    const dueUs = event.atUs + context.checkIntervalUs
    enqueue({ type: 'setChecks', params: { checksLeft } })
    enqueue({ type: 'arm', params: { timer: 'noPath' } })
    enqueue({ type: 'startTimer', params: { timer: 'noPath', dueUs } })
  }
  if (checksLeft === 0 && running !== undefined) {
    enqueue({ type: 'setChecks', params: { checksLeft: 0 } })
    enqueue({ type: 'cancelTimer', params: { timer: 'noPath', dueUs: running } })
    enqueue({ type: 'disarm', params: { timer: 'noPath' } })
  }
})

/** Ends the count when the waiting ends; a check that fired has already disarmed itself. */
const endCount = head.enqueueActions(({ context, event, enqueue }) => {
  const running = context.timers['noPath']
  if (running === undefined || event.type === 'head.timerFired') return
  enqueue({ type: 'setChecks', params: { checksLeft: 0 } })
  enqueue({ type: 'cancelTimer', params: { timer: 'noPath', dueUs: running } })
  enqueue({ type: 'disarm', params: { timer: 'noPath' } })
})

/** The count by name, so that the drawing shows where it starts and ends. */
const counting = head.extend({ actions: { recount, endCount } })

/** What service the head gives follows from its paths and from `noPathRetry`. */
const SERVICE = [
  { guard: 'allUsable', target: '.serving', actions: 'notePaths' },
  { guard: 'someUsable', target: '.degraded', actions: 'notePaths' },
  { guard: 'waits', target: '.queueing', actions: 'notePaths' },
  { guard: 'fails', target: '.failing', actions: 'notePaths' },
] as const

export const headMachine = counting.createMachine({
  id: 'head',
  version: '1',
  type: 'parallel',
  context: NOTHING,
  on: {
    'head.ioSampled': { actions: 'keep' },
    'head.countersSet': { actions: 'keep' },
    'head.drained': { guard: 'present', actions: 'keep' },
    ...FAILBACK_EVENTS,
    'head.iopolicyChanged': {
      guard: 'policyDiffers',
      actions: ['notePolicy', 'clearCurrentPath', 'wakeRequeue'],
    },
  },
  states: {
    life: {
      initial: 'removed',
      states: {
        removed: { on: { 'head.created': { target: 'allocated', actions: 'remember' } } },
        allocated: {
          on: {
            'head.published': { target: 'live', actions: ['publishDisk', 'wakeRequeue'] },
            'head.closed': { target: 'removed', actions: [...gone, because('closed before it was live')] },
          },
        },
        live: {
          on: {
            'head.pathsChanged': [
              {
                guard: 'noPathsAndDelay',
                target: 'removalPending',
                actions: [...arm('removal'), because('last path removed')],
              },
              { guard: 'noPaths', target: 'removed', actions: [...gone, because('last path removed')] },
            ],
            'head.closed': { target: 'removed', actions: [...gone, because('closed')] },
          },
        },
        removalPending: {
          on: {
            'head.pathsChanged': {
              guard: 'somePaths',
              target: 'live',
              actions: [...cancel('removal'), because('a path came back in time')],
            },
            'head.timerFired': {
              guard: 'isRemovalTimer',
              target: 'removed',
              actions: [...expire('removal'), ...gone, because('no path came back in time')],
            },
            'head.delayedRemovalChanged': {
              guard: 'delayOff',
              target: 'removed',
              actions: [...cancel('removal'), ...gone, because('delayed removal switched off')],
            },
            'head.closed': { target: 'removed', actions: [...cancel('removal'), ...gone, because('closed')] },
          },
        },
      },
    },
    service: {
      initial: 'failing',
      on: {
        'head.created': { guard: 'absent', target: '.failing' },
        'head.pathsChanged': [...SERVICE],
        'head.noPathRetryChanged': [
          { guard: 'waits', target: '.queueing', actions: 'noteRetry' },
          { guard: 'fails', target: '.failing', actions: 'noteRetry' },
          { guard: 'present', actions: 'noteRetry' },
        ],
        'head.lossChanged': [
          { guard: 'waits', target: '.queueing', actions: 'noteFailback' },
          { guard: 'fails', target: '.failing', actions: 'noteFailback' },
          { guard: 'present', actions: 'noteFailback' },
        ],
        'head.delayedRemovalChanged': [
          { guard: 'delayOffAndNoPaths', target: '.failing', actions: 'noteDelay' },
          { guard: 'present', actions: 'noteDelay' },
        ],
        'head.timerFired': { guard: 'isRemovalTimer', target: '.failing' },
        'head.closed': { guard: 'present', target: '.failing' },
      },
      states: {
        serving: { entry: 'wakeRequeue' },
        degraded: { entry: 'wakeRequeue' },
        queueing: {
          entry: 'recount',
          exit: 'endCount',
          on: {
            'head.pathsChanged': { guard: 'waits', actions: ['notePaths', 'recount'] },
            'head.lossChanged': { guard: 'waits', actions: 'noteFailback' },
            'head.timerFired': [
              {
                guard: 'isLastCheck',
                target: 'failing',
                actions: [
                  ...expire('noPath'),
                  'stopCounting',
                  because('no path came back within noPathRetry'),
                ],
              },
              { guard: 'isCheckTimer', actions: ['countDown', ...arm('noPath')] },
            ],
          },
        },
        failing: { entry: 'failRequeue' },
      },
    },
  },
})
