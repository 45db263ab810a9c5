// What an event means for the health of a path beyond its state: counts, flags and timers. A pure function over the
// path's context; path.ts applies what it says. Without rules (path.rulesSet) nothing of this happens.
import type { HealthRules } from './health-events.ts'
import type { PathContext, PathHealth } from './context.ts'
import type { PathEvent } from './events.ts'

/** Timers of a path's health besides the probe timer, which its health state arms itself. */
export const HEALTH_TIMERS = ['check', 'failback', 'fastFail', 'loss', 'recheck', 'sample'] as const
export type HealthTimer = (typeof HEALTH_TIMERS)[number]

/** What to change: flags and counts, timers to end, and timers to arm, each with its time from now. */
export interface HealthChange {
  readonly set: Partial<PathHealth>
  readonly cancel: readonly HealthTimer[]
  readonly arm: Partial<Record<HealthTimer, number>>
}

/** Failures that are told apart: more of them make no interval longer. */
const FLAPS_MAX = 16
const US = 1_000_000

/** What an event that the path takes changes. `context` is as it was before it. */
export function healthAfter(context: PathContext, event: PathEvent): HealthChange {
  switch (event.type) {
    case 'path.removed':
    case 'path.forgotten':
      return change(heardAgain(context), HEALTH_TIMERS)
    case 'path.failed':
      return failed(context, event.atUs)
    case 'path.probeSucceeded':
      return returned(context)
    case 'path.timerFired':
      return fired(context, event.timer)
    case 'path.goingAway':
      return change({ goingAway: true })
    case 'path.capacityChanged':
      return change({ newSizeBytes: event.toBytes })
    default:
      return checkAfter(context, event) ?? marginAfter(context, event) ?? operatorAfter(context, event)
  }
}

function checkAfter(context: PathContext, event: PathEvent): HealthChange | null {
  const { rules, checkIntervalUs } = context
  switch (event.type) {
    case 'path.rulesSet':
      return rulesSet(context, event)
    case 'path.checkPassed':
      return checked(rules, Math.min(rules?.check.maxUs ?? 0, checkIntervalUs * 2))
    case 'path.checkFailed':
      return checked(rules, rules?.check.minUs ?? 0)
    default:
      return null
  }
}

function marginAfter(context: PathContext, event: PathEvent): HealthChange | null {
  const { rules } = context
  switch (event.type) {
    case 'path.becameMarginal':
      return rules === null ? change() : change({}, [], { sample: rules.marginal.sampleUs })
    case 'path.becameSteady':
      return change({}, ['sample', 'recheck'])
    case 'path.sampled':
      if (rules === null || isClean(context, event)) return change()
      return change({}, [], { recheck: recheckIn(rules, context.flaps) })
    default:
      return null
  }
}

function operatorAfter({ override }: PathContext, event: PathEvent): HealthChange {
  switch (event.type) {
    case 'path.heldBack':
      return change({ heldBack: true }, [], event.forUs === null ? {} : { failback: event.forUs })
    case 'path.failedBack':
      return change({ heldBack: false }, ['failback'])
    case 'path.overridden':
      return change({ override: 'on' })
    // The operator insists: they are not overridden again before they have put the path back themselves.
    case 'path.disabled':
      return change({ override: override === 'on' ? 'refused' : 'none' })
    default:
      return change({ override: 'none' })
  }
}

/** A path came back: does it, having failed twice within the time, come back marginal? */
export function comesBackMarginal({ rules, flaps }: PathContext): boolean {
  return rules !== null && rules.marginal.doubleFailureUs > 0 && flaps >= 2
}

/** Few enough samples failed; none that were taken is no sampling. */
export function isClean(
  { rules }: PathContext,
  { reads, errors, slow }: { readonly reads: number; readonly errors: number; readonly slow: number },
): boolean {
  return rules !== null && reads > 0 && (errors + slow) * 1000 <= reads * rules.marginal.errorsPerThousand
}

/** Time to the next probe of a failed path where the loss rules say so, else null: the interval that doubles. */
export function reconnectUs({ rules }: PathContext): number | null {
  return rules === null || rules.loss.delay === 0 ? null : rules.loss.delay * US
}

function rulesSet({ failure }: PathContext, event: HealthRules & { readonly atUs: number }): HealthChange {
  const { check, marginal, loss } = event
  const rules = { check, marginal, loss }
  const arm = failure === null ? nextCheck(rules, check.minUs) : {}
  return change({ rules, checkIntervalUs: check.minUs }, [], arm)
}

function checked(rules: HealthRules | null, checkIntervalUs: number): HealthChange {
  return rules === null ? change() : change({ checkIntervalUs }, [], nextCheck(rules, checkIntervalUs))
}

/** What has failed, or is gone, is not silent any more. Paths that never were have nothing to change. */
function heardAgain({ silent }: PathContext): Partial<PathHealth> {
  return silent === true ? { silent: false } : {}
}

function failed(context: PathContext, atUs: number): HealthChange {
  const { rules, flaps, lastFailedUs } = context
  const cancel = ['check', 'failback', 'recheck', 'sample'] as const
  const heard = heardAgain(context)
  if (rules === null) return change({ heldBack: false, ...heard }, cancel)
  const soon = lastFailedUs !== null && atUs - lastFailedUs <= rules.marginal.doubleFailureUs
  const { loss, fastFail } = rules.loss
  const set = {
    ...heard,
    heldBack: false,
    flaps: soon ? Math.min(flaps + 1, FLAPS_MAX) : 1,
    lastFailedUs: atUs,
    waiting: loss !== 0,
  }
  return change(set, cancel, {
    ...(fastFail > 0 ? { fastFail: fastFail * US } : {}),
    ...(loss > 0 ? { loss: loss * US } : {}),
  })
}

function returned(context: PathContext): HealthChange {
  const { rules } = context
  if (rules === null) return change()
  const { minUs } = rules.check
  const sample = comesBackMarginal(context) ? { sample: rules.marginal.sampleUs } : {}
  const set = { waiting: false, checkIntervalUs: minUs }
  return change(set, ['fastFail', 'loss'], { ...nextCheck(rules, minUs), ...sample })
}

function fired({ rules }: PathContext, timer: string): HealthChange {
  if (timer === 'fastFail') return change({ waiting: false })
  if (timer === 'failback') return change({ heldBack: false })
  return timer === 'recheck' && rules !== null
    ? change({}, [], { sample: rules.marginal.sampleUs })
    : change()
}

/** Time from a sampling that was not clean to the next: longer with every failure that came soon after another. */
function recheckIn({ marginal }: HealthRules, flaps: number): number {
  const { recheckUs, recheckMaxUs } = marginal
  // Not by a shift: that would cut it to 32 bits.
  let us = recheckUs
  for (let flap = 2; flap < flaps && us < recheckMaxUs; flap += 1) us *= 2
  return Math.min(us, recheckMaxUs)
}

function nextCheck({ check }: HealthRules, us: number): HealthChange['arm'] {
  return check.maxUs > 0 ? { check: us } : {}
}

function change(
  set: HealthChange['set'] = {},
  cancel: HealthChange['cancel'] = [],
  arm: HealthChange['arm'] = {},
): HealthChange {
  return { set, cancel, arm }
}
