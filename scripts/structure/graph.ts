// Which file of the product imports which, and where that comes back to where it started.
import { referencesOf, targetOf } from '../../test/tidy/references.ts'
import { isTypeScript, type Source } from '../../test/tidy/source.ts'
import { houseOf } from './rooms.ts'

/** One file imports another, once for each pair. */
export interface Import {
  readonly from: string
  readonly to: string
  /** Nothing but types is taken. */
  readonly erased: boolean
}

/** Between files of the product. The entry of a worker thread is started, not imported. */
export function importsOf(sources: readonly Source[]): Import[] {
  const product = sources.filter((source) => isTypeScript(source) && houseOf(source.path) !== null)
  const there = new Set(product.map(({ path }) => path))
  const found = new Map<string, Import>()
  for (const source of product) {
    for (const { specifier, erased, isImport } of referencesOf(source)) {
      const to = specifier.startsWith('.') ? targetOf(source.path, specifier) : ''
      if (!isImport || !there.has(to)) continue
      const key = `${source.path} ${to}`
      found.set(key, { from: source.path, to, erased: erased && found.get(key)?.erased !== false })
    }
  }
  return [...found.values()]
}

/** What each imports, by name. */
export type Graph = ReadonlyMap<string, ReadonlySet<string>>

export function graphOf(imports: readonly Pick<Import, 'from' | 'to'>[]): Graph {
  const graph = new Map<string, Set<string>>()
  for (const { from, to } of imports) {
    graph.set(from, (graph.get(from) ?? new Set()).add(to))
    graph.set(to, graph.get(to) ?? new Set())
  }
  return graph
}

/** Groups of files of which each comes back to itself by way of all the others (Tarjan's components), the largest first. */
export function knotsOf(graph: Graph): string[][] {
  const order = new Map<string, number>()
  const low = new Map<string, number>()
  const open: string[] = []
  const knots: string[][] = []
  const lower = (node: string, to: number) => low.set(node, Math.min(low.get(node) ?? to, to))
  const visit = (node: string): void => {
    order.set(node, order.size)
    lower(node, order.size - 1)
    open.push(node)
    for (const next of graph.get(node) ?? []) {
      if (!order.has(next)) visit(next)
      if (open.includes(next)) lower(node, low.get(next) ?? 0)
    }
    if (low.get(node) !== order.get(node)) return
    const knot = open.splice(open.indexOf(node))
    if (knot.length > 1 || graph.get(node)?.has(node) === true) knots.push(knot.sort())
  }
  for (const node of graph.keys()) if (!order.has(node)) visit(node)
  return knots.sort((one, other) => other.length - one.length)
}

/** One way round for each knot, as short as there is: each imports the next, and the last one the first. */
export function circlesOf(imports: readonly Import[]): string[][] {
  const graph = graphOf(imports)
  return knotsOf(graph).map(([start = '']) => wayRound(graph, start))
}

function wayRound(graph: Graph, start: string): string[] {
  const cameFrom = new Map<string, string>()
  const queue = [start]
  for (const node of queue) {
    for (const next of graph.get(node) ?? []) {
      if (next === start) return wayBack(cameFrom, start, node)
      if (cameFrom.has(next)) continue
      cameFrom.set(next, node)
      queue.push(next)
    }
  }
  return [start]
}

function wayBack(cameFrom: ReadonlyMap<string, string>, start: string, last: string): string[] {
  const way = [last]
  for (let node = last; node !== start;) {
    node = cameFrom.get(node) ?? start
    way.unshift(node)
  }
  return way
}
