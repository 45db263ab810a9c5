// What rows are before anybody believes them, wherever they lie.

/**
 * One row in the order of the columns. INTEGER is a bigint, REAL a number, TEXT a string, BLOB bytes, NULL null: a value
 * of the wrong kind cannot pass for the right one.
 */
export type UntrustedRow = readonly unknown[]

/** The head as it lies there, and how many there are. */
export type HeadRow = readonly [events: unknown, hash: unknown, heads: number]

/** What verification asks of a place where rows lie. */
export interface RowSource {
  /** All rows by position, in batches. */
  batches(): Iterable<readonly UntrustedRow[]>
  /** The head as it was with the last batch; null when there is none. */
  head(): HeadRow | null
  /** Event ids that are on the ledger more than once: for each, the position of the second. */
  repeatedIds(): readonly number[]
  /** The bytes of a row's texts as they are stored; null where a string is all there is. */
  textBytes(position: bigint): readonly unknown[] | null
}
