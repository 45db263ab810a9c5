// What goes over the control socket: one JSON object a line, each way. Every line from outside is checked here, once.
import type { ErrorCode } from '../../errors/codes.ts'
import { z } from 'zod'

/** Characters of one line; a longer one ends the connection. */
export const LINE_MAX = 65_536

/** Characters of an attribute's value: a page, as sysfs takes at most. */
const ATTRIBUTE_MAX = 4096

const name = z.string().min(1).max(512)
const reason = z.string().min(1).max(4096)
/** '0x' and up to 16 hex digits, which the engine checks; room for a wrong one to be named in the answer. */
const key = z.string().min(1).max(64)
const said = { head: name, key, reason: reason.optional() }

/** Verbs of one path: what an operator wants of it, and the steps of its device. */
export const PATH_VERBS = [
  'pathFail',
  'pathReinstate',
  'pathPrefer',
  'pathBlock',
  'pathUnblock',
  'pathQuiesce',
  'pathResume',
  'pathOffline',
  'pathTransportOffline',
  'pathOnline',
  'pathRemove',
] as const
/** One of {@link PATH_VERBS}. */
export type PathVerb = (typeof PATH_VERBS)[number]

/** What may be asked. */
export const controlRequest = z.discriminatedUnion('verb', [
  z.strictObject({ verb: z.literal('show') }),
  z.strictObject({ verb: z.enum(PATH_VERBS), path: name, reason: reason.optional() }),
  z.strictObject({
    verb: z.literal('countersSet'),
    of: name,
    counters: z.record(z.string().max(64), z.number()).optional(),
    reason: reason.optional(),
  }),
  z.strictObject({ verb: z.literal('drain'), head: name, reason: reason.optional() }),
  z.strictObject({ verb: z.literal('sysfs') }),
  z.strictObject({ verb: z.literal('sysfsGet'), attribute: name }),
  z.strictObject({
    verb: z.literal('sysfsSet'),
    attribute: name,
    value: z.string().max(ATTRIBUTE_MAX),
    reason: reason.optional(),
  }),
  z.strictObject({ verb: z.literal('reservation'), head: name }),
  z.strictObject({
    verb: z.literal('reservationRegister'),
    ...said,
    oldKey: key.optional(),
    ignore: z.boolean().optional(),
    aptpl: z.boolean().optional(),
  }),
  z.strictObject({ verb: z.enum(['reservationReserve', 'reservationRelease']), ...said, type: name }),
  z.strictObject({
    verb: z.literal('reservationPreempt'),
    ...said,
    victim: key,
    type: name,
    abort: z.boolean().optional(),
  }),
  z.strictObject({ verb: z.literal('reservationClear'), ...said }),
  z.strictObject({ verb: z.literal('ghosts') }),
  z.strictObject({ verb: z.literal('ghostsRelease'), reason, ids: z.array(name).max(10_000).optional() }),
])
/** One of the verbs of the control socket, with its arguments (docs/control-socket.md). */
export type ControlRequest = z.infer<typeof controlRequest>

/** An answer: the verb's result, or an error with a stable code. */
export type ControlAnswer =
  { readonly ok: true; readonly result: unknown } | { readonly ok: false; readonly error: ControlError }

/** Sent each second while the answer is not there yet: the engine lives, and is still at it. */
export interface ControlPending {
  readonly pending: true
}

export interface ControlError {
  readonly code: ErrorCode
  readonly message: string
  readonly why: string
  readonly todo: string
  readonly errno: string | null
}

/** A request from a line, or why it is none. */
export function parseRequest(line: string): ControlRequest | ControlError {
  try {
    const parsed = controlRequest.safeParse(JSON.parse(line, refusePrototype))
    return parsed.success ? parsed.data : badRequest(z.prettifyError(parsed.error))
  } catch {
    return badRequest('The line is not JSON, or nested deeper than any request, or it has a key __proto__.')
  }
}

/** A record would drop this key without a word, and then do less than it was asked. */
function refusePrototype(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new Error('no request has such a key')
  return value
}

/** True for what {@link parseRequest} gives when the line is no request. */
export function isRefusal(parsed: ControlRequest | ControlError): parsed is ControlError {
  return 'code' in parsed
}

function badRequest(why: string): ControlError {
  const todo = 'docs/control-socket.md lists the verbs.'
  return {
    code: 'CONTROL_REQUEST',
    message: 'The engine does not know this request.',
    why,
    todo,
    errno: 'EINVAL',
  }
}
