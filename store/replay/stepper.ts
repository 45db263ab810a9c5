// A ledger, one event at a time, forward and back. Every step decides the event again, from its inputs alone.
import { checkArguments } from '../../errors/arguments.ts'
import { behaviourOf, type Behaviour } from '../../machines/behaviour.ts'
import type { Decision } from '../../machines/decision.ts'
import { machineOf } from '../../machines/registry.ts'
import { upcast, UPCASTERS } from '../../machines/upcast.ts'
import { hasCode, messageOf, PathledgerError } from '../../errors.ts'
import type { StreamAt, LedgerState, LedgerReader, StoredEvent } from '../types.ts'
import { NO_LIMIT, pages } from '../pages.ts'
import { behaviourOfHeader } from '../rows/header.ts'
import { changeOf, type StreamChange } from './changes.ts'

/** One event, what it was decided to come to, and what it changed. */
export interface Step {
  readonly event: StoredEvent
  readonly decision: Decision
  readonly change: StreamChange
}

interface Undo {
  readonly stream: string
  readonly before: StreamAt | null
  readonly behaviour: Behaviour
  readonly step: Step
}

/** Before any header: as the first ledgers decided. */
const FIRST_BEHAVIOUR = behaviourOf([])

/** Steps that can be taken back without going through the ledger from its beginning again. */
const UNDO_MAX = 10_000

/**
 * Where a replay stands: after `position`, 0 before the first event. It reads a page at a time and keeps the state of
 * every stream. Going back takes a step's change back; further back than it came, it replays from the beginning.
 */
export class Stepper {
  readonly #reader: LedgerReader
  readonly #undoMax: number
  #streams = new Map<string, StreamAt>()
  #position = 0
  #behaviour = FIRST_BEHAVIOUR
  #undo: Undo[] = []
  #page: readonly StoredEvent[] = []

  constructor(reader: LedgerReader, undoMax = UNDO_MAX) {
    checkArguments('Stepper', { reader }, { reader: 'reader' })
    checkArguments('Stepper', { undoMax }, { undoMax: 'count' })
    this.#reader = reader
    this.#undoMax = undoMax
  }

  get position(): number {
    return this.#position
  }

  /** The state of every stream here. */
  get state(): LedgerState {
    const sorted = [...this.#streams].sort(([one], [other]) => (one < other ? -1 : 1))
    return { position: this.#position, streams: Object.fromEntries(sorted) }
  }

  /** The step that led here; null before the first event. */
  get last(): Step | null {
    return this.#undo.at(-1)?.step ?? null
  }

  /** Takes the next event; null at the end of what is on the ledger by now. Throws LEDGER_DAMAGED. */
  next(): Step | null {
    const event = this.#read(this.#position + 1)
    if (event === null) return null
    const before = this.#streams.get(event.stream) ?? null
    const behaviour = this.#behaviour
    if (event.type === 'ledger.header') this.#behaviour = behaviourOfHeader(event.data)
    const { decision, after } = decide(event, before, this.#behaviour)
    const step = { event, decision, change: changeOf(event.stream, before, after) }
    this.#streams.set(event.stream, after)
    this.#position = event.position
    this.#undo.push({ stream: event.stream, before, behaviour, step })
    if (this.#undo.length > this.#undoMax * 2) this.#undo = this.#undo.slice(-this.#undoMax)
    return step
  }

  /** Takes the last step back and gives it; null at the beginning. */
  back(): Step | null {
    const undo = this.#undo.pop()
    if (undo === undefined) return null
    if (undo.before === null) this.#streams.delete(undo.stream)
    else this.#streams.set(undo.stream, undo.before)
    this.#position -= 1
    this.#behaviour = undo.behaviour
    // No step further back is remembered: through the ledger again, so that the one that led here is known.
    if (this.#undo.length === 0 && this.#position > 0) this.goTo(this.#position)
    return undo.step
  }

  /** Goes to a position, 0 for before the first event; beyond the end it stops at the end. */
  goTo(position: number): void {
    checkArguments('goTo', { position }, { position: 'position' })
    const least = this.#position - this.#undo.length
    if (position < least || (position === this.#position && this.#undo.length === 0)) this.#restart()
    while (this.#position > position) this.back()
    while (this.#position < position && this.next() !== null);
  }

  #restart(): void {
    this.#streams = new Map()
    this.#undo = []
    this.#position = 0
    this.#behaviour = FIRST_BEHAVIOUR
  }

  #read(position: number): StoredEvent | null {
    const first = this.#page[0]?.position ?? NO_LIMIT
    const known = this.#page[position - first]
    if (position >= first && known !== undefined) return known
    const [page = []] = pages(this.#reader, { fromPosition: position })
    this.#page = page
    return page[0] ?? null
  }
}

function decide(
  event: StoredEvent,
  before: StreamAt | null,
  behaviour: Behaviour,
): { decision: Decision; after: StreamAt } {
  const { stream, version, position, type, schema, monoUs } = event
  try {
    const machine = machineOf(stream, behaviour)
    const recorded = JSON.parse(event.data) as Record<string, unknown>
    const input = { type, atUs: monoUs, data: upcast({ type, schema, data: recorded }, UPCASTERS) }
    const { state, decision } = machine.decide(before ?? machine.initial(), input, behaviour)
    return { decision, after: { version, position, value: state.value, context: state.context } }
  } catch (error) {
    if (hasCode(error, 'EVENT_FROM_THE_FUTURE') || hasCode(error, 'EVENT_TOO_OLD')) throw error
    throw new PathledgerError('LEDGER_DAMAGED', {
      message: `The ledger cannot be replayed beyond position ${position - 1}.`,
      why: `No machine takes it: ${messageOf(error)}.`,
      todo: 'Run `pathledger verify` on the ledger: it names the first bad position.',
      cause: error,
    })
  }
}
