// Lifecycle events as OpenTelemetry spans. The program hands its own tracer in, so that nothing has to be installed and nothing
// is loaded where there is none.
import { checkFields } from '../../errors/arguments.ts'
import type { LiveEvent } from '../ledger/recorder.ts'

/** Seconds and nanoseconds, as OpenTelemetry takes a time. */
export type OtelTime = [seconds: number, nanoseconds: number]

/** The part of OpenTelemetry's Span that is used here. */
export interface OtelSpan {
  spanContext(): unknown
  setAttributes(attributes: Record<string, string | number | boolean>): unknown
  setStatus(status: { code: number; message?: string }): unknown
  end(time?: OtelTime): void
}

/** The part of OpenTelemetry's Tracer that is used here: `trace.getTracer('...')` gives one. */
export interface OtelTracer {
  startSpan(
    name: string,
    options: {
      startTime: OtelTime
      attributes: Record<string, string | number | boolean>
      links: { context: never }[]
    },
  ): OtelSpan
}

/** Causes that are remembered to be linked to. */
const CAUSES_MAX = 10_000
/** OpenTelemetry's status code for an error. */
const ERROR = 2
/** Only counted; they are what metrics are for. */
const COUNTED = ['path.ioSampled', 'head.ioSampled']

/**
 * A listener for `mp.subscribe` that makes spans: one for each lifecycle event, linked to the span of its cause; one from
 * `path.failed` until the path's health is well again; one while a head has no usable path; and one for each traced I/O,
 * from its start to its end. Times are those of the ledger. It throws what the tracer throws.
 *
 * @example
 * mp.subscribe(openTelemetry(trace.getTracer('pathledger')))
 */
export function openTelemetry(tracer: OtelTracer): (live: LiveEvent) => void {
  checkFields('openTelemetry', 'tracer', tracer, { startSpan: 'call' })
  const contexts = new Map<number, unknown>()
  const open = new Map<string, OtelSpan>()

  function remember(position: number, span: OtelSpan): void {
    contexts.set(position, span.spanContext())
    if (contexts.size <= CAUSES_MAX) return
    const [oldest] = contexts.keys()
    if (oldest !== undefined) contexts.delete(oldest)
  }

  return ({ event, state }) => {
    const { type, stream, position, cause, recordedAtUs, monoUs, actor, reason } = event
    if (COUNTED.includes(type)) return
    const data = JSON.parse(event.data) as Record<string, unknown>
    const at = timeOf(recordedAtUs)
    const link = cause === null ? undefined : contexts.get(cause)
    const links = link === undefined ? [] : [{ context: link as never }]
    const named = { 'pathledger.stream': stream, 'pathledger.position': position, 'pathledger.actor': actor }
    const attributes = {
      ...named,
      ...(reason === null ? {} : { 'pathledger.reason': reason }),
      ...flat(data),
    }
    const began = type === 'head.ioTraced' ? monoUs - Number(data['startedUs']) : 0
    const span = tracer.startSpan(type, { startTime: timeOf(recordedAtUs - began), attributes, links })
    if (isTrouble(type, data)) span.setStatus({ code: ERROR })
    span.end(at)
    remember(position, span)
    for (const { name, wrong } of lasting(stream, state.value)) {
      const key = `${name} ${stream}`
      const going = open.get(key)
      if (wrong && going === undefined) {
        const context = span.spanContext() as never
        open.set(key, tracer.startSpan(name, { startTime: at, attributes: named, links: [{ context }] }))
      } else if (!wrong && going !== undefined) {
        open.delete(key)
        going.setAttributes({ 'pathledger.endedBy': type })
        going.end(at)
      }
    }
  }
}

/** What lasts: spans that are open as long as a state is. */
function lasting(stream: string, value: unknown): { name: string; wrong: boolean }[] {
  const state = value as Readonly<Record<string, string>>
  if (stream.startsWith('path/')) {
    const { health = '', device = '' } = state
    const wrong = (health === 'failed' || health === 'probing') && device !== 'deleted'
    return [{ name: 'path failure', wrong }]
  }
  if (!stream.startsWith('head/')) return []
  const { life = '', service = '' } = state
  const live = life === 'live' || life === 'removalPending'
  return [{ name: 'head without a path', wrong: live && (service === 'queueing' || service === 'failing') }]
}

function isTrouble(type: string, { status }: Readonly<Record<string, unknown>>): boolean {
  return type === 'head.ioTraced' ? status !== 'OK' : /(failed|Failed|bioPoisoned|broke)$/.test(type)
}

/** Plain fields of a payload; what has parts comes as JSON. */
function flat(data: Readonly<Record<string, unknown>>): Record<string, string | number | boolean> {
  return Object.fromEntries(
    Object.entries(data).flatMap(([key, value]) => {
      if (value === null) return []
      const plain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
      return [[`pathledger.${key}`, plain ? value : JSON.stringify(value)] as const]
    }),
  )
}

function timeOf(us: number): OtelTime {
  const seconds = Math.floor(us / 1_000_000)
  return [seconds, (us - seconds * 1_000_000) * 1_000]
}
