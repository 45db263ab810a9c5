// A path that is busy has not taken the I/O, and says nothing of its health: it is asked again a few times, then the I/O goes to
// another path that may take it. That a path turned I/O away is on the ledger once, and that it takes I/O again.
import type { Evidence } from '../../machines/events.ts'
import type { BlkStatus } from '../../machines/words.ts'
import { classOf } from '../../machines/words.ts'
import type { Bio } from './bio.ts'
import { refusedBy } from './failover.ts'
import type { HeadRuntime, PathRuntime } from '../heads/runtime.ts'
import { recordPath } from '../heads/lifecycle.ts'

/** So often the same path is asked first: most are busy for a moment, and its cache is warm. */
const TRIES_HERE = 10

/** A path was busy for this bio. True when another one is to take it now; else it has to wait. */
export function mayTryAnother(head: HeadRuntime, bio: Bio, path: PathRuntime, evidence: Evidence): boolean {
  const patience = Math.min(TRIES_HERE, head.core.settings.resourceRetriesMax)
  // A flush is for what one path has acknowledged.
  if (bio.op === 'flush' || bio.resourceRetries < patience) return false
  const before = bio.busy
  bio.busy = [...before, path]
  if (!head.paths.some((other) => !other.disabled && !isAvoided(bio, other))) {
    bio.busy = before
    return false
  }
  noteBusy(path, evidence)
  bio.resourceRetries = 0
  return true
}

/** The bio is not to go there now: the path has refused it, or was busy when it came. */
export function isAvoided(bio: Bio, path: PathRuntime): boolean {
  return refusedBy(bio, path) || (bio.busy.length > 0 && bio.busy.includes(path))
}

/** I/O goes elsewhere for it. The first time is told; in a storm the rows are bounded. */
function noteBusy(path: PathRuntime, evidence: Evidence): void {
  if (path.busy !== null) {
    path.busy.times += 1
    return
  }
  if (!path.present || !path.errorRows.take()) return
  const sinceUs = path.core.clock.monoUs()
  const { recorded } = recordPath(path, 'path.busy', evidence)
  path.busy = { sinceUs, times: 1, recorded }
}

/** A silent path has answered an I/O. */
export function noteHeard(path: PathRuntime): void {
  if (path.present) recordPath(path, 'path.answersAgain', {})
}

/** A path has answered an I/O that was sent at `startedUs`: where it took it, it is busy no longer. */
export function noteTaken(path: PathRuntime, startedUs: number, status: BlkStatus): void {
  const { busy } = path
  if (busy === null || classOf(status) === 'busy' || startedUs < busy.sinceUs || !path.present) return
  path.busy = null
  recordPath(path, 'path.busyEnded', { times: busy.times, sinceUs: busy.sinceUs }, { cause: busy.recorded })
}
