// The ledger's words. Types only. The physical schema is docs/ledger.md's; the rows keep its column names in camelCase.
import type { StateValue } from '../machines/step.ts'

/** One event to append. Positions, versions and hashes are the writer's business. */
export interface NewEvent {
  /** Idempotency: an event id that is on the ledger already is not appended again. */
  readonly eventId: string
  readonly stream: string
  readonly type: string
  /** Version of the payload. */
  readonly schema: number
  readonly recordedAtUs: number
  readonly monoUs: number
  readonly bootId: string
  /** The event that led to this one: its position, or its id when it is not committed yet. */
  readonly cause: number | { readonly eventId: string } | null
  readonly actor: string
  readonly reason: string | null
  /** JSON text, stored as it is and hashed as it is. */
  readonly data: string
  /** JSON text of the decision (machines/decision.ts), stored as it is and hashed as it is. */
  readonly decision: string
}

/** A row of the ledger. */
export interface StoredEvent extends Omit<NewEvent, 'cause'> {
  readonly position: number
  readonly version: number
  readonly cause: number | null
  readonly hash: Uint8Array
}

/** What a stream must look like for the append to happen; all four are honoured. A number is the stream's version now. */
export type ExpectedVersion = number | 'none' | 'exists' | 'any'

/** What is appended together. */
export interface Append {
  /** In order; several streams may be mixed. All of them are appended, or none. */
  readonly events: readonly NewEvent[]
  /** Per stream; a stream that is not named expects 'any'. */
  readonly expected?: Readonly<Record<string, ExpectedVersion>>
}

/** What became of an append. */
export interface Appended {
  /** Position of each event, in the order given; an event already on the ledger gives its old position. */
  readonly positions: readonly number[]
  /** How many of them were on the ledger already. */
  readonly duplicates: number
}

/** Which rows to read: every filter that is given has to match. */
export interface ReadQuery {
  readonly stream?: string
  readonly type?: string
  /** First and last position, both included. */
  readonly fromPosition?: number
  readonly toPosition?: number
  /** Wall clock, microseconds, both included. */
  readonly fromTimeUs?: number
  readonly toTimeUs?: number
  /** At most so many rows; default and maximum 1,000 a page. */
  readonly limit?: number
}

/** Where a ledger ends. */
export interface LedgerHead {
  /** Position of the last event. */
  readonly events: number
  readonly hash: Uint8Array
}

/** What replay, verification and reports need of a ledger: the file, the store that writes it, or memory. */
export interface LedgerReader {
  /** Rows in the order of their positions, one page; ask again from the last position for more. */
  read(query: ReadQuery): readonly StoredEvent[]
  head(): LedgerHead
  /**
   * The last position that was recorded at or before a wall-clock time, microseconds; 0 when there is none. Where the
   * wall clock stepped back, later positions carry earlier times: the last of them counts.
   */
  positionAt(timeUs: number): number
  /**
   * The state at the last snapshot at or before a position that can be believed; null when there is none. A reader
   * without snapshots need not have it.
   */
  snapshot?(position: number): LedgerState | null
  /** What folding needs of the rows from one position to another, one page; `data` only of events that carry states. */
  decisions?(fromPosition: number, toPosition: number): readonly Folded[]
  /** What deciding again needs of the rows from one position to another, one page. */
  inputs?(fromPosition: number, toPosition: number): readonly Input[]
}

/** Hears the events of one commit, in order. */
export type LedgerListener = (events: readonly StoredEvent[]) => void

/** The store port: the file behind its writer worker, or the memory store of the simulator. One contract suite for both. */
export interface LedgerStore {
  /** Resolves when the events are durable. Rejects with EXPECTED_VERSION, LEDGER_CLOSED, LEDGER_STALLED or LEDGER_IO. */
  append(append: Append): Promise<Appended>
  /** Rows in the order of their positions, one page; ask again from the last position for more. */
  read(query: ReadQuery): readonly StoredEvent[]
  head(): LedgerHead
  /** Every event committed from now on, in order, one call per commit. Returns the way to stop it. */
  subscribe(listener: LedgerListener): () => void
  /** Commits what waits, then lets go of the file. */
  close(): Promise<void>
}

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

/** What an event is folded from. */
export type Folded = Pick<StoredEvent, 'position' | 'stream' | 'version' | 'type' | 'decision' | 'data'>

/** What an event is decided from. Not its stored decision. */
export type Input = Pick<
  StoredEvent,
  'stream' | 'version' | 'position' | 'type' | 'schema' | 'monoUs' | 'data'
>

/** What a projection is called and keeps: tables made from the events. */
export interface ProjectionTables {
  readonly name: string
  /** Another version is another projection: what an older one left is thrown away. */
  readonly version: number
  /** CREATE TABLE of each of its tables, by name. STRICT, and no name of any other. */
  readonly tables: Readonly<Record<string, string>>
}

/**
 * `none`: no engine has written it. `ended`: it says itself that it ended. `open`: it runs, or was killed, and what it committed is there.
 * `lost`: it has no end, and there is no FILE-wal, where its last commits would be: the file may have been copied alone.
 */
export type LastRun = 'none' | 'ended' | 'open' | 'lost'

/** One thing that was not proved. */
export interface Unproved {
  readonly what: 'rewritten' | 'earlier-segment' | 'end-of-last-run'
  readonly says: string
}
