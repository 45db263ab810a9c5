// Deciding recorded events again, fast. A step of XState takes microseconds; most events of a long ledger are samples that
// change nothing, and for those the step need not be taken twice.
//
// A machine is a pure function of its state and the event (test/machines/purity.test.ts). While it decides, the event that
// it is given notes what of it is looked at. When that was its type alone, any other event of this type comes to the same
// decision in the same state, whatever its payload and its time: the first answer stands. test/machines/redecide.test.ts
// compares this with deciding each event, over golden histories and random ones.
import type { Behaviour } from './behaviour.ts'
import { decisionText, type Decision } from './decision.ts'
import type { Decider } from './registry.ts'
import type { StreamState } from './step.ts'
import { upcast, UPCASTERS, type Upcasters } from './upcast.ts'

/** A decision taken again: its text, and the state that it leads to. */
export interface Redecided {
  readonly text: string
  readonly state: StreamState
}

/** What is decided: an event's type, when it happened, and its payload as it was recorded. */
export interface RedecideInput {
  readonly type: string
  readonly schema: number
  readonly monoUs: number
  /** JSON text. Not parsed when the answer is known. */
  readonly data: string
}

/** Decides, and keeps answers for as long as the state that they belong to is kept. */
export class DecisionMemo {
  readonly #answers = new WeakMap<StreamState, Map<string, Redecided>>()
  readonly #behaviour: Behaviour
  readonly #upcasters: Upcasters
  #asked = 0
  #known = 0

  /** `behaviour` is the ledger's; without `upcasters` payloads are lifted as they are on real ledgers. */
  constructor(behaviour: Behaviour, upcasters: Upcasters = UPCASTERS) {
    this.#behaviour = behaviour
    this.#upcasters = upcasters
  }

  /** Decisions that a machine was asked for, and those whose answer was known. */
  get counts(): { readonly asked: number; readonly known: number } {
    return { asked: this.#asked, known: this.#known }
  }

  /**
   * The decision on an event in a state. Its state is the one that was given when nothing changed, so that the next event
   * finds what is known of it. Throws what the machine, an upcaster or JSON.parse throws.
   */
  decide(machine: Decider, state: StreamState, input: RedecideInput): Redecided {
    const key = input.schema === 1 ? input.type : `${input.type} ${input.schema}`
    const known = this.#answers.get(state)?.get(key)
    if (known !== undefined) {
      this.#known += 1
      return known
    }
    this.#asked += 1
    const recorded = JSON.parse(input.data) as Record<string, unknown>
    const data = upcast({ type: input.type, schema: input.schema, data: recorded }, this.#upcasters)
    const watched = { type: input.type, atUs: input.monoUs, data }
    const decided = machine.decideWatched(state, watched, this.#behaviour)
    const answer = {
      text: decisionText(decided.decision, this.#behaviour),
      state: isUnchanged(state, decided.decision) ? state : decided.state,
    }
    if (decided.byTypeAlone) this.#keep(state, key, answer)
    return answer
  }

  #keep(state: StreamState, key: string, answer: Redecided): void {
    const answers = this.#answers.get(state)
    if (answers === undefined) this.#answers.set(state, new Map([[key, answer]]))
    else answers.set(key, answer)
  }
}

function isUnchanged(before: StreamState, { state, context }: Decision): boolean {
  if (Object.keys(context).length > 0) return false
  return state === before.value || JSON.stringify(state) === JSON.stringify(before.value)
}
