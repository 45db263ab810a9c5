// The mutants of a source: each is an expression beside the one that is there, chosen by `__m(number)` when it runs.
import ts from 'typescript'

export interface Mutant {
  readonly id: number
  readonly file: string
  readonly line: number
  readonly what: string
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
const METHODS: Readonly<Record<string, string>> = { some: 'every', every: 'some', min: 'max', max: 'min' }

interface Change {
  readonly what: string
  /** The mutated text; children keep their own mutants. */
  readonly text: string
}

/** A source with all its mutants in it, numbered from `firstId`. */
export function mutate(file: string, text: string, firstId: number): { text: string; made: Mutant[] } {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true)
  const made: Mutant[] = []

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

  const body = source.statements.map((statement) => leading(text, statement) + render(statement)).join('')
  // A process or a thread that a test starts has no mutants.
  return { text: `const __m = globalThis.__m ?? (() => false); ${body}\n`, made }
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
  const other = METHODS[name.text]
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
