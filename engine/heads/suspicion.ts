// "Whose error is it?" A real I/O came back with a path error: the path is under suspicion until a read elsewhere on it
// has answered. While the verdict is out bios go elsewhere; afterwards this is the episode that explains them.
import type { Evidence } from '../../machines/events.ts'
import type { Recorded } from '../ledger/recorder.ts'

export type Verdict = 'pending' | 'cleared' | 'failed'

/** Samples of evidence that an episode keeps, besides the first. */
const SAMPLES_MAX = 8

export class Suspicion {
  readonly first: Evidence
  readonly firstUs: number
  lastUs: number
  errors = 0
  resent = 0
  readonly samples: Evidence[] = []
  readonly #bios = new Set<number>()
  verdict: Verdict = 'pending'
  /** It failed, and its own probe said so: only that explains a flush error away. */
  failedByProbe = false
  /** Bios enough failed here and succeeded elsewhere: the path fails when its probe has answered, also if that is well. */
  condemned = false
  /** The event that explains every re-send: path.suspected while pending, path.failed or path.cleared afterwards. */
  recorded: Recorded | null = null
  #listeners: (() => void)[] = []
  #early: (() => void) | null = null
  #opening = false

  constructor(first: Evidence, atUs: number) {
    this.first = first
    this.firstUs = atUs
    this.lastUs = atUs
  }

  /** Different bios that failed. Counted up to a bound; an episode is evidence, not a census. */
  get bios(): number {
    return this.#bios.size
  }

  /** Takes one more error into the episode. */
  count(bio: number, evidence: Evidence, atUs: number): void {
    this.errors += 1
    this.lastUs = atUs
    if (this.#bios.size < BIOS_MAX) this.#bios.add(bio)
    if (this.samples.length < SAMPLES_MAX) this.samples.push(evidence)
  }

  /** Opens it: what its probe says before its event is there, so that a failure has its cause, waits until it is. */
  open(record: () => Recorded): void {
    this.#opening = true
    this.recorded = record()
    this.#opening = false
    this.#early?.()
  }

  /** Calls `then` when it is open; at once when it is. */
  whenOpen(then: () => void): void {
    if (this.#opening) this.#early = then
    else then()
  }

  /** Gives the verdict, once, with the event that holds it. */
  settle(verdict: 'cleared' | 'failed', recorded: Recorded | null): void {
    if (this.verdict !== 'pending') return
    this.verdict = verdict
    this.recorded = recorded
    const listeners = this.#listeners
    this.#listeners = []
    for (const listener of listeners) listener()
  }

  /** Calls `then` when the verdict is out; at once when it is. */
  whenSettled(then: () => void): void {
    if (this.verdict === 'pending') this.#listeners.push(then)
    else then()
  }
}

/** Different bios an episode tells apart; above it they are counted as one. */
const BIOS_MAX = 100_000

/** Whether no path that refused the bio is under suspicion any more. */
export function verdictsAreOut(reasons: ReadonlySet<Suspicion>): boolean {
  for (const { verdict } of reasons) if (verdict === 'pending') return false
  return true
}

/** Calls `then` when no path that refused the bio is under suspicion any more. */
export function whenVerdictsAreOut(reasons: ReadonlySet<Suspicion>, then: () => void): void {
  const pending = [...reasons].filter(({ verdict }) => verdict === 'pending')
  let open = pending.length
  if (open === 0) return then()
  for (const suspicion of pending) {
    suspicion.whenSettled(() => {
      open -= 1
      if (open === 0) then()
    })
  }
}
