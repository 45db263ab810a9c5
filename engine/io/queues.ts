// What I/O keeps with a head and with a path. Both hold it for the I/O and never look inside, as a disk of the kernel holds the
// private_data of its driver.
import type { TimerHandle } from '../../adapters/ports.ts'
import { AttemptList } from './attempt-list.ts'
import type { Bio } from './bio.ts'
import type { Core } from '../core/core.ts'
import type { HeadRuntime, PathRuntime } from '../heads/runtime.ts'
import { HeldList } from './held-list.ts'
import { RequeueList } from './requeue-list.ts'

/** What waits on a head, and its way back in. */
export class HeadQueue {
  /** Bios without a path. */
  readonly requeue: RequeueList
  /** Bios that wait for a ghost to end, in order. */
  readonly held = new HeldList()
  holdTimer: TimerHandle | null = null
  /** Looks for the end of another engine's ghosts while something is held. */
  lookTimer: TimerHandle | null = null
  /** Sends a bio anew: where it goes is decided again (the kernel's submit_bio_noacct). */
  readonly again: (head: HeadRuntime, bio: Bio) => void

  constructor(core: Core, again: (head: HeadRuntime, bio: Bio) => void) {
    this.requeue = new RequeueList(core)
    this.again = again
  }
}

/** What a path has of I/O. */
export class PathQueue {
  /** Attempts that the engine waits for, oldest first. */
  readonly attempts = new AttemptList()
  /** The time limit of the oldest of them. */
  timeout: TimerHandle | null = null
  /** Bios that wait for room on this path. */
  backlog: Bio[] = []
  /** They are about to be sent on. */
  draining = false
}

export function headQueue(head: HeadRuntime): HeadQueue {
  return head.queue as HeadQueue
}

export function pathQueue(path: PathRuntime): PathQueue {
  return path.queue as PathQueue
}
