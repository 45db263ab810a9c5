// The state of the streams at a position. Two ways that must agree: from the stored decisions (fast, no machine is
// asked), and from the inputs alone (every event is given to its machine again, stored decisions are not read).
import { messageOf, PathledgerError } from '../../errors.ts'
import { argumentInvalid, checkArguments, checkFields } from '../../errors/arguments.ts'
import { behaviourOf, type Behaviour } from '../../machines/behaviour.ts'
import { parseDecision, type Decision } from '../../machines/decision.ts'
import { DecisionMemo } from '../../machines/redecide.ts'
import { machineOf, type Decider } from '../../machines/registry.ts'
import type { StateValue, StreamState } from '../../machines/step.ts'
import type { Upcasters } from '../../machines/upcast.ts'
import { readStored } from '../rows/damage.ts'
import { behaviourOfHeader } from '../rows/header.ts'
import { CARRYING_EVENTS } from '../limits.ts'
import { NO_LIMIT, pages } from '../pages.ts'
import type { Folded, Input, LedgerReader, LedgerState, StreamAt } from '../types.ts'

/** How far to go. */
export interface FoldOptions {
  /** Last position that counts. Default: the head. */
  readonly toPosition?: number
  /** Begin at a snapshot where the reader has one that can be believed. Default true; the result is the same. */
  readonly snapshots?: boolean
}

/** A point of a ledger: a position, or a wall-clock time in microseconds (the last position recorded by then). */
export type LedgerPoint = { readonly position: number } | { readonly timeUs: number }

type Rows = Pick<LedgerReader, 'read' | 'snapshot' | 'decisions'>

/** The state of every stream by its stored decisions. Reads page by page, from the last snapshot on where there is one. */
export function foldAll(reader: Rows, options: FoldOptions = {}): LedgerState {
  const to = options.toPosition ?? NO_LIMIT
  const snapshot = options.snapshots === false ? null : (reader.snapshot?.(to) ?? null)
  const folder = new Folder(snapshot)
  for (const page of decisionPages(reader, folder.position + 1, to)) folder.takeAll(page)
  return folder.state()
}

/** The state of one stream by its stored decisions; null when it has no events up to there. Reads page by page. */
export function foldStream(reader: Rows, stream: string, options: FoldOptions = {}): StreamAt | null {
  const to = options.toPosition ?? NO_LIMIT
  const folder = new Folder(null)
  folder.takeAll(carriedBefore(reader))
  for (const page of pages(reader, { stream, toPosition: to })) folder.takeAll(page)
  return folder.state().streams[stream] ?? null
}

/** The state of every stream at a point, by the stored decisions; `position` says which point that was. */
export function stateAt(reader: LedgerReader, point: LedgerPoint): LedgerState {
  checkArguments('stateAt', { reader }, { reader: 'reader' })
  const byTime = 'timeUs' in Object(point)
  checkFields('stateAt', 'point', point, byTime ? { timeUs: 'number' } : { position: 'position' })
  return foldAll(reader, { toPosition: 'timeUs' in point ? reader.positionAt(point.timeUs) : point.position })
}

/** The state of every stream by the machines as they are now, from the inputs alone. Reads page by page. */
export function redecide(
  reader: Pick<LedgerReader, 'read' | 'inputs'>,
  options: Pick<FoldOptions, 'toPosition'> = {},
): LedgerState {
  checkFields('redecide', 'reader', reader, { read: 'call', inputs: 'call?' })
  checkFields('redecide', 'options', options, { toPosition: 'count?' })
  const redecider = new Redecider()
  redecider.decideAll(reader, options.toPosition ?? NO_LIMIT)
  return redecider.state()
}

function* decisionPages(reader: Rows, from: number, to: number): Generator<readonly Folded[]> {
  if (reader.decisions === undefined) yield* pages(reader, { fromPosition: from, toPosition: to })
  else yield* bulkPages((next) => reader.decisions?.(next, to) ?? [], from, to)
}

function* bulkPages<Row extends { readonly position: number }>(
  read: (next: number) => readonly Row[],
  from: number,
  to: number,
): Generator<readonly Row[]> {
  let next = from
  while (next <= to) {
    const page = read(next)
    const last = page.at(-1)
    if (last === undefined) return
    yield page
    next = last.position + 1
  }
}

/** The events that carry states from the segment before: they stand right behind the header. */
function carriedBefore(reader: Rows): readonly Folded[] {
  return reader.read({ fromPosition: 2, limit: CARRYING_EVENTS }).filter(({ type }) => type === CARRIED)
}

/** The event that says where streams stood when a segment began. */
export const CARRIED = 'ledger.stateCarried'

interface Standing {
  version: number
  position: number
  value: StateValue
  context: Readonly<Record<string, unknown>>
}

/** Decisions remembered by their text: most of a long ledger's are a few thousand different ones. */
const DECISIONS_KEPT = 4_096

/** Applies stored decisions, one after the other. */
export class Folder {
  readonly #streams = new Map<string, Standing>()
  readonly #decisions = new Map<string, Decision>()
  #position = 0

  /** Goes on from a state, or begins at the beginning. */
  constructor(from: LedgerState | null) {
    if (from === null) return
    this.#position = from.position
    for (const [stream, at] of Object.entries(from.streams)) this.#streams.set(stream, { ...at })
  }

  /** Position of the last event taken. */
  get position(): number {
    return this.#position
  }

  takeAll(events: readonly Folded[]): void {
    for (const event of events) this.take(event)
  }

  take({ position, stream, version, type, decision, data }: Folded): void {
    const { state: value, context } = this.#parsed(position, decision)
    const at = this.#streams.get(stream)
    if (at === undefined) {
      const initial = readStored(position, () => initialContext(stream, context))
      this.#streams.set(stream, { version, position, value, context: { ...initial, ...context } })
    } else {
      at.version = version
      at.position = position
      at.value = value
      if (!isEmpty(context)) at.context = { ...at.context, ...context }
    }
    this.#position = position
    if (type === CARRIED) readStored(position, () => this.#carry(data, position))
  }

  state(): LedgerState {
    const streams = [...this.#streams].map(([stream, at]) => [stream, { ...at }] as const)
    return ledgerState(streams, this.#position)
  }

  #carry(data: string, position: number): void {
    for (const [stream, { version, value, context }] of carriedStreams(data)) {
      const at = this.#streams.get(stream)
      // The engine's own stream goes on in each file from version 1.
      this.#streams.set(stream, { version: at?.version ?? version, position, value, context })
    }
  }

  #parsed(position: number, text: string): Decision {
    const known = this.#decisions.get(text)
    if (known !== undefined) return known
    const decision = readStored(position, () => parseDecision(text))
    if (this.#decisions.size >= DECISIONS_KEPT) this.#decisions.clear()
    this.#decisions.set(text, decision)
    return decision
  }
}

/** Where streams stood, by the payload of a `ledger.stateCarried`. */
export function carriedStreams(data: string): readonly (readonly [string, Omit<StreamAt, 'position'>])[] {
  const { streams } = JSON.parse(data) as { streams: Record<string, Omit<StreamAt, 'position'>> }
  return Object.entries(streams)
}

interface Decided {
  readonly machine: Decider
  version: number
  position: number
  state: StreamState
}

/** Decides events again, one after the other, and remembers where each stream stands. */
export class Redecider {
  readonly #streams = new Map<string, Decided>()
  readonly #upcasters: Upcasters | undefined
  #behaviour: Behaviour
  #memo: DecisionMemo
  #position = 0

  /** The behaviour is that of the header, once one was decided; before it, that of the first ledgers. */
  constructor(options: { readonly behaviour?: Behaviour; readonly upcasters?: Upcasters } = {}) {
    checkFields('Redecider', 'options', options, { behaviour: 'object?', upcasters: 'object?' })
    this.#upcasters = options.upcasters
    this.#behaviour = options.behaviour ?? behaviourOf([])
    this.#memo = new DecisionMemo(this.#behaviour, options.upcasters)
  }

  /** Decisions that a machine was asked for, and those whose answer was known. */
  get counts(): { readonly asked: number; readonly known: number } {
    return this.#memo.counts
  }

  /**
   * Decides the next event and gives the text of the decision. Throws ARGUMENT_INVALID for what is no event: a ledger that
   * the store wrote holds none of that.
   */
  decide(input: Input): string {
    try {
      return this.#decide(input)
    } catch (error) {
      if (error instanceof PathledgerError) throw error
      throw argumentInvalid(
        'Redecider.decide',
        `input is an event of a ledger, and it could not be decided: ${messageOf(error)}.`,
      )
    }
  }

  #decide(input: Input): string {
    // Its payload is fetched when it is asked for.
    const { stream, version, position, type } = input
    if (type === 'ledger.header') {
      this.#behaviour = behaviourOfHeader(input.data)
      this.#memo = new DecisionMemo(this.#behaviour, this.#upcasters)
    }
    const at = this.#streams.get(stream)
    const machine = at?.machine ?? machineOf(stream, this.#behaviour)
    const { text, state } = this.#memo.decide(machine, at?.state ?? machine.initial(), input)
    if (at === undefined) this.#streams.set(stream, { machine, version, position, state })
    else {
      at.version = version
      at.position = position
      at.state = state
    }
    this.#position = position
    if (type === CARRIED) this.#carry(input.data, position)
    return text
  }

  /** Decides every event up to a position, from the first on. Reads page by page. */
  decideAll(reader: Pick<LedgerReader, 'read' | 'inputs'>, to: number): void {
    checkFields('decideAll', 'reader', reader, { read: 'call', inputs: 'call?' })
    checkArguments('decideAll', { to }, { to: 'position' })
    const inputs: Iterable<readonly Input[]> =
      reader.inputs === undefined
        ? pages(reader, { toPosition: to })
        : bulkPages((next) => reader.inputs?.(next, to) ?? [], 1, to)
    for (const page of inputs) for (const input of page) this.decide(input)
  }

  /** A stream stands here, by what somebody else folded. */
  resume(stream: string, at: StreamAt): void {
    checkArguments('resume', { stream }, { stream: 'text' })
    checkFields('resume', 'at', at, { version: 'count', position: 'count', context: 'object' })
    const { version, position, value, context } = at
    this.#streams.set(stream, {
      machine: machineOf(stream, this.#behaviour),
      version,
      position,
      state: { value, context },
    })
  }

  state(): LedgerState {
    const streams = [...this.#streams].map(([stream, { version, position, state }]) => {
      return [stream, { version, position, value: state.value, context: state.context }] as const
    })
    return ledgerState(streams, this.#position)
  }

  #carry(data: string, position: number): void {
    for (const [stream, { version, value, context }] of carriedStreams(data)) {
      const at = this.#streams.get(stream)
      const machine = at?.machine ?? machineOf(stream, this.#behaviour)
      const state = { value, context }
      this.#streams.set(stream, { machine, version: at?.version ?? version, position, state })
    }
  }
}

/** An observation says all that is known in its own decision. */
function initialContext(stream: string, first: Decision['context']): Decision['context'] {
  return first.observed === true ? {} : machineOf(stream).initial().context
}

function isEmpty(context: Decision['context']): boolean {
  for (const _key in context) return false
  return true
}

function ledgerState(streams: readonly (readonly [string, StreamAt])[], position: number): LedgerState {
  // By code unit, which is what comparing strings does.
  const sorted = [...streams].sort(([one], [other]) => (one < other ? -1 : 1))
  return { position, streams: Object.fromEntries(sorted) }
}
