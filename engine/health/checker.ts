// The path checker: direct reads, with a time limit. It answers two questions: is the error of a real I/O the path's
// (one read elsewhere), and has a failed path come back (the same device, readable where the settings say).
// A path that is well can be checked too, and a marginal one is sampled.
import { guarded } from '../core/core.ts'
import { inTime, within } from '../core/within.ts'
import { holdBackIfNeeded, recordPath } from '../heads/lifecycle.ts'
import { startSampling } from './margin.ts'
import {
  anywhere,
  checkOffsets,
  elsewhere,
  OF_A_FAILED_PATH,
  OF_A_SUSPECT,
  OF_A_WELL_PATH,
  probeLength,
  readAll,
  readOne,
  TIMED_OUT,
  usableOther,
  type Answer,
  type BadPlace,
} from './places.ts'
import type { PathRuntime } from '../heads/runtime.ts'
import { statusOf } from '../core/blk-status.ts'
import { classOf } from '../../machines/words.ts'
import type { Recorded } from '../ledger/recorder.ts'
import { whenCompared } from './same-medium.ts'
import { clearSuspicion, endEpisode, failByIdentity, failPath, suspect } from './verdict.ts'

/** Probes a path: for its suspicion, or because the probe timer of a failed path fired. */
export function probe(path: PathRuntime): void {
  if (path.value.health === 'probing') checkFailed(path)
  else checkSuspect(path)
}

function checkSuspect(path: PathRuntime): void {
  const { suspicion } = path.health
  if (suspicion === null) return
  const { returns } = path
  readAll(path, [elsewhere(path, suspicion.first.offset)], OF_A_SUSPECT, (answer) => {
    suspicion.whenOpen(() => {
      if (path.health.suspicion !== suspicion) return
      // Somebody put the path back meanwhile: what was asked before says nothing of it as it is now.
      if (!answer.ok && path.returns !== returns) return checkSuspect(path)
      if (answer.ok) clearSuspicion(path)
      else failPath(path, answer.timedOut ? 'probeTimeout' : 'probe', answer.detail ?? answer.errno)
    })
  })
}

function checkFailed(path: PathRuntime): void {
  const { epoch } = path
  const still = () => path.epoch === epoch && path.present && path.value.health === 'probing'
  const fail = ({ errno, detail, found = 'error' }: Answer) => {
    if (still()) recordPath(path, 'path.probeFailed', { errno, detail, found })
  }
  readAll(path, checkOffsets(path), OF_A_FAILED_PATH, (answer) => {
    if (!answer.ok) return fail(answer)
    const reinstateIt = () => {
      if (still()) reinstate(path, answer.reads)
    }
    notIfThePaths(path, answer, fail, () => prove(path, fail, reinstateIt))
  })
}

/** The same name may have come back over other bytes: identity is proved again whenever a path returns. */
function prove(path: PathRuntime, fail: (answer: Answer) => void, then: () => void): void {
  const { core, device } = path
  const { probeTimeoutMs } = core.settings
  const ask = (answer: (verdict: Identified) => void) => {
    device.identify().then(answer, (error: unknown) => answer({ error: String(error) }))
  }
  within(core, probeTimeoutMs, ask, (verdict) => {
    if (verdict === null)
      return fail({ ...TIMED_OUT, detail: `it did not say what it is within ${probeTimeoutMs} ms` })
    if ('error' in verdict) return fail({ ...TIMED_OUT, timedOut: false, detail: verdict.error })
    const decide = (why: string | null) => {
      path.lost = why
      if (why === null) then()
      else fail({ ...TIMED_OUT, errno: null, detail: why, timedOut: false, found: 'identity' })
    }
    if (verdict.same) whenCompared(path, decide)
    else decide(verdict.why)
  })
}

type Identified = Awaited<ReturnType<PathRuntime['device']['identify']>> | { readonly error: string }

/**
 * The path answers, and not everywhere. Where another path can read such a place, this one lies about it; where none can, or
 * none is left to ask, it is the medium's, is told as that, and keeps no path out.
 */
function notIfThePaths(
  path: PathRuntime,
  answer: Answer,
  fail: (answer: Answer) => void,
  pass: () => void,
): void {
  const other = usableOther(path)
  const ask = (index: number): void => {
    const place = answer.bad[index]
    if (place === undefined) {
      tellUnreadable(path, answer.bad)
      return pass()
    }
    const { offset, errno, status } = place
    const lies = () =>
      fail({ ...TIMED_OUT, errno, detail: `read at ${offset}: ${status}`, timedOut: false, offset })
    if (other === undefined) return ask(index + 1)
    const { core } = path
    const read = (answer: (canBeRead: boolean) => void) => {
      const sent = readOne(other, offset, (completion, length) =>
        answer(statusOf(completion, length) === 'OK'),
      )
      if (!sent) answer(true)
    }
    // The other one may hang: this path stays out, and is asked again like any that does not answer.
    within(core, core.settings.probeTimeoutMs, read, (canBeRead) => {
      if (canBeRead === false) ask(index + 1)
      else lies()
    })
  }
  ask(0)
}

/** Each place once in a life of the path. */
function tellUnreadable(path: PathRuntime, bad: readonly BadPlace[]): void {
  for (const { offset, errno, status } of bad) {
    if (
      path.health.unreadable.has(offset) ||
      path.health.unreadable.size >= UNREADABLE_MAX ||
      !path.errorRows.take()
    )
      continue
    path.health.unreadable.add(offset)
    const length = probeLength(path.device.geometry)
    recordPath(path, 'path.placeUnreadable', { errno, status, op: 'read', offset, length })
  }
}

/** Places of a path that are told; a medium that is bad all over needs no list. */
const UNREADABLE_MAX = 64

function reinstate(path: PathRuntime, reads: number): void {
  path.core.log.info({ path: path.name }, 'path reinstated')
  // Said before it is back, so that nothing goes there in between.
  holdBackIfNeeded(path, null)
  const { recorded } = recordPath(path, 'path.probeSucceeded', { reads })
  endEpisode(path, recorded)
}

/** Checks a path that is well: it reads, and it is still the device that was added. */
export function check(path: PathRuntime): void {
  const { epoch } = path
  const still = () => path.epoch === epoch && path.present && isWell(path)
  if (path.value.device !== 'running') return void recordPath(path, 'path.checkPassed', { reads: 0 })
  const fail = ({ errno, offset, timedOut }: Answer) => {
    if (!still()) return
    const status = timedOut ? 'TIMEOUT' : statusOf({ errno, status: null, bytes: 0 }, 1)
    const length = probeLength(path.device.geometry)
    const evidence = { errno, status, op: 'read', offset: offset ?? 0, length }
    const { recorded } = recordPath(path, 'path.checkFailed', evidence)
    suspect(path, 0, evidence, recorded)
  }
  const proveIt = (reads: number) =>
    inTime(path.core, path.core.settings.probeTimeoutMs, path.device.identify()).then(
      (ended) =>
        guarded(path.core, () => {
          if (!still()) return
          if (ended === null)
            fail({ ...TIMED_OUT, detail: 'it did not say what it is within probeTimeoutMs' })
          else if (ended.value.same) recordPath(path, 'path.checkPassed', { reads })
          else failByIdentity(path, ended.value.why)
        }),
      (error: unknown) => guarded(path.core, () => fail({ ...TIMED_OUT, detail: String(error) })),
    )
  readAll(path, checkOffsets(path), OF_A_WELL_PATH, (answer) => {
    if (!answer.ok) return fail(answer)
    notIfThePaths(path, answer, fail, () => void proveIt(answer.reads))
  })
}

/**
 * A path that its operator or the transport put back, or whose target says that it may be another one: nothing proves what it is,
 * and no I/O goes there before it has said so. One that does not say so in time is not used.
 */
export function proveReturned(path: PathRuntime, cause: Recorded | null): void {
  // What it says may be of before this news: it is asked once more, and in a storm no more often than it answers.
  if (path.proving !== 'no') {
    path.proving = 'again'
    return
  }
  path.proving = 'once'
  askWhatItIs(path, (anotherBecause, returns) => {
    const again = path.proving === 'again'
    path.proving = 'no'
    if (anotherBecause === null && again) return proveReturned(path, cause)
    if (anotherBecause !== null && path.returns === returns) failByIdentity(path, anotherBecause, cause)
    path.head.actions.drainBacklog(path)
  })
}

/** Answers once: null, or why it cannot be taken for the device that was added. */
function askWhatItIs(
  path: PathRuntime,
  then: (anotherBecause: string | null, returns: number) => void,
): void {
  const { core, returns } = path
  const { probeTimeoutMs } = core.settings
  const ask = (answer: (verdict: Identified) => void) => {
    path.device.identify().then(answer, (error: unknown) => answer({ error: String(error) }))
  }
  within(core, probeTimeoutMs, ask, (verdict) => {
    if (verdict === null) return then(`it did not say what it is within ${probeTimeoutMs} ms`, returns)
    if ('error' in verdict) return then(`it cannot be looked at: ${verdict.error}`, returns)
    if (!verdict.same) return then(verdict.why, returns)
    whenCompared(path, (anotherBecause) => then(anotherBecause, returns))
  })
}

/** Reads a marginal path again and again, anywhere on it, until its machine says that it is enough. */
export function sample(path: PathRuntime): void {
  startSampling(path, (done) =>
    readOne(path, anywhere(path), (completion, length) => {
      const status = statusOf(completion, length)
      done(status !== 'OK' && classOf(status) === 'path')
    }),
  )
}

function isWell({ value }: PathRuntime): boolean {
  return value.health === 'online' || value.health === 'marginal'
}
