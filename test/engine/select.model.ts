// Path selection again, written from the prose of the specification's section 7 and from nothing else. It looks at every
// path each time and keeps no more than the caches that the prose speaks of.

export type ModelPolicy = 'numa' | 'round-robin' | 'queue-depth'
export type ModelState = 'optimized' | 'nonoptimized' | 'disabled'

export interface ModelPath {
  readonly id: number
  state: ModelState
  readonly node: number | null
  readonly host: number
}

export const NODES = 3
const LOCAL = 10
/** A machine of three nodes where 0 and 1 are near each other, and 2 is far from both. */
const DISTANCES = [
  [10, 15, 30],
  [15, 10, 30],
  [30, 30, 10],
]

export function distanceOf(from: number, to: number): number {
  return DISTANCES[from]?.[to] ?? 255
}

export class SelectionModel {
  policy: ModelPolicy = 'numa'
  paths: ModelPath[] = []
  /** Per NUMA node. */
  readonly cache: (ModelPath | null)[] = new Array<ModelPath | null>(NODES).fill(null)
  /** Requests in flight per host. */
  readonly active: number[] = [0, 0, 0]

  /** "Search for a node": optimized by smallest distance, else non-optimized likewise; what is found is cached. */
  find(node: number): ModelPath | null {
    const byDistance = (state: ModelState) =>
      this.paths
        .filter((path) => path.state === state)
        .sort((a, b) => this.#far(node, a) - this.#far(node, b))
    const [best = null] = [...byDistance('optimized'), ...byDistance('nonoptimized')]
    if (best !== null) this.cache[node] = best
    return best
  }

  choose(node: number): ModelPath | null {
    if (this.policy === 'numa') return this.#numa(node)
    if (this.policy === 'round-robin') return this.#roundRobin(node)
    return this.#queueDepth()
  }

  /** Every node whose cached path this is has none. */
  forget(path: ModelPath): void {
    this.cache.forEach((cached, node) => {
      if (cached === path) this.cache[node] = null
    })
  }

  forgetAll(): void {
    this.cache.fill(null)
  }

  #far(node: number, path: ModelPath): number {
    return this.policy === 'numa' && path.node !== null ? distanceOf(node, path.node) : LOCAL
  }

  #numa(node: number): ModelPath | null {
    const cached = this.cache[node]
    return cached?.state === 'optimized' ? cached : this.find(node)
  }

  #roundRobin(node: number): ModelPath | null {
    const cached = this.cache[node] ?? null
    if (cached === null) return this.find(node)
    if (this.paths.length === 1) return cached.state === 'disabled' ? null : cached
    const at = this.paths.indexOf(cached)
    const round = [...this.paths.slice(at + 1), ...this.paths.slice(0, at)]
    const taken =
      round.find(({ state }) => state === 'optimized') ??
      (cached.state === 'optimized' ? cached : undefined) ??
      round.findLast(({ state }) => state === 'nonoptimized') ??
      (cached.state === 'nonoptimized' ? cached : undefined)
    if (taken === undefined) return null
    this.cache[node] = taken
    return taken
  }

  #queueDepth(): ModelPath | null {
    const least = (state: ModelState) => {
      const those = this.paths.filter((path) => path.state === state)
      const depths = those.map(({ host }) => this.active[host] ?? 0)
      return those[depths.indexOf(Math.min(...depths))] ?? null
    }
    return least('optimized') ?? least('nonoptimized')
  }
}
