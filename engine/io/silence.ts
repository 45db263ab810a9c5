// A path that answers nothing while another one does is silent: new I/O goes elsewhere before it is clear what has become of the
// old, and reads that it has are tried elsewhere. Its writes may still land, and wait for their own limit (attemptTimeoutMs).
// Whether the others answer is asked of one of them: of an array that is slow as a whole no path is silent.
import { abandonAttempt } from './attempts.ts'
import type { Attempt } from './bio.ts'
import { guarded, usOfMs } from '../core/core.ts'
import { elsewhere, readOne, usableOther } from '../health/places.ts'
import type { HeadRuntime, PathRuntime } from '../heads/runtime.ts'
import { recordPath } from '../heads/lifecycle.ts'
import { statusOf } from '../core/blk-status.ts'
import { headQueue, pathQueue } from './queues.ts'
import { goOn } from './waiting.ts'

/** Looks after `silentMs` whether the path has answered anything since. One timer for a path, whatever its I/O. */
export function watchSilence(path: PathRuntime): void {
  const { head, core } = path
  const queue = pathQueue(path)
  const limitUs = usOfMs(core.settings.silentMs)
  if (limitUs === 0 || queue.silence !== null || queue.attempts.oldest === null) return
  const { heard } = path
  const sinceUs = core.clock.monoUs()
  queue.silence = core.clock.setTimer(sinceUs + limitUs, () => {
    queue.silence = null
    guarded(core, () => {
      const { oldest } = queue.attempts
      const old = oldest !== null && oldest.startedUs <= sinceUs
      if (old && path.heard === heard && mayBeSilent(path)) askAnother(head, path)
      watchSilence(path)
    })
  })
}

function mayBeSilent(path: PathRuntime): boolean {
  return path.present && !path.disabled && !path.silent
}

/** One that answers shows that it is this path, and not the array. */
function askAnother(head: HeadRuntime, path: PathRuntime): void {
  const other = usableOther(path, (one) => !one.silent)
  if (other === undefined) return
  const { heard } = path
  readOne(other, elsewhere(other, 0), (completion, length) => {
    const answers = statusOf(completion, length) === 'OK'
    if (answers && path.heard === heard && mayBeSilent(path)) fallSilent(head, path, other)
  })
}

function fallSilent(head: HeadRuntime, path: PathRuntime, other: PathRuntime): void {
  const queue = pathQueue(path)
  const { core } = head
  const oldest = queue.attempts.oldest
  if (oldest === null) return
  const forUs = core.clock.monoUs() - oldest.startedUs
  const why = `its oldest I/O is out for ${Math.round(forUs / 1000)} ms, and ${other.name} answers`
  core.log.warn({ path: path.name, why }, 'path silent')
  recordPath(path, 'path.silent', { why, forUs, inFlight: path.inFlight })
  for (const attempt of queue.attempts.all()) moveRead(head, attempt)
  // What was not sent yet need not wait for it.
  for (const bio of [...queue.room]) goOn(head, bio)
}

/** A read changes nothing: the one on the silent path is given up, and its bio goes where there is an answer. */
function moveRead(head: HeadRuntime, attempt: Attempt): void {
  const { bio } = attempt
  if (bio.op !== 'read' || attempt.ended) return
  abandonAttempt(head, attempt, 'abort')
  headQueue(head).again(head, bio)
}
