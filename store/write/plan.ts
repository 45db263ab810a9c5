// What an append comes to, decided before anything is written. Shared by the file and the memory store, so that the
// simulator's ledger and the real one cannot differ in what they accept.
import { PathledgerError } from '../../errors.ts'
import { checkNewEvent } from '../rows/check-event.ts'
import { hashRow } from '../rows/encoding.ts'
import { isExpectedVersion, matchesExpectedVersion } from './expected-version.ts'
import type { Append, Appended, LedgerHead, NewEvent, StoredEvent } from '../types.ts'

/** What the planner asks of the ledger as it is now. */
export interface Ledgered {
  head(): LedgerHead
  byEventId(eventId: string): StoredEvent | null
  /** Last version of a stream; 0 when it has no events. */
  versionOf(stream: string): number
}

/** What to write, in order, and what to answer. */
export interface Plan {
  readonly rows: readonly StoredEvent[]
  readonly answer: Appended
}

/**
 * Plans one append on top of `ledger`. Pure: nothing is written. Throws EVENT_INVALID, EVENT_ID_REUSED or
 * EXPECTED_VERSION, and then nothing of the append may be written.
 *
 * An append of which every event is on the ledger already is a retry whose first answer was lost: it is answered with
 * the old positions, and its expected versions are not looked at, for they were true when it was first made. `checked` says
 * that its events were looked at already, by {@link checkAppend}.
 */
export function planAppend(append: Append, ledger: Ledgered, checked = false): Plan {
  if (!checked) checkAppend(append)
  const planner = new Planner(ledger)
  const positions = append.events.map((event) => planner.place(event))
  const duplicates = positions.length - planner.rows.length
  const isRetry = positions.length > 0 && planner.rows.length === 0
  if (!isRetry) checkExpected(append, ledger)
  return { rows: planner.rows, answer: { positions, duplicates } }
}

/** Throws EVENT_INVALID for an append with an event that must not be on the ledger. */
export function checkAppend({ events }: Append): void {
  for (const event of events) checkNewEvent(event)
}

class Planner {
  readonly rows: StoredEvent[] = []
  readonly #ledger: Ledgered
  readonly #planned = new Map<string, StoredEvent>()
  readonly #versions = new Map<string, number>()
  #tail: LedgerHead

  constructor(ledger: Ledgered) {
    this.#ledger = ledger
    this.#tail = ledger.head()
  }

  /** Position of the event: its old one, or the next. */
  place(event: NewEvent): number {
    const existing = this.#find(event.eventId)
    if (existing !== null) {
      if (!this.#isSame(event, existing)) throw reused(event, existing)
      return existing.position
    }
    const position = this.#tail.events + 1
    const version = (this.#versions.get(event.stream) ?? this.#ledger.versionOf(event.stream)) + 1
    const row = rowOf(event, position, version, this.#causeOf(event))
    row.hash = hashRow(this.#tail.hash, row)
    this.rows.push(row)
    this.#planned.set(event.eventId, row)
    this.#versions.set(event.stream, version)
    this.#tail = { events: position, hash: row.hash }
    return position
  }

  #find(eventId: string): StoredEvent | null {
    return this.#planned.get(eventId) ?? this.#ledger.byEventId(eventId)
  }

  /** A cause that is on the ledger or earlier in this append; null for one that nobody knows. */
  #causeOf({ cause }: NewEvent): number | null {
    return typeof cause === 'object' && cause !== null ? (this.#find(cause.eventId)?.position ?? null) : cause
  }

  #isSame(event: NewEvent, row: StoredEvent): boolean {
    // A cause by id may have been unknown when the row was written, and known now.
    const byId = typeof event.cause === 'object' && event.cause !== null
    const sameCause = this.#causeOf(event) === row.cause || (byId && row.cause === null)
    return (
      sameCause &&
      event.stream === row.stream &&
      event.type === row.type &&
      event.schema === row.schema &&
      event.recordedAtUs === row.recordedAtUs &&
      event.monoUs === row.monoUs &&
      event.bootId === row.bootId &&
      event.actor === row.actor &&
      event.reason === row.reason &&
      event.data === row.data &&
      event.decision === row.decision
    )
  }
}

/** The row of an event, still without its hash. */
function rowOf(
  event: NewEvent,
  position: number,
  version: number,
  cause: number | null,
): StoredEvent & { hash: Uint8Array } {
  const { eventId, stream, type, schema, recordedAtUs, monoUs, bootId, actor, reason, data, decision } = event
  return {
    position,
    eventId,
    stream,
    version,
    type,
    schema,
    recordedAtUs,
    monoUs,
    bootId,
    cause,
    actor,
    reason,
    data,
    decision,
    hash: NO_HASH,
  }
}

const NO_HASH = new Uint8Array(0)

function checkExpected({ expected }: Append, ledger: Ledgered): void {
  for (const [stream, wanted] of Object.entries(expected ?? {})) {
    const actual = ledger.versionOf(stream)
    if (isExpectedVersion(wanted) && matchesExpectedVersion(actual, wanted)) continue
    throw new PathledgerError('EXPECTED_VERSION', {
      message: `The stream ${stream} is not at the expected version.`,
      why: `The append expected ${JSON.stringify(wanted)}; the stream is at version ${actual}${actual === 0 ? ' (no events)' : ''}.`,
      todo: 'Read the stream again, decide again, and append with the version that you saw.',
      details: { stream, expected: wanted, actual },
    })
  }
}

function reused(event: NewEvent, row: StoredEvent): PathledgerError {
  return new PathledgerError('EVENT_ID_REUSED', {
    message: `The event id ${event.eventId} is already on the ledger, with other content.`,
    why: `It is ${row.type} on ${row.stream} at position ${row.position}; an id names one event forever.`,
    todo: 'Give the new event an id of its own.',
    details: { eventId: event.eventId, position: row.position },
  })
}
