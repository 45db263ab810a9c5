// The engine's side of the ledger: events in the order they were decided, one append in flight, the next batch
// collecting meanwhile. What must be durable first (a gate) waits here; nothing else does.
import type { ErrorCode } from '../../errors/codes.ts'
import type { Clock, NewId } from '../../adapters/ports.ts'
import { hasCode, invariant, messageOf, PathledgerError } from '../../errors.ts'
import type { Behaviour } from '../../machines/behaviour.ts'
import type { Decision } from '../../machines/decision.ts'
import { decisionText } from '../../machines/decision.ts'
import { EVENT_TYPES } from '../../machines/registry.ts'
import type { StreamState } from '../../machines/step.ts'
import type { LedgerStore, NewEvent, StoredEvent } from '../../store/types.ts'

/** Who did it, why, and what led to it. */
export interface Origin {
  readonly actor?: string
  readonly reason?: string | null
  readonly cause?: Recorded | null
}

/** An event on its way to the ledger. */
export interface Recorded {
  readonly eventId: string
  readonly durable: boolean
}

/** A committed event with the live state of its stream after it: what a subscriber collects. */
export interface LiveEvent {
  readonly event: StoredEvent
  readonly state: StreamState
}

export interface RecorderPorts {
  readonly store: LedgerStore
  readonly clock: Clock
  readonly newId: NewId
  readonly bootId: string
  /** How this ledger behaves, by its header. */
  readonly behaviour: Behaviour
  readonly ledgerStallUs: number
  /** Whether a gate goes on without its record once that time is over. */
  readonly goesOn: boolean
  readonly pendingMax: number
  /** Of the ledger's last event before this run. */
  readonly position: number
  /** Called when nothing more can be recorded: the engine stops. */
  readonly onBroken: (error: PathledgerError) => void
  /** Called when the ledger stops taking events, and when it takes them again. */
  readonly onDegraded: (why: string) => void
  readonly onRecovered: (gap: { sinceUs: number; waited: number; dropped: number }) => void
  /** Called when the ledger takes events again after so many gates went on without their record. */
  readonly onWentOn: (gates: number) => void
}

interface Pending extends Recorded {
  durable: boolean
  readonly event: NewEvent
  readonly state: StreamState
  waiters: ((error: PathledgerError | null) => void)[]
}

/** Time between two tries of a ledger that does not take events. */
const RETRY_US = 250_000
/** Events in one append: bounds the memory of a commit and its duration. */
const BATCH_MAX = 1_000
/** Errors of the file that may pass; every other one is final. */
const PASSING: readonly ErrorCode[] = ['LEDGER_IO', 'LEDGER_FULL', 'LEDGER_BUSY', 'LEDGER_STALLED']

export class Recorder {
  readonly #ports: RecorderPorts
  readonly #versions: Map<string, number>
  #queue: Pending[] = []
  #inFlight: Pending[] = []
  readonly #listeners = new Set<(live: LiveEvent) => void>()
  readonly #unsubscribe: () => void
  #degradedSinceUs: number | null = null
  #dropped = 0
  #goneOn = 0
  #wentOn = false
  #broken: PathledgerError | null = null
  #lost = 0
  #idle: (() => void)[] = []
  #last: { readonly position: number; readonly timeUs: number }

  /** `versions` says how far each stream has come on the ledger already. */
  constructor(ports: RecorderPorts, versions: ReadonlyMap<string, number>) {
    this.#ports = ports
    this.#versions = new Map(versions)
    this.#last = { position: ports.position, timeUs: 0 }
    this.#unsubscribe = ports.store.subscribe((events) => this.#committed(events))
  }

  get degraded(): boolean {
    return this.#degradedSinceUs !== null
  }

  /** How the ledger decides. */
  get behaviour(): Behaviour {
    return this.#ports.behaviour
  }

  /** Position and wall clock of the last event that was decided here: the position that it has once it is durable. */
  get last(): { readonly position: number; readonly timeUs: number } {
    return this.#last
  }

  /** True when a gate ever went on without its record: this run does not end cleanly. */
  get wentOn(): boolean {
    return this.#wentOn
  }

  /** Events decided that never reached the ledger, as far as anybody knows, and never will. */
  get lost(): number {
    return this.#lost
  }

  /** What they were lost by; null while none is. */
  get brokenBy(): PathledgerError | null {
    return this.#broken
  }

  /** Events decided and not yet durable. */
  get pending(): number {
    return this.#queue.length + this.#inFlight.length
  }

  /** Takes an event with its decision. It is on the ledger once `durable` is true; see {@link whenDurable}. */
  add(
    input: { stream: string; type: string; data: unknown; atUs: number },
    decided: { decision: Decision; state: StreamState },
    origin: Origin,
  ): Recorded {
    const schema = EVENT_TYPES.get(input.type)?.schema
    invariant(schema !== undefined, `event type ${input.type} is declared`)
    const event: NewEvent = {
      eventId: this.#ports.newId(),
      stream: input.stream,
      type: input.type,
      schema,
      recordedAtUs: this.#ports.clock.wallUs(),
      monoUs: input.atUs,
      bootId: this.#ports.bootId,
      cause: origin.cause === undefined || origin.cause === null ? null : { eventId: origin.cause.eventId },
      actor: origin.actor ?? 'engine',
      reason: origin.reason ?? null,
      data: JSON.stringify(input.data),
      decision: decisionText(decided.decision, this.#ports.behaviour),
    }
    const pending: Pending = {
      eventId: event.eventId,
      durable: false,
      event,
      state: decided.state,
      waiters: [],
    }
    if (this.#isOver()) {
      this.#lost += 1
      return pending
    }
    this.#last = { position: this.#last.position + 1, timeUs: event.recordedAtUs }
    this.#queue.push(pending)
    this.#send()
    return pending
  }

  /**
   * Calls `then` once the event is durable, or with LEDGER_STALLED when the ledger has not taken it within
   * `ledgerStallMs`. Never calls it twice; calls it at once when the event is durable already.
   */
  whenDurable(recorded: Recorded, then: (error: PathledgerError | null) => void): void {
    const pending = recorded as Pending
    if (pending.durable) return then(null)
    if (this.#broken !== null) return then(this.#broken)
    let called = false
    const once = (error: PathledgerError | null) => {
      if (called) return
      called = true
      timer.cancel()
      then(error)
    }
    const { clock, ledgerStallUs } = this.#ports
    const timer = clock.setTimer(clock.monoUs() + ledgerStallUs, () =>
      once(this.#late(stalled(ledgerStallUs))),
    )
    pending.waiters.push(once)
  }

  /** {@link whenDurable} as a promise. */
  durable(recorded: Recorded): Promise<void> {
    return new Promise((resolve, reject) => {
      this.whenDurable(recorded, (error) => (error === null ? resolve() : reject(error)))
    })
  }

  /** Every committed event with the live state after it, in order. */
  subscribe(listener: (live: LiveEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /**
   * Resolves when nothing waits any more, or when nothing more can be recorded. A ledger that takes nothing for
   * `ledgerStallMs` is given up: an engine that closes cannot wait for it for ever.
   */
  drained(): Promise<void> {
    if (this.pending === 0 || this.#broken !== null) return Promise.resolve()
    const { clock, ledgerStallUs } = this.#ports
    return new Promise((resolve) => {
      const timer = clock.setTimer(clock.monoUs() + ledgerStallUs, () => this.#break(stalled(ledgerStallUs)))
      this.#idle.push(() => {
        timer.cancel()
        resolve()
      })
    })
  }

  /** True, and counted, when there is no room for a sample now: its figures are to come with the next one. */
  refusesSample(): boolean {
    if (this.#broken === null && this.pending < this.#ports.pendingMax) return false
    this.#dropped += 1
    return true
  }

  /** Stops listening to the store; call it after {@link drained}. */
  close(): void {
    this.#unsubscribe()
  }

  /** True when nothing can be recorded any more. Breaks when far too much waits. */
  #isOver(): boolean {
    if (this.#broken === null && this.pending >= this.#ports.pendingMax * 2) {
      this.#break(stalled(this.#ports.ledgerStallUs))
    }
    return this.#broken !== null
  }

  #send(): void {
    if (this.#inFlight.length > 0 || this.#queue.length === 0 || this.#broken !== null) return
    this.#inFlight = this.#queue.splice(0, BATCH_MAX)
    this.#append()
  }

  #append(): void {
    const expected: Record<string, number | 'none'> = {}
    for (const { event } of this.#inFlight) {
      const version = this.#versions.get(event.stream) ?? 0
      expected[event.stream] = version === 0 ? 'none' : version
    }
    const events = this.#inFlight.map(({ event }) => event)
    this.#ports.store.append({ events, expected }).then(
      () => this.#appended(),
      (error: unknown) => this.#failed(error),
    )
  }

  #appended(): void {
    const done = this.#inFlight
    this.#inFlight = []
    for (const pending of done) {
      pending.durable = true
      const { stream } = pending.event
      this.#versions.set(stream, (this.#versions.get(stream) ?? 0) + 1)
    }
    if (this.#degradedSinceUs !== null) this.#recovered(done.length)
    this.#tellOfGoneOn()
    this.#send()
    for (const pending of done) settle(pending, null)
    this.#tellIdle()
  }

  /** What a gate is told when its time is over: the error, or nothing. */
  #late(error: PathledgerError): PathledgerError | null {
    // A ledger that hangs says nothing: that a gate waited in vain is how it is known, and the gap is told all the same.
    if (this.#broken === null) this.#degrade(error)
    if (!this.#ports.goesOn) return error
    this.#goneOn += 1
    this.#wentOn = true
    return null
  }

  #tellOfGoneOn(): void {
    if (this.#goneOn === 0) return
    const gates = this.#goneOn
    this.#goneOn = 0
    this.#ports.onWentOn(gates)
  }

  #failed(error: unknown): void {
    if (!PASSING.some((code) => hasCode(error, code))) return this.#break(error)
    const { clock } = this.#ports
    this.#degrade(error)
    clock.setTimer(clock.monoUs() + RETRY_US, () => {
      if (this.#broken === null) this.#append()
    })
  }

  #degrade(error: unknown): void {
    if (this.#degradedSinceUs !== null) return
    this.#degradedSinceUs = this.#ports.clock.monoUs()
    this.#ports.onDegraded(messageOf(error))
  }

  #recovered(waited: number): void {
    const gap = {
      sinceUs: this.#degradedSinceUs ?? 0,
      waited: waited + this.#queue.length,
      dropped: this.#dropped,
    }
    this.#degradedSinceUs = null
    this.#dropped = 0
    this.#ports.onRecovered(gap)
  }

  #break(cause: unknown): void {
    if (this.#broken !== null) return
    this.#broken =
      cause instanceof PathledgerError ? cause : new PathledgerError('LEDGER_IO', unexplained(cause))
    const lost = [...this.#inFlight, ...this.#queue]
    this.#inFlight = []
    this.#queue = []
    this.#lost += lost.length
    this.#ports.onBroken(this.#broken)
    for (const pending of lost) settle(pending, this.#broken)
    this.#tellIdle()
  }

  #committed(events: readonly StoredEvent[]): void {
    if (this.#listeners.size === 0) return
    const states = new Map(this.#inFlight.map(({ eventId, state }) => [eventId, state]))
    for (const event of events) {
      const state = states.get(event.eventId)
      if (state === undefined) continue
      for (const listener of this.#listeners) listener({ event, state })
    }
  }

  #tellIdle(): void {
    if (this.pending > 0 && this.#broken === null) return
    const idle = this.#idle
    this.#idle = []
    for (const tell of idle) tell()
  }
}

function settle(pending: Pending, error: PathledgerError | null): void {
  const { waiters } = pending
  pending.waiters = []
  for (const waiter of waiters) waiter(error)
}

function stalled(stallUs: number): PathledgerError {
  return new PathledgerError('LEDGER_STALLED', {
    message: `The ledger has not taken an event within ${Math.ceil(stallUs / 1000)} ms.`,
    why: 'What the outside can see waits for the record; this I/O was re-sent, and the record of why is not durable.',
    todo: 'Look at the disk of the ledger; the I/O may have been done.',
    outcome: 'unknown',
    errno: 'EIO',
  })
}

function unexplained(cause: unknown) {
  return {
    message: 'The ledger failed.',
    why: messageOf(cause),
    todo: 'Check the ledger with `pathledger verify`.',
    cause,
  }
}
