// The life of one head: allocated, live, perhaps waiting to be removed, removed. Beside it, what service it gives.
import { assign, setup } from 'xstate'
import { effect, rebased, timerEffect } from '../effects.ts'
import { NO_HEAD, type HeadContext } from './context.ts'
import { checksToCount, counts, known, waits } from './counts.ts'
import { FAILBACK_EVENTS, failbackAfter } from './failback.ts'
import type { HeadEvent } from './events.ts'

export type { HeadContext } from './context.ts'

type Of<Type extends HeadEvent['type']> = Extract<HeadEvent, { type: Type }>
const as = <Type extends HeadEvent['type']>(event: HeadEvent, _type: Type) => event as Of<Type>

const head = setup({
  types: { context: {} as HeadContext, events: {} as HeadEvent },
  guards: {
    present: ({ context }) => context.present,
    absent: ({ context }) => !context.present,
    noPaths: ({ context, event }) => known(context, event) === 0,
    somePaths: ({ context, event }) => known(context, event) > 0,
    noPathsAndDelay: ({ context, event }) => known(context, event) === 0 && context.delayedRemovalUs > 0,
    allUsable: ({ context, event }) => {
      const { usable } = counts(context, event)
      return context.present && usable > 0 && usable === known(context, event)
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
      context.paths + context.lost === 0,
    isReattachTimer: ({ context, event }) =>
      event.type === 'head.timerFired' &&
      event.timer === 'reattach' &&
      context.timers['reattach'] === event.dueUs,
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
      event.type === 'head.delayedRemovalChanged' &&
      event.us === 0 &&
      context.present &&
      known(context, event) === 0,
    grows: ({ context, event }) =>
      event.type === 'head.resized' && context.present && event.toBytes > context.sizeBytes,
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
      const { type: _type, atUs: _atUs, behaviour: _behaviour, ...facts } = as(event, 'head.created')
      return { ...NO_HEAD, ...facts, present: true, incarnation: context.incarnation + 1, why: 'created' }
    }),
    leave: assign({
      present: false,
      ...{ paths: 0, usable: 0, optimized: 0, available: 0, lost: 0, checksLeft: 0, exhausted: false },
    }),
    notePaths: assign(({ context, event }) => {
      if (event.type === 'head.recovered') {
        return { paths: 0, usable: 0, optimized: 0, available: 0, lost: event.lost }
      }
      const { paths, usable, optimized, available } = as(event, 'head.pathsChanged')
      const exhausted = context.exhausted && usable === 0 && available === 0
      const { lost } = counts(context, event)
      return { paths, usable, optimized, available, lost, exhausted }
    }),
    noteSize: assign(({ event }) => ({ sizeBytes: as(event, 'head.resized').toBytes })),
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
    /** The timers died with the engine that had armed them. What is armed has its deadline, told in this boot's time. */
    rebase: assign(({ context, event }) => ({
      timers: rebased(context.timers, as(event, 'head.recovered').timers),
      why: as(event, 'head.recovered').why,
    })),
    awaitReturn: assign(({ context, event }) => ({
      timers: { ...context.timers, reattach: event.atUs + as(event, 'head.recovered').reattachUs },
    })),
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
const expire = (timer: Timer | 'reattach') => [{ type: 'disarm', params: { timer } }] as const
const because = (why: string) => ({ type: 'noteWhy', params: { why } }) as const

const gone = ['stopAwaiting', 'leave', 'removeDisk', 'clearCurrentPath', 'failRequeue'] as const

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

/** Nothing is lost any more, or the head goes: nobody waits for a path of the last run. */
const stopAwaiting = head.enqueueActions(({ context, event, enqueue }) => {
  const dueUs = context.timers['reattach']
  if (dueUs === undefined || (event.type === 'head.lostPathsChanged' && event.lost > 0)) return
  enqueue({ type: 'cancelTimer', params: { timer: 'reattach', dueUs } })
  enqueue({ type: 'disarm', params: { timer: 'reattach' } })
})

/** The head as it was, in a new engine: its timers run again, and what its paths were has a while to come back. */
const recover = head.enqueueActions(({ context, event, enqueue }) => {
  if (event.type !== 'head.recovered') return
  const { reattach, ...armed } = rebased(context.timers, event.timers)
  if (reattach !== undefined && event.lost === 0) {
    enqueue({ type: 'cancelTimer', params: { timer: 'reattach', dueUs: context.timers['reattach'] ?? 0 } })
    enqueue({ type: 'disarm', params: { timer: 'reattach' } })
  }
  enqueue('rebase')
  for (const [timer, dueUs] of Object.entries(armed)) {
    enqueue({ type: 'startTimer', params: { timer, dueUs } })
  }
  if (event.lost === 0) return
  enqueue('awaitReturn')
  enqueue({ type: 'startTimer', params: { timer: 'reattach', dueUs: event.atUs + event.reattachUs } })
})

/** By name, so that the drawing shows where each starts and ends. */
const counting = head.extend({ actions: { recount, endCount, recover, stopAwaiting } })

const WAITS = { guard: 'waits', target: '.queueing', actions: 'notePaths' } as const
const FAILS = { guard: 'fails', target: '.failing', actions: 'notePaths' } as const
/** What service the head gives follows from its paths and from `noPathRetry`. */
const SERVICE = [
  { guard: 'allUsable', target: '.serving', actions: 'notePaths' },
  { guard: 'someUsable', target: '.degraded', actions: 'notePaths' },
  WAITS,
  FAILS,
] as const

/** The last path is gone, and nobody knows of another. */
const PENDING = {
  guard: 'noPathsAndDelay',
  target: 'removalPending',
  actions: [...arm('removal'), because('last path removed')],
} as const
const REMOVED = {
  guard: 'noPaths',
  target: 'removed',
  actions: [...gone, because('last path removed')],
} as const
const BACK_IN_TIME = {
  guard: 'somePaths',
  target: 'live',
  actions: [...cancel('removal'), because('a path came back in time')],
} as const
/** What has not come back by now is given up: an event of each path, and then what they come to. */
const GIVE_UP_LOST = {
  guard: 'isReattachTimer',
  actions: [...expire('reattach'), because('paths of the last run were not attached again in time')],
} as const

export const headMachine = counting.createMachine({
  id: 'head',
  version: '1',
  type: 'parallel',
  context: NO_HEAD,
  on: {
    'head.ioSampled': { actions: 'keep' },
    'head.ioTraced': { actions: 'keep' },
    'head.ioParked': { actions: 'keep' },
    'head.tracingChanged': { guard: 'present', actions: 'keep' },
    'head.countersSet': { actions: 'keep' },
    'head.ueventAsked': { guard: 'present', actions: 'keep' },
    'head.drained': { guard: 'present', actions: 'keep' },
    'head.resized': { guard: 'grows', actions: 'noteSize' },
    'head.shrinkRefused': { guard: 'present', actions: 'keep' },
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
            'head.recovered': { actions: 'recover' },
            'head.lostPathsChanged': { actions: 'stopAwaiting' },
            'head.timerFired': GIVE_UP_LOST,
          },
        },
        live: {
          on: {
            'head.pathsChanged': [PENDING, REMOVED],
            'head.lostPathsChanged': [
              { ...PENDING, actions: ['stopAwaiting', ...PENDING.actions] },
              REMOVED,
              { actions: 'stopAwaiting' },
            ],
            'head.recovered': [
              { ...PENDING, actions: ['recover', 'publishDisk', ...PENDING.actions] },
              REMOVED,
              { actions: ['recover', 'publishDisk'] },
            ],
            'head.timerFired': GIVE_UP_LOST,
            'head.closed': { target: 'removed', actions: [...gone, because('closed')] },
          },
        },
        removalPending: {
          on: {
            'head.pathsChanged': BACK_IN_TIME,
            'head.lostPathsChanged': BACK_IN_TIME,
            'head.recovered': [
              {
                guard: 'somePaths',
                target: 'live',
                actions: [
                  'recover',
                  'publishDisk',
                  ...cancel('removal'),
                  because('a path had come back in time'),
                ],
              },
              { actions: ['recover', 'publishDisk'] },
            ],
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
        'head.lostPathsChanged': [...SERVICE],
        'head.recovered': [WAITS, FAILS],
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
            'head.lostPathsChanged': { guard: 'waits', actions: ['notePaths', 'recount'] },
            'head.recovered': { guard: 'waits', actions: ['notePaths', 'recount'] },
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
