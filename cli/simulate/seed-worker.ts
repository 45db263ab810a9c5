// One lane of `pathledger simulate`: a thread that runs the seeds it is given.
import { parentPort, workerData } from 'node:worker_threads'
import { simulate } from '../../doors/simulate.ts'
import type { SeedResult } from '../../doors/simulate.ts'
import type { LaneOptions } from './lanes.ts'

const options = workerData as LaneOptions

parentPort?.on('message', (seed: number) => {
  simulate({
    ...options,
    from: seed,
    to: seed,
    onSeed: (result: SeedResult) => parentPort?.postMessage(result),
  }).catch((error: unknown) => {
    // It ends this thread, and the one that waits hears of it.
    queueMicrotask(() => {
      throw error
    })
  })
})
