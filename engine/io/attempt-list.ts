// The attempts of a path that the engine waits for, oldest first. They are linked through themselves, so that to start and
// to end one costs the same however many there are, and makes nothing to throw away.
import type { Attempt } from './bio.ts'

export class AttemptList {
  #oldest: Attempt | null = null
  #newest: Attempt | null = null

  get oldest(): Attempt | null {
    return this.#oldest
  }

  /** Puts an attempt behind the others. */
  add(attempt: Attempt): void {
    attempt.older = this.#newest
    if (this.#newest === null) this.#oldest = attempt
    else this.#newest.newer = attempt
    this.#newest = attempt
    attempt.listed = true
  }

  /** Takes one out, wherever it is; one that is not here stays what it is. */
  delete(attempt: Attempt): void {
    if (!attempt.listed) return
    const { older, newer } = attempt
    if (older === null) this.#oldest = newer
    else older.newer = newer
    if (newer === null) this.#newest = older
    else newer.older = older
    attempt.older = null
    attempt.newer = null
    attempt.listed = false
  }

  /** All of them as they are now, oldest first. */
  all(): Attempt[] {
    const all: Attempt[] = []
    for (let attempt = this.#oldest; attempt !== null; attempt = attempt.newer) all.push(attempt)
    return all
  }
}
