// The state of the streams at a position. Two ways that must agree: from the stored decisions (fast, no machine is
// asked), and from the inputs alone (every event is given to its machine again, stored decisions are not read).
import { applyDecision, decisionText } from '../machines/decision.ts'
import type { Decision } from '../machines/decision.ts'
import { machineOf } from '../machines/registry.ts'
import type { StateValue, StreamState } from '../machines/step.ts'
import { NO_LIMIT, pages } from './pages.ts'
import type { LedgerReader, StoredEvent } from './types.ts'

/** One stream of a {@link LedgerState}: version and position of its last event, and the state after it. */
export interface StreamAt {
  readonly version: number
  readonly position: number
  readonly value: StateValue
  readonly context: Readonly<Record<string, unknown>>
}

/** The state of every stream as plain JSON: streams sorted by code unit, so that equal states have equal text. */
export interface LedgerState {
  /** Position of the last event that counted; 0 when there is none. */
  readonly position: number
  readonly streams: Record<string, StreamAt>
}

/** How far to go. */
export interface FoldOptions {
  /** Last position that counts. Default: the head. */
  readonly toPosition?: number
}

/** A point of a ledger: a position, or a wall-clock time in microseconds (the last position recorded by then). */
export type LedgerPoint = { readonly position: number } | { readonly timeUs: number }

type Rows = Pick<LedgerReader, 'read'>

/** The state of every stream by its stored decisions. Reads page by page. */
export function foldAll(reader: Rows, options: FoldOptions = {}): LedgerState {
  const streams = new Map<string, StreamAt>()
  let position = 0
  for (const page of pages(reader, { toPosition: options.toPosition ?? NO_LIMIT })) {
    for (const event of page) {
      streams.set(event.stream, folded(streams.get(event.stream), event))
      position = event.position
    }
  }
  return ledgerState(streams, position)
}

/** The state of one stream by its stored decisions; null when it has no events up to there. Reads page by page. */
export function foldStream(reader: Rows, stream: string, options: FoldOptions = {}): StreamAt | null {
  let at: StreamAt | undefined
  for (const page of pages(reader, { stream, toPosition: options.toPosition ?? NO_LIMIT })) {
    for (const event of page) at = folded(at, event)
  }
  return at ?? null
}

/** The state of every stream at a point, by the stored decisions; `position` says which point that was. */
export function stateAt(reader: LedgerReader, point: LedgerPoint): LedgerState {
  return foldAll(reader, { toPosition: 'timeUs' in point ? reader.positionAt(point.timeUs) : point.position })
}

/** The state of every stream by the machines as they are now, from the inputs alone. Reads page by page. */
export function redecide(reader: Rows, options: FoldOptions = {}): LedgerState {
  const redecider = new Redecider()
  for (const page of pages(reader, { toPosition: options.toPosition ?? NO_LIMIT })) {
    for (const event of page) redecider.decide(event)
  }
  return redecider.state()
}

/** What an event is decided from. Not its stored decision. */
export type Input = Pick<StoredEvent, 'stream' | 'version' | 'position' | 'type' | 'monoUs' | 'data'>

/** Decides events again, one after the other, and remembers where each stream stands. */
export class Redecider {
  readonly #streams = new Map<string, StreamAt>()
  #position = 0

  /**
   * Decides the next event and gives the text of the decision. Throws what the machine or JSON.parse throws: a ledger
   * that the store wrote holds nothing that makes them.
   */
  decide({ stream, version, position, type, monoUs, data }: Input): string {
    const input = { type, atUs: monoUs, data: JSON.parse(data) as Record<string, unknown> }
    const { state, decision } = machineOf(stream).decide(stateOf(this.#streams.get(stream), stream), input)
    this.#streams.set(stream, { version, position, value: state.value, context: state.context })
    this.#position = position
    return decisionText(decision)
  }

  state(): LedgerState {
    return ledgerState(this.#streams, this.#position)
  }
}

function folded(at: StreamAt | undefined, { stream, version, position, decision }: StoredEvent): StreamAt {
  const { value, context } = applyDecision(stateOf(at, stream), JSON.parse(decision) as Decision)
  return { version, position, value, context }
}

function stateOf(at: StreamAt | undefined, stream: string): StreamState {
  return at ?? machineOf(stream).initial()
}

function ledgerState(streams: ReadonlyMap<string, StreamAt>, position: number): LedgerState {
  // By code unit, which is what comparing strings does.
  const sorted = [...streams].sort(([one], [other]) => (one < other ? -1 : 1))
  return { position, streams: Object.fromEntries(sorted) }
}
