// A limit on everything, each with its name. docs/ledger.md lists them.

/** Rows of one page of `read`: the default and the most. A reader that holds no page long lets the WAL be checkpointed. */
export const PAGE_ROWS = 1_000

/** Events from one snapshot to the next: folding so many takes some ten milliseconds. */
export const SNAPSHOT_INTERVAL = 10_000
/** Bytes of snapshots for each event, at most: where there are many streams, snapshots are further apart. */
export const SNAPSHOT_BYTES_PER_EVENT = 8
/** Events at the beginning of a segment that may carry states from the one before: each holds up to half a megabyte. */
export const CARRYING_EVENTS = 1_000
/** Characters of states in one of those events; a state that is larger has one of its own. */
export const SEGMENT_CARRY_CHARS = 500_000
/** The writer keeps up snapshots and projections when it has had nothing to commit for so long, milliseconds. */
export const CACHES_IDLE_MS = 20
/** Rows that a thread of `verify` takes at a time. */
export const VERIFY_RANGE_ROWS = 20_000
/** Threads of `verify`, beside the caller's, which takes the decisions again. */
export const VERIFY_THREADS = 2
/** A ledger with fewer events is verified in the caller's thread: starting others takes longer. */
export const VERIFY_FAST_FROM = 5_000
/** Events up to which a reader compares indexes and caches with the rows before it answers: that takes less than a second. */
export const READ_CHECK_EVENTS = 20_000
/** Rows of one page where only a part of each row is read, or hashed. */
export const BULK_PAGE_ROWS = 1_000

/**
 * Rows of one INSERT. A table with triggers makes SQLite copy each page before a statement first changes it, in case it has to
 * take the statement back: one statement for many rows copies it once for all of them. With more rows it gains nothing.
 */
export const INSERT_ROWS = 16

/** Characters of an event id, a boot id, an actor. */
export const MAX_ID_CHARS = 512
/** Characters of a stream's name: a wwid of 512 and an address. */
export const MAX_STREAM_CHARS = 1_024
/** Characters of a reason in the operator's words. */
export const MAX_REASON_CHARS = 4_096
/** Characters of `data`, and of `decision`. */
export const MAX_JSON_CHARS = 1_048_576

/** How long a connection waits for another program's write lock, milliseconds. It blocks its thread meanwhile. */
export const BUSY_TIMEOUT_MS = 50
/** The same for the writer worker, whose thread nobody waits for. */
export const WORKER_BUSY_TIMEOUT_MS = 1_000
/** The WAL file is cut to this many bytes when it starts over. */
export const WAL_SIZE_LIMIT_BYTES = 67_108_864

/** Full batches that the writer's thread is sent while it commits one: it need not wait for the next one to be packed. */
export const BATCHES_AHEAD = 1

/** What may wait for a commit. Over it `append` rejects with LEDGER_STALLED, so that a hung disk cannot fill the memory. */
export interface WriterLimits {
  /** Events that wait or are being committed. */
  readonly maxPendingEvents: number
  /** Characters of their `data` and `decision`, together. */
  readonly maxPendingBytes: number
  /**
   * Events after which a batch takes no further append. A commit writes each page of the index of streams that it touched: the more
   * events share one, the fewer bytes an event costs.
   */
  readonly maxBatchEvents: number
}

/** Defaults of {@link WriterLimits}. */
export const WRITER_LIMITS: WriterLimits = {
  maxPendingEvents: 20_000,
  maxPendingBytes: 33_554_432,
  maxBatchEvents: 1_024,
}
