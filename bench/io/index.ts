// `npm run bench -- io`: how fast is an I/O, and where does its time go?
import { cpus, loadavg, release, tmpdir } from 'node:os'
import { loadHead } from '../shared/load.ts'
import { median, ratioOf, rounded, type Ratio } from '../shared/stats.ts'
import { Backing, type BackingFacts } from './backing.ts'
import { openEngine } from './engines.ts'
import { ensureFio, fioIops } from './fio.ts'
import { profileHead, type Profiles } from './profile.ts'
import { runRounds, type RatioName } from './rounds.ts'

export interface IoSettings {
  readonly rounds: number
  readonly milliseconds: number
  readonly profile: boolean
  /** The figures to measure; all of them, and those on disk, where none is named. */
  readonly only?: readonly RatioName[]
}

/** What the benchmark prints: the ratios by name, each with its interval, and what they were measured on. */
export type IoReport = Readonly<Record<RatioName, number>> & {
  readonly cpu_us_per_io: number
  readonly rss_mb: number
  readonly intervals: Readonly<Record<RatioName, readonly [number, number]>>
  readonly rounds: number
  readonly iops: Readonly<Record<string, number>>
  readonly flaps_a_second: number
  readonly backing: BackingFacts
  /** Reported, and not judged: the disk decides it. Not measured where only some figures are. */
  readonly on_disk?: {
    readonly randread_qd32_vs_fio: number
    readonly interval: readonly [number, number]
    readonly backing: BackingFacts
  }
  readonly machine: {
    readonly cpus: number
    readonly model: string
    readonly kernel: string
    readonly node: string
    readonly fio: string
    readonly load: number
  }
  readonly profile?: Profiles
}

const IMAGE_MIB = 256
/** tmpfs on every Linux. */
const TMPFS = '/dev/shm'
const DISK_ROUNDS = 5

/** Runs the benchmark. Needs root. */
export async function benchIo(settings: IoSettings): Promise<IoReport> {
  const fio = ensureFio()
  const backing = await Backing.make(TMPFS, IMAGE_MIB, 3)
  const { ratios, iops, cpuUsPerIo, rssMb, flapsASecond } = await runRounds(backing, settings)
  const profile = settings.profile ? { profile: await profileHead(backing) } : {}
  await backing.close()
  const onDisk = (settings.only ?? []).length === 0 ? { on_disk: await benchDisk(settings) } : {}
  const byName = <Value>(of: (ratio: Ratio) => Value) =>
    Object.fromEntries(Object.entries(ratios).map(([name, ratio]) => [name, of(ratio)])) as Record<
      RatioName,
      Value
    >
  return {
    ...byName(({ median: ratio }) => rounded(ratio)),
    cpu_us_per_io: rounded(median(cpuUsPerIo)),
    rss_mb: rounded(rssMb),
    intervals: byName(intervalOf),
    rounds: settings.rounds,
    iops: Object.fromEntries(
      Object.entries(iops).map(([name, figures]) => [name, Math.round(median(figures))]),
    ),
    flaps_a_second: rounded(flapsASecond),
    backing: backing.facts,
    ...onDisk,
    machine: {
      cpus: cpus().length,
      model: cpus()[0]?.model ?? 'unknown',
      kernel: release(),
      node: process.version,
      fio,
      load: rounded(loadavg()[0] ?? 0),
    },
    ...profile,
  }
}

function intervalOf({ low, high }: Ratio): [number, number] {
  return [rounded(low), rounded(high)]
}

async function benchDisk({ milliseconds }: IoSettings): Promise<NonNullable<IoReport['on_disk']>> {
  const backing = await Backing.make(tmpdir(), IMAGE_MIB, 2)
  const engine = await openEngine(backing, 'disk', backing.lend(2))
  const ours: number[] = []
  const theirs: number[] = []
  const device = backing.devices[0]?.device ?? ''
  for (let round = 0; round < DISK_ROUNDS; round += 1) {
    ours.push((await loadHead(engine.head, { op: 'read', depth: 32, milliseconds })).iops)
    theirs.push(await fioIops({ job: 'uring', rw: 'randread', depth: 32, milliseconds, device }))
  }
  await engine.close()
  await backing.close()
  const ratio = ratioOf(ours, theirs)
  return { randread_qd32_vs_fio: rounded(ratio.median), interval: intervalOf(ratio), backing: backing.facts }
}
