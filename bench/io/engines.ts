// The engines that a benchmark loads, all over the same devices.
import { join } from 'node:path'
import { errorFilter, memoryStore, Multipath } from '../../index.ts'
import type { Head, MultipathOptions, PathDevice } from '../../index.ts'
import { systemPorts } from '../../engine/assemble.ts'
import type { Backing } from './backing.ts'
import { POOL_BYTES, WWID } from './backing.ts'

export interface Engine {
  readonly mp: Multipath
  readonly head: Head
  close(): Promise<void>
}

/** One head over the first `paths` devices, round-robin, with a ledger in a file. */
export async function openEngine(
  backing: Backing,
  name: string,
  devices: readonly PathDevice[],
  more: Partial<MultipathOptions> = {},
): Promise<Engine> {
  const mp = await Multipath.open({
    ledger: join(backing.folder, `${name}.ledger`),
    multipath: 'always',
    iopolicy: 'round-robin',
    poolBytes: POOL_BYTES,
    ports: { ...systemPorts(), allocate: () => backing.memory.buffer as ArrayBuffer },
    ...more,
  })
  for (const device of devices) await mp.addPath(device)
  return { mp, head: mp.head(WWID), close: () => mp.close() }
}

/** A ledger that costs nothing, for an engine that is to be compared with one that has a real one. */
export function quietLedger(): MultipathOptions['ledger'] {
  const header = { eventId: 'bench', recordedAtUs: 0, monoUs: 0, bootId: 'bench', engine: '0', xstate: '0' }
  return memoryStore({ header })
}

/** An engine with a path that flaps between `start` and `stop`. */
export interface FlappingEngine extends Engine {
  start(): void
  stop(): void
  /** Times that the path has failed. */
  failures(): number
}

/** Half a period: ten times a second it fails and heals. */
const FLIP_MS = 50

/**
 * Three paths, the last one behind an error filter: by real errors and real probes it fails and heals. `loud`: with a ledger
 * in a file, and samples; else with neither, to compare with.
 */
export async function openFlapping(backing: Backing, loud: boolean): Promise<FlappingEngine> {
  const [first, second, third] = backing.lend(3)
  if (first === undefined || second === undefined || third === undefined)
    throw new Error('it takes three devices')
  const { path, control } = errorFilter(third)
  const engine = await openEngine(backing, loud ? 'flapping' : 'quiet', [first, second, path], {
    checker: { minMs: 5, maxMs: 10 },
    ...(loud ? {} : { ledger: quietLedger(), sampleMs: 86_400_000 }),
  })
  let failures = 0
  engine.mp.subscribe(({ event }) => {
    if (event.type === 'path.failed') failures += 1
  })
  let timer: NodeJS.Timeout | null = null
  const stop = () => {
    if (timer !== null) clearInterval(timer)
    timer = null
    control.disable()
  }
  const start = () => {
    timer = setInterval(() => {
      if (control.active) control.disable()
      else control.enable()
    }, FLIP_MS)
  }
  return {
    ...engine,
    start,
    stop,
    failures: () => failures,
    close: async () => {
      stop()
      await engine.close()
    },
  }
}
