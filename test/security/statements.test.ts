// SECURITY.md names a test for each statement: it is there.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')

test('every test that SECURITY.md names is there', () => {
  const named = [...readFileSync(join(ROOT, 'SECURITY.md'), 'utf8').matchAll(/`(test\/[\w./-]+)`/g)].map(
    ([, name]) => name!,
  )
  expect(named.length).toBeGreaterThan(10)
  expect(named.filter((name) => !existsSync(join(ROOT, name)))).toEqual([])
})
