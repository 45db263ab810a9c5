// Threads that run seeds side by side. A seed is a function of its number, so what a sweep comes to does not depend on them.
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { SeedResult, SimulateOptions } from '../../doors/simulate.ts'

/** What every seed of a sweep is run with. */
export type LaneOptions = Pick<SimulateOptions, 'steps' | 'plant'>

/** A thread costs as much as some seeds. */
const SEEDS_PER_LANE_MIN = 5
const LANES_MAX = 16

export interface Lanes {
  /** 0: not worth a thread. */
  readonly count: number
  readonly run: (seed: number) => Promise<SeedResult>
  end(): Promise<void>
}

/** As many threads as there are cores and work for. */
export function startLanes(seeds: number, options: LaneOptions): Lanes {
  const wanted = Math.min(availableParallelism(), LANES_MAX, Math.floor(seeds / SEEDS_PER_LANE_MIN))
  const count = wanted < 2 ? 0 : wanted
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const file = new URL(ending === 'ts' ? './seed-worker.ts' : './seed-worker.js', import.meta.url)
  const idle = Array.from({ length: count }, () => new Worker(file, { workerData: options }))
  const all = [...idle]
  const run = async (seed: number): Promise<SeedResult> => {
    const worker = idle.pop()
    if (worker === undefined) throw new Error('there are no more seeds at once than threads')
    const result = await new Promise<SeedResult>((resolve, reject) => {
      worker.once('error', reject)
      worker.once('message', (message: SeedResult) => {
        worker.off('error', reject)
        resolve(message)
      })
      worker.postMessage(seed)
    })
    idle.push(worker)
    return result
  }
  const end = async (): Promise<void> => {
    await Promise.all(all.map((worker) => worker.terminate()))
  }
  return { count, run, end }
}
