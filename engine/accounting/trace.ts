// Tracing of single I/Os: an option of each head, off by default. An I/O that is traced is one event when it has ended, with all
// its attempts; one that is not costs a comparison with null here and there.
import { PathledgerError } from '../../errors.ts'
import { tracing as tracingSchema, type Choice, type TraceMode } from '../../machines/head/trace-events.ts'
import type { IoOp } from '../../machines/words.ts'
import { usOfMs, type Core } from '../core/core.ts'
import type { Settings } from '../core/settings.ts'
import type { Recorded } from '../ledger/recorder.ts'
import type { Stream } from '../ledger/stream.ts'

/** How a head traces its I/O: `every` counts for 'sampled', `perSecond` for 'bounded'. */
export interface Tracing {
  readonly mode: TraceMode
  readonly every: number
  readonly perSecond: number
}

/** What is told of an I/O. */
interface TracedIo {
  readonly id: number
  readonly op: IoOp
  readonly offset: number
  readonly length: number
  readonly node: number
  readonly fua: boolean
}

/** What is told of one try of it. */
interface TracedAttempt {
  readonly startedUs: number
  readonly path: { readonly hctl: string; readonly context: { readonly incarnation: number } }
}

/** Attempts of one I/O that its trace keeps; later ones are left out. */
const ATTEMPTS_MAX = 64
const SECOND_US = usOfMs(1_000)

/** What a head traces by the settings. */
export function tracingOf({ ioTrace, ioTraceEvery, ioTracePerSecond }: Settings): Tracing {
  return { mode: ioTrace, every: ioTraceEvery, perSecond: ioTracePerSecond }
}

/** Checks what a program asks for. Throws TRACING_INVALID. */
export function checkTracing(tracing: Tracing): Tracing {
  const parsed = tracingSchema.safeParse(tracing)
  if (parsed.success) return parsed.data
  throw new PathledgerError('TRACING_INVALID', {
    message: 'I/O cannot be traced like this.',
    why: `${parsed.error.issues.map(({ path, message }) => `${path.map(String).join('.')}: ${message}`).join('; ')}.`,
    todo: "The mode is 'off', 'sampled' (each `every`th), 'bounded' (`perSecond`) or 'full'. Nothing was changed.",
    errno: 'EINVAL',
  })
}

/** Decides which I/Os of a head are traced. */
export class Tracer {
  readonly #core: Core
  readonly #stream: Stream
  #tracing: Tracing
  #seen = 0
  #dropped = 0
  #windowUs = 0
  #inWindow = 0

  /** `stream` is the head's. */
  constructor(core: Core, stream: Stream, tracing: Tracing) {
    this.#core = core
    this.#stream = stream
    this.#tracing = tracing
  }

  get tracing(): Tracing {
    return this.#tracing
  }

  set tracing(tracing: Tracing) {
    this.#tracing = tracing
    this.#seen = 0
  }

  /** The trace of an I/O that begins; null for one that is not traced. */
  begin(): IoTrace | null {
    return this.#tracing.mode === 'off' ? null : this.#beginOne()
  }

  /** True when the ledger has room for one more; else it is counted. Half of what may wait is for what must not be lost. */
  hasRoom(): boolean {
    const { recorder, settings } = this.#core
    if (recorder.pending < settings.ledgerPendingMax / 2) return true
    this.#dropped += 1
    return false
  }

  /** How many were dropped since the last one that was not. */
  takeDropped(): number {
    const dropped = this.#dropped
    this.#dropped = 0
    return dropped
  }

  #beginOne(): IoTrace | null {
    const { mode, every, perSecond } = this.#tracing
    const nowUs = this.#core.clock.monoUs()
    this.#seen += 1
    if (mode === 'sampled' && (this.#seen - 1) % every !== 0) return null
    if (mode === 'bounded') {
      if (nowUs - this.#windowUs >= SECOND_US) {
        this.#windowUs = nowUs
        this.#inWindow = 0
      }
      if (this.#inWindow >= perSecond) return null
      this.#inWindow += 1
    }
    return new IoTrace(this.#core, this.#stream, this, nowUs)
  }
}

/** One I/O that is traced, from when it was cut for its caller to when they hear of it. */
export class IoTrace {
  readonly #core: Core
  readonly #stream: Stream
  readonly #tracer: Tracer
  readonly #startedUs: number
  readonly #attempts: Record<string, unknown>[] = []
  #parkedSinceUs: number | null = null
  #parkedUs = 0
  #toldParked = false
  #chosen: Choice | null = null
  /** What explains its end, as far as something does. */
  #cause: Recorded | null = null

  constructor(core: Core, stream: Stream, tracer: Tracer, startedUs: number) {
    this.#core = core
    this.#stream = stream
    this.#tracer = tracer
    this.#startedUs = startedUs
  }

  /** Why the policy chose the path of its next attempt. */
  chose(choice: Choice): void {
    this.#chosen = choice
  }

  /** What its last attempt led to is on its way to the ledger. */
  led(recorded: Recorded): void {
    this.#cause = recorded
    const last = this.#attempts.at(-1)
    if (last !== undefined) last['led'] = recorded.eventId
  }

  /** An attempt has ended, or is not waited for any more. */
  tried({ path, startedUs }: TracedAttempt, status: string, errno: string | null): void {
    this.#unpark(startedUs)
    if (this.#attempts.length >= ATTEMPTS_MAX) return
    const { incarnation } = path.context
    const tookUs = this.#core.clock.monoUs() - startedUs
    const chosen = this.#chosen === null ? {} : { chosen: this.#chosen }
    this.#attempts.push({ path: path.hctl, incarnation, startedUs, tookUs, status, errno, ...chosen })
  }

  /** No path is usable: it waits. */
  parked({ id, op, offset, length }: TracedIo): void {
    this.#parkedSinceUs ??= this.#core.clock.monoUs()
    if (this.#toldParked || !this.#tracer.hasRoom()) return
    this.#toldParked = true
    this.#stream.record('head.ioParked', { bio: id, op, offset, length })
  }

  /** Its caller hears of its end. */
  ended({ id, op, offset, length, node, fua }: TracedIo, error: PathledgerError | null): void {
    const nowUs = this.#core.clock.monoUs()
    this.#unpark(nowUs)
    if (!this.#toldParked && !this.#tracer.hasRoom()) return
    const told = {
      ...{ bio: id, op, offset, length, node, fua, startedUs: this.#startedUs },
      ...{ tookUs: nowUs - this.#startedUs, parkedUs: this.#parkedUs },
      ...{ status: error === null ? 'OK' : error.code, errno: error === null ? null : error.errno },
      ...{ attempts: this.#attempts, dropped: this.#tracer.takeDropped() },
    }
    this.#stream.record('head.ioTraced', told, { cause: this.#cause })
  }

  #unpark(nowUs: number): void {
    if (this.#parkedSinceUs === null) return
    this.#parkedUs += Math.max(0, nowUs - this.#parkedSinceUs)
    this.#parkedSinceUs = null
  }
}
