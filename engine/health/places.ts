// Where a check reads, and what its answers say. A check proves the path and not the medium: a place that cannot be read while
// others of the same device can is the medium's. The EIO of a loop device does not tell the two apart, so places are chosen anew
// until one answers, or it is clear that none does.
import type { IoCompletion } from '../../adapters/ports.ts'
import type { BlkStatus } from '../../machines/words.ts'
import { statusOf } from '../core/blk-status.ts'
import { classOf } from '../../machines/words.ts'
import { guarded, usOfMs } from '../core/core.ts'
import type { CHECK_READS } from '../core/health-settings.ts'
import type { PathRuntime } from '../heads/runtime.ts'

/** A place that could not be read. */
export interface BadPlace {
  readonly offset: number
  readonly errno: string | null
  readonly status: BlkStatus
}

export interface Answer {
  readonly ok: boolean
  readonly errno: string | null
  readonly detail: string | null
  readonly timedOut: boolean
  /** Where the read that failed was, when one did. */
  readonly offset: number | null
  /** Places that answered. */
  readonly reads: number
  /** What kept a failed path out: an answer, unless another device was found there. */
  readonly found?: 'error' | 'identity'
  /** Of a path that answered elsewhere: what could not be read. */
  readonly bad: readonly BadPlace[]
}

export const TIMED_OUT: Answer = {
  ...{ ok: false, errno: 'ETIMEDOUT', detail: null, timedOut: true, offset: null, reads: 0, bad: [] },
}

const PROBE_BYTES = 4096
/** What a reading is for. */
interface Wanted {
  /** The path is in use, and one that answers its I/O while a read of ours is not answered is there all the same. */
  readonly carriesIo: boolean
  /** Places that are tried besides, before a path of which none answered is taken for silent. */
  readonly anew: number
}

/** A suspect: its own I/O has failed already, and the read elsewhere decides. */
export const OF_A_SUSPECT: Wanted = { carriesIo: true, anew: 0 }
export const OF_A_WELL_PATH: Wanted = { carriesIo: true, anew: 3 }
export const OF_A_FAILED_PATH: Wanted = { carriesIo: false, anew: 3 }
/** These say themselves that the way is broken: no other place would answer. */
const WAY_IS_BROKEN: ReadonlySet<BlkStatus> = new Set(['TRANSPORT', 'OFFLINE'])

/** Where a check reads, each place once. */
export function checkOffsets(path: PathRuntime): readonly number[] {
  const places = path.core.settings.checker.reads.map((place) => placeOf(path, place))
  return [...new Set(places.filter((offset) => offset !== null))]
}

function placeOf(path: PathRuntime, place: (typeof CHECK_READS)[number]): number | null {
  switch (place) {
    case 'first':
      return 0
    case 'middle':
      return elsewhere(path, 0)
    case 'last':
      return lastBlock(path)
    case 'failed':
      return failureOffset(path)
    case 'random':
      return anywhere(path)
  }
}

/** Where its failure was seen: a path may answer everywhere else and lie there. */
function failureOffset(path: PathRuntime): number | null {
  const { failure } = path.context
  if (failure === null || failure.length === 0) return null
  const { logicalBlockBytes } = path.device.geometry
  return Math.min(failure.offset - (failure.offset % logicalBlockBytes), lastBlock(path))
}

export function anywhere(path: PathRuntime): number {
  const { geometry } = path.device
  const blocks = lastBlock(path) / geometry.logicalBlockBytes + 1
  return (path.core.random.nextUint32() % blocks) * geometry.logicalBlockBytes
}

/** Half the device away from the error, on a block boundary: what is wrong there is not what was wrong here. */
export function elsewhere(path: PathRuntime, offset: number): number {
  const { sizeBytes, logicalBlockBytes } = path.device.geometry
  const far = (offset + Math.floor(sizeBytes / 2)) % sizeBytes
  const aligned = far - (far % logicalBlockBytes)
  return Math.min(aligned, lastBlock(path))
}

function lastBlock(path: PathRuntime): number {
  const { geometry } = path.device
  const length = probeLength(geometry)
  const last = geometry.sizeBytes - length
  return last - (last % geometry.logicalBlockBytes)
}

/** Bytes that one probe reads: a page, or a block where that is larger, or the whole device where that is smaller. */
export function probeLength({
  sizeBytes,
  logicalBlockBytes,
}: {
  sizeBytes: number
  logicalBlockBytes: number
}): number {
  return Math.min(Math.max(PROBE_BYTES, logicalBlockBytes), sizeBytes)
}

/** Reads at each offset, one after the other, and answers once. Each read has `probeTimeoutMs` of its own. */
export function readAll(
  path: PathRuntime,
  offsets: readonly number[],
  wanted: Wanted,
  answer: (answer: Answer) => void,
): void {
  new Reading(path, offsets, wanted, answer).next()
}

class Reading {
  readonly #path: PathRuntime
  readonly #offsets: number[]
  readonly #wanted: Wanted
  readonly #answer: (answer: Answer) => void
  readonly #bad: BadPlace[] = []
  #timer: { cancel(): void } | null = null
  #answersBefore = 0
  /** Why nothing was sent. */
  #silent: string | null = null
  #reads = 0
  #anew = 0
  #open = true

  constructor(
    path: PathRuntime,
    offsets: readonly number[],
    wanted: Wanted,
    answer: (answer: Answer) => void,
  ) {
    this.#path = path
    this.#offsets = [...offsets]
    this.#wanted = wanted
    this.#answer = answer
  }

  next(): void {
    if (!this.#open) return
    const offset = this.#offsets.shift() ?? this.#anotherPlace()
    if (offset === null) return this.#finish(this.#outcome())
    this.#arm()
    if (readOne(this.#path, offset, (completion, length) => this.#heard(offset, completion, length))) return
    const path = this.#path
    // One that was only just sent says nothing yet: it is waited for. One that hangs says that the path does, unless that
    // answers its I/O meanwhile.
    const hangs = path.core.clock.monoUs() - path.health.probingSinceUs >= this.#timeoutUs
    this.#offsets.unshift(offset)
    if (path.health.probing && !hangs) path.health.probesWaiting.push(() => this.next())
    else if (this.#wanted.carriesIo) this.#silent = EARLIER
    else this.#finish({ ...TIMED_OUT, detail: EARLIER })
  }

  /** None answered yet: perhaps it is the medium, there. */
  #anotherPlace(): number | null {
    const left = this.#wanted.anew - this.#anew
    if (this.#reads > 0 || this.#bad.length === 0 || left <= 0) return null
    this.#anew += 1
    return anywhere(this.#path)
  }

  #heard(offset: number, completion: IoCompletion, length: number): void {
    if (!this.#open) return
    const status = statusOf(completion, length)
    const { errno } = completion
    // An error that the target itself reported proves that the path reaches it.
    if (status === 'OK' || classOf(status) !== 'path') this.#reads += 1
    else this.#bad.push({ offset, errno, status })
    if (WAY_IS_BROKEN.has(status)) this.#finish(failed({ offset, errno, status }))
    else this.next()
  }

  #outcome(): Answer {
    const [first] = this.#bad
    if (this.#reads === 0 && first !== undefined) return failed(first)
    const ok = { ok: true, errno: null, detail: null, timedOut: false, offset: null }
    return { ...ok, reads: this.#reads, bad: this.#bad }
  }

  get #timeoutUs(): number {
    return usOfMs(this.#path.core.settings.probeTimeoutMs)
  }

  #arm(): void {
    const { core } = this.#path
    this.#timer?.cancel()
    this.#answersBefore = this.#path.answers
    this.#timer = core.clock.setTimer(core.clock.monoUs() + this.#timeoutUs, () =>
      guarded(core, () => this.#timeIsUp()),
    )
  }

  #timeIsUp(): void {
    if (this.#wanted.carriesIo && this.#path.answers > this.#answersBefore) {
      this.#reads += 1
      return this.#finish(this.#outcome())
    }
    const { probeTimeoutMs } = this.#path.core.settings
    this.#finish({ ...TIMED_OUT, detail: this.#silent ?? `no answer within ${probeTimeoutMs} ms` })
  }

  #finish(result: Answer): void {
    if (!this.#open) return
    this.#open = false
    this.#timer?.cancel()
    this.#answer(result)
  }
}

/** Another path that may be asked whether it can read what this one cannot. */
export function usableOther(
  path: PathRuntime,
  also: (candidate: PathRuntime) => boolean = () => true,
): PathRuntime | undefined {
  return path.head.paths.find((candidate) => candidate !== path && !candidate.disabled && also(candidate))
}

const EARLIER = 'an earlier probe has not answered yet'

function failed({ offset, errno, status }: BadPlace): Answer {
  return { ...TIMED_OUT, errno, detail: `read at ${offset}: ${status}`, timedOut: false, offset }
}

/** One direct read into the path's own probe buffer. False while an earlier one still hangs on to it. */
export function readOne(
  path: PathRuntime,
  offset: number,
  done: (completion: IoCompletion, length: number) => void,
): boolean {
  const { device, core } = path
  const block = path.health.probeBlock
  if (block === null || path.health.probing) return false
  const length = block.bytes.length
  const startedUs = core.clock.monoUs()
  path.health.probing = true
  path.health.probingSinceUs = startedUs
  path.inFlight += 1
  device.submit({ op: 'read', offset, length, data: block.bytes, fua: false }, (completion) => {
    guarded(core, () => {
      path.health.probing = false
      if (statusOf(completion, length) === 'OK') path.answered(startedUs)
      path.inFlight -= 1
      path.hear(completion)
      done(completion, length)
      for (const waiting of path.health.probesWaiting.splice(0)) waiting()
      if (path.inFlight === 0) path.onQuiet?.()
    })
  })
  return true
}
