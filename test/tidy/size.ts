// A file and a function end before the reader has to scroll back.
import ts from 'typescript'
import { finding, isTypeScript, parse, walk, zoneOf } from './source.ts'
import type { Finding, Source } from './source.ts'

const FILE_LINES = 400
const TEST_FILE_LINES = 600
const FUNCTION_LINES = 80

/** (c) Files and functions that grew too long. Functions of tests are lists of cases and may be long. */
export function oversize(source: Source): Finding[] {
  if (!isTypeScript(source)) return []
  const isTest = zoneOf(source.path) === 'test'
  return [
    ...longFile(source, isTest ? TEST_FILE_LINES : FILE_LINES),
    ...(isTest ? [] : longFunctions(source)),
  ]
}

function longFile({ path, text }: Source, limit: number): Finding[] {
  const lines = text.replace(/\n$/, '').split('\n').length
  return lines <= limit ? [] : [`${path} has ${lines} lines, ${limit} are the limit: part it by concept`]
}

function longFunctions(source: Source): Finding[] {
  const found: Finding[] = []
  walk(parse(source), (node) => {
    if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return
    const lines = node.getText().split('\n').length
    if (lines <= FUNCTION_LINES) return
    found.push(
      finding(node, `is a function of ${lines} lines, ${FUNCTION_LINES} are the limit: give its steps names`),
    )
  })
  return found
}
