// The rules of health of a new path and a new head, out of the settings. What is as if there were none is not recorded.
import type { HealthRules } from '../../machines/path/health-events.ts'
import { usOfMs } from '../core/core.ts'
import { holdBackIfNeeded, recordHead, recordPath } from '../heads/lifecycle.ts'
import type { HeadRuntime, PathRuntime } from '../heads/runtime.ts'
import type { Recorded } from '../ledger/recorder.ts'
import type { Settings } from '../core/settings.ts'

/** A path has arrived, for the first time or again: its rules, its failback, and the check that a killed engine owed it. */
export function followHealth(path: PathRuntime, cause: Recorded): void {
  const rules = rulesOf(path.core.settings)
  if (rules !== null && path.context.rules === null) recordPath(path, 'path.rulesSet', rules, { cause })
  const { incarnation, timers, failure } = path.context
  if (incarnation > 1) holdBackIfNeeded(path, cause)
  if (timers['sample'] !== undefined) path.head.actions.sample(path)
  const owed = failure === null && (path.context.rules?.check.maxUs ?? 0) > 0 && timers['check'] === undefined
  if (owed) path.head.actions.check(path)
}

/** A path was not back in its time: it leaves its head, and its device is closed. */
export function removeOverdue(path: PathRuntime, remove: (why: string) => Promise<void>): void {
  const why = `not back within ${path.context.rules?.loss.loss ?? 0} s`
  remove(why).catch((error: unknown) =>
    path.core.log.warn({ path: path.name, error }, 'a lost path was not removed in order'),
  )
}

/** Puts what is not as it is by itself on a head that has just been created. */
export function setHeadRules(head: HeadRuntime): void {
  const { failback, quantum } = head.core.settings
  if (failback !== 'immediate') recordHead(head, 'head.failbackSet', { to: failbackOf(failback) })
  if (quantum.unit !== 'ios' || quantum.size !== 1) recordHead(head, 'head.quantumSet', quantum)
}

/** Milliseconds of a setting as microseconds of the ledger; words stay as they are. */
export function failbackOf(setting: Settings['failback']): string | number {
  return typeof setting === 'number' ? usOfMs(setting) : setting
}

function rulesOf({ checker, marginal, loss }: Settings): HealthRules | null {
  if (checker.healthyMaxMs === 0 && !marginal.on && loss.lossSeconds === 0) return null
  return {
    check: { minUs: usOfMs(checker.minMs), maxUs: usOfMs(checker.healthyMaxMs) },
    marginal: {
      doubleFailureUs: marginal.on ? usOfMs(marginal.doubleFailureMs) : 0,
      sampleUs: usOfMs(marginal.sampleMs),
      errorsPerThousand: marginal.errorsPerThousand,
      recheckUs: usOfMs(marginal.recheckMs),
      recheckMaxUs: usOfMs(marginal.recheckMaxMs),
    },
    loss: { loss: loss.lossSeconds, delay: loss.reconnectSeconds, fastFail: loss.fastFailSeconds },
  }
}
