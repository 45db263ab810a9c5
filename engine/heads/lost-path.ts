// A path that the last run left: the ledger knows it, and nobody holds its device until it is attached again. Its timers
// run meanwhile; what they ask of the device waits for it.
import type { PathDevice } from '../../adapters/ports.ts'
import type { PathContext } from '../../machines/path/path.ts'
import type { AccessState, PathValue } from '../../machines/words.ts'
import { guarded, type Core } from '../core/core.ts'
import type { Origin, Recorded } from '../ledger/recorder.ts'
import type { Stream, StreamStep } from '../ledger/stream.ts'
import { Timers } from '../ledger/timers.ts'

/** What the ledger keeps of the device that the path had. */
export interface LastDevice {
  readonly facts: Readonly<Record<string, unknown>>
  /** False where the event that told of the device lies in an earlier segment. */
  readonly known: boolean
  /** Disk sequence numbers are counted anew at each boot. */
  readonly sameBoot: boolean
}

/** What came of comparing the ledger with what is there: the same attach or another one, and in what it differs. */
export interface Reconciled {
  readonly same: boolean
  readonly changed: readonly string[]
}

export class LostPath {
  readonly stream: Stream
  readonly last: LastDevice
  readonly #timers: Timers
  /** Its time is over by the rules of its loss: it is to be given up. */
  onOver: (cause: Recorded) => void = () => undefined

  constructor(core: Core, stream: Stream, last: LastDevice) {
    this.stream = stream
    this.last = last
    this.#timers = new Timers(core.clock, (timer, dueUs) => {
      guarded(core, () => void this.record('path.timerFired', { timer, dueUs }))
    })
  }

  get context(): PathContext {
    return this.stream.state.context as unknown as PathContext
  }

  get hctl(): string {
    return this.context.hctl
  }

  get access(): AccessState {
    return (this.stream.state.value as unknown as PathValue).access
  }

  /** Steps the machine and lets its timers follow. Everything else that it asks for needs the device. */
  record(type: string, data: Readonly<Record<string, unknown>>, origin: Origin = {}): StreamStep {
    const step = this.stream.record(type, data, origin)
    for (const { type: effect, timer = '', dueUs = 0 } of step.effects) {
      if (effect === 'startTimer') this.#timers.start(timer, dueUs)
      if (effect === 'cancelTimer') this.#timers.cancel(timer)
      if (effect === 'removePath') this.onOver(step.recorded)
    }
    return step
  }

  /** It will not come back: what was known of its health goes, what an operator said of it stays. */
  forget(why: string, cause: Recorded | null): Recorded {
    const { recorded } = this.record('path.forgotten', { why }, { cause })
    this.#timers.cancelAll()
    return recorded
  }

  /** Its timers are another's from now on; gives those that are armed. */
  handOver(): [timer: string, dueUs: number][] {
    this.#timers.cancelAll()
    return Object.entries(this.context.timers)
  }

  /**
   * Compares what the ledger says with a device that is to be this path again. A disk sequence number tells two attaches
   * of one device name apart; without one the file or the device behind the path does.
   */
  reconcile(device: PathDevice): Reconciled {
    const { context, last } = this
    const now: Facts = { ...device.facts, device: `${device.kind} ${device.device}`, ...device.geometry }
    const { device: name, sizeBytes, logicalBlockBytes } = context
    const before: Facts = { ...last.facts, device: name, sizeBytes, logicalBlockBytes }
    const differs = (fact: string) => before[fact] !== now[fact]
    const byNumber = typeof before['diskseq'] === 'number' || typeof now['diskseq'] === 'number'
    const same = byNumber
      ? last.sameBoot && !differs('diskseq')
      : !differs('inode') &&
        !differs('logicalBlockBytes') &&
        (typeof now['inode'] === 'string' || !differs('device'))
    const changed = Object.keys(before).filter(differs)
    return {
      same,
      changed: changed.map((fact) => `${fact} was ${String(before[fact])} and is ${String(now[fact])}`),
    }
  }
}

type Facts = Readonly<Record<string, unknown>>
