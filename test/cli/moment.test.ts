// POSITION and TIME, as people type them.
import { describe, expect, test } from 'vitest'
import { isoOf, parseMoment, parsePosition } from '../../cli/moment.ts'

const us = (iso: string): number => Date.parse(iso) * 1000

describe('a position', () => {
  test('is digits', () => {
    expect(parseMoment('17')).toEqual({ kind: 'position', position: 17 })
    expect(parsePosition('17')).toBe(17)
  })

  test.each(['0', '-1', '1.5', '1e3', 'abc', ''])('%j is none', (typed) => {
    expect(() => parsePosition(typed)).toThrow(/is not a position/)
  })
})

describe('a time', () => {
  test.each([
    ['2026-11-22T21:03:05Z', us('2026-11-22T21:03:05Z')],
    ['2026-11-22T21:03:05', us('2026-11-22T21:03:05Z')],
    ['2026-11-22 21:03', us('2026-11-22T21:03:00Z')],
    ['2026-11-22', us('2026-11-22T00:00:00Z')],
    ['2026-11-22T21:03:05.123Z', us('2026-11-22T21:03:05.123Z')],
    ['2026-11-22T21:03:05.123456Z', us('2026-11-22T21:03:05.123Z') + 456],
    ['2026-11-22T21:03:05.1234567Z', us('2026-11-22T21:03:05.123Z') + 456],
    ['2026-11-22T21:03:05,5Z', us('2026-11-22T21:03:05.500Z')],
    ['2026-11-22T23:03:05+02:00', us('2026-11-22T21:03:05Z')],
    ['2026-11-22T16:33:05-0430', us('2026-11-22T21:03:05Z')],
    ['2024-02-29t00:00z', us('2024-02-29T00:00:00Z')],
  ])('%s', (typed, expected) => {
    expect(parseMoment(typed)).toEqual({ kind: 'time', us: expected, typed })
  })

  test.each([
    ['-5m', 300_000_000],
    ['-250ms', 250_000],
    ['-2h', 7_200_000_000],
    ['-1d', 86_400_000_000],
  ])('%s counts back from the last event', (typed, back) => {
    expect(parseMoment(typed)).toEqual({ kind: 'before', us: back, typed })
  })

  test.each([
    ...[
      '2026-02-30',
      '2026-04-31T00:00Z',
      '2026-13-01',
      '2026-11-22T25:00',
      '2026-11-22T24:00:00Z',
      '2023-02-29',
    ],
    ...['2026-11-22T21:03:05+25:00', 'yesterday', '21:03', '1763845385.5', '-5', '-5w', '+5m', ''],
  ])('%j is none', (typed) => {
    expect(() => parseMoment(typed)).toThrow(/is neither a position nor a time/)
  })

  test('is printed with all its microseconds', () => {
    expect(isoOf(us('2026-11-22T21:03:05.123Z') + 456)).toBe('2026-11-22T21:03:05.123456Z')
    expect(isoOf(0)).toBe('1970-01-01T00:00:00.000000Z')
  })

  test('is read as it is printed', () => {
    const time = us('2026-11-22T21:03:05.123Z') + 7
    expect(parseMoment(isoOf(time))).toMatchObject({ us: time })
  })
})
