// Path selection, as the series' generic code does it: policies over the head's list of paths, in the order they were
// added, with one cached path per NUMA node. ../shared/vectors recorded what the kernel chooses; the three policies that
// it has are equal to it. select-more.ts has the others.
//
// Only paths of the best rank carry I/O (machines/predicates.ts: online before marginal, optimized before not). The
// kernel's order of looking matters, down to when the cache is set. Where its drafts were wrong (a removed path still
// cached, a single path taken without a look at its access state), `disabled` is looked at everywhere (D-17, D-18, D-19).
import { historicalPath, leastBusyPath, spreadPath } from './more-policies.ts'
import { LOCAL_DISTANCE, type Selectable, type SelectionTable } from './table.ts'

/** The path for an I/O submitted on `node`, or null when none is usable. Constant memory; may set the node's cache. */
export function selectPath<Path extends Selectable>(
  table: SelectionTable<Path>,
  node: number,
  isWrite = false,
  bytes = 0,
): Path | null {
  const { preferred } = table
  if (preferred !== null && !preferred.disabled && preferred.rank <= 1) return preferred
  switch (table.policy) {
    case 'numa':
      return numaPath(table, node)
    case 'round-robin':
      return roundRobinPath(table, node, bytes)
    case 'queue-depth':
      return queueDepthPath(table)
    case 'service-time':
      return leastBusyPath(table)
    case 'historical-service-time':
      return historicalPath(table, node)
    case 'read-spread':
      return isWrite ? numaPath(table, node) : spreadPath(table, node)
  }
}

/** The nearest usable path of the best rank. What is found becomes the node's cached path. */
export function searchPath<Path extends Selectable>(table: SelectionTable<Path>, node: number): Path | null {
  let best: Path | null = null
  let bestDistance = Infinity
  for (const path of table.paths) {
    if (path.disabled || (best !== null && path.rank > best.rank)) continue
    const distance =
      table.policy === 'numa' && path.numaNode !== null ? table.distance(node, path.numaNode) : LOCAL_DISTANCE
    if (best !== null && path.rank === best.rank && distance >= bestDistance) continue
    best = path
    bestDistance = distance
  }
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
  table.left.fill(0)
}

function numaPath<Path extends Selectable>(table: SelectionTable<Path>, node: number): Path | null {
  const cached = table.current[node] ?? null
  if (cached !== null && !cached.disabled && cached.rank === 0) return cached
  return searchPath(table, node)
}

function roundRobinPath<Path extends Selectable>(
  table: SelectionTable<Path>,
  node: number,
  bytes: number,
): Path | null {
  const { paths, current } = table
  const cached = current[node] ?? null
  const start = cached === null ? -1 : paths.indexOf(cached)
  if (cached === null || start < 0) return takeTurn(table, node, searchPath(table, node), bytes)
  if (paths.length === 1) return cached.disabled ? null : cached
  const stays = !cached.disabled && hasLeft(table, node)
  if (stays && cached.rank === 0) return spend(table, node, cached, bytes)
  const next = nextInTurn(paths, start)
  // Against nobody it wins by any rank.
  const lead = next === null ? 1 : next.rank - cached.rank
  if (cached.disabled || lead < 0) return takeTurn(table, node, next, bytes)
  if (stays) return spend(table, node, cached, bytes)
  return takeTurn(table, node, lead > 0 ? cached : next, bytes)
}

function hasLeft<Path extends Selectable>({ left }: SelectionTable<Path>, node: number): boolean {
  return (left[node] ?? 0) > 0
}

/** The first path after the cached one of the best rank there can be; else, as in the kernel, the last of the best. */
function nextInTurn<Path extends Selectable>(paths: readonly Path[], start: number): Path | null {
  let next: Path | null = null
  for (let step = 1; step < paths.length; step += 1) {
    const path = paths[(start + step) % paths.length]
    if (path === undefined || path.disabled) continue
    if (path.rank === 0) return path
    if (next === null || path.rank <= next.rank) next = path
  }
  return next
}

/** The path's turn begins: it is the node's cached path, with a whole quantum less this I/O. */
function takeTurn<Path extends Selectable>(
  table: SelectionTable<Path>,
  node: number,
  path: Path | null,
  bytes: number,
): Path | null {
  if (path === null) return null
  table.current[node] = path
  table.left[node] = table.quantum.size
  return spend(table, node, path, bytes)
}

function spend<Path extends Selectable>(
  { left, quantum }: SelectionTable<Path>,
  node: number,
  path: Path,
  bytes: number,
): Path {
  left[node] = (left[node] ?? 0) - (quantum.unit === 'ios' ? 1 : bytes)
  return path
}

function queueDepthPath<Path extends Selectable>(table: SelectionTable<Path>): Path | null {
  let best: Path | null = null
  for (const path of table.paths) {
    if (path.disabled) continue
    const depth = path.adapter.active
    const better = best === null || path.rank < best.rank
    if (better || (path.rank === best?.rank && depth < best.adapter.active)) best = path
    if (path.rank === 0 && depth === 0) return best
  }
  return best
}
