// A path under suspicion, and the verdict: cleared by a read elsewhere on it, or failed. The failure is the episode that
// explains every I/O re-sent because of it; what its counts come to is said when it ends.
import type { Evidence } from '../../machines/events.ts'
import { fenceIfNeeded } from './fencing.ts'
import { recordPath } from '../heads/lifecycle.ts'
import type { PathRuntime } from '../heads/runtime.ts'
import type { Recorded } from '../ledger/recorder.ts'
import { Suspicion } from '../heads/suspicion.ts'
import { usOfMs } from '../core/core.ts'

export type FailedBy = 'probe' | 'probeTimeout' | 'failThreshold' | 'identity' | 'removedUnderIo'

/**
 * Takes an error of a real I/O into account. Opens a suspicion, with its probe, when there is none; joins the one there
 * is, or the episode of a path that has failed already. Null when the path is gone: that explains the error.
 */
export function suspect(
  path: PathRuntime,
  bio: number,
  evidence: Evidence,
  cause: Recorded | null = null,
): Suspicion | null {
  if (!path.present) return null
  const nowUs = path.core.clock.monoUs()
  const known = path.health.suspicion
  const suspicion = known ?? new Suspicion(evidence, nowUs)
  suspicion.count(bio, evidence, nowUs)
  if (known !== null) return known
  path.health.suspicion = suspicion
  // In a storm of errors that fail no path the rows are bounded: they are then only counted.
  if (path.errorRows.take()) {
    suspicion.open(() => recordPath(path, 'path.suspected', evidence, { cause }).recorded)
  } else path.head.actions.probe(path)
  return suspicion
}

/** An error of before the path was put back into use: it is told, it explains what is re-sent, and no path is suspected. */
export function pastError(path: PathRuntime, evidence: Evidence): Suspicion {
  const past = new Suspicion(evidence, path.core.clock.monoUs())
  const told = path.present && path.errorRows.take()
  past.settle('cleared', told ? recordPath(path, 'path.lateError', evidence).recorded : null)
  return past
}

/** The probe answered: the error was not the path's, unless enough bios have said otherwise meanwhile. */
export function clearSuspicion(path: PathRuntime): void {
  const { suspicion } = path.health
  if (suspicion?.verdict !== 'pending') return
  if (suspicion.condemned) return failPath(path, 'failThreshold', thresholdDetail(path))
  path.health.suspicion = null
  const { errors, bios, resent, recorded } = suspicion
  const cleared =
    recorded === null
      ? null
      : recordPath(path, 'path.cleared', { errors, bios, resent }, { cause: recorded }).recorded
  suspicion.settle('cleared', cleared)
}

/** The path failed: the episode goes to the ledger, parked and re-sent bios are explained by it. */
export function failPath(path: PathRuntime, verdict: FailedBy, detail: string | null): void {
  const { suspicion } = path.health
  if (suspicion?.verdict !== 'pending') return
  path.epoch += 1
  path.health.confirmedFailures = 0
  path.health.stopSampling()
  const { first, errors, bios, resent, firstUs, lastUs, samples } = suspicion
  const data = { first, verdict, detail, errors, bios, resent, firstUs, lastUs, samples }
  path.core.log.warn({ path: path.name, verdict, ...first }, 'path failed')
  const { recorded } = recordPath(path, 'path.failed', data, { cause: suspicion.recorded })
  suspicion.failedByProbe = verdict === 'probe' || verdict === 'probeTimeout'
  suspicion.settle('failed', recorded)
  fenceIfNeeded(path)
}

/** Bios that failed here and were taken elsewhere have reached `failThreshold`. */
export function failByThreshold(path: PathRuntime, evidence: Evidence): void {
  if (path.health.suspicion?.verdict === 'pending') {
    // Its probe is out, and flushes wait for the probe's own answer: the path fails with that, whatever it is.
    path.health.suspicion.condemned = true
    return
  }
  if (path.health.suspicion === null) {
    const nowUs = path.core.clock.monoUs()
    path.health.suspicion = new Suspicion(evidence, nowUs)
    path.health.suspicion.count(0, evidence, nowUs)
  }
  failPath(path, 'failThreshold', thresholdDetail(path))
}

/** The device is another one than was added, or not as it must be: no probe is needed to know that. */
export function failByIdentity(path: PathRuntime, why: string, cause: Recorded | null = null): void {
  if (!path.present || path.value.health === 'failed' || path.value.health === 'probing') return
  const nowUs = path.core.clock.monoUs()
  path.lost = why
  path.health.suspicion ??= new Suspicion(
    { errno: 'ENODEV', status: 'OFFLINE', op: 'read', offset: 0, length: 0 },
    nowUs,
  )
  path.health.suspicion.recorded ??= cause
  failPath(path, 'identity', why)
}

function thresholdDetail({ core }: PathRuntime): string {
  return `${core.settings.failThreshold} bios failed here and succeeded elsewhere`
}

/** Says what a failure came to, when it is over. `cause` is what ended it. */
export function endEpisode(path: PathRuntime, cause: Recorded): void {
  const { suspicion } = path.health
  path.health.suspicion = null
  path.epoch += 1
  if (suspicion === null) return
  const { errors, bios, resent, firstUs, lastUs } = suspicion
  if (suspicion.verdict === 'failed') {
    recordPath(path, 'path.episodeEnded', { errors, bios, resent, firstUs, lastUs }, { cause })
  }
  suspicion.settle('failed', cause)
}

/** That a path refused a bio, and in which life of it. */
interface Refused {
  readonly path: PathRuntime
  readonly epoch: number
  readonly evidence: Evidence
}

/** Another path took the bio: its refusal was this path's doing. Enough of those fail it, whatever its probe says. */
export function confirmFailure({ path, epoch, evidence }: Refused): void {
  if (path.epoch !== epoch || !path.present || path.disabled) return
  const { clock, settings } = path.core
  const nowUs = clock.monoUs()
  if (nowUs - path.health.lastConfirmedUs > usOfMs(settings.failWindowMs)) path.health.confirmedFailures = 0
  path.health.confirmedFailures += 1
  path.health.lastConfirmedUs = nowUs
  if (path.health.confirmedFailures >= settings.failThreshold) failByThreshold(path, evidence)
}
