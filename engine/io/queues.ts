// What I/O keeps with a head and with a path. Both hold it for the I/O and never look inside, as a disk of the kernel holds the
// private_data of its driver.
import type { TimerHandle } from '../../adapters/ports.ts'
import { AttemptList } from './attempt-list.ts'
import type { Bio } from './bio.ts'
import { guarded, type Core } from '../core/core.ts'
import type { HeadRuntime, PathRuntime } from '../heads/runtime.ts'
import { Waiters } from './waiters.ts'

/** What waits on a head, and its way back in. */
export class HeadQueue {
  readonly waiters: Waiters
  /** Looks for the end of another engine's ghosts while something waits for one. */
  lookTimer: TimerHandle | null = null
  /** Sends a bio anew: where it goes is decided again (the kernel's submit_bio_noacct). */
  readonly again: (head: HeadRuntime, bio: Bio) => void
  readonly #core: Core
  /** Bios whose older one waits no longer. */
  #freed: Bio[] = []
  #workScheduled = false

  constructor(core: Core, again: (head: HeadRuntime, bio: Bio) => void) {
    this.#core = core
    this.again = again
    this.waiters = new Waiters(
      () => core.clock.monoUs(),
      (followers) => this.#free(followers),
    )
  }

  /** What to do with those that are freed; set by the head's registry. */
  onFreed: (freed: readonly Bio[]) => void = () => undefined

  /**
   * Runs `work` once, later: however often it is asked for before it has run, and never inside the caller, so that a
   * completion neither sleeps nor recurses (D-33, D-34).
   */
  scheduleWork(work: () => void): void {
    if (this.#workScheduled) return
    this.#workScheduled = true
    queueMicrotask(() => {
      this.#workScheduled = false
      guarded(this.#core, work)
    })
  }

  #free(followers: readonly Bio[]): void {
    const isFirst = this.#freed.length === 0
    for (const bio of followers) this.#freed.push(bio)
    if (!isFirst) return
    queueMicrotask(() => {
      const freed = this.#freed
      this.#freed = []
      guarded(this.#core, () => this.onFreed(freed))
    })
  }
}

/** What a path has of I/O. */
export class PathQueue {
  /** Attempts that the engine waits for, oldest first. */
  readonly attempts = new AttemptList()
  /** The time limit of the oldest of them. */
  timeout: TimerHandle | null = null
  /** When it is looked at whether it still answers. */
  silence: TimerHandle | null = null
  /** Bios that wait for room on this path, in order. */
  readonly room = new Set<Bio>()
  /** They are about to be sent on. */
  draining = false

  /** Nothing is waited for any more; an armed timer would keep a program from ending. */
  stopTimers(): void {
    this.timeout?.cancel()
    this.timeout = null
    this.silence?.cancel()
    this.silence = null
  }
}

export function headQueue(head: HeadRuntime): HeadQueue {
  return head.queue as HeadQueue
}

export function pathQueue(path: PathRuntime): PathQueue {
  return path.queue as PathQueue
}
