// How an event type is declared: a number that never changes, the version of its payload, and one zod schema.
// The schema is the only gate a payload passes, whether it comes from the engine, a file or an import.
import { z } from 'zod'
import type { Behaviour } from './behaviour.ts'

export interface EventType {
  /** Stable number; golden ledgers and metrics may rely on it. */
  readonly number: number
  readonly type: string
  /** Version of the payload; stored in the ledger's `schema` column. */
  readonly schema: number
  /** A gate is durable before its consequence is visible; everything else is a note. */
  readonly gate: boolean
  readonly payload: z.ZodType
}

/** Declares an event type. */
export function eventType<const Type extends string, Payload extends z.ZodType>(
  number: number,
  type: Type,
  options: { gate?: boolean; schema?: number },
  payload: Payload,
): EventType & { readonly type: Type; readonly payload: Payload } {
  return { number, type, schema: options.schema ?? 1, gate: options.gate ?? false, payload }
}

/** Bytes, counts, microseconds: whole and not negative. */
export const whole = z.int().min(0)

/** A time to wait, microseconds: at most a day, so that a deadline is always a whole number (D-44). */
export const interval = z.int().min(0).max(86_400_000_000)

/** A number of a kernel object or an I/O: names things, is never computed with. */
export const word = z.string().min(1).max(512)

/** The first evidence of an error, as the engine saw it. Root cause means this, never what a test injected. */
export const evidence = z.strictObject({
  errno: word.nullable(),
  status: word,
  op: word,
  offset: whole,
  length: whole,
})
/** The first error that led to a decision: which I/O, its errno and its `blk_status`. */
export type Evidence = z.infer<typeof evidence>

/**
 * An event as a machine takes it: its payload, its type, the monotonic time at which it happened, and how the ledger that it
 * is on behaves. The last is the ledger's and not the event's, never recorded with it; without it a ledger of today is meant.
 */
export interface MachineEvent {
  readonly type: string
  readonly atUs: number
  readonly behaviour?: Behaviour
}

/** The union of a list of event types, as a machine sees them. */
export type MachineEventOf<List extends readonly EventType[]> = {
  [Index in keyof List]: List[Index] extends { type: infer Type; payload: infer Payload extends z.ZodType }
    ? { readonly type: Type } & Omit<MachineEvent, 'type'> & z.infer<Payload>
    : never
}[number]
