// What the tidy rules look at: the files of the working tree, read once, and parsed when a rule asks.
// A rule is a pure function from sources to findings, so that it can be tried on a source that exists nowhere.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

export const ROOT = join(import.meta.dirname, '..', '..')

export interface Source {
  /** From the root of the repository, with forward slashes: 'engine/select.ts'. */
  readonly path: string
  readonly text: string
}

/** One sentence: where, what is wrong, what to do instead. */
export type Finding = string

const NOT_OURS = new Set(['node_modules', 'dist', 'coverage'])
const MADE_BY_RUNNING = /\.ledger|\.tgz$/

/** Every text file of the working tree that could be committed. */
export function repositoryFiles(): Source[] {
  return filesUnder('')
    .filter((path) => !MADE_BY_RUNNING.test(path))
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }))
    .filter(({ text }) => !text.includes('\0'))
}

function filesUnder(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    // In a second worktree `.git` is a file, which names where the first one is.
    if (path === '.git') return []
    if (entry.isFile()) return [path]
    const hidden = entry.name.startsWith('.') && entry.name !== '.ci'
    return entry.isDirectory() && !hidden && !NOT_OURS.has(entry.name) ? filesUnder(path) : []
  })
}

export function isTypeScript(source: Source): boolean {
  return source.path.endsWith('.ts')
}

/** The first folder of a path; for a file at the root its name without the ending: 'index', 'errors'. */
export function zoneOf(path: string): string {
  const slash = path.indexOf('/')
  return slash < 0 ? path.replace(/\.[jt]s$/, '') : path.slice(0, slash)
}

const parsed = new WeakMap<Source, ts.SourceFile>()

export function parse(source: Source): ts.SourceFile {
  const known = parsed.get(source)
  if (known !== undefined) return known
  const ast = ts.createSourceFile(source.path, source.text, ts.ScriptTarget.Latest, true)
  parsed.set(source, ast)
  return ast
}

/** Calls `visit` for every node below `root`, outermost first. */
export function walk(root: ts.Node, visit: (node: ts.Node) => void): void {
  ts.forEachChild(root, (child) => {
    visit(child)
    walk(child, visit)
  })
}

export function finding(node: ts.Node, sentence: string): Finding {
  const file = node.getSourceFile()
  return `${file.fileName}:${lineOf(node.getStart(file), file)} ${sentence}`
}

export function lineOf(position: number, file: ts.SourceFile): number {
  return file.getLineAndCharacterOfPosition(position).line + 1
}
