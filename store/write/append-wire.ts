// Appends and their outcomes on their way between the threads. Structured clone writes the name of every field of every
// object; a batch is therefore sent as one flat list of values, and of a committed event only what its append did not say.
import { fromWire, toWire } from '../file/error-wire.ts'
import type { WireError } from '../file/error-wire.ts'
import type { Settled } from './group-commit.ts'
import type { Append, Appended, NewEvent, StoredEvent } from '../types.ts'

/** Values of one event in {@link WireBatch.values}. */
const FIELDS = 12
const HASH_BYTES = 32

/** A batch of appends. */
export interface WireBatch {
  /** The events of all appends, one behind the other. */
  readonly values: readonly unknown[]
  readonly appends: readonly { readonly events: number; readonly expected?: Append['expected'] }[]
}

/** One append's outcome: of its new rows the first position, their versions and causes, and their hashes in one piece. */
export type WireSettled =
  | {
      readonly ok: true
      readonly answer: Appended
      readonly first: number
      readonly versions: readonly number[]
      readonly causes: readonly (number | null)[]
      readonly hashes: Uint8Array
    }
  | { readonly ok: false; readonly error: WireError }

/** A batch for the writer's thread. Its events were checked: they have the fields of an event and no other. */
export function batchToWire(batch: readonly Append[]): WireBatch {
  const values: unknown[] = []
  const appends = batch.map(({ events, expected }) => {
    for (const event of events) pushEvent(values, event)
    return { events: events.length, ...(expected === undefined ? {} : { expected }) }
  })
  return { values, appends }
}

function pushEvent(values: unknown[], event: NewEvent): void {
  const { eventId, stream, type, schema, recordedAtUs, monoUs, bootId, cause, actor, reason } = event
  values.push(eventId, stream, type, schema, recordedAtUs, monoUs, bootId, cause, actor, reason)
  values.push(event.data, event.decision)
}

/** The batch that {@link batchToWire} was given. */
export function batchOfWire({ values, appends }: WireBatch): Append[] {
  let at = 0
  return appends.map(({ events: count, expected }) => {
    const events: NewEvent[] = []
    for (let left = count; left > 0; left -= 1) {
      events.push(eventAt(values, at))
      at += FIELDS
    }
    return expected === undefined ? { events } : { events, expected }
  })
}

function eventAt(values: readonly unknown[], at: number): NewEvent {
  return {
    eventId: values[at] as string,
    stream: values[at + 1] as string,
    type: values[at + 2] as string,
    schema: values[at + 3] as number,
    recordedAtUs: values[at + 4] as number,
    monoUs: values[at + 5] as number,
    bootId: values[at + 6] as string,
    cause: values[at + 7] as NewEvent['cause'],
    actor: values[at + 8] as string,
    reason: values[at + 9] as string | null,
    data: values[at + 10] as string,
    decision: values[at + 11] as string,
  }
}

/** An outcome for the thread that appended. */
export function settledToWire(settled: Settled): WireSettled {
  if (!settled.ok) return { ok: false, error: toWire(settled.error) }
  const { answer, events } = settled
  const hashes = new Uint8Array(HASH_BYTES * events.length)
  for (const [index, { hash }] of events.entries()) hashes.set(hash, HASH_BYTES * index)
  return {
    ...{ ok: true, answer, hashes, first: events[0]?.position ?? 0 },
    versions: events.map(({ version }) => version),
    causes: events.map(({ cause }) => cause),
  }
}

/** The outcome that {@link settledToWire} was given, of the append that the writer was sent. */
export function settledOfWire(wire: WireSettled, { events }: Append): Settled {
  if (!wire.ok) return { ok: false, error: fromWire(wire.error) }
  const { answer, first, versions, causes, hashes } = wire
  const rows: StoredEvent[] = []
  // New rows stand one behind the other; what was on the ledger already has an earlier position.
  for (const [index, event] of events.entries()) {
    const at = rows.length
    const position = first + at
    if (at === versions.length || answer.positions[index] !== position) continue
    const hash = new Uint8Array(hashes.buffer, hashes.byteOffset + HASH_BYTES * at, HASH_BYTES)
    rows.push({ ...event, cause: causes[at] ?? null, position, version: versions[at] ?? 0, hash })
  }
  return { ok: true, answer, events: rows }
}
