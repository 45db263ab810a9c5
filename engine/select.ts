// Path selection, as the series' generic code does it: three policies over the head's list of paths, in the order they
// were added, with one cached path per NUMA node. ../shared/vectors recorded what the kernel chooses; this is equal to it.
//
// The kernel's order of looking matters, down to when the cache is set. Where its drafts were wrong (a removed path
// still cached, a single path taken without a look at its access state), `disabled` is looked at everywhere
// (D-17, D-18, D-19).
import type { IoPolicy } from '../machines/words.ts'

/** NUMA distance of a node to itself. */
export const LOCAL_DISTANCE = 10

/** What selection knows of a path: plain fields that the path's transitions keep up to date. */
export interface Selectable {
  readonly disabled: boolean
  /** Not disabled, and its access state is optimal. */
  readonly optimized: boolean
  readonly numaNode: number | null
  /** Requests in flight on the path's adapter, counted under queue-depth. */
  readonly adapter: { readonly active: number }
}

export interface SelectionTable<Path extends Selectable> {
  policy: IoPolicy
  /** In the order they were added. */
  readonly paths: readonly Path[]
  /** The cached path of each NUMA node. */
  readonly current: (Path | null)[]
  readonly distance: (from: number, to: number) => number
}

/** The path for an I/O submitted on `node`, or null when none is usable. Constant memory; may set the node's cache. */
export function selectPath<Path extends Selectable>(table: SelectionTable<Path>, node: number): Path | null {
  switch (table.policy) {
    case 'numa':
      return numaPath(table, node)
    case 'round-robin':
      return roundRobinPath(table, node)
    case 'queue-depth':
      return queueDepthPath(table)
  }
}

/** The nearest usable path, optimized before non-optimized. What is found becomes the node's cached path. */
export function searchPath<Path extends Selectable>(table: SelectionTable<Path>, node: number): Path | null {
  let found: Path | null = null
  let fallback: Path | null = null
  let foundDistance = Infinity
  let fallbackDistance = Infinity
  for (const path of table.paths) {
    if (path.disabled) continue
    const distance =
      table.policy === 'numa' && path.numaNode !== null ? table.distance(node, path.numaNode) : LOCAL_DISTANCE
    if (path.optimized && distance < foundDistance) {
      found = path
      foundDistance = distance
    } else if (!path.optimized && distance < fallbackDistance) {
      fallback = path
      fallbackDistance = distance
    }
  }
  const best = found ?? fallback
  if (best !== null) table.current[node] = best
  return best
}

/** Forgets a path in every node's cache. True when it was in one. */
export function clearCurrentPath<Path extends Selectable>(table: SelectionTable<Path>, path: Path): boolean {
  let changed = false
  for (let node = 0; node < table.current.length; node += 1) {
    if (table.current[node] !== path) continue
    table.current[node] = null
    changed = true
  }
  return changed
}

/** Forgets every node's cached path. */
export function clearCurrentPaths<Path extends Selectable>(table: SelectionTable<Path>): void {
  table.current.fill(null)
}

function numaPath<Path extends Selectable>(table: SelectionTable<Path>, node: number): Path | null {
  const cached = table.current[node] ?? null
  if (cached !== null && cached.optimized) return cached
  return searchPath(table, node)
}

function roundRobinPath<Path extends Selectable>(table: SelectionTable<Path>, node: number): Path | null {
  const { paths, current } = table
  const cached = current[node] ?? null
  const start = cached === null ? -1 : paths.indexOf(cached)
  if (cached === null || start < 0) return searchPath(table, node)
  if (paths.length === 1) return cached.disabled ? null : cached
  let fallback: Path | null = null
  for (let step = 1; step < paths.length; step += 1) {
    const path = paths[(start + step) % paths.length]
    if (path === undefined || path.disabled) continue
    if (path.optimized) {
      current[node] = path
      return path
    }
    fallback = path
  }
  if (!cached.disabled && (cached.optimized || fallback === null)) return cached
  if (fallback !== null) current[node] = fallback
  return fallback
}

function queueDepthPath<Path extends Selectable>(table: SelectionTable<Path>): Path | null {
  let best: Path | null = null
  let fallback: Path | null = null
  for (const path of table.paths) {
    if (path.disabled) continue
    const depth = path.adapter.active
    if (path.optimized) {
      if (best === null || depth < best.adapter.active) best = path
      if (depth === 0) return best
    } else if (fallback === null || depth < fallback.adapter.active) {
      fallback = path
    }
  }
  return best ?? fallback
}
