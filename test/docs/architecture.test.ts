// docs/architecture.md leads a stranger to the right file: ten tasks with their answers, and every file that it names is there.
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { COMING } from '../../scripts/structure/rooms.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const PAGE = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8')

/** What a stranger may be asked to do, and the file to open first. Tried by somebody who had this page alone. */
const TASKS: readonly (readonly [task: string, file: string])[] = [
  ['Treat one more errno as an error of the target instead of the path', 'engine/core/blk-status.ts'],
  ['Add an iopolicy that prefers the path with the fewest bytes in flight', 'engine/select/more-policies.ts'],
  ['Refuse a device as a path when its logical blocks are of another size', 'engine/attach/qualify.ts'],
  ['Let an I/O be cut at other places before it is sent', 'engine/io/head-io.ts'],
  ['Change what the record says when a probe has answered after a suspicion', 'engine/health/verdict.ts'],
  ['Commit more events at once', 'store/limits.ts'],
  ['Let a path that has come back wait longer before I/O goes back to it', 'engine/heads/failback.ts'],
  ['Say in other words why a path failed when somebody asks `explain`', 'store/explain/sentences.ts'],
  ['Give the SCSI device of a path one more state', 'machines/path/device.ts'],
  ['Plant a bug to see whether the simulator finds it', 'simulation/plants/plants.ts'],
]

/** Files and folders in code marks; NAME and the like stand for what is new. */
function named(text: string): string[] {
  const marks = [...text.matchAll(/`([\w./-]+)`/g)].map(([, mark]) => mark!)
  return marks.filter((mark) => mark.includes('/') && !mark.includes('NAME') && /\/$|\.\w+$/.test(mark))
}

test.each(TASKS)('leads to the file for: %s', (_task, file) => {
  expect(existsSync(join(ROOT, file))).toBe(true)
  expect(named(PAGE)).toContain(file)
})

test('there are ten of them', () => {
  expect(TASKS).toHaveLength(10)
})

test('names no file that is not there', () => {
  const roots = ['', 'engine', 'store', 'foreign', 'docs']
  const missing = named(PAGE).filter(
    (file) =>
      !file.startsWith('/') &&
      !COMING.includes(file.replace(/\/$/, '')) &&
      !roots.some((root) => existsSync(join(ROOT, root, file))),
  )
  expect(missing).toEqual([])
})

test('names every room of the engine, of the store and of foreign history', () => {
  for (const house of ['engine', 'store', 'foreign']) {
    const rooms = globSync('*/', { cwd: join(ROOT, house) })
    const section = PAGE.split(`### ${house}/`)[1]!.split('\n## ')[0]!.split('\n### ')[0]!
    for (const room of rooms) expect(section).toContain(`\`${room}/\``)
  }
})

test.each(globSync(['docs/**/*.md', '*.md'], { cwd: ROOT }))('%s has no link that leads nowhere', (page) => {
  const text = readFileSync(join(ROOT, page), 'utf8').replaceAll(/^```.*?^```/gms, '')
  const links = [...text.matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].map(([, link]) => link!)
  for (const link of links) expect(leadsSomewhere(page, link), `${page}: ${link}`).toBe(true)
})

function leadsSomewhere(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#')
  const file = path === '' ? page : join(dirname(page), path)
  if (!existsSync(join(ROOT, file))) return false
  if (anchor === undefined) return true
  const headings = [...readFileSync(join(ROOT, file), 'utf8').matchAll(/^#+ (.*)$/gm)].map(
    ([, text]) => text!,
  )
  return headings.map(anchorOf).includes(anchor)
}

/** The anchor that a heading gets: lower case, spaces as hyphens, no other signs. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
}
