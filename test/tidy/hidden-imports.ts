// Imports that the other rules could not see: worked out when they run, or named otherwise than by a relative path. None is allowed
// in the product, so that what points where can be read off the sources.
import ts from 'typescript'
import { houseOf } from '../../scripts/structure/rooms.ts'
import { referencesOf } from './references.ts'
import { finding, isTypeScript, parse, walk, type Finding, type Source } from './source.ts'

const SAY = 'name the file by a relative path in a plain import'

/** (a) Imports in the product that do not say by a plain relative path which file they mean. */
export function hiddenImports(source: Source): Finding[] {
  if (!isTypeScript(source) || houseOf(source.path) === null) return []
  const file = parse(source)
  const found: Finding[] = []
  walk(file, (node) => {
    const wrong = hiddenAt(node)
    if (wrong !== null) found.push(finding(node, `${wrong}: ${SAY}`))
  })
  for (const { node, specifier } of referencesOf(source)) {
    const wrong = strangeName(specifier)
    if (wrong !== null) found.push(finding(node, `imports ${specifier}, ${wrong}: ${SAY}`))
  }
  for (const { fileName } of file.referencedFiles)
    found.push(`${source.path} names ${fileName} in a reference comment: ${SAY}`)
  return found
}

function hiddenAt(node: ts.Node): string | null {
  if (ts.isCallExpression(node)) {
    const { expression, arguments: given } = node
    const loads =
      expression.kind === ts.SyntaxKind.ImportKeyword || /(^|\.)require$/.test(expression.getText())
    const [first] = given
    if (loads && (first === undefined || !ts.isStringLiteralLike(first))) return 'imports what it works out'
    if (/(^|\.)createRequire$/.test(expression.getText())) return 'makes a way to load files'
  }
  if (ts.isImportEqualsDeclaration(node) && ts.isExternalModuleReference(node.moduleReference))
    return 'imports by require'
  if (ts.isModuleDeclaration(node) && ts.isStringLiteral(node.name) && node.name.text.startsWith('.'))
    return `adds to ${node.name.text} from outside`
  return null
}

function strangeName(specifier: string): string | null {
  if (specifier.startsWith('/') || /^(file|data):/.test(specifier)) return 'by where it lies on this machine'
  if (specifier === 'pathledger' || specifier.startsWith('pathledger/')) return 'which is this package itself'
  if (specifier.startsWith('.') && !/\.(ts|js|json|sql|wasm)$|[/.]$/.test(specifier))
    return 'without its ending'
  return null
}
