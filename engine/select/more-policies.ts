// The policies that the series does not have. Integers only, no memory of their own: what they go by is in the table and
// on the paths. Like the others they look at the best rank of usable paths alone.
import type { SelectionTable, Selectable } from './table.ts'

/** I/Os from one look at a path that seems slow to the next: so that it is seen when it is slow no longer. */
const LOOK_AGAIN = 64

/** `service-time`: the fewest bytes in flight, then the fewest I/Os; the first of equals. */
export function leastBusyPath<Path extends Selectable>({ paths }: SelectionTable<Path>): Path | null {
  let best: Path | null = null
  for (const path of paths) {
    if (path.disabled) continue
    if (best === null || path.rank < best.rank) best = path
    else if (path.rank === best.rank && isLessBusy(path, best)) best = path
  }
  return best
}

function isLessBusy(path: Selectable, than: Selectable): boolean {
  if (path.inFlightBytes !== than.inFlightBytes) return path.inFlightBytes < than.inFlightBytes
  return path.inFlight < than.inFlight
}

/**
 * `historical-service-time`: where an I/O would be answered soonest, by how long those of late took and how many are in
 * flight. A path of which nothing is known is tried, and every now and then one that seemed slow.
 */
export function historicalPath<Path extends Selectable>(
  table: SelectionTable<Path>,
  node: number,
): Path | null {
  const left = (table.left[node] ?? 0) - 1
  table.left[node] = left > 0 ? left : LOOK_AGAIN
  if (left === 0) return spreadPath(table, node)
  let best: Path | null = null
  for (const path of table.paths) {
    if (path.disabled) continue
    if (best === null || path.rank < best.rank) best = path
    else if (path.rank === best.rank && expectedWait(path) < expectedWait(best)) best = path
  }
  return best
}

/** A path of which nothing is known counts as the fastest there can be: tried at once, and not flooded before it answers. */
function expectedWait({ serviceTime, inFlight }: Selectable): number {
  return Math.max(serviceTime, FASTEST) * (inFlight + 1)
}

/** A microsecond. */
const FASTEST = 16

/** Each of the best usable paths in its turn: the reads of `read-spread`. */
export function spreadPath<Path extends Selectable>(
  { paths, turn }: SelectionTable<Path>,
  node: number,
): Path | null {
  const from = turn[node] ?? -1
  let best: Path | null = null
  let at = from
  for (let step = 1; step <= paths.length; step += 1) {
    const index = (from + step) % paths.length
    const path = paths[index]
    if (path === undefined || path.disabled || (best !== null && path.rank >= best.rank)) continue
    best = path
    at = index
  }
  turn[node] = at
  return best
}

/** An I/O took so long: an average in which each of the last few weighs an eighth. Sixteenths of a microsecond. */
export function averageServiceTime(before: number, tookUs: number): number {
  const took = Math.min(tookUs, SERVICE_US_MAX) * 16
  return before === 0 ? took : before + Math.trunc((took - before) / 8)
}

/** A minute: what took longer says no more than that. */
const SERVICE_US_MAX = 60_000_000
