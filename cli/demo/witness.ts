// A subscriber that remembers the live state of each stream at every position, to hold the replay against it.
import type { LiveEvent, Multipath } from '../../index.ts'

export class Witness {
  /** By position: the stream that changed there, and what it came to. */
  readonly seen = new Map<number, LiveEvent>()
  /** Paths that failed: one episode each. */
  failovers = 0
  /** The first position at which no path was left; null when that never was. */
  allAwayAt: number | null = null
  readonly #unsubscribe: () => void

  constructor(mp: Multipath) {
    this.#unsubscribe = mp.subscribe((live) => {
      this.seen.set(live.event.position, live)
      if (live.event.type === 'path.failed') this.failovers += 1
      const { value } = live.state
      const waits = typeof value === 'object' && value['service'] === 'queueing'
      if (waits) this.allAwayAt ??= live.event.position
    })
  }

  end(): void {
    this.#unsubscribe()
  }
}
