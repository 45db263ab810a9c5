// What an explanation reads: the events of a stream up to a position without those that only count, causes, and names.
import { parseDecision, type Decision } from '../../machines/decision.ts'
import { flagsOf, type PathFlags } from '../../machines/predicates.ts'
import { EVENT_TYPES } from '../../machines/registry.ts'
import type { StateValue } from '../../machines/step.ts'
import { readStored } from '../rows/damage.ts'
import { CARRIED } from '../state/fold.ts'
import { pages } from '../pages.ts'
import type { LedgerReader, StoredEvent } from '../types.ts'

/** An event with its payload and decision read. */
export interface Told extends Omit<StoredEvent, 'data' | 'decision'> {
  readonly data: Readonly<Record<string, unknown>>
  readonly decision: Decision
  /** The context of the stream after it. */
  readonly context: Readonly<Record<string, unknown>>
}

/** Many, and they change no state. */
const COUNTING = ['path.ioSampled', 'head.ioSampled', 'head.ioTraced', 'head.ioParked']
/** After a restart a timer runs on with its deadline in the time of another boot: it was not armed by these. */
const TAKEN_UP = ['path.lost', 'head.recovered']

export class History {
  readonly reader: LedgerReader
  /** The last position that is looked at. */
  readonly position: number
  readonly #told = new Map<string, readonly Told[]>()
  readonly #rows = new Map<string, readonly StoredEvent[]>()
  #carried: ReadonlyMap<string, Told> | null = null
  #paths: readonly string[] | null = null

  constructor(reader: LedgerReader, position: number) {
    this.reader = reader
    this.position = position
  }

  /** The same ledger as it was at an earlier position. */
  upTo(position: number): History {
    return new History(this.reader, Math.min(position, this.position))
  }

  /**
   * The events that changed a stream, or tried to, in order. Reads page by page. In a later segment the first of them is the
   * state that the segment before it handed on.
   */
  of(stream: string): readonly Told[] {
    const known = this.#told.get(stream)
    if (known !== undefined) return known
    const prefix = stream.replace(/\/.*/s, '')
    const types = [...EVENT_TYPES.keys()].filter((type) => type.startsWith(`${prefix}.`))
    const rows = types
      .filter((type) => !COUNTING.includes(type))
      .flatMap((type) => this.#rowsOf(type).filter((row) => row.stream === stream))
      .sort((one, other) => one.position - other.position)
    const carried = this.#carriedStreams().get(stream)
    const told: Told[] = carried === undefined ? [] : [carried]
    for (const row of rows) told.push(tell(row, told.at(-1)?.context))
    this.#told.set(stream, told)
    return told
  }

  /** Events of one type on any stream, in order. */
  ofType(type: string): readonly Told[] {
    return this.#rowsOf(type).map((row) => tell(row))
  }

  /** By type, whatever the stream: a stream is long because of what only counts, and that is not read at all. */
  #rowsOf(type: string): readonly StoredEvent[] {
    const known = this.#rows.get(type)
    if (known !== undefined) return known
    const rows = [...pages(this.reader, { type, toPosition: this.position })].flat()
    this.#rows.set(type, rows)
    return rows
  }

  /** What the segment before this one handed on, by stream. */
  #carriedStreams(): ReadonlyMap<string, Told> {
    if (this.#carried !== null) return this.#carried
    const carried = new Map<string, Told>()
    for (const event of this.ofType(CARRIED)) {
      const streams = event.data['streams'] as Readonly<Record<string, Carried>>
      for (const [stream, { value, context }] of Object.entries(streams)) {
        const decision = { state: value, context, effects: [], digest: '' }
        // Whoever closed the segment has nothing to do with what it carries.
        const mine = { stream, data: {}, actor: 'engine', reason: null, decision, context }
        carried.set(stream, { ...event, ...mine })
      }
    }
    this.#carried = carried
    return carried
  }

  /** The event at a position, or null. */
  at(position: number): Told | null {
    const row = this.reader.read({ fromPosition: position, toPosition: position })[0]
    if (row === undefined) return null
    return this.of(row.stream).find((told) => told.position === position) ?? tell(row)
  }

  /** An event and what led to it, back to the first: each the cause of the one before it. */
  causes(event: Told): Told[] {
    const chain: Told[] = []
    for (let next: Told | null = event; next !== null;) {
      chain.push(next)
      // The engine's word on whose error it was: what each path said before is summed up in it.
      const cause: Told | null = VERDICTS.includes(next.type) || isIdentity(next) ? null : this.#causeOf(next)
      // A cause comes before its effect; a ledger on which it does not was changed by somebody.
      next = cause !== null && cause.position < next.position ? cause : null
    }
    return chain
  }

  /** The event that is on the ledger as the cause; where none is, the one that it follows from. */
  #causeOf(event: Told): Told | null {
    if (event.cause !== null) return this.at(event.cause)
    if (event.type.endsWith('.timerFired')) return this.#armed(event)
    const from = FOLLOWS[event.type]
    if (from === undefined) return null
    const found = this.of(event.stream).findLast(({ type, position, decision }) => {
      return from.includes(type) && position < event.position && decision.refused !== true
    })
    return found ?? null
  }

  /** What armed a timer: not an earlier turn of the same timer, and not the restart that went on with it. */
  #armed({ stream, position, data }: Told): Told | null {
    const timer = String(data['timer'])
    const events = this.of(stream)
    let dueUs = data['dueUs']
    let armed: Told | null = null
    for (let at = events.length - 1; at >= 0; at -= 1) {
      const event = events[at]
      if (event === undefined || event.position >= position) continue
      const due = timersOf(event)[timer]
      const turns = event.type.endsWith('.timerFired') && event.data['timer'] === timer
      if (due !== dueUs && !turns) return armed
      armed = event
      const before = events[at - 1]
      if (before !== undefined && (TAKEN_UP.includes(event.type) || turns)) dueUs = timersOf(before)[timer]
    }
    return armed
  }

  /** Streams of the paths of a LUN, as they were added. */
  pathsOf(wwid: string): string[] {
    return this.paths().filter((stream) => stream.startsWith(`path/${wwid}/`))
  }

  /** Streams of every path that was ever added, or handed on by the segment before. */
  paths(): readonly string[] {
    const carried = [...this.#carriedStreams().keys()].filter((stream) => stream.startsWith('path/'))
    this.#paths ??= [...new Set([...carried, ...this.#rowsOf('path.added').map(({ stream }) => stream)])]
    return this.#paths
  }

  /** How a stream stood at a position; null before its first event. */
  lastOf(stream: string, position = this.position): Told | null {
    return this.of(stream).findLast((event) => event.position <= position) ?? null
  }

  /**
   * What people called a stream at a position: 'sda:0', 'sda'. Names are given anew at each start. The stream itself where it
   * was never given one.
   */
  nameOf(stream: string, position = this.position): string {
    const events = this.of(stream.replace(/^(lun|reservation)\//, 'head/'))
    const then = events.findLast((event) => event.position <= position) ?? events[0]
    const name = then?.context['name']
    return typeof name === 'string' && name !== '' ? name : stream
  }
}

interface Carried {
  readonly value: StateValue
  readonly context: Readonly<Record<string, unknown>>
}

/** What an event that names no cause follows from: the last of these on its stream. */
const FOLLOWS: Readonly<Record<string, readonly string[]>> = {
  // A probe is of a path that failed.
  'path.probeSucceeded': ['path.failed'],
  'path.probeFailed': ['path.failed'],
  'path.heldBack': ['path.failed'],
  'engine.ledgerRecovered': ['engine.ledgerDegraded'],
  'engine.proceededWithoutRecord': ['engine.ledgerDegraded'],
  'reservation.conflict': ['reservation.adopted', 'reservation.commanded'],
}

const VERDICTS = ['lun.bioPoisoned', 'lun.flushFailed', 'lun.ioFailed']

function timersOf({ context }: Told): Readonly<Record<string, unknown>> {
  return (context['timers'] ?? {}) as Readonly<Record<string, unknown>>
}

/** The last part of a stream's name: the H:C:I:L of a path. */
export function lastPart(stream: string): string {
  return stream.slice(stream.lastIndexOf('/') + 1)
}

/** Payload and decision of a row. Throws LEDGER_DAMAGED for what is not JSON. */
export function tell(row: StoredEvent, before: Told['context'] = {}): Told {
  return readStored(row.position, () => {
    const decision = parseDecision(row.decision)
    const context = { ...before, ...decision.context }
    return { ...row, data: JSON.parse(row.data) as Told['data'], decision, context }
  })
}

/** What the context of a path adds to its state after an event. */
export function flagsAfter({ context }: Told): PathFlags {
  return flagsOf(context)
}

/** Region of a state: 'failed' for health. '' where the state has no such region. */
export function regionOf(state: StateValue | undefined, region: string): string {
  return typeof state === 'object' ? (state[region] ?? '') : ''
}

/** The event that put a region where it is after the last of these, which is given: the first of the run with that word. */
export function enteredBy(events: readonly Told[], last: Told, region: string): Told {
  const word = regionOf(last.decision.state, region)
  return firstOfRun(events, last, ({ decision }) => regionOf(decision.state, region) === word)
}

/** The first of the last events that are all so, as the last one is. */
export function firstOfRun(events: readonly Told[], last: Told, isSo: (event: Told) => boolean): Told {
  let found = last
  for (const event of events.toReversed()) {
    if (!isSo(event)) break
    found = event
  }
  return found
}

/** Which life of a path an event is of: 1 for the first, 0 before it. */
export function incarnationOf(events: readonly Told[], position: number): number {
  const counted = events.findLast((event) => event.position <= position)?.context['incarnation']
  return typeof counted === 'number' ? counted : 0
}

/** Whether an event says that another device stands where the path was. */
export function isIdentity({ type, data }: Told): boolean {
  if (type === 'path.failed') return data['verdict'] === 'identity'
  if (type !== 'path.probeFailed') return false
  // Ledgers of before do not say what the probe found; only a read has an errno, or says where it was.
  const { found, errno, detail } = data
  if (typeof found === 'string') return found === 'identity'
  return errno === null && typeof detail === 'string' && !detail.startsWith('read at ')
}
