// What the transitions of a path do and ask: guards, what is remembered, and effects, by the names that path.ts calls them by.
// An effect is plain data that the engine performs (machines/effects.ts).
import { assign, setup } from 'xstate'
import { NO_PATH, type PathContext } from './context.ts'
import type { PathEvent } from './events.ts'
import type { AccessState } from '../words.ts'
import { effect, rebased, timerEffect } from '../effects.ts'
import { healthAfter, reconnectUs, type HealthTimer } from './health.ts'
import { awaitsCheck, healthGuards, isSampling } from './health-moves.ts'

type Of<Type extends PathEvent['type']> = Extract<PathEvent, { type: Type }>
const as = <Type extends PathEvent['type']>(event: PathEvent, _type: Type) => event as Of<Type>

type Arrival = Of<'path.added' | 'path.returned'>

/** True when a device becomes the path with this event: for the first time, anew, or again after a restart. */
export function isArrival({ present, lost }: PathContext, event: PathEvent): event is Arrival {
  return (event.type === 'path.added' && !present && !lost) || (event.type === 'path.returned' && lost)
}

/** What a path is made of, from the event with which its device came. */
function madeOf(event: Arrival) {
  const { wwid, hctl, name, index, kind, device, numaNode, sizeBytes, logicalBlockBytes } = event
  const { errorsAreFinal, preferred, checker } = event
  return {
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
  }
}

/** Whether the program answered for it this time; where it never did there is nothing to remember. */
function trustOf({ trusted }: PathContext, { sameness }: Arrival): Partial<PathContext> {
  if (sameness === 'trusted') return { trusted: true }
  return trusted === true ? { trusted: false } : {}
}

const base = setup({
  types: { context: {} as PathContext, events: {} as PathEvent },
  guards: {
    ...healthGuards,
    absent: ({ context }) => !context.present && !context.lost,
    present: ({ context }) => context.present,
    accessIs: ({ context, event }, params: { access: AccessState }) =>
      event.type === 'path.accessChanged' && context.present && event.access === params.access,
    firstAccess: ({ context, event }, params: { access: AccessState }) =>
      isArrival(context, event) && event.access === params.access,
    lost: ({ context }) => context.lost,
    lostAndFenced: ({ context }) => context.lost && context.fenced,
    presentAndFenced: ({ context }) => context.present && context.fenced,
    unfenced: ({ context }) => !context.fenced,
    presentAndUnfenced: ({ context }) => context.present && !context.fenced,
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
      const made = madeOf(as(event, 'path.added'))
      return {
        ...{ ...NO_PATH, ...made, present: true, incarnation: context.incarnation + 1 },
        ...{ probeIntervalUs: made.checker.minUs, why: 'added' },
        ...trustOf(context, as(event, 'path.added')),
      }
    }),
    /** The engine is gone, and what it had armed with it: the deadlines stay, in this boot's time. */
    lose: assign(({ context, event }) => ({
      ...{ present: false, lost: true, why: as(event, 'path.lost').why },
      timers: rebased(context.timers, as(event, 'path.lost').timers),
      ...(context.silent === true ? { silent: false } : {}),
    })),
    /** What was known of its health goes on; what it is made of is looked at anew. */
    rejoin: assign(({ context, event }) => ({
      ...madeOf(as(event, 'path.returned')),
      ...trustOf(context, as(event, 'path.returned')),
      ...{ present: true, lost: false, incarnation: context.incarnation + 1, newSizeBytes: null },
      why: 'returned',
    })),
    forget: assign({ lost: false, suspect: null, failure: null }),
    /** The timer of a failed path is cancelled by its health, which still knows what it was due at. */
    leave: assign({ present: false, suspect: null, failure: null }),
    noteWhy: assign(({ event }) => ('why' in event ? { why: event.why } : {})),
    notePreferred: assign(({ event }) => ({ preferred: as(event, 'path.accessChanged').preferred })),
    suspect: assign(({ event }) => {
      const { errno, status, op, offset, length } = as(event, 'path.suspected')
      return { suspect: { errno, status, op, offset, length } }
    }),
    fallSilent: assign({ silent: true }),
    speak: assign({ silent: false }),
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
    /** It is needed: the next tries come soon again. */
    hurryUp: assign(({ context }) => ({ probeIntervalUs: reconnectUs(context) ?? context.checker.minUs })),
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
const keepHealth = base.enqueueActions(({ context, event, enqueue }) => {
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

/** A restart: the deadlines were told anew, and every timer runs again. */
const runTimers = base.enqueueActions(({ context, enqueue }) => {
  for (const [timer, dueUs] of Object.entries(context.timers)) {
    enqueue({ type: 'startTimer', params: { timer, dueUs } })
  }
})

/** A check, or samples, that the last run had asked for and has not answered: they are asked for again. */
const checkAgain = base.enqueueActions(({ context, enqueue }) => {
  if (awaitsCheck(context)) enqueue('check')
})
const sampleAgain = base.enqueueActions(({ context, enqueue }) => {
  if (context.suspect !== null) enqueue('probe')
  if (isSampling(context)) enqueue('tally')
  else if (context.timers['sample'] !== undefined) enqueue('sample')
})

/** Ledgers that were begun before the flag took a path from the caches with its access state. */
const forgetCached = base.enqueueActions(({ event, enqueue }) => {
  if (event.behaviour?.outages === false) enqueue('clearCurrentPath')
})

/** By their names, so that the drawing shows where each is done. */
export const path = base.extend({ actions: { keepHealth, runTimers, checkAgain, sampleAgain, forgetCached } })
