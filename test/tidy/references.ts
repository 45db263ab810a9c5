// Every module or file that a source names, and what it takes of it.
import { posix } from 'node:path'
import ts from 'typescript'
import { parse, walk } from './source.ts'
import type { Source } from './source.ts'

export interface Reference {
  readonly node: ts.Node
  readonly specifier: string
  /** `import type`: the compiler leaves it out. */
  readonly typeOnly: boolean
  /** Nothing but types is taken, though some stand in an import that stays. */
  readonly erased: boolean
  /** False for the entry of a worker, which is started and not imported. */
  readonly isImport: boolean
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
    return named(node, node.moduleSpecifier, typeOnly, typeOnly || takesTypes(node.importClause))
  }
  if (ts.isExportDeclaration(node)) return named(node, node.moduleSpecifier, node.isTypeOnly)
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return named(node, node.argument.literal, true)
  }
  if (ts.isCallExpression(node) && loadsModule(node.expression)) return named(node, node.arguments[0], false)
  if (ts.isNewExpression(node) && node.expression.getText() === 'URL') return urlReferences(node)
  return []
}

function named(
  node: ts.Node,
  specifier: ts.Node | undefined,
  typeOnly: boolean,
  erased = typeOnly,
): Reference[] {
  if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return []
  return [{ node, specifier: specifier.text, typeOnly, erased, isImport: true }]
}

/** True for `import { type A, type B }`. */
function takesTypes(clause: ts.ImportClause | undefined): boolean {
  const names = clause?.namedBindings
  if (clause?.name !== undefined || names === undefined || !ts.isNamedImports(names)) return false
  return names.elements.length > 0 && names.elements.every(({ isTypeOnly }) => isTypeOnly)
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
      found.push({ node, specifier: text, typeOnly: false, erased: false, isImport: false })
    }
  }
  take(first)
  walk(first, take)
  return found
}

function textOf(node: ts.Node): string {
  return (node as ts.LiteralLikeNode).text
}

/** The file that a relative specifier names. */
export function targetOf(from: string, specifier: string): string {
  return posix.join(posix.dirname(from), specifier)
}
