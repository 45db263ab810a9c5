// What an operator says of a head: its policy, what I/O does without a path, the path they prefer, failback. A word that is
// none is refused, and nothing is changed.
import type { ErrorCode } from '../../errors/codes.ts'
import { shown } from '../../errors/arguments.ts'
import { PathledgerError } from '../../errors.ts'
import { noPathRetry } from '../../machines/head/events.ts'
import { IO_POLICIES, type IoPolicy, type NoPathRetry, type Quantum } from '../../machines/words.ts'
import { usOfMs } from '../core/core.ts'
import type { HeadRuntime } from '../heads/runtime.ts'
import { failbackSetting, quantumSettings } from '../core/health-settings.ts'
import { recordHead, recordPath, recountPaths } from '../heads/lifecycle.ts'
import type { OperatorWord } from '../core/spoken.ts'
import { failbackOf } from '../health/rules.ts'
import type { Settings } from '../core/settings.ts'
import { spokenBy } from '../core/spoken.ts'

/** Prefers a path of the head, by name or H:C:I:L, or none. One that waits for its failback comes back with it. */
export function preferPath(head: HeadRuntime, wanted: string | null, word: OperatorWord): void {
  const path = head.paths.find(({ name, hctl }) => name === wanted || hctl === wanted) ?? null
  if (wanted !== null && path === null) {
    throw new PathledgerError('PATH_NOT_FOUND', {
      message: `${head.name} has no path ${shown(wanted)}.`,
      why: `It has ${head.paths.map(({ name }) => name).join(', ') || 'none'}.`,
      todo: 'Use one of these names. Nothing was changed.',
      errno: 'ENODEV',
    })
  }
  const origin = spokenBy(word)
  const why = word.reason ?? 'operator'
  const { recorded } = recordHead(head, 'head.pathPreferred', { path: path?.hctl ?? null, why }, origin)
  if (path?.context.heldBack === true)
    recordPath(path, 'path.failedBack', { why }, { ...origin, cause: recorded })
}

/** Sets the I/O policy, from the next I/O on. Throws IOPOLICY_INVALID. */
export function setIoPolicy(head: HeadRuntime, to: IoPolicy, word: OperatorWord): void {
  if (!IO_POLICIES.includes(to)) {
    const why = `The policies are ${IO_POLICIES.join(', ')}.`
    throw invalid('IOPOLICY_INVALID', `${shown(to)} is not an I/O policy.`, why)
  }
  if (to === head.policy) return
  head.core.log.info({ head: head.name, from: head.policy, to }, 'iopolicy changed')
  recordHead(head, 'head.iopolicyChanged', { to }, spokenBy(word))
}

/** Sets what I/O does without a usable path. Throws NO_PATH_RETRY_INVALID. */
export function setNoPathRetry(head: HeadRuntime, to: NoPathRetry): void {
  if (!noPathRetry.safeParse(to).success) {
    const why = "It is 'fail', 'queue' or a number of checks from 1 to 1,000,000."
    throw invalid('NO_PATH_RETRY_INVALID', `${shown(to)} is not a noPathRetry.`, why)
  }
  const { recorded } = recordHead(head, 'head.noPathRetryChanged', { to }, { actor: 'operator' })
  recountPaths(head, recorded)
}

/** Sets how long the head outlives its last path. Throws DELAYED_REMOVAL_INVALID. */
export function setDelayedRemoval(head: HeadRuntime, milliseconds: number, word: OperatorWord): void {
  if (typeof milliseconds !== 'number' || !(milliseconds >= 0 && milliseconds <= DAY_MS)) {
    const why = `It is milliseconds from 0 to ${DAY_MS}.`
    throw invalid('DELAYED_REMOVAL_INVALID', `${shown(milliseconds)} is not a delay.`, why)
  }
  recordHead(head, 'head.delayedRemovalChanged', { us: usOfMs(milliseconds) }, spokenBy(word))
}

const DAY_MS = 86_400_000

/** Sets when a path that comes back takes its I/O again. Throws FAILBACK_INVALID. */
export function setFailback(head: HeadRuntime, to: Settings['failback'], word: OperatorWord): void {
  // What is left out has a default among the settings, and none here.
  if ((to as unknown) === undefined || !failbackSetting.safeParse(to).success) {
    const why = "It is 'immediate', 'manual', 'followover' or milliseconds from 1 to a day."
    throw invalid('FAILBACK_INVALID', `${shown(to)} is not a failback.`, why)
  }
  recordHead(head, 'head.failbackSet', { to: failbackOf(to) }, spokenBy(word))
}

/** Sets what round-robin sends down one path before it goes on. Throws QUANTUM_INVALID. */
export function setQuantum(head: HeadRuntime, quantum: Quantum, word: OperatorWord): void {
  const { unit, size } = Object(quantum) as Partial<Quantum>
  if (unit === undefined || size === undefined || !quantumSettings.safeParse(quantum).success) {
    const why = "It is { unit: 'ios' or 'bytes', size: 1 or more }."
    throw invalid('QUANTUM_INVALID', `${shown(quantum)} is not a quantum.`, why)
  }
  recordHead(head, 'head.quantumSet', { unit, size }, spokenBy(word))
}

function invalid(code: ErrorCode, message: string, why: string): PathledgerError {
  return new PathledgerError(code, { message, why, todo: 'Nothing was changed.', errno: 'EINVAL' })
}

/** A buffer of so many bytes cannot be lent: a write of it would not be aligned. */
export function unaligned({ logicalBlockBytes, name }: HeadRuntime, length: number): PathledgerError {
  const why = `It must be a multiple of ${logicalBlockBytes} bytes, the logical block of ${name}.`
  return invalid('IO_UNALIGNED', `A buffer of ${shown(length)} bytes cannot be written.`, why)
}
