// The path checker: direct reads, with a time limit. It answers two questions: is the error of a real I/O the path's
// (one read elsewhere), and has a failed path come back (the same device, readable at its start, middle and end).
import type { IoCompletion } from '../adapters/ports.ts'
import { guarded, usOfMs } from './core.ts'
import { recordPath } from './lifecycle.ts'
import type { PathRuntime } from './path-runtime.ts'
import { classOf, statusOf } from './status.ts'
import { clearSuspicion, endEpisode, failPath } from './verdict.ts'

interface Answer {
  readonly ok: boolean
  readonly errno: string | null
  readonly detail: string | null
  readonly timedOut: boolean
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
  const offsets = [0, elsewhere(path, 0), lastBlock(path)]
  readAll(path, offsets, (answer) => {
    if (!answer.ok) return fail(answer)
    // The same name may have come back over other bytes: identity is proved again whenever a path returns.
    path.device.identify().then(
      (verdict) =>
        guarded(path.core, () => {
          if (!verdict.same) return fail({ ok: false, errno: null, detail: verdict.why, timedOut: false })
          if (still()) reinstate(path, offsets.length)
        }),
      (error: unknown) =>
        guarded(path.core, () => fail({ ...TIMED_OUT, timedOut: false, detail: String(error) })),
    )
  })
}

function reinstate(path: PathRuntime, reads: number): void {
  path.core.log.info({ path: path.name }, 'path reinstated')
  const { recorded } = recordPath(path, 'path.probeSucceeded', { reads })
  endEpisode(path, recorded)
}

const TIMED_OUT: Answer = { ok: false, errno: 'ETIMEDOUT', detail: null, timedOut: true }

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
      finish({ ok: true, errno: null, detail: null, timedOut: false })
      return
    }
    const sent = readOne(path, offset, (completion, length) => {
      const status = statusOf(completion, length)
      // An error that the target itself reported proves that the path reaches it.
      if (open && (status === 'OK' || classOf(status) !== 'path')) return next(index + 1)
      finish({ ok: false, errno: completion.errno, detail: `read at ${offset}: ${status}`, timedOut: false })
    })
    if (!sent) finish({ ...TIMED_OUT, detail: 'an earlier probe has not answered yet' })
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
  path.inFlight += 1
  device.submit({ op: 'read', offset, length, data: block.bytes, fua: false }, (completion) => {
    guarded(core, () => {
      path.probing = false
      if (statusOf(completion, length) === 'OK') path.answered(startedUs)
      path.inFlight -= 1
      path.hear(completion)
      done(completion, length)
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
