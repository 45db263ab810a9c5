// The caller does not want to wait any more. Nothing is taken back: what is in flight may still land, and is a ghost.
import { abandonAttempt } from './attempts.ts'
import type { Bio } from './bio.ts'
import { finishBio } from './finish.ts'
import type { HeadRuntime } from '../heads/runtime.ts'
import { abortedError } from './errors.ts'
import { headQueue } from './queues.ts'

/** Ends a bio for its caller, wherever it is. */
export function abortBio(head: HeadRuntime, bio: Bio): void {
  if (bio.ended) return
  if (bio.live !== null) abandonAttempt(head, bio.live, 'abort')
  headQueue(head).waiters.delete(bio)
  finishBio(head, bio, abortedError(head, bio.op, fateOf(bio), bio.io.signal))
}

function fateOf(bio: Bio) {
  if (bio.ghosts.length > 0) return 'may land'
  return bio.attempts === 0 && bio.io.pieces === 1 ? 'never sent' : 'answered'
}
