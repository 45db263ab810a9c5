// What differs between two states of a ledger, or before and after one event: regions, context, how many events.
import { checkFields } from '../../errors/arguments.ts'
import type { StateValue } from '../../machines/step.ts'
import type { StreamAt, LedgerState } from '../types.ts'

/** A word or a value that is another one now; null where there was none, or is none. */
export interface Changed {
  /** 'health'; 'timers.probe' inside an object. */
  readonly key: string
  readonly from: unknown
  readonly to: unknown
}

/** What differs of one stream. */
export interface StreamChange {
  readonly stream: string
  /** Events on it between the two, by its versions. */
  readonly events: number
  /** Of its state, by region; a machine without regions has one, ''. */
  readonly state: readonly Changed[]
  readonly context: readonly Changed[]
}

/** What differs of every stream from one state to another, by name; a stream that is the same has no entry. */
export function changesBetween(from: LedgerState, to: LedgerState): StreamChange[] {
  for (const state of [from, to]) checkFields('changesBetween', 'a state', state, { streams: 'object' })
  const streams = [...new Set([...Object.keys(from.streams), ...Object.keys(to.streams)])].sort()
  return streams.flatMap((stream) => {
    const change = changeOf(stream, from.streams[stream] ?? null, to.streams[stream] ?? null)
    return change.events === 0 && change.state.length === 0 && change.context.length === 0 ? [] : [change]
  })
}

/** What differs of one stream. Null is a stream that has no event yet. */
export function changeOf(stream: string, from: StreamAt | null, to: StreamAt | null): StreamChange {
  return {
    stream,
    events: (to?.version ?? 0) - (from?.version ?? 0),
    state: differences(regionsOf(from?.value), regionsOf(to?.value)),
    context: nested(from?.context ?? {}, to?.context ?? {}),
  }
}

function regionsOf(value: StateValue | undefined): Readonly<Record<string, unknown>> {
  if (value === undefined) return {}
  return typeof value === 'string' ? { '': value } : value
}

/** An object on both sides is told by what differs inside it, so that a timer is told by its name. */
function nested(from: StreamAt['context'], to: StreamAt['context']): Changed[] {
  return differences(from, to).flatMap((changed) => {
    const { key, from: one, to: other } = changed
    if (!isPlain(one) || !isPlain(other)) return [changed]
    return differences(one, other).map((inner) => ({ ...inner, key: `${key}.${inner.key}` }))
  })
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function differences(
  from: Readonly<Record<string, unknown>>,
  to: Readonly<Record<string, unknown>>,
): Changed[] {
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort()
  return keys.flatMap((key) => {
    const [one, other] = [from[key] ?? null, to[key] ?? null]
    return JSON.stringify(one) === JSON.stringify(other) ? [] : [{ key, from: one, to: other }]
  })
}
