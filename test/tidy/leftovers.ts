// What is left over from writing: markers, prints, and switches of the test runner.
import ts from 'typescript'
import { finding, isTypeScript, parse, walk, zoneOf } from './source.ts'
import type { Finding, Source } from './source.ts'

// Put together, so that this file does not find itself.
const MARKERS = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`)

const MAY_PRINT = ['cli', 'scripts', 'bench', 'bin']
const SUITES = new Set(['it', 'test', 'describe', 'suite'])
const SWITCHES = new Set(['only', 'skip', 'todo', 'fails'])

/** (d) Markers, prints and switched-off tests. */
export function leftovers(source: Source): Finding[] {
  return [...markers(source), ...(isTypeScript(source) ? leftCode(source) : [])]
}

function markers({ path, text }: Source): Finding[] {
  if (!/\.(ts|js|sql|md|json|ya?ml|sh)$|^\.ci\//.test(path) || path === 'package-lock.json') return []
  return text.split('\n').flatMap((line, index) => {
    const marker = MARKERS.exec(line)?.[1]
    return marker === undefined ? [] : [`${path}:${index + 1} says ${marker}: do it, or open an issue for it`]
  })
}

function leftCode(source: Source): Finding[] {
  const found: Finding[] = []
  const mayPrint = MAY_PRINT.includes(zoneOf(source.path))
  walk(parse(source), (node) => {
    if (ts.isDebuggerStatement(node)) found.push(finding(node, 'stops in the debugger: remove it'))
    if (!ts.isPropertyAccessExpression(node)) return
    const root = rootOf(node)
    if (root === 'console' && !mayPrint) {
      found.push(finding(node, `prints (${node.getText()}): use the logger that is passed in`))
    }
    if (SUITES.has(root) && SWITCHES.has(node.name.text)) {
      found.push(
        finding(node, `switches tests off (${node.getText()}): run them, or use runIf with its reason`),
      )
    }
  })
  return found
}

/** 'it' for `it.concurrent.only`; '' where a chain does not start at a plain name. */
function rootOf(node: ts.PropertyAccessExpression): string {
  let at: ts.Expression = node
  while (ts.isPropertyAccessExpression(at)) at = at.expression
  return ts.isIdentifier(at) ? at.text : ''
}
