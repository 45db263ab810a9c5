// What a step came to, as it is kept beside its event: enough to fold without the machine, and to compare with it.
import { createHash } from 'node:crypto'
import { NEWEST_BEHAVIOUR, type Behaviour } from './behaviour.ts'
import type { Effect } from './effects.ts'
import type { Step, StateValue, StreamState } from './step.ts'

/** What a machine decided at one event, in the words of the ledger. */
export interface Decision {
  /** State value after the event. */
  readonly state: StateValue
  /** The context keys that changed, with their new values. */
  readonly context: Readonly<Record<string, unknown>>
  /** Names of the effects, in order. */
  readonly effects: readonly string[]
  /** First 16 hex digits of SHA-256 over the effects in full; '' without effects. */
  readonly digest: string
  /** Present and true when the machine refused the event. */
  readonly refused?: true
}

/** The decision that a step from `before` came to. */
export function decisionOf(before: StreamState, step: Step): Decision {
  const context: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(step.state.context)) {
    if (!sameJson(value, before.context[key])) context[key] = value
  }
  const decision = {
    state: step.state.value,
    context,
    effects: step.effects.map(({ type }) => type),
    digest: effectsDigest(step.effects),
  }
  return step.handled ? decision : { ...decision, refused: true }
}

/** The state after a decision, without asking the machine. */
export function applyDecision(state: StreamState, decision: Decision): StreamState {
  if (isEmpty(decision.context)) return { value: decision.state, context: state.context }
  return { value: decision.state, context: { ...state.context, ...decision.context } }
}

/**
 * Canonical text of a decision: keys in the order above. Two equal decisions have equal text. With short decisions what is
 * empty is left out: most events of a long ledger change nothing.
 */
export function decisionText(decision: Decision, behaviour: Behaviour = NEWEST_BEHAVIOUR): string {
  if (!behaviour.shortDecisions) return JSON.stringify(decision)
  const { state, context, effects, digest, refused } = decision
  return JSON.stringify({
    state,
    ...(isEmpty(context) ? {} : { context }),
    ...(effects.length === 0 ? {} : { effects, digest }),
    ...(refused === undefined ? {} : { refused }),
  })
}

/** A decision from its text, with what a short one leaves out. Throws SyntaxError for what is not JSON. */
export function parseDecision(text: string): Decision {
  const { state, context, effects, digest, refused } = JSON.parse(text) as Partial<Decision> &
    Pick<Decision, 'state'>
  return {
    state,
    context: context ?? NONE,
    effects: effects ?? NO_EFFECTS,
    digest: digest ?? '',
    ...(refused === undefined ? {} : { refused }),
  }
}

const NONE: Decision['context'] = {}
const NO_EFFECTS: Decision['effects'] = []

function isEmpty(context: Decision['context']): boolean {
  for (const _key in context) return false
  return true
}

function effectsDigest(effects: readonly Effect[]): string {
  if (effects.length === 0) return ''
  return createHash('sha256').update(JSON.stringify(effects)).digest('hex').slice(0, 16)
}

function sameJson(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other)
}
