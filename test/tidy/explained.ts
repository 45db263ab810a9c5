// Every scenario with a fault asks `explain` at its end, so that this cannot rot: what the test injected is what is named.
import ts from 'typescript'
import { parse, walk } from './source.ts'
import type { Finding, Source } from './source.ts'

/** Scenarios without a fault, and why there is nothing to explain. By file, since another one may have the same number. */
const NOTHING_TO_EXPLAIN: Readonly<Record<string, string>> = {
  'test/scenarios/9-marginal-classes.test.ts 9': 'who is selected, over a table; no engine and no ledger',
  'test/scenarios/10-quantum.test.ts 10': 'no fault',
  'test/scenarios/17-loss-triples.test.ts 17': 'settings that are refused before there is a ledger',
  'test/system/scenarios-devices.test.ts 34': 'no fault',
}

const ASKS = /\b(expectExplained|expectExplainedIn|explains)\(/

/** (h) Scenarios of a test file of which no test asks `explain`, and are not excused from it. */
export function unexplainedScenarios(source: Source): Finding[] {
  if (!/^test\/.*\.test\.ts$/.test(source.path)) return []
  const asking = askingFunctions(source)
  const asked = new Map<string, boolean>()
  for (const { scenario, body } of scenariosOf(source)) {
    const asks = ASKS.test(body) || asking.some((name) => new RegExp(`\\b${name}\\(`).test(body))
    asked.set(scenario, (asked.get(scenario) ?? false) || asks)
  }
  return [...asked].flatMap(([scenario, asks]) => {
    const excused = NOTHING_TO_EXPLAIN[`${source.path} ${scenario}`] !== undefined
    if (asks && excused)
      return [
        `${source.path}: scenario ${scenario} is excused from explain, and asks it: take it off the list`,
      ]
    if (asks || excused) return []
    return [
      `${source.path}: no test of scenario ${scenario} asks explain for what it injected: call expectExplained`,
    ]
  })
}

/** Tests whose title begins with a scenario, each with its text. */
function scenariosOf(source: Source): { scenario: string; body: string }[] {
  const found: { scenario: string; body: string }[] = []
  walk(parse(source), (node) => {
    if (!ts.isCallExpression(node)) return
    const [title] = node.arguments
    if (title === undefined || !(ts.isStringLiteralLike(title) || ts.isTemplateExpression(title))) return
    const scenario = /^.scenario (\d+[a-g]?)\b/.exec(title.getText())?.[1]
    if (scenario !== undefined && isTest(node.expression)) found.push({ scenario, body: node.getText() })
  })
  return found
}

/** `test`, `it`, and what comes of their `each` and the like. */
function isTest(called: ts.Expression): boolean {
  return /^(test|it)\b/.test(called.getText())
}

/** Functions of the file that ask, by way of others too. */
function askingFunctions(source: Source): string[] {
  const functions = new Map<string, string>()
  walk(parse(source), (node) => {
    if (ts.isFunctionDeclaration(node) && node.name !== undefined)
      functions.set(node.name.text, node.getText())
    if (!ts.isVariableDeclaration(node) || !ts.isIdentifier(node.name) || node.initializer === undefined)
      return
    if (ts.isArrowFunction(node.initializer)) functions.set(node.name.text, node.initializer.getText())
  })
  const asking: string[] = []
  for (let before = -1; before < asking.length;) {
    before = asking.length
    for (const [name, text] of functions) {
      if (asking.includes(name)) continue
      const asks = ASKS.test(text) || asking.some((other) => new RegExp(`\\b${other}\\(`).test(text))
      if (asks) asking.push(name)
    }
  }
  return asking
}
