// Imports point one way (design.md): cli -> index -> engine -> {machines, store, adapters}; store -> machines.
import { posix } from 'node:path'
import ts from 'typescript'
import { PRODUCT_FOLDERS, finding, isTypeScript, parse, walk, zoneOf } from './source.ts'
import type { Finding, Source } from './source.ts'

interface Allowed {
  /** Zones (or single files) that may be imported and run. */
  readonly values: readonly string[]
  /** Further ones of which only types may be imported. */
  readonly types: readonly string[]
}

const PRODUCT = [...PRODUCT_FOLDERS, 'index', 'errors']

// Zones that are not here (test, bench, scripts) may import anything.
const DIRECTIONS: Readonly<Record<string, Allowed>> = {
  errors: { values: [], types: [] },
  machines: { values: ['machines', 'errors'], types: [] },
  adapters: { values: ['adapters', 'errors'], types: ['machines'] },
  store: { values: ['store', 'machines', 'errors'], types: ['adapters/ports.ts'] },
  engine: { values: ['engine', 'machines', 'store', 'adapters', 'errors'], types: [] },
  simulation: { values: ['simulation', 'engine', 'machines', 'store', 'adapters', 'errors'], types: [] },
  'what-if': { values: ['what-if', 'engine', 'machines', 'store', 'adapters', 'errors'], types: [] },
  index: {
    values: ['engine', 'simulation', 'what-if', 'store', 'adapters', 'machines', 'errors'],
    types: [],
  },
  cli: { values: ['cli', 'index', 'errors'], types: PRODUCT },
}

// Folders that may use these packages only. Everything else is for the adapters.
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  machines: ['xstate', 'zod', 'node:crypto'],
}

export interface Reference {
  readonly node: ts.Node
  readonly specifier: string
  readonly typeOnly: boolean
}

/** Every module or file that a source names: imports, exports from, import(), import types, `new URL('./...')`. */
export function referencesOf(source: Source): Reference[] {
  const found: Reference[] = []
  walk(parse(source), (node) => found.push(...referencesAt(node)))
  return found
}

function referencesAt(node: ts.Node): Reference[] {
  if (ts.isImportDeclaration(node)) {
    const typeOnly = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
    return named(node, node.moduleSpecifier, typeOnly)
  }
  if (ts.isExportDeclaration(node)) return named(node, node.moduleSpecifier, node.isTypeOnly)
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return named(node, node.argument.literal, true)
  }
  if (ts.isCallExpression(node) && loadsModule(node.expression)) return named(node, node.arguments[0], false)
  if (ts.isNewExpression(node) && node.expression.getText() === 'URL') return urlReferences(node)
  return []
}

function named(node: ts.Node, specifier: ts.Node | undefined, typeOnly: boolean): Reference[] {
  if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return []
  return [{ node, specifier: specifier.text, typeOnly }]
}

function loadsModule(callee: ts.Expression): boolean {
  return callee.kind === ts.SyntaxKind.ImportKeyword || callee.getText() === 'require'
}

/** A worker's entry is often chosen at run time (`.ts` or `.js`), so every relative string in the first argument counts. */
function urlReferences(node: ts.NewExpression): Reference[] {
  const [first] = node.arguments ?? []
  if (first === undefined) return []
  const found: Reference[] = []
  const take = (part: ts.Node): void => {
    const text = ts.isStringLiteralLike(part) || part.kind === ts.SyntaxKind.TemplateHead ? textOf(part) : ''
    if (text.startsWith('./') || text.startsWith('../')) {
      found.push({ node, specifier: text, typeOnly: false })
    }
  }
  take(first)
  walk(first, take)
  return found
}

function textOf(node: ts.Node): string {
  return (node as ts.LiteralLikeNode).text
}

/** (a) Imports that point the wrong way, or at a package that the folder must not know. */
export function importDirections(source: Source): Finding[] {
  if (!isTypeScript(source)) return []
  const zone = zoneOf(source.path)
  return referencesOf(source).flatMap((reference) => {
    const wrong = reference.specifier.startsWith('.')
      ? wrongDirection(source.path, reference)
      : wrongPackage(zone, reference.specifier)
    return wrong === null ? [] : [finding(reference.node, wrong)]
  })
}

function wrongDirection(path: string, { specifier, typeOnly }: Reference): string | null {
  const allowed = DIRECTIONS[zoneOf(path)]
  if (allowed === undefined) return null
  const target = resolve(path, specifier)
  const names = (list: readonly string[]): boolean => list.includes(zoneOf(target)) || list.includes(target)
  if (names(allowed.values)) return null
  if (names(allowed.types)) {
    return typeOnly ? null : `imports ${target}, of which it may only know types: use \`import type\``
  }
  const may = [...allowed.values, ...allowed.types.map((zone) => `types of ${zone}`)].join(', ') || 'nothing'
  return `imports ${target}: ${zoneOf(path)} may import ${may}; pass the thing in instead`
}

function wrongPackage(zone: string, specifier: string): string | null {
  const allowed = PACKAGES[zone]
  if (allowed === undefined || allowed.includes(specifier)) return null
  return `imports the package ${specifier}: ${zone} may use ${allowed.join(', ') || 'none'}; do it in adapters/`
}

function resolve(from: string, specifier: string): string {
  return posix.join(posix.dirname(from), specifier)
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
        `${path} is reached from neither index.ts, cli/main.ts, a worker nor a script: use it or remove it`,
    )
}

function isEntry(path: string): boolean {
  return path === 'index.ts' || path === 'cli/main.ts' || ['scripts', 'bench'].includes(zoneOf(path))
}

function isProduct(path: string): boolean {
  // Nobody imports a .d.ts: the compiler just sees it.
  return PRODUCT_FOLDERS.some((folder) => path.startsWith(`${folder}/`)) && !path.endsWith('.d.ts')
}

function filesNamedBy(source: Source, byPath: ReadonlyMap<string, Source>): string[] {
  return referencesOf(source)
    .filter(({ specifier }) => specifier.startsWith('.'))
    .flatMap(({ specifier }) => {
      const target = resolve(source.path, specifier).replace(/\.js$/, '.ts')
      if (byPath.has(target)) return [target]
      // A template such as `./worker.${ending}`: its fixed part names the file.
      return [...byPath.keys()].filter((path) => path === `${target}ts` || path === `${target}.ts`)
    })
}
