// The figures of the house: how much of it stands flat, how many ways lead from room to room, and whether any leads back.
import ts from 'typescript'
import { isTypeScript, parse, type Source } from '../../test/tidy/source.ts'
import { targetOf } from '../../test/tidy/references.ts'
import { graphOf, importsOf, knotsOf, type Graph, type Import } from './graph.ts'
import { floorOf, houseOf, HOUSES, roomOf } from './rooms.ts'

/** A house in figures. */
export interface HouseFigures {
  readonly lines: number
  readonly files: number
  /** Files that stand beside its rooms. */
  readonly flatFiles: number
  /** Folders, and files beside them. */
  readonly rooms: number
  readonly largestRoom: { readonly name: string; readonly files: number }
  /** From the highest room to the lowest, by the imports that there are. */
  readonly floors: number
  /** From room to room, and those that run against the list of rooms. */
  readonly arrows: number
  readonly arrowsBackUp: number
  /** Rooms that come back to themselves by way of others. */
  readonly roomsInCircles: number
  /** Files that import a file of the same house. */
  readonly importPairs: number
  readonly circles: readonly number[]
  /** Files on the longest way down. */
  readonly longestChain: number
}

export interface Structure {
  /** Files in each circle of imports, types included; and of those that remain when types are left out. */
  readonly circles: readonly number[]
  readonly circlesOfValues: readonly number[]
  readonly houses: Readonly<Record<string, HouseFigures>>
  /** Names that each door of the package exports. */
  readonly doors: Readonly<Record<string, number>>
  /** The file with the life of a path. */
  readonly pathMachineLines: number
}

export const PATH_MACHINE = 'machines/path/path.ts'

/** Measures the product among these sources. */
export function structureOf(sources: readonly Source[]): Structure {
  const product = sources.filter((source) => isTypeScript(source) && houseOf(source.path) !== null)
  const imports = importsOf(product)
  const houses = Object.keys(HOUSES).filter((house) =>
    product.some(({ path }) => path.startsWith(`${house}/`)),
  )
  const byPath = new Map(product.map((source) => [source.path, source]))
  const doors = [...byPath.keys()].filter((path) => path === 'index.ts' || path.startsWith('doors/')).sort()
  return {
    circles: sizes(imports),
    circlesOfValues: sizes(imports.filter(({ erased }) => !erased)),
    houses: Object.fromEntries(houses.map((house) => [house, figuresOf(house, product, imports)])),
    doors: Object.fromEntries(doors.map((door) => [door, namesOf(door, byPath).size])),
    pathMachineLines: linesOf(byPath.get(PATH_MACHINE)?.text ?? ''),
  }
}

function figuresOf(house: string, product: readonly Source[], all: readonly Import[]): HouseFigures {
  const within = (path: string) => path.startsWith(`${house}/`)
  const files = product.filter(({ path }) => within(path))
  const imports = all.filter(({ from, to }) => within(from) && within(to))
  const arrows = imports
    .map(({ from, to }) => ({ from: roomOf(from), to: roomOf(to) }))
    .filter(({ from, to }) => from !== to)
  const rooms = new Map<string, number>()
  for (const { path } of files) rooms.set(roomOf(path), (rooms.get(roomOf(path)) ?? 0) + 1)
  const [name = '', most = 0] = [...rooms].sort(([, one], [, other]) => other - one)[0] ?? []
  const ways = graphOf(arrows)
  const pairs = pairsOf(ways)
  return {
    lines: files.reduce((sum, { text }) => sum + linesOf(text), 0),
    files: files.length,
    flatFiles: files.filter(({ path }) => path.split('/').length === 2).length,
    rooms: rooms.size,
    largestRoom: { name, files: most },
    floors: longestWay(ways),
    arrows: pairs.length,
    arrowsBackUp: pairs.filter(([from, to]) => (floorOf(from) ?? 0) > (floorOf(to) ?? 0)).length,
    roomsInCircles: knotsOf(ways).flat().length,
    importPairs: imports.length,
    circles: sizes(imports),
    longestChain: longestWay(graphOf(imports)),
  }
}

function sizes(imports: readonly Import[]): number[] {
  return knotsOf(graphOf(imports)).map((knot) => knot.length)
}

function pairsOf(graph: Graph): [string, string][] {
  return [...graph].flatMap(([from, targets]) => [...targets].map((to): [string, string] => [from, to]))
}

/** How many stand on the longest way down; all that are in one circle count as one. */
function longestWay(graph: Graph): number {
  const knot = new Map(knotsOf(graph).flatMap((names) => names.map((name) => [name, names] as const)))
  const known = new Map<string, number>()
  const below = (name: string): number => {
    const names = knot.get(name) ?? [name]
    const [first = name] = names
    const seen = known.get(first)
    if (seen !== undefined) return seen
    const next = names.flatMap((one) => [...(graph.get(one) ?? [])]).filter((to) => !names.includes(to))
    const longest = 1 + next.reduce((most, to) => Math.max(most, below(to)), 0)
    known.set(first, longest)
    return longest
  }
  return [...graph.keys()].reduce((most, name) => Math.max(most, below(name)), 0)
}

/** The names that a file exports, those of `export *` included. */
function namesOf(path: string, byPath: ReadonlyMap<string, Source>): Set<string> {
  const source = byPath.get(path)
  const names = new Set<string>()
  if (source === undefined) return names
  for (const statement of parse(source).statements) {
    if (!ts.isExportDeclaration(statement)) continue
    const from = statement.moduleSpecifier
    if (statement.exportClause !== undefined && ts.isNamedExports(statement.exportClause)) {
      for (const { name } of statement.exportClause.elements) names.add(name.text)
    } else if (from !== undefined && ts.isStringLiteral(from)) {
      for (const name of namesOf(targetOf(path, from.text), byPath)) names.add(name)
    }
  }
  return names
}

function linesOf(text: string): number {
  return text.replace(/\n$/, '').split('\n').length
}
