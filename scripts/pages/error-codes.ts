// Which codes a PathledgerError can have: found in the sources, so that no code is without its line in docs/errors.md.
import ts from 'typescript'
import { nodesOf } from './sources.ts'

const CODE = /^[A-Z]+(_[A-Z]+)*$/
/** 'ENOENT': Node calls these codes too. */
const ERRNO = /^E[A-Z0-9]+$/

/**
 * Every code in the sources, sorted: what is handed to `new PathledgerError(...)`, to a function that has a parameter
 * `code`, or written as `code: '...'`.
 */
export function errorCodes(sources: readonly ts.SourceFile[]): string[] {
  const makers = new Map(sources.flatMap(makersIn))
  const found = new Set<string>()
  for (const source of sources) {
    for (const expression of [...handedOn(source, makers), ...named(source)]) {
      for (const code of literalsIn(expression)) found.add(code)
    }
  }
  return [...found].filter((code) => CODE.test(code) && !ERRNO.test(code)).sort()
}

/** Functions with a parameter `code`, and its place. */
function makersIn(source: ts.SourceFile): [string, number][] {
  return nodesOf(source, ts.isFunctionDeclaration).flatMap(({ name, parameters }): [string, number][] => {
    const index = parameters.findIndex((parameter) => parameter.name.getText() === 'code')
    return name === undefined || index < 0 ? [] : [[name.text, index]]
  })
}

function handedOn(source: ts.SourceFile, makers: ReadonlyMap<string, number>): ts.Expression[] {
  const made = nodesOf(source, ts.isNewExpression)
    .filter(({ expression }) => expression.getText() === 'PathledgerError')
    .flatMap((node) => node.arguments?.[0] ?? [])
  const called = nodesOf(source, ts.isCallExpression).flatMap((node) => {
    const index = makers.get(node.expression.getText())
    return index === undefined ? [] : (node.arguments[index] ?? [])
  })
  return [...made, ...called]
}

function named(source: ts.SourceFile): ts.Expression[] {
  return nodesOf(source, ts.isPropertyAssignment)
    .filter(({ name }) => name.getText() === 'code')
    .map(({ initializer }) => initializer)
}

/** The texts that an expression may come to; what it asks on the way (`errno === 'EACCES'`) is none. */
function literalsIn(expression: ts.Expression): string[] {
  if (ts.isStringLiteral(expression)) return [expression.text]
  if (ts.isParenthesizedExpression(expression)) return literalsIn(expression.expression)
  if (ts.isConditionalExpression(expression)) {
    return [expression.whenTrue, expression.whenFalse].flatMap(literalsIn)
  }
  if (ts.isBinaryExpression(expression) && ['??', '||'].includes(expression.operatorToken.getText())) {
    return [expression.left, expression.right].flatMap(literalsIn)
  }
  return []
}
