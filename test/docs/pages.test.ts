// Pages that come from the code are what the code says, and nothing that they should list is missing.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseSettings } from '../../engine/core/settings.ts'
import { EVENT_TYPES } from '../../machines/registry.ts'
import { committed } from '../../scripts/generated.ts'
import { errorCodes } from '../../scripts/pages/error-codes.ts'
import { ERROR_MEANINGS } from '../../scripts/pages/error-meanings.ts'
import { compare } from '../../scripts/pages/errors-page.ts'
import { EVENT_MEANINGS } from '../../scripts/pages/event-meanings.ts'
import { PAGES } from '../../scripts/pages/index.ts'
import { table, wrapped } from '../../scripts/pages/markdown.ts'
import { SETTINGS_GROUPS, ungrouped } from '../../scripts/pages/settings-groups.ts'
import { reasonsOf } from '../../scripts/pages/settings-page.ts'
import { docstringOf, objectOf, parse } from '../../scripts/pages/sources.ts'

const ROOT = join(import.meta.dirname, '..', '..')

/** The cells of every row of a page's tables, without the marks of code. */
function rowsOf(file: string): string[][] {
  const lines = (committed(file) ?? '').split('\n').filter((line) => line.startsWith('| '))
  return lines.map((line) =>
    line
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replaceAll('`', '')),
  )
}

test.each(Object.keys(PAGES))('%s is what the code says (node scripts/docs.ts --write)', async (file) => {
  expect(committed(file)).toBe(await PAGES[file]?.())
})

describe('docs/events.md', () => {
  const rows = new Map(rowsOf('docs/events.md').map((row) => [row[1], row]))

  test('has every event type with its number, version and kind', () => {
    for (const { number, type, schema, gate } of EVENT_TYPES.values()) {
      expect(rows.get(type)?.slice(0, 4)).toEqual([
        String(number),
        type,
        String(schema),
        gate ? 'gate' : 'note',
      ])
    }
  })

  test('says a sentence of each, and of nothing that is no event', () => {
    expect(Object.keys(EVENT_MEANINGS).sort()).toEqual([...EVENT_TYPES.keys()].sort())
    for (const meaning of Object.values(EVENT_MEANINGS)) expect(meaning).toMatch(/^[A-Z][^\n]{15,}\.$/)
  })

  test('names the fields of a payload with their types', () => {
    const page = committed('docs/events.md') ?? ''
    expect(page).toContain(
      '- `path.probeFailed`: `errno` text or null; `detail` text or null; `found` one of `error`, `identity`\n',
    )
    expect(page).toContain('- `head.published`: no fields\n')
    expect(page).toContain('- `head.delayedRemovalChanged`: `us` interval\n')
    expect(page).toContain('; `samples` list of up to 8 evidence\n')
  })
})

describe('docs/settings.md', () => {
  test('has every setting with the default that it has', () => {
    const rows = new Map(rowsOf('docs/settings.md').map((row) => [row[0], row[1]?.replace(/ \(.*\)$/, '')]))
    const settings = Object.entries(parseSettings({})).flatMap(([name, value]): [string, unknown][] =>
      typeof value === 'object'
        ? Object.entries(value).map(([key, inner]) => [`${name}.${key}`, inner])
        : [[name, value]],
    )
    expect(settings.length).toBeGreaterThan(20)
    for (const [name, value] of settings) expect([name, rows.get(name)]).toEqual([name, String(value)])
    const heads = [...rows.keys()].filter((first) => first === 'setting' || /^-+$/.test(first ?? ''))
    expect(rows.size).toBe(settings.length + heads.length)
  })

  test('has each setting in one group, and lines that fit a terminal', () => {
    const names = SETTINGS_GROUPS.flatMap((group) => group.names)
    expect([...names].sort()).toEqual(Object.keys(parseSettings({})).sort())
    expect(ungrouped(['sampleMs', 'other'])).toEqual(['other'])
    const lines = (committed('docs/settings.md') ?? '').split('\n').filter((line) => !line.startsWith('|'))
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120)
    expect(wrapped('a '.repeat(100).trim(), '  ').split('\n')).toHaveLength(2)
  })

  test('takes the reason from the docstring, also for the setting below that has none', () => {
    const source = parse(
      'settings.ts',
      'const all = make({\n /** Both\n * ways. */\n a: 1, b: 2,\n /** Alone. */ c: 3 })',
    )
    expect([...reasonsOf(objectOf(source, 'all'))]).toEqual([
      ['a', 'Both ways.'],
      ['b', 'Both ways.'],
      ['c', 'Alone.'],
    ])
    expect(() => objectOf(source, 'none')).toThrow('settings.ts has no object none')
    expect(docstringOf(source)).toBeNull()
  })
})

describe('docs/errors.md', () => {
  test.each([
    ['EIO', 'IOERR', 'path'],
    ['ENOLINK', 'TRANSPORT', 'path'],
    ['EAGAIN', 'AGAIN', 'busy'],
    ['ENOMEM', 'RESOURCE', 'busy'],
    ['ENOSPC', 'NOSPC', 'target'],
    ['EREMOTEIO', 'TARGET', 'target'],
    ['EBADE', 'RESV_CONFLICT', 'target'],
    ['ENODATA', 'MEDIUM', 'target'],
    ['EILSEQ', 'PROTECTION', 'target'],
    ['EINVAL', 'INVAL', 'ours'],
    ['every other', 'IOERR', 'path'],
    ['a short completion', 'IOERR', 'path'],
  ])('D-32: says that %s is %s and may be the error of: %s', (errno, status, whose) => {
    const rows = rowsOf('docs/errors.md')
    const row =
      rows.find(([first]) => first === errno) ?? rows.find((one) => one[0] === status && one[1] === errno)
    expect(row?.filter((cell) => cell !== errno)).toEqual([status, whose])
  })

  test('has every code that a source hands to a PathledgerError', () => {
    const listed = new Set(rowsOf('docs/errors.md').map(([first]) => first))
    const files = globSync('{machines,engine,store,adapters,cli}/**/*.ts', { cwd: ROOT })
    const used = files.flatMap((file) =>
      [...readFileSync(join(ROOT, file), 'utf8').matchAll(/new PathledgerError\(\s*'([A-Z_]+)'/g)].map(
        ([, code]) => code,
      ),
    )
    expect(used.length).toBeGreaterThan(40)
    expect(used.filter((code) => !listed.has(code))).toEqual([])
  })

  test('says one sentence or more of each, on one line', () => {
    const meanings = Object.values(ERROR_MEANINGS).flatMap((area) => Object.values(area))
    for (const meaning of meanings) expect(meaning).toMatch(/^[A-Z`][^\n]{10,}\.$/)
  })
})

describe('codes in sources', () => {
  const codesIn = (text: string) => errorCodes([parse('a.ts', text)])

  test('are found where an error is made, through a function that takes a code, and in an object', () => {
    const source = `
      throw new PathledgerError('GONE_BAD', { message: 'NOT_THIS' })
      function refusal(device: string, code: string) { return new PathledgerError(code, {}) }
      refusal('NOR_THIS', 'REFUSED_SO')
      const table = [{ code: 'IN_TABLE', errno: 'EIO' }, { code: 'ENOENT' }]
      new PathledgerError(errno === 'EACCES' ? 'NOT_ALLOWED' : (other ?? 'OTHER'), {})
      hasCode(error, 'ONLY_ASKED')`
    expect(codesIn(source)).toEqual(['GONE_BAD', 'IN_TABLE', 'NOT_ALLOWED', 'OTHER', 'REFUSED_SO'])
  })

  test('need their line, and a line needs its code, once', () => {
    expect(compare(['A', 'B'], ['A', 'B'])).toEqual({ unexplained: [], unused: [] })
    expect(compare(['A', 'B'], ['B', 'C', 'B'])).toEqual({ unexplained: ['A'], unused: ['C', 'B'] })
  })
})

test('a table keeps a bar within a cell', () => {
  expect(table(['a', 'b'], [['x | y', 'z']])).toBe('| a | b |\n| --- | --- |\n| x \\| y | z |')
})
