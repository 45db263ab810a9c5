// What the ledger's benchmark writes: the life of 8 LUNs with 4 paths each, decided by the real machines. Every second each
// path and head that did I/O is sampled; each path fails about every two minutes, is probed and comes back. One event in
// fifteen is of such an episode, far more than a quiet week has: the expensive events are not hidden behind cheap ones.
import { seededRandom } from '../../adapters/seeded-random.ts'
import { countedId } from '../../adapters/system.ts'
import { NEWEST_BEHAVIOUR } from '../../machines/behaviour.ts'
import { DecisionMemo } from '../../machines/redecide.ts'
import { EVENT_TYPES, machineOf } from '../../machines/registry.ts'
import type { StreamState } from '../../machines/step.ts'
import type { HeaderFacts } from '../../store/rows/header.ts'
import type { NewEvent } from '../../store/types.ts'

const LUNS = 8
const PATHS = 4
const SECOND = 1_000_000
/** One path in so many fails in a second. */
const FAILS_IN = 120
const BOOT = '5d0e8f9c'
const RUN = 'w3nYq0fA'

export const HEADER: HeaderFacts = {
  eventId: countedId(RUN, 0),
  recordedAtUs: 1_763_848_985_000_000,
  monoUs: 90_061_000_000,
  bootId: BOOT,
  engine: '0.1.0',
  xstate: '5.33.3',
}

interface Clock {
  us: number
}

/** Events without end, in the order in which an engine would append them. */
export function* workload(seed: string): Generator<NewEvent, never> {
  const scribe = new Scribe()
  const random = seededRandom(seed)
  const pick = (below: number): number => random.nextUint32() % below
  const luns = Array.from({ length: LUNS }, (_, at) => new Lun(scribe, at))
  yield scribe.event('engine', 'engine.started', {
    ...{ version: '0.1.0', multipath: 'always', unclean: false, pid: 4711 },
  })
  for (const lun of luns) yield* lun.begin()
  while (true) {
    scribe.clock.us += SECOND
    for (const lun of luns) yield* lun.second(pick)
  }
}

/** Decides events one after the other and remembers the states. */
class Scribe {
  readonly clock: Clock = { us: 0 }
  readonly #states = new Map<string, StreamState>()
  readonly #memo = new DecisionMemo(NEWEST_BEHAVIOUR)
  #made = 0

  event(stream: string, type: string, data: Readonly<Record<string, unknown>>, actor = 'engine'): NewEvent {
    this.#made += 1
    this.clock.us += 17
    const monoUs = HEADER.monoUs + this.clock.us
    const machine = machineOf(stream)
    const before = this.#states.get(stream) ?? machine.initial()
    const payload = JSON.stringify(data)
    const { state, text } = this.#memo.decide(machine, before, { type, schema: 1, monoUs, data: payload })
    this.#states.set(stream, state)
    return {
      eventId: countedId(RUN, this.#made),
      stream,
      type,
      schema: EVENT_TYPES.get(type)?.schema ?? 1,
      recordedAtUs: HEADER.recordedAtUs + this.clock.us,
      monoUs,
      bootId: BOOT,
      cause: null,
      actor,
      reason: null,
      data: payload,
      decision: text,
    }
  }

  due(stream: string): number {
    return (this.#states.get(stream)?.context['timers'] as { probe?: number }).probe ?? 0
  }
}

class Lun {
  readonly #scribe: Scribe
  readonly #wwid: string
  readonly #index: number
  readonly #paths: string[]

  constructor(scribe: Scribe, index: number) {
    this.#scribe = scribe
    this.#index = index
    // Sixteen digits, as disks have them; those of an array have thirty-two.
    this.#wwid = `naa.5000c500a1b2c3${index}4`
    this.#paths = Array.from({ length: PATHS }, (_, at) => `path/${this.#wwid}/${8 + at}:0:0:${index}`)
  }

  *begin(): Generator<NewEvent> {
    const wwid = this.#wwid
    const size = { sizeBytes: 1_099_511_627_776, logicalBlockBytes: 512 }
    yield this.#scribe.event(`lun/${wwid}`, 'lun.found', { wwid, ...size })
    yield this.#head('head.created', {
      ...{ wwid, name: `sd${String.fromCharCode(97 + this.#index)}`, index: this.#index },
      ...{ iopolicy: 'round-robin', noPathRetry: 'queue', checkIntervalUs: 5 * SECOND, delayedRemovalUs: 0 },
      ...size,
    })
    for (const [at, path] of this.#paths.entries()) {
      yield this.#scribe.event(path, 'path.added', {
        ...{ wwid, hctl: path.split('/')[2], name: `sd${this.#index}:${at}`, index: at, kind: 'loop' },
        ...{ device: `/dev/loop${at}`, numaNode: 0, ...size, errorsAreFinal: false, backend: 'io_uring' },
        ...{ access: 'optimal', preferred: false, checker: { minUs: SECOND, maxUs: 20 * SECOND } },
        facts: { diskseq: 910 + at, direct: true },
      })
      yield* this.#counts(at + 1, at + 1)
    }
    yield this.#head('head.published', {})
  }

  *second(pick: (below: number) => number): Generator<NewEvent> {
    const sinceUs = HEADER.monoUs + this.#scribe.clock.us - SECOND
    const done = () => ({
      ...{ reads: 500 + pick(900), writes: 200 + pick(400), flushes: pick(3) },
      ...{ readBytes: 4096 * pick(10_000), writeBytes: 4096 * pick(5_000) },
    })
    for (const path of this.#paths) {
      yield this.#scribe.event(path, 'path.ioSampled', { sinceUs, ...done(), errors: 0, resent: 0 })
      if (pick(FAILS_IN) === 0) yield* this.#episode(path, pick)
    }
    yield this.#head('head.ioSampled', {
      ...{ sinceUs, ...done(), callerErrors: 0, requeued: pick(4), failedNoPath: 0, resent: pick(4) },
    })
  }

  /** One path fails, is probed a few times, comes back. */
  *#episode(path: string, pick: (below: number) => number): Generator<NewEvent> {
    const evidence = () => ({
      ...{ errno: 'EIO', status: 'IOERR', op: pick(2) === 0 ? 'read' : 'write' },
      ...{ offset: 4096 * pick(1_000_000), length: 4096 * (1 + pick(8)) },
    })
    const first = evidence()
    const say = (type: string, data: Readonly<Record<string, unknown>>, actor?: string) =>
      this.#scribe.event(path, type, data, actor)
    const figures = { errors: 3 + pick(20), bios: 3, resent: 3 + pick(20), firstUs: 1, lastUs: 2 }
    yield say('path.suspected', first)
    yield say('path.failed', {
      ...{
        first,
        verdict: 'probe',
        detail: 'read at 0: IOERR',
        ...figures,
        samples: [evidence(), evidence()],
      },
    })
    yield* this.#counts(PATHS, PATHS - 1)
    yield say('path.episodeEnded', figures)
    for (let probes = 1 + pick(4); probes > 0; probes -= 1) {
      yield say('path.timerFired', { timer: 'probe', dueUs: this.#scribe.due(path) }, 'checker')
      const failed = { errno: 'EIO', detail: 'read at 0: IOERR' }
      if (probes > 1) yield say('path.probeFailed', failed, 'checker')
    }
    yield say('path.probeSucceeded', { reads: 3 }, 'checker')
    yield* this.#counts(PATHS, PATHS)
  }

  *#counts(paths: number, usable: number): Generator<NewEvent> {
    yield this.#head('head.pathsChanged', { paths, usable, optimized: usable, available: usable })
  }

  #head(type: string, data: Readonly<Record<string, unknown>>): NewEvent {
    return this.#scribe.event(`head/${this.#wwid}`, type, data)
  }
}
