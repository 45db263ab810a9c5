// Something that must be durable before others may see its consequence. Opened once, with an error or without.
import type { PathledgerError } from '../../errors.ts'

export class Gate {
  #opened = false
  #error: PathledgerError | null = null
  #waiters: ((error: PathledgerError | null) => void)[] = []

  /** Lets everybody through who waits, and who comes later. Opening it again does nothing. */
  open(error: PathledgerError | null): void {
    if (this.#opened) return
    this.#opened = true
    this.#error = error
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) waiter(error)
  }

  /** Calls `then` when it is open; at once when it is. */
  wait(then: (error: PathledgerError | null) => void): void {
    if (this.#opened) then(this.#error)
    else this.#waiters.push(then)
  }
}

/** Calls `then` when every gate is open, with the first error there was. */
export function waitForAll(gates: Iterable<Gate>, then: (error: PathledgerError | null) => void): void {
  const list = [...gates]
  let left = list.length
  let first: PathledgerError | null = null
  if (left === 0) return then(null)
  for (const gate of list) {
    gate.wait((error) => {
      first ??= error
      left -= 1
      if (left === 0) then(first)
    })
  }
}
