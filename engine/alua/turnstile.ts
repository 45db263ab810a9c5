// So many at once, the rest in order: sense data may come from a thousand LUNs in one moment.

export class Turnstile {
  readonly #most: number
  readonly #waiting: (() => void)[] = []
  #inside = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Runs `work` when there is room, and gives what it gives. */
  async pass<Value>(work: () => Promise<Value>): Promise<Value> {
    if (this.#inside >= this.#most) await new Promise<void>((resolve) => void this.#waiting.push(resolve))
    else this.#inside += 1
    try {
      return await work()
    } finally {
      // Whoever waits takes over the place.
      const next = this.#waiting.shift()
      if (next === undefined) this.#inside -= 1
      else next()
    }
  }
}
