// Which health events a path takes and when, for path.ts: guards, and the transitions that leave its state as it is.
import { comesBackMarginal, HEALTH_TIMERS, isClean, type HealthTimer } from './health.ts'
import type { EffectName } from '../effects.ts'
import type { PathContext } from './context.ts'
import type { PathEvent } from './events.ts'

interface Asked {
  readonly context: PathContext
  readonly event: PathEvent
}

/** Guards of the path machine that are about its health. */
export const healthGuards = {
  takesRules: ({ context }: Asked): boolean => context.present && context.rules === null,
  /** A check of a path that is well is out. */
  isChecking: ({ context }: Asked): boolean => context.present && awaitsCheck(context),
  isHealthTimer: ({ context, event }: Asked, { timer }: { timer: HealthTimer }): boolean =>
    event.type === 'path.timerFired' && event.timer === timer && context.timers[timer] === event.dueUs,
  comesBackMarginal: ({ context }: Asked): boolean => comesBackMarginal(context),
  isSampling: ({ context }: Asked): boolean => isSampling(context),
  sampledClean: ({ context, event }: Asked): boolean =>
    event.type === 'path.sampled' && isSampling(context) && isClean(context, event),
  mayHoldBack: ({ context }: Asked): boolean => context.present && !context.heldBack,
  heldBack: ({ context }: Asked): boolean => context.present && context.heldBack,
  mayOverride: ({ context }: Asked): boolean => context.present && context.override === 'none',
  overridden: ({ context }: Asked): boolean => context.override === 'on',
  answered: ({ context }: Asked): boolean => context.present && context.silent !== true,
  silent: ({ context }: Asked): boolean => context.present && context.silent === true,
  staysHere: ({ context }: Asked): boolean => context.present && !context.goingAway,
}

/** A path that is well is checked from time to time, and now its check is out. */
export function awaitsCheck({ failure, rules, timers }: PathContext): boolean {
  return failure === null && (rules?.check.maxUs ?? 0) > 0 && timers['check'] === undefined
}

/** The time for samples is over, and what they came to is waited for. */
export function isSampling({ rules, timers }: PathContext): boolean {
  return rules !== null && timers['sample'] === undefined && timers['recheck'] === undefined
}

/** What each timer asks of the world when it fires. */
const WHEN_FIRED = {
  check: ['check'],
  failback: ['searchCurrentPath'],
  fastFail: [],
  loss: ['removePath'],
  recheck: ['sample'],
  sample: ['tally'],
} as const satisfies Readonly<Record<HealthTimer, readonly EffectName[]>>

/** Events of the whole path: none of its regions changes its state for them. */
export const HEALTH_EVENTS_OF_THE_PATH = {
  'path.rulesSet': { guard: 'takesRules', actions: 'keepHealth' },
  'path.checkPassed': { guard: 'isChecking', actions: 'keepHealth' },
  'path.checkFailed': { guard: 'isChecking', actions: 'keepHealth' },
  'path.heldBack': { guard: 'mayHoldBack', actions: ['keepHealth', 'clearCurrentPath'] },
  'path.failedBack': { guard: 'heldBack', actions: ['keepHealth', 'searchCurrentPath'] },
  'path.goingAway': { guard: 'staysHere', actions: ['noteWhy', 'keepHealth', 'clearCurrentPath'] },
  'path.silent': { guard: 'answered', actions: ['noteWhy', 'fallSilent', 'clearCurrentPath'] },
  'path.answersAgain': { guard: 'silent', actions: ['speak', 'searchCurrentPath', 'wakeRequeue'] },
  'path.placeUnreadable': { guard: 'present', actions: 'keep' },
  'path.busy': { guard: 'present', actions: 'keep' },
  'path.busyEnded': { guard: 'present', actions: 'keep' },
  'path.lateError': { guard: 'present', actions: 'keep' },
  'path.capacityChanged': { guard: 'present', actions: 'keepHealth' },
  'path.timerFired': HEALTH_TIMERS.map((timer) => ({
    guard: { type: 'isHealthTimer' as const, params: { timer } },
    actions: [{ type: 'disarm' as const, params: { timer } }, 'keepHealth' as const, ...WHEN_FIRED[timer]],
  })),
} as const
