// What is short of its aim, and the profile that says why: in numbers, and in words that follow from the numbers.
import { table } from '../scripts/pages/markdown.ts'
import type { IoReport } from './io/index.ts'
import type { LayerTimes, ProfiledLoad, Profiles } from './io/profile.ts'
import type { RatioName } from './io/rounds.ts'
import { rounded } from './shared/stats.ts'

/** What each ratio compares, and what it is to be. */
export const RATIOS: Readonly<Record<RatioName, readonly [string, string, string]>> = {
  randread_qd32_vs_fio: [
    'random reads, 32 in flight',
    'fio, io_uring, fixed buffers, registered files',
    '0.90',
  ],
  randread_qd128_vs_fio: ['random reads, 128 in flight', 'the same', '1.0'],
  randwrite_qd32_vs_fio: ['random writes, 32 in flight', 'the same', '0.90'],
  qd1_vs_fio_psync: ['random reads, one at a time', 'fio, psync', '1.2'],
  head_vs_raw_backend: ['a head', 'the same two paths without a head', '0.95'],
  promises_vs_submit: ['`head.read`, a promise each', '`head.submit`, batches', ''],
  ledger_and_flapping_vs_quiet: [
    'three paths, one of them failing and healing ten times a second; samples on the ledger, in a file',
    'the same without faults, samples or a ledger in a file',
    '0.95',
  ],
  two_paths_vs_one: ['a head of two paths', 'a head of one', ''],
}

/** The load that a ratio's own side was profiled with. The others have no aim. */
const LOADS: Partial<Record<RatioName, ProfiledLoad>> = {
  randread_qd32_vs_fio: 'randread_qd32',
  randread_qd128_vs_fio: 'randread_qd128',
  randwrite_qd32_vs_fio: 'randwrite_qd32',
  qd1_vs_fio_psync: 'randread_qd1',
  head_vs_raw_backend: 'randread_qd32',
  ledger_and_flapping_vs_quiet: 'flapping_qd32',
}

interface Short {
  readonly name: RatioName
  readonly ratio: number
  readonly aim: number
  readonly times: LayerTimes
  /** Nanoseconds from one I/O of the yardstick to the next, in the rounds. */
  readonly yardstickNs: number
}

/** A table of what is short, and for each in words what takes the time. */
export function shortPart(report: IoReport): string {
  const { profile } = report
  if (profile === undefined) return 'Not profiled.'
  const short = (Object.keys(RATIOS) as RatioName[]).flatMap((name) => shortOf(report, profile, name))
  if (short.length === 0) return 'Nothing is short of its aim.'
  const { layers } = profile
  const { iops } = report
  const three = iops['ledger_and_flapping_vs_quiet (yardstick)']
  const twoOfThree = rounded((iops['randread_qd32_vs_fio'] ?? 0) / (three ?? Number.NaN))
  const rows = short.map(({ name, times, yardstickNs }) => [
    `\`${name}\``,
    ...cells(times),
    String(yardstickNs),
  ])
  const beside = (name: RatioName, what: string, times: LayerTimes) =>
    short.some((one) => one.name === name) ? [[what, ...cells(times), '']] : []
  return [
    'Nanoseconds from one I/O to the next, by what this thread does meanwhile: shares by the sampling profiler, which itself ' +
      "slows the load a little; the yardstick's time is of the rounds above, without a profiler.",
    table(
      ['', ...COLUMNS, 'all', "the yardstick's"],
      [
        ...rows,
        ...beside('head_vs_raw_backend', 'the paths without a head', layers.raw_qd32),
        ...beside('ledger_and_flapping_vs_quiet', 'three paths, quiet', layers.quiet_qd32),
      ],
    ),
    short.map((one) => `- \`${one.name}\`: ${wordsOf(one, profile, twoOfThree)}`).join('\n'),
  ].join('\n\n')
}

const COLUMNS = [
  'handing over',
  'waiting, watching',
  'engine',
  'adapters',
  'event loop, garbage',
  'asleep',
  'load generator',
]

function cells({ handingOver, waiting, engine, adapters, loop, idle, bench, total }: LayerTimes): string[] {
  return [handingOver, waiting, engine, adapters, loop, idle, bench, total].map(String)
}

function shortOf(report: IoReport, profile: Profiles, name: RatioName): Short[] {
  const load = LOADS[name]
  const aim = Number(RATIOS[name][2])
  const ratio = report[name]
  if (load === undefined || aim === 0 || ratio >= aim) return []
  const yardstickNs = Math.round(1e9 / (report.iops[`${name} (yardstick)`] ?? 0))
  return [{ name, ratio, aim, times: profile.layers[load], yardstickNs }]
}

function wordsOf(
  { name, ratio, aim, times, yardstickNs }: Short,
  profile: Profiles,
  twoOfThree: number,
): string {
  const { raw_qd32: raw } = profile.layers
  const { handingOver, waiting, engine, adapters, loop, idle, bench, total } = times
  const kernel = handingOver + waiting
  const own = engine + adapters
  const gap = `${ratio} of ${aim}. `
  if (name === 'head_vs_raw_backend') {
    const more = (of: keyof LayerTimes) => times[of] - raw[of]
    return (
      gap +
      `A head adds ${more('engine')} ns of engine, ${more('adapters')} of adapters and ${more('loop')} of event loop and garbage ` +
      `to each I/O; the calls into the kernel differ by ${kernel - raw.handingOver - raw.waiting}. A part of the engine's time is ` +
      'the copy of what was read out of memory that another processor has just written; the paths alone copy nothing.'
    )
  }
  if (name === 'ledger_and_flapping_vs_quiet') return gap + flappingWords(profile, twoOfThree)
  const loads = `the load generator ${bench} ns, the event loop and garbage ${loop + idle}`
  if (name === 'qd1_vs_fio_psync') {
    return (
      gap +
      `Of ${total} ns from one I/O to the next ${waiting} pass in the one call that hands it over and sleeps until it is done, and ` +
      `${handingOver} in calls that do not wait; the turn of JavaScript in between is ${own} ns of engine and adapters, ${loads}. ` +
      `pread needs ${yardstickNs} ns for all of it: ` +
      (kernel > yardstickNs
        ? 'the calls alone take longer than that, so no JavaScript that could be saved would reach the aim.'
        : `what is left for JavaScript at the aim is ${Math.round(yardstickNs / aim) - kernel} ns.`)
    )
  }
  const withoutOurs = (yardstickNs / Math.max(1, kernel + loop + idle + bench)).toFixed(2)
  return (
    gap +
    `Of ${total} ns an I/O ${kernel} are in the kernel or in watching for what completes, on the processors that do the I/O; the engine and the adapters take ` +
    `${own}, ${loads}. fio takes ${yardstickNs} for all, on one of the two devices, whose one worker has the other processor to ` +
    `itself; ours wake two workers. With an engine that cost nothing the ratio would be about ${withoutOurs}.`
  )
}

/** What an I/O takes more while a path flaps, by layer and by function. */
function flappingWords({ layers, flapping }: Profiles, twoOfThree: number): string {
  const { flapping_qd32: now, quiet_qd32: before } = layers
  const more = (of: keyof LayerTimes) => {
    const ns = now[of] - before[of]
    return ns < 0 ? `${ns}` : `+${ns}`
  }
  const functions = flapping.map(
    ({ what, flappingNs, quietNs }) => `${what} +${flappingNs - quietNs} (${quietNs} before)`,
  )
  return (
    `Of ${now.total} ns an I/O, ${more('total')} to the same three paths without faults, samples and a ledger in a file: engine and ` +
    `store ${more('engine')}, adapters ${more('adapters')}, calls that hand over ${more('handingOver')}, waits and watching ` +
    `${more('waiting')}, event loop and garbage ${more('loop')}, asleep ${more('idle')}, load generator ${more('bench')}. By ` +
    `function: ${functions.join('; ')}. While the third path has failed there are two: in the rounds above two quiet ones did ` +
    `${twoOfThree} of what three did.`
  )
}
