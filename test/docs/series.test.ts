// docs/series.md names files and tests; this keeps it from rotting.
import { existsSync, readFileSync } from 'node:fs'
import { join, normalize } from 'node:path'
import { expect, test } from 'vitest'

const DOCS = join(import.meta.dirname, '..', '..', 'docs')
const page = readFileSync(join(DOCS, 'series.md'), 'utf8')

/** Every link of the page, as a reader would follow it. */
const links = [...page.matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)].map(([, text = '', target = '']) => ({
  text: text.replaceAll('\\', ''),
  file: normalize(join(DOCS, target)),
}))

/** The rows of the table whose first cell matches. */
function rows(first: RegExp): string[] {
  return page.split('\n').filter((line) => first.test(line.split('|')[1]?.trim() ?? ''))
}

test('every file that docs/series.md names is there, and every test is in its file under that title', () => {
  expect(links.length).toBeGreaterThan(100)
  for (const { text, file } of links) {
    expect(existsSync(file), file).toBe(true)
    if (!file.endsWith('.test.ts')) continue
    // A title stands in quotes where the test is, whatever the quotes.
    const source = readFileSync(file, 'utf8')
    expect(
      ["'", '"', '`'].some((quote) => source.includes(`${quote}${text}${quote}`)),
      `'${text}' in ${file}`,
    ).toBe(true)
  }
})

test('docs/series.md has each of the 24 patches once, with a place and a test', () => {
  const patches = rows(/^\d\d$/)
  expect(patches.map((row) => Number(row.split('|')[1]))).toEqual(
    Array.from({ length: 24 }, (_, at) => at + 1),
  )
  for (const row of patches) {
    expect(row, row).toMatch(/\]\(\.\.\/(machines|engine|adapters|store)\//)
    expect(row, row).toMatch(/\]\(\.\.\/test\//)
  }
})

test('docs/series.md has each of D-1 to D-63 once, with what would go wrong and a test', () => {
  const requirements = rows(/^D-\d+$/)
  expect(requirements.map((row) => row.split('|')[1]?.trim())).toEqual(
    Array.from({ length: 63 }, (_, at) => `D-${at + 1}`),
  )
  for (const row of requirements) {
    const [, , wrong = '', shown = ''] = row.split('|')
    expect(wrong.trim(), row).toMatch(/^[A-Z`"].{20,}\.$/)
    expect(shown, row).toMatch(/\]\(\.\.\/test\//)
  }
})
