// A ledger with a history worth tampering with, replaying and auditing: two paths, a head, a LUN, failures and returns.
import type { NewEvent } from '../../store/types.ts'
import {
  added,
  EVIDENCE,
  failed,
  HEAD,
  LUN,
  PATH_A,
  PATH_B,
  sampled,
  Scribe,
  started,
  WWID,
} from './events.ts'

const SECOND = 1_000_000

/** About sixty events in appends of one to three, in the order in which an engine would make them. */
export function story(scribe: Scribe = new Scribe()): NewEvent[][] {
  const appends: NewEvent[][] = [
    [started(scribe)],
    [scribe.event(LUN, 'lun.found', { wwid: WWID, sizeBytes: 1_048_576, logicalBlockBytes: 512 })],
    [scribe.event(HEAD, 'head.created', headCreated())],
    [scribe.event(PATH_A, 'path.added', added('8:0:0:0', 0)), counts(scribe, 1, 1)],
    [scribe.event(HEAD, 'head.published')],
    [scribe.event(PATH_B, 'path.added', added('9:0:0:0', 1)), counts(scribe, 2, 2)],
  ]
  for (let round = 0; round < 4; round += 1)
    appends.push(...failover(scribe, round % 2 === 0 ? PATH_A : PATH_B))
  const pulled = { actor: 'operator:0', reason: 'Kabel prüfen' }
  appends.push(
    [scribe.event(PATH_A, 'path.disabled', { why: 'maintenance' }, pulled), counts(scribe, 2, 1)],
    [scribe.event(PATH_A, 'path.enabled', { why: 'maintenance over' }, { ...pulled, reason: 'fertig ✔' })],
    [counts(scribe, 2, 2)],
    [scribe.event(LUN, 'lun.flushFailed', { path: 'sda:0', evidence: EVIDENCE })],
    [scribe.event(PATH_B, 'path.removed', { why: 'test' }), counts(scribe, 1, 1)],
    [scribe.event('engine', 'engine.stopped', { why: 'closed' })],
  )
  return appends
}

/** One path fails, its probe fails once, then it comes back 2.5 s later. Ten events. */
function failover(scribe: Scribe, path: string): NewEvent[][] {
  const suspected = scribe.event(path, 'path.suspected', EVIDENCE, { afterUs: SECOND })
  const fails = scribe.event(path, 'path.failed', failed(), { cause: { eventId: suspected.eventId } })
  const probeDue = (): number => {
    const timers = scribe.states.get(path)?.context['timers'] as { probe?: number }
    return timers.probe ?? 0
  }
  const fire = (afterUs: number) =>
    scribe.event(
      path,
      'path.timerFired',
      { timer: 'probe', dueUs: probeDue() },
      { afterUs, actor: 'checker' },
    )
  return [
    [suspected],
    [fails, counts(scribe, 2, 1)],
    [scribe.event(path, 'path.ioSampled', sampled(1_000_000, 10, 5))],
    [scribe.event(path, 'path.episodeEnded', { errors: 7, bios: 5, resent: 4, firstUs: 1, lastUs: 2 })],
    [fire(SECOND)],
    [scribe.event(path, 'path.probeFailed', { errno: 'EIO', detail: null }, { actor: 'checker' })],
    [fire(2 * SECOND)],
    [scribe.event(path, 'path.probeSucceeded', { reads: 3 }, { actor: 'checker' }), counts(scribe, 2, 2)],
  ]
}

function counts(scribe: Scribe, paths: number, usable: number): NewEvent {
  return scribe.event(HEAD, 'head.pathsChanged', { paths, usable, optimized: usable, available: usable })
}

export function headCreated(): Readonly<Record<string, unknown>> {
  return {
    ...{ wwid: WWID, name: 'sda', index: 0, iopolicy: 'numa', noPathRetry: 'queue' },
    ...{ checkIntervalUs: SECOND, delayedRemovalUs: 0, sizeBytes: 1_048_576, logicalBlockBytes: 512 },
  }
}
