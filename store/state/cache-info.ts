// What a ledger file has of caches, as it is shown.

/** One snapshot in a list. */
export interface SnapshotInfo {
  readonly position: number
  readonly bytes: number
  /** Why it is not believed; null when it is. */
  readonly refused: 'other machines' | 'damaged' | 'not of this ledger' | null
}

/** What a ledger has of caches. */
export interface CacheInfo {
  readonly snapshots: readonly SnapshotInfo[]
  readonly projections: readonly { readonly name: string; readonly position: number }[]
}
