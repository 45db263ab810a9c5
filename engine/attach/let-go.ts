// How a path that was removed is let go of: what is in flight ends or is given up, then its memory and its device go.
import type { IoRequest } from '../../adapters/ports.ts'
import { PathledgerError } from '../../errors.ts'
import { abandonAttempt } from '../io/attempts.ts'
import { evidenceOf } from '../io/bio.ts'
import { inTime, within } from '../core/within.ts'
import { leavePath } from '../io/failover.ts'
import type { PathRuntime } from '../heads/runtime.ts'
import { pathQueue } from '../io/queues.ts'

/** Waits until nothing is in flight on the path, but no longer than `closeGraceMs`: a hung path must not hang us. */
export function quietInTime(path: PathRuntime): Promise<boolean> {
  if (path.inFlight === 0) return Promise.resolve(true)
  const { core } = path
  return new Promise((resolve) => {
    const begin = (answer: (quiet: true) => void) => {
      path.onQuiet = () => answer(true)
    }
    within(core, core.settings.closeGraceMs, begin, (quiet) => resolve(quiet === true))
  })
}

/** What a removed path still has is given up: reads and writes go elsewhere, and the writes leave ghosts. */
export function giveUpAttempts(path: PathRuntime, reason: 'removed' | 'closed'): void {
  for (const attempt of pathQueue(path).attempts.all()) {
    const { bio } = attempt
    abandonAttempt(path.head, attempt, reason)
    leavePath(path.head, bio, path, 'TRANSPORT', evidenceOf(bio, 'ENOLINK', 'TRANSPORT'))
  }
}

const FLUSH: IoRequest = { op: 'flush', offset: 0, length: 0, data: null, fua: false }

/**
 * What a path has acknowledged and nobody flushed is flushed before the path goes, as the kernel does when it takes a disk
 * away. Nothing waits for a path that was not well, nor longer than `closeGraceMs` for any.
 */
export async function flushLast(path: PathRuntime, wasWell: boolean): Promise<void> {
  const { cache, core, head } = path
  if (!wasWell || !cache.uncovered || cache.attached > 1 || path.inFlight > 0) return
  // Nothing is registered on the account of a path that goes.
  const { registrants } = head.lun.reservations.state
  if (registrants.length > 0 && !registrants.some(({ nexus }) => nexus === path.hctl)) return
  const { closeGraceMs } = core.settings
  const covers = head.lun.writes.last
  path.inFlight += 1
  const begin = (answer: (ended: true) => void) => {
    path.device.submit(FLUSH, ({ errno }) => {
      if (errno === null) cache.cover(covers)
      path.inFlight -= 1
      if (path.inFlight === 0) path.onQuiet?.()
      answer(true)
    })
  }
  await new Promise<void>((resolve) => {
    within(core, closeGraceMs, begin, (ended) => {
      if (ended === null)
        core.log.warn(
          { path: path.name },
          `its last flush did not end within closeGraceMs, ${closeGraceMs} ms`,
        )
      resolve()
    })
  })
}

/**
 * A path is about to go with acknowledged writes that no flush has covered: that is on the ledger before its removal, for a
 * crash may come in between. False where there are none, or another path leads to the same cache.
 */
export function noteUncovered({ hctl, head, cache }: PathRuntime, why: string): boolean {
  if (cache.attached > 1 || !cache.untold) return false
  const { acknowledged, covered } = cache
  head.lun.stream.record('lun.writesLeft', { path: hctl, acknowledged, covered, why })
  return true
}

/** The path is let go of. Whoever waits to flush its cache goes on: it is covered by now, or out of reach. */
export function leaveCache(path: PathRuntime, why: string, noted: boolean): void {
  const { head, cache, hctl } = path
  const { acknowledged, covered } = cache
  // What it answered only as it went.
  if (!noted) noteUncovered(path, why)
  else if (!cache.uncovered)
    head.lun.stream.record('lun.writesCovered', { path: hctl, acknowledged, covered })
  head.lun.writes.leave(cache)
  head.actions.resubmitParked(head)
}

function giveBackProbe(path: PathRuntime): void {
  if (path.health.probeBlock !== null) path.core.pool.release(path.health.probeBlock)
  path.health.probeBlock = null
}

/** Lets go of a path whose device stays open: its owner's again. */
export function letGoOpen(path: PathRuntime): void {
  if (path.inFlight === 0) giveBackProbe(path)
  else path.onQuiet = () => giveBackProbe(path)
}

/** Closes the device: now when the kernel holds nothing of it, else as soon as it has given everything back. */
export async function letGo(path: PathRuntime): Promise<void> {
  const close = async () => {
    giveBackProbe(path)
    await path.device.close()
  }
  if (path.inFlight === 0) return closeInTime(path, close())
  path.onQuiet = () => {
    close().catch((error: unknown) => path.core.log.warn({ path: path.name, error }, 'device not closed'))
  }
}

/** A device that does not say that it is closed keeps nobody: whoever let go of it hears so. */
async function closeInTime({ core, name }: PathRuntime, closing: Promise<void>): Promise<void> {
  const { closeGraceMs } = core.settings
  if ((await inTime(core, closeGraceMs, closing)) !== null) return
  throw new PathledgerError('DEVICE_NOT_CLOSED', {
    message: `The device of ${name} was not closed in time.`,
    why: `It has not answered for closeGraceMs, ${closeGraceMs} ms. The path is removed, and nothing of it is in flight.`,
    todo: 'Look at what the device waits for; until it is closed it may stay busy for others.',
    errno: 'ETIMEDOUT',
  })
}
