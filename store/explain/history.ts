// What an explanation reads: the events of a stream up to a position without those that only count, causes, and names.
import { PathledgerError } from '../../errors.ts'
import { parseDecision, type Decision } from '../../machines/decision.ts'
import { EVENT_TYPES } from '../../machines/registry.ts'
import type { StateValue } from '../../machines/step.ts'
import { pages } from '../pages.ts'
import type { LedgerReader, StoredEvent } from '../types.ts'

/** An event with its payload and decision read. */
export interface Told extends Omit<StoredEvent, 'data' | 'decision'> {
  readonly data: Readonly<Record<string, unknown>>
  readonly decision: Decision
}

/** Many, and they change no state. */
const COUNTING = ['path.ioSampled', 'head.ioSampled', 'head.ioTraced', 'head.ioParked']

export class History {
  readonly reader: LedgerReader
  /** The last position that is looked at. */
  readonly position: number
  readonly #told = new Map<string, readonly Told[]>()
  readonly #rows = new Map<string, readonly StoredEvent[]>()

  constructor(reader: LedgerReader, position: number) {
    this.reader = reader
    this.position = position
  }

  /** The events that changed a stream, or tried to, in order. Reads page by page. */
  of(stream: string): readonly Told[] {
    const known = this.#told.get(stream)
    if (known !== undefined) return known
    const prefix = stream.split('/', 1)[0] ?? ''
    const types = [...EVENT_TYPES.keys()].filter((type) => type.startsWith(`${prefix}.`))
    const rows = types
      .filter((type) => !COUNTING.includes(type))
      .flatMap((type) => this.#rowsOf(type).filter((row) => row.stream === stream))
    const told = rows.map(tell).sort((one, other) => one.position - other.position)
    this.#told.set(stream, told)
    return told
  }

  /** Events of one type on any stream, in order. */
  ofType(type: string): readonly Told[] {
    return this.#rowsOf(type).map(tell)
  }

  /** By type, whatever the stream: a stream is long because of what only counts, and that is not read at all. */
  #rowsOf(type: string): readonly StoredEvent[] {
    const known = this.#rows.get(type)
    if (known !== undefined) return known
    const rows = [...pages(this.reader, { type, toPosition: this.position })].flat()
    this.#rows.set(type, rows)
    return rows
  }

  /** The event at a position, or null. */
  at(position: number | null): Told | null {
    if (position === null) return null
    const row = this.reader.read({ fromPosition: position, toPosition: position })[0]
    return row === undefined ? null : tell(row)
  }

  /** An event and what led to it, back to the first: each the cause of the one before it. */
  causes(event: Told): Told[] {
    const chain = [event]
    for (let next = this.at(event.cause); next !== null; next = this.at(next.cause)) {
      // A cause comes before its effect; a ledger on which it does not was changed by somebody.
      if (next.position >= (chain.at(-1)?.position ?? 0)) break
      chain.push(next)
    }
    return chain
  }

  /** Streams of the paths of a LUN, as they were added. */
  pathsOf(wwid: string): string[] {
    const streams = this.ofType('path.added').map(({ stream }) => stream)
    return [...new Set(streams)].filter((stream) => stream.startsWith(`path/${wwid}/`))
  }

  /** What people call a stream: 'sda:0', 'sda'; the stream itself where it was never given a name. */
  nameOf(stream: string): string {
    const named = stream.startsWith('lun/') ? stream.replace('lun/', 'head/') : stream
    const name = this.of(named).findLast(({ data }) => typeof data['name'] === 'string')?.data['name']
    return typeof name === 'string' ? name : stream
  }
}

/** Payload and decision of a row. Throws LEDGER_DAMAGED for what is not JSON. */
export function tell(row: StoredEvent): Told {
  try {
    return {
      ...row,
      data: JSON.parse(row.data) as Told['data'],
      decision: parseDecision(row.decision),
    }
  } catch (error) {
    throw new PathledgerError('LEDGER_DAMAGED', {
      message: `The event at position ${row.position} cannot be read.`,
      why: `${error instanceof Error ? error.message : String(error)}.`,
      todo: 'Run `pathledger verify` on the ledger.',
      cause: error,
    })
  }
}

/** Region of a state: 'failed' for health. '' where the state has no such region. */
export function regionOf(state: StateValue | undefined, region: string): string {
  return typeof state === 'object' ? (state[region] ?? '') : ''
}

/** The event that put a region where it is after the last of these: the first of the run with that word. */
export function enteredBy(events: readonly Told[], region: string): Told | null {
  let found: Told | null = null
  const word = regionOf(events.at(-1)?.decision.state, region)
  for (const event of [...events].reverse()) {
    if (regionOf(event.decision.state, region) !== word) break
    found = event
  }
  return found
}

/** Which life of a path an event is of: 1 for the first. */
export function incarnationOf(events: readonly Told[], position: number): number {
  const lives = events.filter(
    ({ type, position: at, decision }) =>
      (type === 'path.added' || type === 'path.returned') && at <= position && decision.refused !== true,
  )
  return lives.length
}
