// Would the machines, as they are now, decide the same again? Byte for byte, from the recorded inputs alone.
import { messageOf } from '../../errors.ts'
import { Redecider } from '../state/fold.ts'
import type { Input } from '../types.ts'
import type { Bad } from './check-chain.ts'
import { misfit } from '../rows/fits.ts'
import { machineHashes } from '../rows/header.ts'
import type { UntrustedRow } from '../rows/untrusted.ts'

/** A decision that is not taken again. */
export interface Difference {
  readonly position: number
  readonly stored: string
  readonly decided: string
}

/** Decides every row again, up to the first difference. */
export class ReplayCheck {
  bad: Bad | null = null
  difference: Difference | null = null
  readonly #redecider = new Redecider()
  readonly #payloads: boolean
  readonly #warnings: string[] = []
  #rows = 0

  /** `payloads`: looks at each of them; false where somebody else does. */
  constructor({ payloads = true }: { readonly payloads?: boolean } = {}) {
    this.#payloads = payloads
  }

  get warnings(): readonly string[] {
    return this.#warnings
  }

  take(row: UntrustedRow): void {
    this.#rows += 1
    if (this.bad !== null) return
    const [position, , stream, version, type, schema, , monoUs, , , , , data, stored] = row
    const at = typeof position === 'bigint' ? Number(position) : this.#rows
    const isText = typeof stream === 'string' && typeof type === 'string' && typeof data === 'string'
    if (!isText || typeof monoUs !== 'bigint' || typeof stored !== 'string') {
      this.bad = { position: at, why: 'It cannot be decided again: a value is not of its type.' }
      return
    }
    const numbers = { monoUs: Number(monoUs), version: Number(version), schema: Number(schema), position: at }
    this.takeInput({ stream, type, data, ...numbers }, stored)
  }

  /** The same for a row whose values are of their types. */
  takeInput(input: Input, stored: string): void {
    if (this.bad !== null) return
    const { type, position: at } = input
    if (type === 'ledger.header') this.#compareMachines(input.data)
    const why = this.#payloads ? misfit(input) : null
    if (why !== null) {
      this.bad = { position: at, why }
      return
    }
    try {
      const decided = this.#redecider.decide(input)
      if (decided !== stored) this.#differs({ position: at, stored, decided })
    } catch (error) {
      this.bad = { position: at, why: `It cannot be decided again: ${textOf(error)}.` }
    }
  }

  #differs(difference: Difference): void {
    this.difference = difference
    const { position, stored, decided } = difference
    this.bad = { position, why: `Stored is the decision ${stored}; decided again it is ${decided}.` }
  }

  /** Other machines may decide otherwise, and mean to: the header says which ones wrote the ledger. */
  #compareMachines(data: string): void {
    const now = machineHashes()
    const then = headerMachines(data)
    const changed = Object.keys(now).filter((name) => now[name] !== then[name])
    if (changed.length === 0) return
    this.#warnings.push(`The ledger was begun with other machines: ${changed.join(', ')} changed since.`)
  }
}

function headerMachines(data: string): Readonly<Record<string, unknown>> {
  try {
    const { machines } = JSON.parse(data) as { machines?: unknown }
    return typeof machines === 'object' && machines !== null ? (machines as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function textOf(error: unknown): string {
  return messageOf(error).replace(/\.$/, '')
}
