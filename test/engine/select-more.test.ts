// What selection chooses where the model of section 7 does not look: quanta of more than one I/O, ranks that a marginal path
// has, the operator's preference, and what a change of policy leaves behind.
import { describe, expect, test } from 'vitest'
import { clearCurrentPaths, selectPath } from '../../engine/select/select.ts'
import type { SelectionTable, Selectable } from '../../engine/select/table.ts'
import { historicalPath } from '../../engine/select/more-policies.ts'

interface Named extends Selectable {
  readonly name: string
}

const path = (name: string, other: Partial<Selectable> = {}): Named => ({
  ...{ name, disabled: false, rank: 0, numaNode: null, adapter: { active: 0 } },
  ...{ inFlight: 0, inFlightBytes: 0, serviceTime: 0 },
  ...other,
})

function table(paths: readonly Named[], other: Partial<SelectionTable<Named>> = {}): SelectionTable<Named> {
  return {
    ...{ policy: 'numa', paths, current: [null], left: [0], turn: [-1] },
    ...{ distance: () => 10, preferred: null, quantum: { unit: 'ios', size: 1 } },
    ...other,
  }
}

/** Where so many I/Os in a row go. */
const chosen = (of: SelectionTable<Named>, count: number, bytes?: number) =>
  Array.from({ length: count }, () => selectPath(of, 0, false, bytes)?.name ?? '-').join('')

describe('round-robin', () => {
  test.each([
    ['optimized', 0],
    ['not optimized', 1],
  ])('stays for its quantum of I/Os on a path that is %s, and goes on', (_what, rank) => {
    const paths = ['a', 'b'].map((name) => path(name, { rank }))
    const of = table(paths, { policy: 'round-robin', quantum: { unit: 'ios', size: 3 } })
    expect(chosen(of, 9)).toBe('aaabbbaaa')
  })

  test('D-17: takes no path that is gone, though it is still the cached one', () => {
    for (const paths of [[path('a')], [path('a'), path('b')]]) {
      const of = table(paths, { policy: 'round-robin', current: [path('gone')], left: [5] })
      expect(chosen(of, 1)).toBe('a')
    }
  })

  test('stays for its quantum of bytes', () => {
    const of = table([path('a'), path('b')], {
      policy: 'round-robin',
      quantum: { unit: 'bytes', size: 8192 },
    })
    expect(chosen(of, 6, 4096)).toBe('aabbaa')
    expect(chosen(of, 3, 65_536)).toBe('bab')
  })

  test('leaves a path for one of a better rank, whatever is left of its quantum', () => {
    const [worse, better] = [path('a', { rank: 1 }), { ...path('b'), disabled: true }]
    const of = table([worse, better], { policy: 'round-robin', quantum: { unit: 'ios', size: 9 } })
    expect(chosen(of, 2)).toBe('aa')
    better.disabled = false
    expect(chosen(of, 2)).toBe('bb')
  })
})

describe('read-spread', () => {
  test('an I/O is a read that goes round, where nobody says that it is a write', () => {
    const of = table([path('a'), path('b')], { policy: 'read-spread' })
    expect([1, 2, 3].map(() => selectPath(of, 0)?.name)).toEqual(['a', 'b', 'a'])
  })
})

describe('the path that the operator prefers', () => {
  test.each([
    [0, 'b'],
    [1, 'b'],
    [2, 'a'],
  ])('of rank %i: I/O goes down %s', (rank, name) => {
    const preferred = path('b', { rank })
    expect(chosen(table([path('a'), preferred], { preferred }), 1)).toBe(name)
  })

  test('gets nothing while it is disabled', () => {
    const preferred = path('b', { disabled: true })
    expect(chosen(table([path('a'), preferred], { preferred }), 1)).toBe('a')
  })
})

describe('historical-service-time', () => {
  const [fast, slow] = [path('a', { serviceTime: 16 }), path('b', { serviceTime: 1600 })]

  test('looks at another path with every sixty-fourth I/O', () => {
    const of = table([fast, slow], { policy: 'historical-service-time' })
    const where = chosen(of, 129)
    expect([where.indexOf('b'), where.lastIndexOf('b')]).toEqual([128, 128])
    expect(historicalPath(table([fast, slow], { left: [1], turn: [0] }), 0)?.name).toBe('b')
  })

  test('looks in time also where round-robin has left a quantum of many bytes', () => {
    const of = table([fast, slow], { policy: 'round-robin', quantum: { unit: 'bytes', size: 1_000_000 } })
    chosen(of, 1, 4096)
    of.policy = 'historical-service-time'
    clearCurrentPaths(of)
    expect(of.left).toEqual([0])
    expect(chosen(of, 200)).toContain('b')
  })
})
