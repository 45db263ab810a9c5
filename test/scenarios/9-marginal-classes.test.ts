// blktests nvme/070's steps: six paths on two adapters, and only the best class of them carries I/O.
import { expect, test } from 'vitest'
import { clearCurrentPaths, selectPath } from '../../engine/select/select.ts'
import type { SelectionTable } from '../../engine/select/table.ts'
import { rankOf } from '../../machines/predicates.ts'
import type { HealthState, IoPolicy, PathValue } from '../../machines/words.ts'
import { members } from '../engine/taken.ts'

const ACCESS = ['optimal', 'active', 'unavailable', 'optimal', 'active', 'unavailable'] as const

/** Health of each path (o online, m marginal, by adapter: optimized, non-optimized, inaccessible), and who carries I/O. */
const STEPS = [
  { health: 'ooo ooo', carries: [0, 3], why: 'online optimized' },
  { health: 'moo ooo', carries: [3], why: 'the online optimized one that is left' },
  { health: 'moo moo', carries: [1, 4], why: 'an online non-optimized path beats a marginal optimized one' },
  { health: 'mmo moo', carries: [4], why: 'the online non-optimized one that is left' },
  { health: 'mmm mmo', carries: [0, 3], why: 'all marginal is like all online: optimized first' },
  { health: 'fmm mmo', carries: [3], why: 'the marginal optimized one that is left' },
  { health: 'fmm fmo', carries: [1, 4], why: 'marginal non-optimized, before nothing at all' },
  { health: 'ffo ffo', carries: [], why: 'inaccessible never' },
  { health: 'omo ooo', carries: [0, 3], why: 'back to online optimized' },
] as const

const HEALTH = { o: 'online', m: 'marginal', f: 'failed' } as const satisfies Record<string, HealthState>

test.each(['round-robin', 'queue-depth', 'service-time', 'historical-service-time', 'read-spread'] as const)(
  'scenario 9: under %s all members of the best class carry I/O, and nobody else',
  (policy) => {
    for (const { health, carries, why } of STEPS) {
      expect(members(chosen(policy, health, 60)), `${health}: ${why}`).toEqual(carries)
    }
  },
)

test('scenario 9: under numa exactly one path of the best class carries I/O', () => {
  for (const { health, carries, why } of STEPS) {
    const one = members(chosen('numa', health, 20))
    expect(one, `${health}: ${why}`).toEqual(carries.slice(0, 1))
  }
})

/** Which paths I/Os go down that all stay in flight. */
function chosen(policy: IoPolicy, letters: string, count: number): number[] {
  const paths = Array.from(letters.replace(' ', '')).map((letter, id) => {
    const value: PathValue = {
      device: 'running',
      access: ACCESS[id] ?? 'optimal',
      health: HEALTH[letter as keyof typeof HEALTH],
      admin: 'enabled',
    }
    const disabled = value.health === 'failed' || value.access === 'unavailable'
    const adapter = { active: 0 }
    return {
      id,
      disabled,
      rank: rankOf(value),
      numaNode: null,
      adapter,
      inFlight: 0,
      inFlightBytes: 0,
      serviceTime: 16,
    }
  })
  const table: SelectionTable<(typeof paths)[number]> = {
    ...{ policy, paths, current: [null], distance: () => 10, preferred: null },
    ...{ quantum: { unit: 'ios', size: 1 }, left: [0], turn: [-1] },
  }
  clearCurrentPaths(table)
  const taken: number[] = []
  for (let io = 0; io < count; io += 1) {
    const path = selectPath(table, 0, false, 512)
    if (path === null) continue
    path.adapter.active += 1
    path.inFlight += 1
    path.inFlightBytes += 512
    taken.push(path.id)
  }
  return taken
}
