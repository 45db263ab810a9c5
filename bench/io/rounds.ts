// The paired rounds of `npm run bench -- io`: in each round every figure and its yardstick, one right after the other, in
// turn which comes first.
import { loadDevices, loadHead, loadPromises } from '../shared/load.ts'
import { ratioOf, type Ratio } from '../shared/stats.ts'
import type { Backing } from './backing.ts'
import { openEngine, openFlapping, type Engine } from './engines.ts'
import { fioIops } from './fio.ts'

export interface RoundSettings {
  readonly rounds: number
  /** Of one measurement. */
  readonly milliseconds: number
  /** The figures to measure; all of them where none is named. */
  readonly only?: readonly RatioName[]
}

const RATIO_NAMES = [
  'randread_qd32_vs_fio',
  'randread_qd128_vs_fio',
  'randwrite_qd32_vs_fio',
  'qd1_vs_fio_psync',
  'head_vs_raw_backend',
  'promises_vs_submit',
  'ledger_and_flapping_vs_quiet',
  'two_paths_vs_one',
] as const

export type RatioName = (typeof RATIO_NAMES)[number]

export function isRatioName(name: string): name is RatioName {
  return (RATIO_NAMES as readonly string[]).includes(name)
}

export interface RoundsResult {
  readonly ratios: Readonly<Record<RatioName, Ratio>>
  /** IOPS of each side, each round. */
  readonly iops: Readonly<Record<string, readonly number[]>>
  readonly cpuUsPerIo: readonly number[]
  readonly rssMb: number
  /** Failures of the flapping path in its rounds, in a second. */
  readonly flapsASecond: number
}

type Measure = () => Promise<number>

interface Pair {
  readonly name: RatioName
  readonly ours: Measure
  readonly yardstick: Measure
}

/** Runs all rounds over a backing of three devices. */
export async function runRounds(backing: Backing, settings: RoundSettings): Promise<RoundsResult> {
  const { milliseconds } = settings
  const cpuUsPerIo: number[] = []
  const main = await openEngine(backing, 'main', backing.lend(2))
  const one = await openEngine(backing, 'one', backing.lend(1))
  const flapping = await timedFlapping(backing)
  const quiet = await openFlapping(backing, false)
  const fio = (job: 'uring' | 'psync', rw: 'randread' | 'randwrite', depth: number) => () =>
    fioIops({ job, rw, depth, milliseconds, device: backing.devices[0]?.device ?? '' })
  const head = (engine: Engine, op: 'read' | 'write', depth: number) => async () =>
    (await loadHead(engine.head, { op, depth, milliseconds })).iops
  const read32 = async () => {
    const result = await loadHead(main.head, { op: 'read', depth: 32, milliseconds })
    cpuUsPerIo.push(result.cpuUsPerIo)
    return result.iops
  }
  const raw = async () =>
    (await loadDevices(backing.devices.slice(0, 2), backing.memory, { op: 'read', depth: 32, milliseconds }))
      .iops
  const promises = async () => (await loadPromises(main.head, { op: 'read', depth: 32, milliseconds })).iops
  const pairs: readonly Pair[] = [
    { name: 'randread_qd32_vs_fio', ours: read32, yardstick: fio('uring', 'randread', 32) },
    {
      name: 'randread_qd128_vs_fio',
      ours: head(main, 'read', 128),
      yardstick: fio('uring', 'randread', 128),
    },
    {
      name: 'randwrite_qd32_vs_fio',
      ours: head(main, 'write', 32),
      yardstick: fio('uring', 'randwrite', 32),
    },
    { name: 'qd1_vs_fio_psync', ours: head(main, 'read', 1), yardstick: fio('psync', 'randread', 1) },
    { name: 'head_vs_raw_backend', ours: read32, yardstick: raw },
    { name: 'promises_vs_submit', ours: promises, yardstick: read32 },
    {
      name: 'ledger_and_flapping_vs_quiet',
      ours: flapping.measure(milliseconds),
      yardstick: head(quiet, 'read', 32),
    },
    { name: 'two_paths_vs_one', ours: read32, yardstick: head(one, 'read', 32) },
  ]
  const { only = [] } = settings
  const chosen = only.length === 0 ? pairs : pairs.filter(({ name }) => only.includes(name))
  const result = await measurePairs(chosen, settings)
  const rssMb = process.memoryUsage.rss() / 1_000_000
  for (const engine of [main, one, flapping, quiet]) await engine.close()
  return { ...result, cpuUsPerIo, rssMb, flapsASecond: flapping.flapsASecond() }
}

async function measurePairs(
  pairs: readonly Pair[],
  { rounds }: RoundSettings,
): Promise<Pick<RoundsResult, 'ratios' | 'iops'>> {
  const iops: Record<string, number[]> = {}
  const note = async (key: string, measure: Measure) => void (iops[key] ??= []).push(await measure())
  // One round for the compilers of both sides; it does not count.
  for (const { ours, yardstick } of pairs) for (const measure of [yardstick, ours]) await measure()
  for (let round = 0; round < rounds; round += 1) {
    console.error(`round ${round + 1} of ${rounds}`)
    for (const { name, ours, yardstick } of pairs) {
      const both: [string, Measure][] = [
        [name, ours],
        [`${name} (yardstick)`, yardstick],
      ]
      for (const [key, measure] of round % 2 === 0 ? both : both.reverse()) await note(key, measure)
    }
  }
  const ratios = Object.fromEntries(
    pairs.map(({ name }) => [name, ratioOf(iops[name] ?? [], iops[`${name} (yardstick)`] ?? [])]),
  ) as Record<RatioName, Ratio>
  return { ratios, iops }
}

/** An engine whose third path flaps while it is measured, and only then: it must not slow the others' rounds. */
async function timedFlapping(
  backing: Backing,
): Promise<Engine & { measure: (milliseconds: number) => Measure; flapsASecond: () => number }> {
  const engine = await openFlapping(backing, true)
  let seconds = 0
  return {
    ...engine,
    measure: (milliseconds) => async () => {
      engine.start()
      const { iops } = await loadHead(engine.head, { op: 'read', depth: 32, milliseconds })
      engine.stop()
      seconds += milliseconds / 1000
      return iops
    },
    flapsASecond: () => engine.failures() / seconds,
  }
}
