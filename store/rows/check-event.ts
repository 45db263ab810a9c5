// The edge: what may not go on the ledger is refused here, before anything is written. Every event of every append passes
// through, so the fields are checked by hand: a schema library costs more than the insert.
import { messageOf, PathledgerError } from '../../errors.ts'
import { OBSERVED_SCHEMA } from '../../machines/observed/events.ts'
import { checkEvent, EVENT_TYPES } from '../../machines/registry.ts'
import { MAX_ID_CHARS, MAX_JSON_CHARS, MAX_REASON_CHARS, MAX_STREAM_CHARS } from '../limits.ts'
import type { NewEvent } from '../types.ts'

/** Says what is wrong with a value, or null when nothing is. */
type Check = (value: unknown) => string | null

/**
 * Lone surrogates have no UTF-8: they would come back from the file as something else than was appended. A NUL ends a
 * text for the sqlite3 shell, so that an auditor would see less than was written.
 */
const text =
  (maxChars: number, minChars = 1): Check =>
  (value) => {
    if (typeof value !== 'string' || value.length < minChars) return 'is not a text'
    if (value.length > maxChars) return `has ${value.length} characters, ${maxChars} are the limit`
    return value.isWellFormed() && !value.includes('\0') ? null : 'is not well-formed Unicode without NUL'
  }

const whole =
  (from: number): Check =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= from ? null : `is not a whole number from ${from}`

const reasonText = text(MAX_REASON_CHARS, 0)
const idText = text(MAX_ID_CHARS)

function cause(value: unknown): string | null {
  if (value === null) return null
  if (typeof value !== 'object') return whole(1)(value)
  return Object.keys(value).length === 1 && 'eventId' in value ? idText(value.eventId) : 'names no event'
}

const CHECKS: Readonly<Record<keyof NewEvent, Check>> = {
  eventId: idText,
  stream: text(MAX_STREAM_CHARS),
  type: idText,
  schema: whole(1),
  recordedAtUs: whole(0),
  monoUs: whole(0),
  bootId: idText,
  cause,
  actor: idText,
  reason: (value) => (value === null ? null : reasonText(value)),
  data: text(MAX_JSON_CHARS),
  decision: text(MAX_JSON_CHARS),
}
const FIELDS = Object.keys(CHECKS) as (keyof NewEvent)[]

/**
 * Throws EVENT_INVALID for an event that must not be on the ledger: a field of the wrong kind, a stream or type that
 * no machine has, a payload that its type's schema refuses, text that is not JSON, a decision that is none.
 */
export function checkNewEvent(event: NewEvent): void {
  for (const field of FIELDS) {
    const wrong = CHECKS[field](event[field])
    if (wrong !== null) throw invalid(event, `${field} ${wrong}`)
  }
  const unknown = Object.keys(event).find((field) => !Object.hasOwn(CHECKS, field))
  if (unknown !== undefined) throw invalid(event, `${unknown} is no field of an event`)
  const declared = EVENT_TYPES.get(event.type)
  const observed = event.schema === OBSERVED_SCHEMA
  if (!observed && declared !== undefined && declared.schema !== event.schema) {
    throw invalid(event, `its payload is version ${event.schema}, and ${declared.schema} is known`)
  }
  checkPayload(event, parse(event, 'data'))
  checkDecision(event)
}

/** Decisions that were looked at: of a long life's a few are most. */
const DECISIONS = new Set<string>()
const DECISIONS_KEPT = 1_024
const DECISION_KEPT_CHARS = 512

function checkDecision(event: NewEvent): void {
  const { decision } = event
  if (DECISIONS.has(decision)) return
  if (!isDecision(parse(event, 'decision'))) throw invalid(event, 'decision is not one')
  if (decision.length > DECISION_KEPT_CHARS) return
  if (DECISIONS.size >= DECISIONS_KEPT) DECISIONS.clear()
  DECISIONS.add(decision)
}

function checkPayload(event: NewEvent, data: unknown): void {
  try {
    checkEvent(event.stream, event.type, data, event.schema)
  } catch (error) {
    throw invalid(event, error instanceof PathledgerError ? error.why : String(error))
  }
}

/** The shape of machines/decision.ts, as far as folding relies on it. */
function isDecision(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { state, context, effects, digest } = value as Readonly<Record<string, unknown>>
  const isState = typeof state === 'string' || (typeof state === 'object' && state !== null)
  const isContext =
    context === undefined || (typeof context === 'object' && context !== null && !Array.isArray(context))
  const hasEffects =
    (effects === undefined && digest === undefined) || (Array.isArray(effects) && typeof digest === 'string')
  return isState && isContext && hasEffects
}

function parse(event: NewEvent, field: 'data' | 'decision'): unknown {
  try {
    return JSON.parse(event[field])
  } catch (error) {
    throw invalid(event, `${field} is not JSON: ${messageOf(error)}`)
  }
}

function invalid(event: NewEvent, why: string): PathledgerError {
  return new PathledgerError('EVENT_INVALID', {
    message: `The event ${event.type} on ${event.stream} cannot be written to the ledger.`,
    why: `${why.replace(/\.$/, '')}.`,
    todo: 'Correct the event; nothing of its append was written.',
    details: { eventId: event.eventId, stream: event.stream, type: event.type },
  })
}
