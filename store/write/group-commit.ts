// Group commit: one commit is in flight, the next batch collects meanwhile. A batch that is full gains nothing by collecting:
// a writer in another thread may be handed it ahead, and finds it when it is done with the one before. It knows neither files nor threads, so the
// writer worker and the simulator's memory store take their turns in exactly the same way.
import { PathledgerError } from '../../errors.ts'
import type { WriterLimits } from '../limits.ts'
import type { Append, Appended, LedgerListener, StoredEvent } from '../types.ts'

/** What became of one append of a committed batch. */
export type Settled =
  | { readonly ok: true; readonly answer: Appended; readonly events: readonly StoredEvent[] }
  | { readonly ok: false; readonly error: PathledgerError }

/** Commits a batch, then calls `done` once with one outcome per append, in order; never inside this call. */
export type CommitBatch = (batch: readonly Append[], done: (outcomes: readonly Settled[]) => void) => void

interface Waiting {
  readonly append: Append
  readonly events: number
  readonly bytes: number
  readonly resolve: (answer: Appended) => void
  readonly reject: (error: PathledgerError) => void
}

/**
 * The queue in front of a commit. Appends commit in the order in which they were given. At each commit the listeners
 * hear its events first, then the promises of its appends settle.
 */
export class GroupCommit {
  readonly #commit: CommitBatch
  readonly #limits: WriterLimits
  readonly #ahead: number
  readonly #listeners = new Set<{ readonly hear: LedgerListener }>()
  #waiting: Waiting[] = []
  #waitingEvents = 0
  /** Batches that were handed over, the one that is being committed first. */
  #inFlight: (readonly Waiting[])[] = []
  #events = 0
  #bytes = 0
  #refusal: PathledgerError | null = null
  #idle: (() => void)[] = []

  /** `ahead` is how many full batches are handed over beside the one that is being committed. */
  constructor(commit: CommitBatch, limits: WriterLimits, ahead = 0) {
    this.#commit = commit
    this.#limits = limits
    this.#ahead = ahead
  }

  /** Resolves when the append is committed. Rejects as LedgerStore.append says. */
  append(append: Append): Promise<Appended> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refusal ?? this.#stalled(append)
      if (refusal !== null) {
        reject(refusal)
        return
      }
      const { events, bytes } = sizeOf(append)
      this.#events += events
      this.#bytes += bytes
      this.#waiting.push({ append, events, bytes, resolve, reject })
      this.#waitingEvents += events
      this.#startWhatMay()
    })
  }

  subscribe(listener: LedgerListener): () => void {
    // An object of its own, so that the same function may listen twice.
    const entry = { hear: listener }
    this.#listeners.add(entry)
    return () => void this.#listeners.delete(entry)
  }

  /** Refuses further appends with `error`, and resolves when what waits has been committed. */
  finish(error: PathledgerError): Promise<void> {
    this.#refusal ??= error
    if (this.#inFlight.length === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  /** Rejects everything that waits and everything that comes. What was in flight may have been committed. */
  fail(error: PathledgerError): void {
    this.#refusal ??= error
    const lost = [...this.#inFlight.flat(), ...this.#waiting]
    this.#waiting = []
    this.#inFlight = []
    this.#events = 0
    this.#bytes = 0
    this.#waitingEvents = 0
    for (const { reject } of lost) reject(error)
    this.#becomeIdle()
  }

  #startWhatMay(): void {
    while (this.#waiting.length > 0 && (this.#inFlight.length === 0 || this.#mayGoAhead())) this.#start()
  }

  #mayGoAhead(): boolean {
    return this.#inFlight.length <= this.#ahead && this.#waitingEvents >= this.#limits.maxBatchEvents
  }

  #start(): void {
    const batch = takeBatch(this.#waiting, this.#limits.maxBatchEvents)
    this.#waiting = this.#waiting.slice(batch.length)
    for (const { events } of batch) this.#waitingEvents -= events
    this.#inFlight.push(batch)
    this.#commit(
      batch.map(({ append }) => append),
      (outcomes) => {
        // A commit that answers after `fail` has nobody left to tell.
        if (this.#inFlight[0] === batch) this.#settle(batch, outcomes)
      },
    )
  }

  #settle(batch: readonly Waiting[], outcomes: readonly Settled[]): void {
    this.#inFlight.shift()
    for (const { events, bytes } of batch) {
      this.#events -= events
      this.#bytes -= bytes
    }
    this.#startWhatMay()
    this.#tell(outcomes.flatMap((outcome) => (outcome.ok ? outcome.events : [])))
    for (const [index, { resolve, reject }] of batch.entries()) {
      const outcome = outcomes[index]
      if (outcome?.ok === true) resolve(outcome.answer)
      else reject(outcome?.error ?? unanswered())
    }
    if (this.#inFlight.length === 0) this.#becomeIdle()
  }

  #tell(events: readonly StoredEvent[]): void {
    if (events.length === 0) return
    for (const { hear } of [...this.#listeners]) {
      try {
        hear(events)
      } catch (error) {
        // One listener's mistake keeps neither the others nor the appenders from their news, and is not swallowed.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }

  #becomeIdle(): void {
    const waiting = this.#idle
    this.#idle = []
    for (const resolve of waiting) resolve()
  }

  #stalled(append: Append): PathledgerError | null {
    const { events, bytes } = sizeOf(append)
    const { maxPendingEvents, maxPendingBytes } = this.#limits
    if (this.#events + events <= maxPendingEvents && this.#bytes + bytes <= maxPendingBytes) return null
    return new PathledgerError('LEDGER_STALLED', {
      message: 'The ledger cannot keep up: too much waits to be committed.',
      why: `${this.#events} events of ${this.#bytes} bytes wait; ${maxPendingEvents} and ${maxPendingBytes} are the limits.`,
      todo: 'Append less or wait for what was appended; a disk that hangs shows here first.',
      details: { pendingEvents: this.#events, pendingBytes: this.#bytes, maxPendingEvents, maxPendingBytes },
    })
  }
}

/** As many appends as fit a batch, and at least one. */
function takeBatch(waiting: readonly Waiting[], maxEvents: number): readonly Waiting[] {
  let events = 0
  let count = 0
  for (const next of waiting) {
    if (count > 0 && events + next.events > maxEvents) break
    events += next.events
    count += 1
  }
  return waiting.slice(0, count)
}

function sizeOf({ events }: Append): { events: number; bytes: number } {
  let bytes = 0
  for (const { data, decision } of events) bytes += data.length + decision.length
  return { events: events.length, bytes }
}

function unanswered(): PathledgerError {
  return new PathledgerError('LEDGER_IO', {
    message: 'The ledger did not say what became of an append.',
    why: 'Its commit answered for fewer appends than it was given.',
    todo: 'Append again with the same event ids: what is on the ledger is not written twice.',
    outcome: 'unknown',
  })
}
