// Who is who, and while when. A binding holds from the statement that makes it to the one that ends it; before its first
// statement it holds backwards to the last end, and no further.

interface Entry {
  /** Place on the time line of the first and of the last statement of it. */
  readonly from: number
  to: number
  /** Null where a binding ended. */
  readonly value: string | null
}

/** One kind of binding: a key to its value at a place on the time line. */
export class Bindings {
  readonly #entries = new Map<string, Entry[]>()
  /** Stated by a snapshot without a date: good where nothing else is known. */
  readonly #undated = new Map<string, string>()

  state(key: string, at: number, value: string): void {
    const list = this.#of(key)
    const last = list.at(-1)
    if (last?.value === value) last.to = at
    else list.push({ from: at, to: at, value })
  }

  /** It holds no longer after this place. */
  end(key: string, at: number): void {
    const list = this.#of(key)
    if (list.at(-1)?.value !== null) list.push({ from: at, to: at, value: null })
  }

  undated(key: string, value: string): void {
    if (!this.#undated.has(key)) this.#undated.set(key, value)
  }

  at(key: string, at: number): string | null {
    const list = this.#entries.get(key)
    if (list === undefined) return this.#undated.get(key) ?? null
    const index = lastBefore(list, at)
    const before = index < 0 ? undefined : list[index]
    if (before !== undefined && before.value !== null) return before.value
    const next = list[index + 1]
    // Backwards from its first statement, where nothing says that it was otherwise.
    if (next !== undefined && next.value !== null) return next.value
    return before === undefined ? (this.#undated.get(key) ?? null) : null
  }

  #of(key: string): Entry[] {
    const list = this.#entries.get(key) ?? []
    if (list.length === 0) this.#entries.set(key, list)
    return list
  }
}

function lastBefore(list: readonly Entry[], at: number): number {
  let [low, high] = [0, list.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((list[middle]?.from ?? 0) <= at) low = middle + 1
    else high = middle
  }
  return low - 1
}
