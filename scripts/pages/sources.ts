// The product's own sources, for pages that are made from what is written in them.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

const ROOT = join(import.meta.dirname, '..', '..')

/** Every source of the product, parsed, in the order of their names. */
export function productSources(): ts.SourceFile[] {
  const files = globSync(
    '{index,errors,{errors,machines,engine,simulation,what-if,foreign,observe,store,adapters,cli}/**/*}.ts',
    {
      cwd: ROOT,
    },
  )
  return files.sort().map(sourceOf)
}

/** One source by its path from the root of the repository. */
export function sourceOf(path: string): ts.SourceFile {
  return parse(path, readFileSync(join(ROOT, path), 'utf8'))
}

export function parse(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
}

/** Every node below `root` that is of a kind. */
export function nodesOf<Node extends ts.Node>(root: ts.Node, isOne: (node: ts.Node) => node is Node): Node[] {
  const found: Node[] = []
  const visit = (node: ts.Node): void => {
    if (isOne(node)) found.push(node)
    ts.forEachChild(node, visit)
  }
  visit(root)
  return found
}

/** The object literal with which a constant begins: its own, or the first one among a call's arguments. */
export function objectOf(source: ts.SourceFile, constant: string): ts.ObjectLiteralExpression {
  const declared = nodesOf(source, ts.isVariableDeclaration).find(({ name }) => name.getText() === constant)
  const [object] = declared === undefined ? [] : nodesOf(declared, ts.isObjectLiteralExpression)
  if (object === undefined) throw new Error(`${source.fileName} has no object ${constant}`)
  return object
}

/** The text of a node's docstring on one line; null without one. */
export function docstringOf(node: ts.Node): string | null {
  const text = ts
    .getJSDocCommentsAndTags(node)
    .map(({ comment }) => ts.getTextOfJSDocComment(comment) ?? '')
    .join(' ')
    .replace(/\s+/g, ' ')
    .trim()
  return text === '' ? null : text
}
