// What a reader outside relies on: docstrings of the public API, a page per filter, no names of our machines.
import ts from 'typescript'
import type { Finding, Source } from './source.ts'

/** (f) Exports of `entry` without a docstring where they are declared. */
export function undocumentedExports(entry: string, host: ts.CompilerHost): Finding[] {
  const options: ts.CompilerOptions = {
    allowImportingTsExtensions: true,
    noEmit: true,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    noLib: true,
    types: [],
  }
  const program = ts.createProgram([entry], options, host)
  const checker = program.getTypeChecker()
  const file = program.getSourceFile(entry)
  const module = file === undefined ? undefined : checker.getSymbolAtLocation(file)
  if (module === undefined) return [`${entry} exports nothing`]
  return checker.getExportsOfModule(module).flatMap((exported) => {
    const isAlias = (exported.flags & ts.SymbolFlags.Alias) !== 0
    const declared = isAlias ? checker.getAliasedSymbol(exported) : exported
    if (declared.declarations === undefined) return [`${exported.name} is exported and declared nowhere`]
    if (declared.getDocumentationComment(checker).length > 0) return []
    const where = declared.declarations[0]?.getSourceFile().fileName ?? entry
    return [`${exported.name} is public and has no docstring in ${where}: say what it promises`]
  })
}

/** (g) Filters without their page. */
export function filtersWithoutPage(paths: readonly string[]): Finding[] {
  const all = new Set(paths)
  return paths.flatMap((path) => {
    const name = /^adapters\/filters\/([^/]+)\.ts$/.exec(path)?.[1]
    if (name === undefined || name === 'wrap' || all.has(`docs/filters/${name}.md`)) return []
    return [`${path} has no page: write docs/filters/${name}.md`]
  })
}

// Put together, so that this file does not find itself.
const PRIVATE_NAMES = [
  '(?<![\\w.)\\]}])/wo' + 'rk/',
  '(?<![\\w)\\]])\\.lib' + 'rary\\b',
  '\\bfa' + 'rm-',
  '(?<![\\w.)\\]}])/ro' + 'ot/',
  '(?<![\\w.)\\]}])/ho' + 'me/',
]
const PRIVATE = new RegExp(PRIVATE_NAMES.join('|'))

/** (h) Names that mean something on one machine only. */
export function machineNames({ path, text }: Source): Finding[] {
  return text.split('\n').flatMap((line, index) => {
    const name = PRIVATE.exec(line)?.[0]
    if (name === undefined) return []
    return [`${path}:${index + 1} names ${name}, which exists on one machine only: use a relative path`]
  })
}
