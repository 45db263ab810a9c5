// What the page says of figures that are short of their aim.
import { expect, it } from 'vitest'
import type { IoReport } from '../../bench/io/index.ts'
import type { LayerTimes, ProfiledLoad } from '../../bench/io/profile.ts'
import type { RatioName } from '../../bench/io/rounds.ts'
import { RATIOS, shortPart } from '../../bench/short.ts'

const QUIET: LayerTimes = {
  total: 7000,
  handingOver: 2000,
  waiting: 3000,
  engine: 1000,
  adapters: 400,
  loop: 500,
  idle: 50,
  bench: 50,
}
const FLAPPING: LayerTimes = { ...QUIET, total: 8000, engine: 1400, loop: 1100 }

it('names, for a flapping path that costs too much, the layers and functions that take longer than on quiet paths', () => {
  const page = shortPart(report({ ledger_and_flapping_vs_quiet: 0.8 }))
  expect(page).toMatch(/\| `ledger_and_flapping_vs_quiet` \| 2000 .*\| 8000 \| 7143 /)
  expect(page).toMatch(/\| three paths, quiet .*\| 7000 /)
  expect(page).toContain('0.8 of 0.95. Of 8000 ns an I/O, +1000 to the same three paths')
  expect(page).toContain('engine and store +400, adapters +0')
  expect(page).toContain('event loop and garbage +600')
  expect(page).toContain('postMessage +60 (2 before)')
  expect(page).toContain('two quiet ones did 0.9 of what three did')
})

it('says nothing of loads that reach their aim', () => {
  expect(shortPart(report({}))).toBe('Nothing is short of its aim.')
})

/** Where every ratio is 2 but those given. */
function report(ratios: Partial<Record<RatioName, number>>): IoReport {
  const names = Object.keys(RATIOS) as RatioName[]
  const layer = (load: ProfiledLoad) => [load, load === 'flapping_qd32' ? FLAPPING : QUIET]
  const loads = ['randread_qd32', 'raw_qd32', 'flapping_qd32', 'quiet_qd32'] as const
  return {
    ...Object.fromEntries(names.map((name) => [name, ratios[name] ?? 2])),
    iops: {
      ...Object.fromEntries(names.map((name) => [`${name} (yardstick)`, 140_000])),
      randread_qd32_vs_fio: 126_000,
    },
    profile: {
      rows: [],
      layers: Object.fromEntries(loads.map(layer)),
      flapping: [{ what: 'postMessage', flappingNs: 62, quietNs: 2 }],
    },
  } as unknown as IoReport
}
