// The path checker: direct reads, with a time limit. It answers two questions: is the error of a real I/O the path's
// (one read elsewhere), and has a failed path come back (the same device, readable where the settings say).
// A path that is well can be checked too, and a marginal one is sampled.
import type { IoCompletion } from '../../adapters/ports.ts'
import { guarded, usOfMs } from '../core/core.ts'
import { holdBackIfNeeded, recordPath } from '../heads/lifecycle.ts'
import type { CHECK_READS } from '../core/health-settings.ts'
import { startSampling } from './margin.ts'
import type { PathRuntime } from '../heads/runtime.ts'
import { classOf, statusOf } from '../core/blk-status.ts'
import { clearSuspicion, endEpisode, failByIdentity, failPath, suspect } from './verdict.ts'

interface Answer {
  readonly ok: boolean
  readonly errno: string | null
  readonly detail: string | null
  readonly timedOut: boolean
  /** Where the read that failed was, when one did. */
  readonly offset: number | null
}

const PROBE_BYTES = 4096

/** Probes a path: for its suspicion, or because the probe timer of a failed path fired. */
export function probe(path: PathRuntime): void {
  if (path.value.health === 'probing') checkFailed(path)
  else checkSuspect(path)
}

function checkSuspect(path: PathRuntime): void {
  const { suspicion } = path
  if (suspicion === null) return
  readAll(path, [elsewhere(path, suspicion.first.offset)], (answer) => {
    if (path.suspicion !== suspicion) return
    if (answer.ok) clearSuspicion(path)
    else failPath(path, answer.timedOut ? 'probeTimeout' : 'probe', answer.detail ?? answer.errno)
  })
}

function checkFailed(path: PathRuntime): void {
  const { epoch } = path
  const still = () => path.epoch === epoch && path.present && path.value.health === 'probing'
  const fail = (answer: Answer) => {
    if (still()) recordPath(path, 'path.probeFailed', { errno: answer.errno, detail: answer.detail })
  }
  const offsets = checkOffsets(path)
  readAll(path, offsets, (answer) => {
    if (!answer.ok) return notIfTheLuns(path, answer, fail, () => prove(path, fail, reinstateIt))
    prove(path, fail, reinstateIt)
  })
  const reinstateIt = () => {
    if (still()) reinstate(path, offsets.length)
  }
}

/** The same name may have come back over other bytes: identity is proved again whenever a path returns. */
function prove(path: PathRuntime, fail: (answer: Answer) => void, then: () => void): void {
  path.device.identify().then(
    (verdict) =>
      guarded(path.core, () => {
        path.lost = verdict.same ? null : verdict.why
        if (!verdict.same) return fail({ ...TIMED_OUT, errno: null, detail: verdict.why, timedOut: false })
        then()
      }),
    (error: unknown) =>
      guarded(path.core, () => fail({ ...TIMED_OUT, timedOut: false, detail: String(error) })),
  )
}

/** Where the path failed may be a bad block of the LUN: then the same read fails elsewhere too, and says nothing. */
function notIfTheLuns(
  path: PathRuntime,
  answer: Answer,
  fail: (answer: Answer) => void,
  pass: () => void,
): void {
  const { offset } = answer
  const failedAt = failureOffset(path)
  const other = path.head.paths.find((candidate) => candidate !== path && !candidate.disabled)
  if (offset === null || offset !== failedAt || offset === 0 || other === undefined) return fail(answer)
  const sent = readOne(other, offset, (completion, length) => {
    if (statusOf(completion, length) === 'OK') fail(answer)
    else pass()
  })
  if (!sent) fail(answer)
}

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
  const offsets = checkOffsets(path)
  const fail = ({ errno, offset, timedOut }: Answer) => {
    if (!still()) return
    const status = timedOut ? 'TIMEOUT' : statusOf({ errno, status: null, bytes: 0 }, 1)
    const length = probeLength(path.device.geometry)
    const evidence = { errno, status, op: 'read', offset: offset ?? 0, length }
    const { recorded } = recordPath(path, 'path.checkFailed', evidence)
    suspect(path, 0, evidence, recorded)
  }
  readAll(path, offsets, (answer) => {
    if (!answer.ok) return fail(answer)
    path.device.identify().then(
      (verdict) =>
        guarded(path.core, () => {
          if (!still()) return
          if (verdict.same) recordPath(path, 'path.checkPassed', { reads: offsets.length })
          else failByIdentity(path, verdict.why)
        }),
      (error: unknown) => guarded(path.core, () => fail({ ...TIMED_OUT, detail: String(error) })),
    )
  })
}

/** A path that its operator or the transport put back: that is no proof of what it is. */
export function proveReturned(path: PathRuntime): void {
  const { epoch } = path
  const failIfAnother = (why: string) =>
    guarded(path.core, () => {
      if (path.epoch === epoch) failByIdentity(path, why)
    })
  path.device.identify().then(
    (verdict) => (verdict.same ? undefined : failIfAnother(verdict.why)),
    (error: unknown) => failIfAnother(`it cannot be looked at: ${String(error)}`),
  )
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

/** Where a check reads, each place once. */
function checkOffsets(path: PathRuntime): readonly number[] {
  const places = path.core.settings.checker.reads.map((place) => placeOf(path, place))
  return [...new Set(places.filter((offset) => offset !== null))]
}

function placeOf(path: PathRuntime, place: (typeof CHECK_READS)[number]): number | null {
  switch (place) {
    case 'first':
      return 0
    case 'middle':
      return elsewhere(path, 0)
    case 'last':
      return lastBlock(path)
    case 'failed':
      return failureOffset(path)
    case 'random':
      return anywhere(path)
  }
}

/** Where its failure was seen: a path may answer everywhere else and lie there. */
function failureOffset(path: PathRuntime): number | null {
  const { failure } = path.context
  if (failure === null || failure.length === 0) return null
  const { logicalBlockBytes } = path.device.geometry
  return Math.min(failure.offset - (failure.offset % logicalBlockBytes), lastBlock(path))
}

function anywhere(path: PathRuntime): number {
  const { geometry } = path.device
  const blocks = lastBlock(path) / geometry.logicalBlockBytes + 1
  return (path.core.random.nextUint32() % blocks) * geometry.logicalBlockBytes
}

const TIMED_OUT: Answer = { ok: false, errno: 'ETIMEDOUT', detail: null, timedOut: true, offset: null }

/** Reads at each offset, one after the other; answers once: with the first error, at the end, or when time is up. */
function readAll(path: PathRuntime, offsets: readonly number[], answer: (answer: Answer) => void): void {
  const { core } = path
  let open = true
  const finish = (result: Answer) => {
    if (!open) return
    open = false
    timer.cancel()
    answer(result)
  }
  const timeoutUs = usOfMs(core.settings.probeTimeoutMs)
  const timer = core.clock.setTimer(core.clock.monoUs() + timeoutUs, () => {
    guarded(core, () =>
      finish({ ...TIMED_OUT, detail: `no answer within ${core.settings.probeTimeoutMs} ms` }),
    )
  })
  const next = (index: number) => {
    const offset = offsets[index]
    if (offset === undefined) {
      finish({ ok: true, errno: null, detail: null, timedOut: false, offset: null })
      return
    }
    const sent = readOne(path, offset, (completion, length) => {
      const status = statusOf(completion, length)
      // An error that the target itself reported proves that the path reaches it.
      if (open && (status === 'OK' || classOf(status) !== 'path')) return next(index + 1)
      const detail = `read at ${offset}: ${status}`
      finish({ ok: false, errno: completion.errno, detail, timedOut: false, offset })
    })
    if (sent) return
    // One that was only just sent says nothing yet: it is waited for. One that hangs says that the path does.
    const hangs = core.clock.monoUs() - path.probingSinceUs >= timeoutUs
    if (path.probing && !hangs) path.probesWaiting.push(() => open && next(index))
    else finish({ ...TIMED_OUT, detail: 'an earlier probe has not answered yet' })
  }
  next(0)
}

/** One direct read into the path's own probe buffer. False while an earlier one still hangs on to it. */
function readOne(
  path: PathRuntime,
  offset: number,
  done: (completion: IoCompletion, length: number) => void,
): boolean {
  const { device, core } = path
  const block = path.probeBlock
  if (block === null || path.probing) return false
  const length = block.bytes.length
  const startedUs = core.clock.monoUs()
  path.probing = true
  path.probingSinceUs = startedUs
  path.inFlight += 1
  device.submit({ op: 'read', offset, length, data: block.bytes, fua: false }, (completion) => {
    guarded(core, () => {
      path.probing = false
      if (statusOf(completion, length) === 'OK') path.answered(startedUs)
      path.inFlight -= 1
      path.hear(completion)
      done(completion, length)
      for (const waiting of path.probesWaiting.splice(0)) waiting()
      if (path.inFlight === 0) path.onQuiet?.()
    })
  })
  return true
}

/** Bytes that one probe reads: a page, or a block where that is larger, or the whole device where that is smaller. */
export function probeLength({
  sizeBytes,
  logicalBlockBytes,
}: {
  sizeBytes: number
  logicalBlockBytes: number
}): number {
  return Math.min(Math.max(PROBE_BYTES, logicalBlockBytes), sizeBytes)
}

/** Half the device away from the error, on a block boundary: what is wrong there is not what was wrong here. */
function elsewhere(path: PathRuntime, offset: number): number {
  const { sizeBytes, logicalBlockBytes } = path.device.geometry
  const far = (offset + Math.floor(sizeBytes / 2)) % sizeBytes
  const aligned = far - (far % logicalBlockBytes)
  return Math.min(aligned, lastBlock(path))
}

function lastBlock(path: PathRuntime): number {
  const { geometry } = path.device
  const length = probeLength(geometry)
  const last = geometry.sizeBytes - length
  return last - (last % geometry.logicalBlockBytes)
}
