// The mistakes that `npm run mutation -- io` must have noticed still have their place in the code: one that has none is not tried.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mutate } from '../../scripts/mutation/mutate.ts'
import { NAMED_OF_IO } from '../../scripts/mutation/named.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const FILES = [...new Set(NAMED_OF_IO.map(({ file }) => file))]

test.each(FILES)('%s has a place for each of its mistakes', (file) => {
  const { made } = mutate(file, readFileSync(join(ROOT, file), 'utf8'), 1, NAMED_OF_IO)
  const names = made.filter(({ named }) => named).map(({ what }) => what)
  expect(names.sort()).toEqual(
    NAMED_OF_IO.filter((one) => one.file === file)
      .map(({ name }) => name)
      .sort(),
  )
})

test('a mistake whose place is gone is told', () => {
  const named = [{ name: 'no wait', file: 'a.ts', from: 'await turn()', to: '' }]
  expect(() => mutate('a.ts', 'const one = 1\n', 1, named)).toThrow('a.ts has no place for "no wait"')
})

test('a mistake stands beside what is right, chosen by its number', () => {
  const named = [{ name: 'both', file: 'a.ts', from: 'one && other', to: 'one' }]
  const { text, made } = mutate(
    'a.ts',
    'export const both = (one: boolean, other: boolean) => one && other\n',
    7,
    named,
  )
  expect(made[0]).toMatchObject({ id: 7, what: 'both', named: true })
  expect(text).toContain('(__m(7) ? one : ')
})
