import { describe, expect, it } from 'vitest'
import { isExpectedVersion, matchesExpectedVersion } from '../../store/write/expected-version.ts'
import type { ExpectedVersion } from '../../store/types.ts'

describe('expected version', () => {
  const table: [expected: ExpectedVersion, current: number, matches: boolean][] = [
    ['any', 0, true],
    ['any', 7, true],
    ['none', 0, true],
    ['none', 1, false],
    ['exists', 0, false],
    ['exists', 1, true],
    [0, 0, true],
    [0, 1, false],
    [3, 3, true],
    [3, 2, false],
    [3, 4, false],
  ]
  it.each(table)('%s at version %i: %s', (expected, current, matches) => {
    expect(matchesExpectedVersion(current, expected)).toBe(matches)
  })

  it('knows what an expected version is', () => {
    expect(['any', 'none', 'exists', 0, 12].every(isExpectedVersion)).toBe(true)
    expect(['some', '', -1, 1.5, NaN, null, undefined, {}].some(isExpectedVersion)).toBe(false)
  })
})
