// What the ledger says of the event that gave us our access: no I/O goes by it before it is durable.
import type { PathledgerError } from '../../errors.ts'
import { guarded, type Core } from '../core/core.ts'
import type { Recorded } from '../ledger/recorder.ts'

export class LedgerWord {
  readonly #core: Core
  readonly #wake: () => void
  /** What it said when I/O had waited for it; undefined while it waits. */
  #verdict: { readonly why: Recorded; error?: PathledgerError | null } | null = null

  /** `wake`: what waits is to ask again. */
  constructor(core: Core, wake: () => void) {
    this.#core = core
    this.#wake = wake
  }

  /** Null once I/O need not wait for the event any longer. */
  on(why: Recorded): 'wait' | PathledgerError | null {
    if (this.#verdict?.why !== why) {
      const verdict: { why: Recorded; error?: PathledgerError | null } = { why }
      this.#verdict = verdict
      this.#core.recorder.whenDurable(why, (error) => {
        verdict.error = error
        guarded(this.#core, this.#wake)
      })
    }
    const { error } = this.#verdict
    return error === undefined ? 'wait' : error
  }
}
