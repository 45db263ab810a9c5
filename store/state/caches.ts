// The caches of a ledger file, kept up by whoever writes it: snapshots and projections. Each step takes some ten
// milliseconds, so it is done between commits, never inside one.
import type Database from 'better-sqlite3'
import { Folder } from './fold.ts'
import type { LedgerState } from '../types.ts'
import { SNAPSHOT_INTERVAL } from '../limits.ts'
import { PROJECTIONS } from '../projections/index.ts'
import { dropProjection, projectedTo, stepProjection } from '../projections/projection.ts'
import { foldRows } from './fold-rows.ts'
import {
  dropSnapshots,
  eventsUntilSnapshot,
  listSnapshots,
  readSnapshot,
  writeSnapshot,
} from './snapshots.ts'
import type { CacheInfo } from './cache-info.ts'

/** Keeps snapshots and projections behind what is committed. */
export class Caches {
  readonly #db: Database.Database
  #folder: Folder | null = null
  /** Position of the next snapshot; a state of many streams is taken less often. */
  #due = 0

  constructor(db: Database.Database) {
    this.#db = db
  }

  /** Takes each cache at most one step further; true while one is more than a step behind. */
  step(events: number): boolean {
    const transaction = this.#db.transaction((): boolean => {
      let more = this.#snapshot(events)
      for (const projection of PROJECTIONS) more = stepProjection(this.#db, projection, events) || more
      return more
    })
    try {
      return transaction.immediate()
    } catch (error) {
      // What was folded may be ahead of what was kept now.
      this.#folder = null
      throw error
    }
  }

  #snapshot(events: number): boolean {
    if (this.#folder === null) {
      const last = readSnapshot(this.#db, events)
      this.#folder = new Folder(last)
      this.#due = (last?.position ?? 0) + stepsUntil(last)
    }
    const folder = this.#folder
    const to = folder.position - (folder.position % SNAPSHOT_INTERVAL) + SNAPSHOT_INTERVAL
    if (to > events) return false
    while (folder.position < to) {
      const page = foldRows(this.#db, folder.position + 1, to)
      if (page.length === 0) return false
      folder.takeAll(page)
    }
    if (folder.position >= this.#due) {
      const hash = this.#db.prepare('SELECT hash FROM events WHERE position = ?').pluck().get(folder.position)
      const bytes = writeSnapshot(this.#db, folder.state(), hash as Uint8Array)
      this.#due = folder.position + alignedInterval(bytes)
    }
    return true
  }
}

function stepsUntil(last: LedgerState | null): number {
  return last === null ? SNAPSHOT_INTERVAL : alignedInterval(JSON.stringify(last.streams).length)
}

function alignedInterval(stateBytes: number): number {
  return Math.ceil(eventsUntilSnapshot(stateBytes) / SNAPSHOT_INTERVAL) * SNAPSHOT_INTERVAL
}

/** Brings all of it up to the head at once: what the idle writer does little by little. */
export function catchUp(db: Database.Database, events: number): void {
  const caches = new Caches(db)
  while (caches.step(events));
}

/** Deletes every cache. Changes nothing but how long things take. */
export function dropCaches(db: Database.Database): void {
  db.transaction(() => {
    dropSnapshots(db)
    for (const projection of PROJECTIONS) dropProjection(db, projection)
    db.exec('DROP TABLE IF EXISTS projections')
  }).immediate()
}

/** What there is, and what of it is believed. */
export function cacheInfo(db: Database.Database): CacheInfo {
  const projections = PROJECTIONS.map((projection) => ({
    name: projection.name,
    position: projectedTo(db, projection),
  }))
  return { snapshots: listSnapshots(db), projections }
}
