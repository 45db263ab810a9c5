// The mutants of a source: each is an expression beside the one that is there, chosen by `__m(number)` when it runs.
import ts from 'typescript'
import type { Named } from './named.ts'

export interface Mutant {
  readonly id: number
  readonly file: string
  readonly line: number
  readonly what: string
  /** One that must be noticed. */
  readonly named?: true
}

const SWAPPED: Readonly<Record<string, string>> = {
  '===': '!==',
  '!==': '===',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '+': '-',
  '-': '+',
  '*': '+',
  '%': '+',
  '&&': '||',
  '||': '&&',
}
const METHODS: ReadonlyMap<string, string> = new Map([
  ['some', 'every'],
  ['every', 'some'],
  ['min', 'max'],
  ['max', 'min'],
])

interface Change {
  readonly what: string
  /** The mutated text; children keep their own mutants. */
  readonly text: string
}

/**
 * A source with all its mutants in it, numbered from `firstId`. Throws where one that has a name does not stand there: it would
 * not be tried any more.
 */
export function mutate(
  file: string,
  text: string,
  firstId: number,
  named: readonly Named[] = [],
): { text: string; made: Mutant[] } {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true)
  const made: Mutant[] = []
  const left = new Map(
    named.filter((one) => one.file === file).map((one) => [plainOf(one.from), one] as const),
  )

  const note = (node: ts.Node, what: string): number => {
    const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1
    const id = firstId + made.length
    made.push({ id, file, line, what })
    return id
  }

  /** The text of a node with the mutants of its children in it. */
  const inner = (node: ts.Node): string => {
    const start = node.getStart()
    let [out, at] = ['', start]
    ts.forEachChild(node, (child) => {
      const from = child.getStart()
      if (from < at) return
      out += text.slice(at, from) + render(child)
      at = child.getEnd()
    })
    return out + text.slice(at, node.getEnd())
  }

  const render = (node: ts.Node): string => {
    if (isShape(node)) return node.getText()
    const mistake = left.get(plainOf(node.getText()))
    if (mistake !== undefined && !ts.isSourceFile(node)) {
      left.delete(plainOf(mistake.from))
      return withMistake(node, mistake)
    }
    const dropped = droppable(node)
    if (dropped) {
      const id = note(node, `drops \`${shown(node)}\``)
      // In braces of its own: an `else` that follows belongs to the `if` around it.
      return `{ if (!__m(${id})) { ${inner(node)} } }`
    }
    const plain = inner(node)
    const changes = ts.isExpression(node) ? changesOf(node, (child) => child.getText()) : []
    return changes.reduce(
      (rest, { what, text: changed }) => `(__m(${note(node, what)}) ? ${changed} : ${rest})`,
      plain,
    )
  }

  const withMistake = (node: ts.Node, { name, to }: Named): string => {
    const id = note(node, name)
    made.push({ ...(made.pop() as Mutant), named: true })
    if (ts.isExpression(node)) return `(__m(${id}) ? ${to} : ${render(node)})`
    // A declaration would end with its braces: as `var` it is there for what follows.
    if (ts.isVariableStatement(node))
      return `if (__m(${id})) { ${to} } else { ${inner(node).replace(/^(const|let)/, 'var')} }`
    return `if (__m(${id})) { ${to} } else { ${render(node)} }`
  }

  const body = source.statements.map((statement) => leading(text, statement) + render(statement)).join('')
  const [missing] = left.values()
  if (missing !== undefined) throw new Error(`${file} has no place for "${missing.name}": ${missing.from}`)
  // A process or a thread that a test starts is told by its environment.
  const told = '(id) => id === Number(process.env.PATHLEDGER_MUTANT)'
  return { text: `const __m = globalThis.__m ?? (${told}); ${body}\n`, made }
}

/** Without white space that says nothing. */
function plainOf(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}

function leading(text: string, node: ts.Node): string {
  return text.slice(node.getFullStart(), node.getStart())
}

/** Types, imports and names are no decisions. */
function isShape(node: ts.Node): boolean {
  return (
    ts.isTypeNode(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isImportDeclaration(node) ||
    ts.isExportDeclaration(node) ||
    ts.isTypeParameterDeclaration(node)
  )
}

/** A call for its effect, or a return without a value. */
function droppable(node: ts.Node): boolean {
  if (ts.isReturnStatement(node)) return node.expression === undefined
  if (!ts.isExpressionStatement(node)) return false
  const { expression } = node
  return ts.isCallExpression(expression) || (ts.isBinaryExpression(expression) && isAssignment(expression))
}

function isAssignment({ operatorToken: { kind } }: ts.BinaryExpression): boolean {
  return kind >= ts.SyntaxKind.FirstAssignment && kind <= ts.SyntaxKind.LastAssignment
}

function changesOf(node: ts.Expression, inner: (node: ts.Node) => string): Change[] {
  if (ts.isBinaryExpression(node)) return binary(node, inner)
  if (node.kind === ts.SyntaxKind.TrueKeyword) return [{ what: 'true -> false', text: 'false' }]
  if (node.kind === ts.SyntaxKind.FalseKeyword) return [{ what: 'false -> true', text: 'true' }]
  if (ts.isNumericLiteral(node) && !isName(node))
    return [{ what: `${node.text} -> ${node.text} + 1`, text: `(${node.text} + 1)` }]
  if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken)
    return [{ what: `\`${shown(node)}\` without its !`, text: `(${inner(node.operand)})` }]
  if (ts.isConditionalExpression(node)) {
    const [yes, no] = [inner(node.whenTrue), inner(node.whenFalse)]
    return [
      { what: `\`${shown(node)}\` always its first`, text: `(${yes})` },
      { what: `\`${shown(node)}\` always its second`, text: `(${no})` },
    ]
  }
  return method(node, inner)
}

function binary(node: ts.BinaryExpression, inner: (node: ts.Node) => string): Change[] {
  const operator = node.operatorToken.getText()
  const [left, right] = [inner(node.left), inner(node.right)]
  if (operator === '??') return [{ what: `\`${shown(node)}\` without its default`, text: `(${left})` }]
  const other = SWAPPED[operator]
  if (other === undefined || (operator === '+' && [node.left, node.right].some(isText))) return []
  return [{ what: `\`${shown(node)}\` with ${other}`, text: `((${left}) ${other} (${right}))` }]
}

function isName(node: ts.NumericLiteral): boolean {
  return ts.isPropertyAssignment(node.parent) && node.parent.name === node
}

function isText(node: ts.Node): boolean {
  return ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)
}

function method(node: ts.Expression, inner: (node: ts.Node) => string): Change[] {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return []
  const { expression, name } = node.expression
  const other = METHODS.get(name.text)
  // A schema's bounds are its events' shape.
  if (other === undefined || node.getText().startsWith('z')) return []
  const given = node.arguments.map((argument) => inner(argument)).join(', ')
  return [
    {
      what: `${name.text} -> ${other} in \`${shown(node)}\``,
      text: `${inner(expression)}.${other}(${given})`,
    },
  ]
}

function shown(node: ts.Node): string {
  const text = node.getText().replaceAll(/\s+/g, ' ')
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`
}
