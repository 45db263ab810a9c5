// Imports point one way: down the one list of houses and rooms (scripts/structure/rooms.ts), and never in a circle.
import {
  COMING,
  floorOf,
  houseOf,
  HOUSES,
  PRODUCT_FOLDERS,
  roomOf,
  rooms,
} from '../../scripts/structure/rooms.ts'
import { circlesOf, importsOf } from '../../scripts/structure/graph.ts'
import { referencesOf, targetOf, type Reference } from './references.ts'
import { finding, isTypeScript, zoneOf } from './source.ts'
import type { Finding, Source } from './source.ts'

// Folders that may use these packages only. Everything else is for the adapters.
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  machines: ['xstate', 'zod', 'node:crypto'],
}

/** (a) Imports that point the wrong way, or at a package that the house must not know. */
export function importDirections(source: Source): Finding[] {
  const house = houseOf(source.path)
  if (!isTypeScript(source) || house === null) return []
  return referencesOf(source).flatMap((reference) => {
    const wrong = reference.specifier.startsWith('.')
      ? wrongDirection(source.path, house, reference)
      : wrongPackage(house, reference.specifier)
    return wrong === null ? [] : [finding(reference.node, wrong)]
  })
}

function wrongDirection(path: string, house: string, reference: Reference): string | null {
  const { specifier, typeOnly, isImport } = reference
  const target = targetOf(path, specifier)
  // What is only started, a thread or a child, stands above whoever starts it.
  if (houseOf(target) === house) return isImport ? wrongFloor(path, target) : null
  const { imports, types = [] } = HOUSES[house] ?? { imports: [] }
  const names = (list: readonly string[]): boolean =>
    list.includes(houseOf(target) ?? target) || list.includes(target)
  if (names(imports)) return null
  if (names(types)) {
    return typeOnly ? null : `imports ${target}, of which it may only know types: use \`import type\``
  }
  const own = PRODUCT_FOLDERS.filter((name) => name === house)
  const may = [...own, ...imports, ...types.map((name) => `types of ${name}`)].join(', ') || 'nothing'
  return `imports ${target}: ${house} may import ${may}; pass the thing in instead`
}

/** Inside a house: a room imports itself and lower floors. */
function wrongFloor(path: string, target: string): string | null {
  const [from, to] = [roomOf(path), roomOf(target)]
  const [own, other] = [floorOf(from), floorOf(to)]
  if (from === to || own === null || other === null || own < other) return null
  const stands = own === other ? 'beside' : 'above'
  return `imports ${target}: ${to} stands ${stands} ${from} on the list of rooms, and a room imports lower ones only; move what both need down, or pass it in`
}

/** (a) Files of a house with rooms that stand in none, and rooms on the list that are not there. */
export function strayFiles(paths: readonly string[]): Finding[] {
  const strays = paths.filter((path) => {
    const { floors } = HOUSES[houseOf(path) ?? ''] ?? {}
    return floors !== undefined && path.endsWith('.ts') && floorOf(roomOf(path)) === null
  })
  const foreign = paths.filter((path) => houseOf(path) !== null && /\.([cm][jt]s|jsx?|tsx)$/.test(path))
  const homeless = paths.filter(
    (path) =>
      /\.[cm]?[jt]sx?$/.test(path) && houseOf(path) === null && !BESIDE.includes(path.split('/')[0] ?? ''),
  )
  const there = new Set(paths.map(roomOf))
  const empty = rooms().filter((room) => !there.has(room) && !COMING.includes(room))
  return [
    ...strays.map(
      (path) =>
        `${path} stands in no room: move it into one, or add ${roomOf(path)} and what it is for to ${LIST}`,
    ),
    ...foreign.map((path) => `${path} is no .ts file: the product is, so that every rule sees all of it`),
    ...homeless.map(
      (path) =>
        `${path} stands in no house: move it into one, or add the house and what it is for to ${LIST}`,
    ),
    ...empty.map((room) => `${room} is on the list of rooms and not there: take it off ${LIST}`),
  ]
}

const LIST = 'scripts/structure/rooms.ts'
/** Code that is not of the product; what stands at the root sets tools up. */
const BESIDE = ['bench', 'bin', 'examples', 'scripts', 'test', 'eslint.config.js', 'vitest.config.ts']

/** (a) Imports that come back to the file that they start from, types included. */
export function circles(sources: readonly Source[]): Finding[] {
  return circlesOf(importsOf(sources)).map(
    ([first = '', ...others]) =>
      `${first} imports itself by way of ${[...others, first].join(' -> ')}: no file imports in a circle, types included; move what both need into a file below them, or pass it in`,
  )
}

function wrongPackage(zone: string, specifier: string): string | null {
  const allowed = PACKAGES[zone]
  if (allowed === undefined || allowed.includes(specifier)) return null
  return `imports the package ${specifier}: ${zone} may use ${allowed.join(', ') || 'none'}; do it in adapters/`
}

/** (e) Sources of the product that nothing reaches: neither the library, the command, a worker nor a script. */
export function deadFiles(sources: readonly Source[]): Finding[] {
  const byPath = new Map(sources.filter(isTypeScript).map((source) => [source.path, source]))
  const alive = new Set<string>()
  const queue = [...byPath.keys()].filter(isEntry)
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const source = byPath.get(path)
    if (source === undefined || alive.has(path)) continue
    alive.add(path)
    queue.push(...filesNamedBy(source, byPath))
  }
  return [...byPath.keys()]
    .filter((path) => isProduct(path) && !alive.has(path))
    .map(
      (path) =>
        `${path} is reached from neither a door, cli/main.ts, a worker nor a script: use it or remove it`,
    )
}

function isEntry(path: string): boolean {
  return path === 'index.ts' || path === 'cli/main.ts' || ['doors', 'scripts', 'bench'].includes(zoneOf(path))
}

function isProduct(path: string): boolean {
  // Nobody imports a .d.ts: the compiler just sees it.
  return PRODUCT_FOLDERS.some((folder) => path.startsWith(`${folder}/`)) && !path.endsWith('.d.ts')
}

function filesNamedBy(source: Source, byPath: ReadonlyMap<string, Source>): string[] {
  return referencesOf(source)
    .filter(({ specifier }) => specifier.startsWith('.'))
    .flatMap(({ specifier }) => {
      const target = targetOf(source.path, specifier).replace(/\.js$/, '.ts')
      if (byPath.has(target)) return [target]
      // A template such as `./worker.${ending}`: its fixed part names the file.
      return [...byPath.keys()].filter((path) => path === `${target}ts` || path === `${target}.ts`)
    })
}
