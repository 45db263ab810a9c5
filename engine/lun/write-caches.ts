// What a flush of a LUN has to cover. Acknowledged writes are numbered; each write cache behind the LUN knows the last write
// that was acknowledged through it and the last that a flush through it has covered. Paths over one inode share a cache, any
// other path has one of its own. A cache outlives its path: what was never flushed there is not forgotten with the path, but
// told, once, to whoever flushes next.

/** What of a path says which cache stands behind it. */
export interface Attached {
  readonly hctl: string
  readonly device: { readonly coherence: { readonly inode: string | null } }
}

export class WriteCache {
  /** The inode that its paths share; null where it is one path's own. */
  readonly inode: string | null
  /** H:C:I:L of the path in front of it, of the last one where there are several. */
  label: string
  /** H:C:I:L of a path of the last run that has not come back; null for others. */
  lost: string | null = null
  /** Paths in front of it, those included that are just being let go. */
  attached = 0
  /** Number of the last write that was acknowledged through it. */
  acknowledged = 0
  /** A flush through it that was well covered everything up to this number. */
  covered = 0
  /** Up to here a caller heard that it cannot be flushed. */
  told = 0

  constructor(inode: string | null, label: string) {
    this.inode = inode
    this.label = label
  }

  /** It may hold acknowledged writes that no flush has covered. */
  get uncovered(): boolean {
    return this.acknowledged > this.covered
  }

  /** The same, and nobody was told yet. */
  get untold(): boolean {
    return this.acknowledged > Math.max(this.covered, this.told)
  }

  /** A flush through it succeeded; it was sent when `number` was the LUN's last acknowledged write. */
  cover(number: number): void {
    this.covered = Math.max(this.covered, number)
  }
}

/** Caches without a path that are kept apart; of more the two oldest become one, so that a flap without end takes no memory. */
export const GONE_CACHES_MAX = 64

export class WriteCaches {
  /** Number of the last acknowledged write of the LUN. */
  last = 0
  readonly #caches = new Set<WriteCache>()

  /** The cache behind a path that was attached; `same`: the last run had it attached, and it is the same attach. */
  join({ hctl, device }: Attached, same: boolean): WriteCache {
    const { inode } = device.coherence
    const known = inode !== null ? this.#ofInode(inode) : same ? this.#lostAs(hctl) : null
    const cache = known ?? new WriteCache(inode, hctl)
    cache.label = hctl
    cache.attached += 1
    if (cache.lost === hctl) cache.lost = null
    this.#caches.add(cache)
    return cache
  }

  /** A path was let go. Its cache is kept where it holds writes of which somebody has to be told. */
  leave(cache: WriteCache): void {
    cache.attached -= 1
    if (cache.attached > 0) return
    if (cache.untold) this.#boundGone()
    else this.#caches.delete(cache)
  }

  /** The last run had this path, and it has not come back: what was acknowledged through it may not be flushed. */
  lose(hctl: string, inode: string | null): void {
    const known = inode === null ? null : this.#ofInode(inode)
    const cache = known ?? new WriteCache(inode, hctl)
    cache.lost = hctl
    this.#caches.add(cache)
    this.acknowledge(cache)
  }

  /** That path is given up, or another attach is in its place. Gives its cache where somebody has to be told of it. */
  giveUp(hctl: string): WriteCache | null {
    const cache = this.#lostAs(hctl)
    if (cache === null) return null
    cache.lost = null
    if (cache.untold) return cache
    this.#caches.delete(cache)
    return null
  }

  /** The last run's ledger says that this path went with writes that no flush covered, and that nobody was told. */
  inherit(label: string): void {
    const cache = new WriteCache(null, label)
    this.#caches.add(cache)
    this.acknowledge(cache)
    this.#boundGone()
  }

  /** A write was acknowledged that may be in this cache alone. */
  acknowledge(cache: WriteCache): void {
    this.last += 1
    cache.acknowledged = this.last
    // The path went first, and its last answer came afterwards.
    if (cache.attached === 0) this.#caches.add(cache)
  }

  /** Every cache that a flush has to reach, in the order in which they came. */
  uncovered(): WriteCache[] {
    return [...this.#caches].filter((cache) => cache.uncovered)
  }

  /** A caller heard that nothing up to `number` in this cache is known to be durable. */
  told(cache: WriteCache, number: number): void {
    cache.told = Math.max(cache.told, number)
    if (cache.attached === 0 && cache.lost === null && !cache.untold) this.#caches.delete(cache)
  }

  #ofInode(inode: string): WriteCache | null {
    return [...this.#caches].find((cache) => cache.inode === inode) ?? null
  }

  #lostAs(hctl: string): WriteCache | null {
    return [...this.#caches].find((cache) => cache.lost === hctl && cache.inode === null) ?? null
  }

  #boundGone(): void {
    const gone = [...this.#caches].filter(({ attached, lost }) => attached === 0 && lost === null)
    const [oldest, next] = gone
    if (gone.length <= GONE_CACHES_MAX || oldest === undefined || next === undefined) return
    next.label = 'several paths'
    next.acknowledged = Math.max(next.acknowledged, oldest.acknowledged)
    next.covered = Math.min(next.covered, oldest.covered)
    next.told = Math.min(next.told, oldest.told)
    this.#caches.delete(oldest)
  }
}
