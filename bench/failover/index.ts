// `npm run bench -- failover`: what a failover and a hung path cost those whose I/O is under way.
import { errorFilter, hangFilter } from '../../index.ts'
import type { Multipath, PathDevice } from '../../index.ts'
import { wrapPath } from '../../adapters/filters/wrap.ts'
import { Backing } from '../io/backing.ts'
import { openEngine, type Engine } from '../io/engines.ts'
import { loadHead } from '../shared/load.ts'
import { median, percentile, rounded } from '../shared/stats.ts'

export interface FailoverSettings {
  readonly rounds: number
  readonly milliseconds: number
}

/** Latencies in milliseconds, medians over the rounds. */
export interface FailoverReport {
  readonly rounds: number
  /** p99 of all I/O at 64 in flight without a fault, and of those that were sent again after a path failed. */
  readonly qd64_quiet_p99_ms: number
  readonly qd64_resent_p99_ms: number
  /** At most 5. */
  readonly qd64_added_ms: number
  readonly qd1000_quiet_p99_ms: number
  readonly qd1000_resent_p99_ms: number
  /** At most 2. */
  readonly qd1000_ratio: number
  /** I/Os that were sent again in a round, and the episodes that are on the ledger when they have ended. */
  readonly resent_a_round: number
  readonly episodes_a_round: number
  /** p99 on the healthy path while the other one hangs, to that of the same path before. At most 2. */
  readonly hung_healthy_p99_ratio: number
}

/** Runs the benchmark over loop devices on tmpfs, the ledger on disk. Needs root. */
export async function benchFailover(settings: FailoverSettings): Promise<FailoverReport> {
  const backing = await Backing.make('/dev/shm', 256, 2)
  const at64 = await failovers(backing, settings, 64)
  const at1000 = await failovers(backing, settings, 1000)
  const hung = await hangs(backing, settings)
  await backing.close()
  return {
    rounds: settings.rounds,
    qd64_quiet_p99_ms: rounded(at64.quietMs),
    qd64_resent_p99_ms: rounded(at64.resentMs),
    qd64_added_ms: rounded(at64.resentMs - at64.quietMs),
    qd1000_quiet_p99_ms: rounded(at1000.quietMs),
    qd1000_resent_p99_ms: rounded(at1000.resentMs),
    qd1000_ratio: rounded(at1000.resentMs / at1000.quietMs),
    resent_a_round: rounded(at64.resent),
    episodes_a_round: rounded(at64.episodes),
    hung_healthy_p99_ratio: rounded(hung),
  }
}

/** A device whose I/Os are noted: where each was when it was submitted, and which came back with an error. */
interface Tapped {
  readonly device: PathDevice
  readonly failed: Set<number>
  readonly ended: { readonly offset: number; readonly us: number }[]
}

function tap(inner: PathDevice): Tapped {
  const failed = new Set<number>()
  const ended: { offset: number; us: number }[] = []
  const device = wrapPath(inner, (request, done) => {
    const startedUs = performance.now() * 1000
    inner.submit(request, (completion) => {
      if (completion.errno !== null) failed.add(request.offset)
      else ended.push({ offset: request.offset, us: performance.now() * 1000 - startedUs })
      done(completion)
    })
  })
  return { device, failed, ended }
}

/** Fails a path in the middle of the load, once a round, and heals it afterwards. */
async function failovers(
  backing: Backing,
  { rounds, milliseconds }: FailoverSettings,
  depth: number,
): Promise<{ quietMs: number; resentMs: number; resent: number; episodes: number }> {
  const [first, second] = backing.lend(2)
  if (first === undefined || second === undefined) throw new Error('it takes two devices')
  const filter = errorFilter(first)
  const tapped = tap(filter.path)
  const engine = await openEngine(backing, `failover-${depth}`, [tapped.device, second], {
    checker: { minMs: 20, maxMs: 20 },
  })
  const figures = {
    quietMs: [] as number[],
    resentMs: [] as number[],
    resent: [] as number[],
    episodes: [] as number[],
  }
  let episodes = 0
  engine.mp.subscribe(({ event }) => void (episodes += event.type === 'path.failed' ? 1 : 0))
  const load = async (onDone: (offset: number, us: number) => void) =>
    loadHead(engine.head, { op: 'write', depth, milliseconds, onDone })
  await load(() => undefined)
  for (let round = 0; round < rounds; round += 1) {
    const quiet: number[] = []
    await load((_offset, us) => void quiet.push(us))
    tapped.failed.clear()
    episodes = 0
    const resent: number[] = []
    const fault = setTimeout(() => filter.control.enable(), milliseconds / 2)
    await load((offset, us) => {
      if (tapped.failed.delete(offset)) resent.push(us)
    })
    clearTimeout(fault)
    figures.quietMs.push(percentile(quiet, 0.99) / 1000)
    figures.resentMs.push(percentile(resent, 0.99) / 1000)
    figures.resent.push(resent.length)
    figures.episodes.push(episodes)
    filter.control.disable()
    await healed(engine)
  }
  await engine.close()
  const { quietMs, resentMs, resent, episodes: seen } = figures
  return {
    quietMs: median(quietMs),
    resentMs: median(resentMs),
    resent: median(resent),
    episodes: median(seen),
  }
}

/** Hangs a path under load: how the other one's own answers change, from the I/Os that it alone was sent. */
async function hangs(backing: Backing, { rounds, milliseconds }: FailoverSettings): Promise<number> {
  const [first, second] = backing.lend(2)
  if (first === undefined || second === undefined) throw new Error('it takes two devices')
  const hang = hangFilter(first)
  const tapped = tap(second)
  const engine = await openEngine(backing, 'hang', [hang.path, tapped.device], {
    checker: { minMs: 20, maxMs: 20 },
    attemptTimeoutMs: 100,
    probeTimeoutMs: 50,
  })
  const p99 = async () => {
    tapped.ended.length = 0
    await loadHead(engine.head, { op: 'read', depth: 64, milliseconds })
    return percentile(
      tapped.ended.map(({ us }) => us),
      0.99,
    )
  }
  await p99()
  const ratios: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const before = await p99()
    hang.control.enable()
    const during = await p99()
    hang.control.disable()
    ratios.push(during / before)
    await healed(engine)
  }
  await engine.close()
  return median(ratios)
}

/** Waits until every path takes I/O again. */
async function healed({ mp }: Engine): Promise<void> {
  if (allUsable(mp)) return
  await new Promise<void>((resolve) => {
    const stop = mp.subscribe(() => {
      if (!allUsable(mp)) return
      stop()
      resolve()
    })
  })
}

function allUsable(mp: Multipath): boolean {
  return mp.heads.every(({ paths }) => paths.every(({ usable }) => usable))
}
