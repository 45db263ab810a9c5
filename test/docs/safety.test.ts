// docs/safety.md: each hazard has a number of its own, a control, and tests that are there.
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..', '..')
const ROWS = [...readFileSync(join(ROOT, 'docs/safety.md'), 'utf8').matchAll(/^\| H(\d+) .*$/gm)].map(
  ([row, number]) => {
    const [, , hazard = '', control = '', tests = ''] = row.split('|').map((cell) => cell.trim())
    return { number: Number(number), hazard, control, tests }
  },
)
const FILES = globSync('test/**/*.ts', { cwd: ROOT })
const NAMES = new Set([...FILES, ...FILES.map((file) => basename(file))])

test('every number is one hazard’s', () => {
  expect(ROWS.length).toBeGreaterThan(40)
  expect(new Set(ROWS.map(({ number }) => number)).size).toBe(ROWS.length)
})

test.each(ROWS.map((row) => [row.number, row] as const))(
  'H%i has a control, and its tests are there',
  (_, row) => {
    expect([row.hazard, row.control].every((cell) => cell !== '')).toBe(true)
    const named = [...row.tests.matchAll(/`([\w./-]+\.ts)`/g)].map(([, name]) => name!)
    expect(named.filter((name) => !NAMES.has(name))).toEqual([])
    // A scenario's test says its number in its title.
    expect(named.length > 0 || /scenarios? \d+|plant|`npm run|simulat/.test(row.tests), row.tests).toBe(true)
  },
)
