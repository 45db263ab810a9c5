// A binary heap of timers, first due first; of two due together, the one set first.

/** One timer; `armed` until it is taken or cancelled. Times in microseconds. */
export interface HeapTimer {
  readonly dueUs: number
  readonly order: number
  readonly fire: () => void
  armed: boolean
}

/** Timers in the order (due, insertion). Adding and taking cost O(log n); a cancelled timer leaves when it surfaces. */
export class TimerHeap {
  readonly #heap: HeapTimer[] = []
  #added = 0
  #armed = 0

  /** Timers armed: neither taken nor cancelled. */
  get size(): number {
    return this.#armed
  }

  add(dueUs: number, fire: () => void): HeapTimer {
    const timer: HeapTimer = { dueUs, order: this.#added, fire, armed: true }
    this.#added += 1
    this.#armed += 1
    this.#heap.push(timer)
    this.#rise(this.#heap.length - 1)
    return timer
  }

  /** Disarms a timer. Nothing happens when it was taken or cancelled before. */
  cancel(timer: HeapTimer): void {
    if (!timer.armed) return
    timer.armed = false
    this.#armed -= 1
  }

  /** The next timer, left where it is; null when none is armed. */
  first(): HeapTimer | null {
    let top = this.#heap[0]
    while (top !== undefined && !top.armed) {
      this.#removeTop()
      top = this.#heap[0]
    }
    return top ?? null
  }

  /** The next timer, disarmed and taken out; null when none is armed. */
  takeFirst(): HeapTimer | null {
    const top = this.first()
    if (top === null) return null
    this.cancel(top)
    this.#removeTop()
    return top
  }

  #removeTop(): void {
    const last = this.#heap.pop()
    if (last === undefined || this.#heap.length === 0) return
    this.#heap[0] = last
    this.#sink()
  }

  #rise(start: number): void {
    let at = start
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#swapUnlessBefore(parent, at)) return
      at = parent
    }
  }

  #sink(): void {
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      const right = left + 1
      const child = right < this.#heap.length && before(this.#at(right), this.#at(left)) ? right : left
      if (child >= this.#heap.length || !this.#swapUnlessBefore(at, child)) return
      at = child
    }
  }

  /** Puts the timers at `upper` and `lower` in order; true when they had to change places. */
  #swapUnlessBefore(upper: number, lower: number): boolean {
    const [above, below] = [this.#at(upper), this.#at(lower)]
    if (before(above, below)) return false
    this.#heap[upper] = below
    this.#heap[lower] = above
    return true
  }

  #at(index: number): HeapTimer {
    return this.#heap[index] as HeapTimer
  }
}

function before(a: HeapTimer, b: HeapTimer): boolean {
  return a.dueUs < b.dueUs || (a.dueUs === b.dueUs && a.order < b.order)
}
