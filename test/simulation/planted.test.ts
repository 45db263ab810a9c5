// Every invariant of the simulator can fail: for each a bug is planted, and the seeds must find it. An invariant without
// a plant here fails this test.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { IoCompletion, IoDone, IoRequest, PathDevice } from '../../adapters/ports.ts'
import { wrapPath } from '../../adapters/filters/wrap.ts'
import { HeadIo } from '../../engine/head-io.ts'
import { Recorder, type Recorded } from '../../engine/recorder.ts'
import { RequeueList } from '../../engine/requeue.ts'
import { AT_THE_END, EVERY_STEP } from '../../engine/simulation/invariants.ts'
import { simulateSeed } from '../../engine/simulation/simulate.ts'
import { Stream, type StreamStep } from '../../engine/stream.ts'
import type { StoredEvent } from '../../store/types.ts'
import type { PathValue } from '../../machines/words.ts'
import type * as MemoryModule from '../../adapters/memory.ts'
import type * as TheTap from '../../engine/simulation/tap.ts'
import type * as PredicatesModule from '../../machines/predicates.ts'
import type * as StoreModule from '../../store/memory-store.ts'

/** What the planted bugs do to the devices and the ledger of a world; null leaves them as they are. */
interface Plant {
  /** Below the tap: what the device does. */
  device: ((inner: PathDevice, request: IoRequest, done: IoDone) => void) | null
  /** Above the tap: what the engine hears of it. */
  heard: ((completion: IoCompletion, done: IoDone) => void) | null
  identity: boolean
  standbyIsUsable: boolean
  row: ((row: StoredEvent) => StoredEvent) | null
}

type Memory = typeof MemoryModule
type TapModule = typeof TheTap
type Predicates = typeof PredicatesModule
type Store = typeof StoreModule

const plant = vi.hoisted((): Plant => ({
  device: null,
  heard: null,
  identity: true,
  standbyIsUsable: false,
  row: null,
}))

vi.mock('../../adapters/memory.ts', async (original) => {
  const actual = await original<Memory>()
  const memoryPath: typeof actual.memoryPath = (lun, settings) => {
    const inner = actual.memoryPath(lun, settings)
    // Asked once as it is added, and then by the checker.
    let added = false
    return {
      ...inner,
      submit: (request, done) =>
        plant.device === null ? inner.submit(request, done) : plant.device(inner, request, done),
      identify: async () => {
        if (added && !plant.identity) return { same: false, why: 'planted' }
        added = true
        return inner.identify()
      },
    }
  }
  return { ...actual, memoryPath }
})

vi.mock('../../engine/simulation/tap.ts', async (original) => {
  const actual = await original<TapModule>()
  const tapPath: typeof actual.tapPath = (inner, hooks) => {
    const tap = actual.tapPath(inner, hooks)
    const { device } = tap
    const deaf = wrapPath(device, (request, done) => {
      device.submit(request, (completion) =>
        plant.heard === null ? done(completion) : plant.heard(completion, done),
      )
    })
    return Object.defineProperty(tap, 'device', { value: deaf })
  }
  return { ...actual, tapPath }
})

vi.mock('../../machines/predicates.ts', async (original) => {
  const actual = await original<Predicates>()
  const seen: typeof hidden = (path) => (plant.standbyIsUsable ? hidden(path) : path)
  return {
    ...actual,
    isDisabled: (path: PathValue) => actual.isDisabled(seen(path)),
    isOptimized: (path: PathValue) => actual.isOptimized(seen(path)),
  }
})

vi.mock('../../store/memory-store.ts', async (original) => {
  const actual = await original<Store>()
  const memoryStore: typeof actual.memoryStore = (options) => {
    const inner = actual.memoryStore(options)
    const read: typeof inner.read = (query) => inner.read(query).map((row) => plant.row?.(row) ?? row)
    return { ...inner, read }
  }
  return { ...actual, memoryStore }
})

beforeEach(() => {
  Object.assign(plant, { device: null, heard: null, identity: true, standbyIsUsable: false, row: null })
})
afterEach(() => {
  vi.restoreAllMocks()
})

/** Calls `act` with every nth call, from the nth on, and passes the others. */
function everyNth(n: number): () => boolean {
  let count = 0
  return () => {
    count += 1
    return count % n === 0
  }
}

const PLANTS: Readonly<Record<string, () => void>> = {
  readsAreLegal: () => {
    // A device that reads a block of elsewhere now and then.
    const strikes = everyNth(40)
    plant.device = (inner, request, done) => {
      const wrong = request.op === 'read' && request.length < 4096 && strikes()
      inner.submit(wrong ? { ...request, offset: request.offset === 0 ? 2048 : 0 } : request, done)
    }
  },
  nothingLost: () => {
    // A device that acknowledges without writing.
    const strikes = everyNth(25)
    plant.device = (inner, request, done) => {
      const lost = request.op === 'write' && strikes()
      inner.submit(lost ? { ...request, op: 'read', data: new Uint8Array(request.length) } : request, done)
    }
  },
  onlyUsablePaths: () => {
    // The predicate of the engine takes a path in standby for usable.
    plant.standbyIsUsable = true
  },
  engineRuns: () => {
    const strikes = everyNth(30)
    plant.device = (inner, request, done) => {
      inner.submit(request, (completion) =>
        done(strikes() ? { errno: 'EFAULT', status: null, bytes: 0 } : completion),
      )
    }
  },
  countersEqualInFlight: () => {
    // The engine does not hear of an end: it leaks a counter.
    const strikes = everyNth(50)
    plant.heard = (completion, done) => {
      if (!strikes()) done(completion)
    }
  },
  headFollowsPaths: () => {
    // Now and then nobody tells the head what its paths come to.
    const strikes = everyNth(4)
    const record = Stream.prototype.record
    vi.spyOn(Stream.prototype, 'record').mockImplementation(function (this: Stream, ...given): StreamStep {
      if (given[0] !== 'head.pathsChanged' || !strikes()) return record.apply(this, given)
      return { recorded: { eventId: 'never', durable: true }, effects: [], refused: false }
    })
  },
  queuesAreBounded: () => {
    // A queue that never gives its bytes back.
    let parked = 0
    const park = RequeueList.prototype.park
    vi.spyOn(RequeueList.prototype, 'park').mockImplementation(function (this: RequeueList, bio) {
      parked += bio.length
      park.call(this, bio)
    })
    vi.spyOn(RequeueList.prototype, 'bytes', 'get').mockImplementation(() => parked)
  },
  completionsAreSingle: () => {
    const strikes = everyNth(30)
    plant.device = (inner, request, done) => {
      inner.submit(request, (completion) => {
        done(completion)
        if (strikes()) done(completion)
      })
    }
  },
  everyIoSettles: () => {
    // A caller who is never answered.
    const strikes = everyNth(20)
    const submit = HeadIo.prototype.submit
    vi.spyOn(HeadIo.prototype, 'submit').mockImplementation(function (this: HeadIo, io) {
      submit.call(this, strikes() ? Object.assign(io, { done: () => undefined }) : io)
    })
  },
  healedPathsServe: () => {
    // A checker that never believes a path again.
    plant.identity = false
  },
  ledgerIsWhole: () => {
    plant.row = (row) => (row.position === 20 ? { ...row, recordedAtUs: row.recordedAtUs + 1 } : row)
  },
  replayEqualsLive: () => {
    // An event that never reaches the ledger.
    const add = Recorder.prototype.add
    vi.spyOn(Recorder.prototype, 'add').mockImplementation(function (this: Recorder, ...given): Recorded {
      const [{ type, stream }] = given
      const lost = type === 'path.accessChanged' && stream.endsWith('7:0:0:0')
      return lost ? { eventId: 'never', durable: true } : add.apply(this, given)
    })
  },
}

/** What an engine sees that takes standby for optimal. */
function hidden(path: PathValue): PathValue {
  return path.access === 'standby' ? { ...path, access: 'optimal' } : path
}

const SEEDS = Array.from({ length: 12 }, (_, at) => at + 1)

describe('a planted bug is found', () => {
  const names = [...Object.keys(EVERY_STEP), ...Object.keys(AT_THE_END)]

  test('for every invariant there is', () => {
    expect(Object.keys(PLANTS).sort()).toEqual([...names].sort())
  })

  test.each(names)('by %s', async (name) => {
    PLANTS[name]?.()
    const found: string[] = []
    for (const seed of SEEDS) {
      const { violations } = await simulateSeed(seed, 400, {})
      found.push(...violations.map(({ invariant }) => invariant))
      if (found.includes(name)) return
    }
    expect(found).toContain(name)
  })
})
