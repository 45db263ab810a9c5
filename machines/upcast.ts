// Payloads of older schema versions, lifted to the one that the machines take today. One pure function for each step, per
// event type; the rows themselves are never rewritten.
import type { ErrorCode } from '../errors/codes.ts'
import { PathledgerError } from '../errors.ts'
import { OBSERVED_SCHEMA } from './observed/events.ts'
import { EVENT_TYPES } from './registry.ts'

type Data = Readonly<Record<string, unknown>>

/** Lifts a payload by one version. Pure. */
export type Upcaster = (data: Data) => Data

/** Per event type: the first entry lifts version 1 to 2, the next one 2 to 3. */
export type Upcasters = Readonly<Record<string, readonly Upcaster[]>>

/** Every payload that changed since ledgers are written. None has so far. */
export const UPCASTERS: Upcasters = {}

/**
 * The payload in the version that is current. Throws EVENT_FROM_THE_FUTURE for one that is newer than any known, and
 * EVENT_TOO_OLD where a step is missing: better no answer than one from a payload that was misread.
 */
export function upcast(
  { type, schema, data }: { readonly type: string; readonly schema: number; readonly data: Data },
  upcasters: Upcasters = UPCASTERS,
): Data {
  // Observations have a count of their own, which has not begun to change.
  if (schema === OBSERVED_SCHEMA) return data
  const steps = upcasters[type] ?? []
  const newest = Math.max(steps.length + 1, EVENT_TYPES.get(type)?.schema ?? 1)
  if (schema > newest) throw unreadable('EVENT_FROM_THE_FUTURE', type, schema, newest)
  let lifted = data
  for (let version = schema; version < newest; version += 1) {
    const step = steps[version - 1]
    if (step === undefined) throw unreadable('EVENT_TOO_OLD', type, schema, newest)
    lifted = step(lifted)
  }
  return lifted
}

function unreadable(code: ErrorCode, type: string, schema: number, newest: number): PathledgerError {
  return new PathledgerError(code, {
    message: `The payload of ${type} has version ${schema}, which this pathledger cannot read.`,
    why: `It knows version ${newest}.`,
    todo: 'Use the version of pathledger that wrote the ledger, or a newer one.',
    details: { type, schema, newest },
  })
}
