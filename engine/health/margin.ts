// What real I/O and samples say of how well a path works: four counts a window, and a tally while it is sampled.
import { guarded, usOfMs } from '../core/core.ts'
import { recordPath } from '../heads/lifecycle.ts'
import type { PathRuntime } from '../heads/runtime.ts'
import { newTally, type Tally } from '../heads/path-health.ts'

/** An attempt of a real I/O was answered, well or with an error of the path. */
export function noteOutcome(path: PathRuntime, startedUs: number, failed: boolean): void {
  const { clock, settings } = path.core
  if (!settings.marginal.on || !path.present) return
  const nowUs = clock.monoUs()
  const slow = isSlow(path, nowUs - startedUs)
  // While it is sampled its real I/O is the best sample.
  if (path.health.sampling !== null) count(path.health.sampling, failed, slow)
  if (nowUs - path.window.startUs >= usOfMs(settings.marginal.windowMs)) {
    path.window = newTally(nowUs)
    // A window is judged by its own errors.
    path.health.lastSuspected = null
  }
  if (failed) path.health.lastSuspected = path.health.suspicion?.recorded ?? path.health.lastSuspected
  count(path.window, failed, slow)
  judge(path)
}

function judge(path: PathRuntime): void {
  const { reads, errors, slow } = path.window
  const { windowIosMin, errorsPerThousand, slowMs, windowMs } = path.core.settings.marginal
  if (path.value.health !== 'online' || reads < windowIosMin) return
  const tooMany = errors * 1000 > reads * errorsPerThousand
  const tooSlow = slow * 2 > reads
  if (!tooMany && !tooSlow) return
  const what = tooMany
    ? `failed (the limit is ${errorsPerThousand} of 1000)`
    : `took longer than ${slowMs} ms`
  const why = `${tooMany ? errors : slow} of ${reads} I/Os within ${windowMs} ms ${what}`
  path.core.log.warn({ path: path.name, why }, 'path became marginal')
  // Its errors were suspicions first, of which the last one of the window is the evidence; being slow has none.
  const data = { why, by: tooMany ? 'errors' : 'slowness' }
  recordPath(path, 'path.becameMarginal', data, { cause: tooMany ? path.health.lastSuspected : null })
}

/** Begins to sample a path; its machine says when that ends. `read` reads once, and says how it went. */
export function startSampling(path: PathRuntime, read: (done: (failed: boolean) => void) => boolean): void {
  const { core } = path
  const tally = newTally(core.clock.monoUs())
  path.health.sampling = tally
  const next = () => {
    if (path.health.sampling !== tally || core.broken !== null || path.gone) return
    const startedUs = core.clock.monoUs()
    const sent = read((failed) => count(tally, failed, isSlow(path, core.clock.monoUs() - startedUs)))
    // The one before has not been answered yet: that is an answer too.
    if (!sent) count(tally, true, true)
    path.health.sampler = core.clock.setTimer(
      startedUs + usOfMs(core.settings.marginal.sampleIntervalMs),
      () => guarded(core, next),
    )
  }
  next()
}

/** Ends the sampling, and puts on the ledger what it came to. */
export function endSampling(path: PathRuntime): void {
  const tally = path.health.sampling ?? newTally(0)
  path.health.stopSampling()
  path.window = newTally(path.core.clock.monoUs())
  recordPath(path, 'path.sampled', { reads: tally.reads, errors: tally.errors, slow: tally.slow })
}

function count(tally: Tally, failed: boolean, slow: boolean): void {
  tally.reads += 1
  if (failed) tally.errors += 1
  else if (slow) tally.slow += 1
}

function isSlow({ core }: PathRuntime, tookUs: number): boolean {
  const { slowMs } = core.settings.marginal
  return slowMs > 0 && tookUs > usOfMs(slowMs)
}
