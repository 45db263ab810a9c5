// Replay as proof: every step decided again and compared, up to the first difference; and what most likely made it.
import { checkArguments } from '../../errors/arguments.ts'
import { machineOf, MACHINES } from '../../machines/registry.ts'
import type { LedgerReader } from '../types.ts'
import { verifyLedger, type Verification } from '../verify/verify.ts'
import { Stepper } from './stepper.ts'

/** What most likely lies behind a difference. */
export type LikelyReason =
  /** The row was changed: the chain does not hold there, or before. */
  | 'tampering'
  /** The machine is another one than the one that wrote the ledger: its hash differs. */
  | 'logic'
  /** The same input was decided twice now, and not alike. */
  | 'nondeterminism'
  /** The chain holds and the machine has its hash: code that the hash does not cover, or a chain that was made anew. */
  | 'unknown'

/** What a replay that compares came to. */
export interface ReplayVerdict {
  readonly events: number
  readonly equal: boolean
  /** Position of the first difference; null when there is none. */
  readonly position: number | null
  readonly why: string
  /** Both decisions, as text; null where the row could not be decided at all. */
  readonly difference: { readonly stored: string; readonly decided: string } | null
  readonly reason: LikelyReason | null
  readonly says: string
  readonly warnings: readonly string[]
}

const SAYS: Readonly<Record<LikelyReason, string>> = {
  tampering: 'The hash chain does not hold: somebody changed the ledger, or the disk did.',
  logic:
    'The machine has changed since this ledger was begun; the chain holds, so the record is as it was written.',
  nondeterminism:
    'The same input decided again and again gives more than one decision: the machine is not a function of its input. Report it.',
  unknown:
    'The chain holds and the machine has the hash that the ledger names. Either code changed that the hash does not cover ' +
    '(a guard, an action), or the whole chain was made anew: compare its head with one kept elsewhere.',
}

/** Decides every step of a ledger again and compares state and effects; stops at the first difference, and says why it may be. */
export function replayVerdict(reader: LedgerReader & { readonly file?: string }): ReplayVerdict {
  checkArguments('replayVerdict', { reader }, { reader: 'reader' })
  const { events, firstBad, why, difference, warnings, chain } = verifyLedger(reader)
  if (firstBad === null) {
    return {
      events,
      equal: true,
      position: null,
      why: '',
      difference: null,
      reason: null,
      says: '',
      warnings,
    }
  }
  const position = difference?.position ?? firstBad
  const reason = reasonOf(reader, { chain, difference }, firstBad)
  const both = difference === null ? null : { stored: difference.stored, decided: difference.decided }
  return {
    events,
    equal: false,
    position: Math.min(position, firstBad),
    why,
    difference: both,
    reason,
    says: SAYS[reason],
    warnings,
  }
}

function reasonOf(
  reader: LedgerReader,
  { chain, difference }: Pick<Verification, 'chain' | 'difference'>,
  firstBad: number,
): LikelyReason {
  if (chain === 'broken' && (difference === null || firstBad <= difference.position)) return 'tampering'
  if (difference === null) return 'unknown'
  const stream = reader.read({ fromPosition: difference.position, limit: 1 })[0]?.stream ?? 'engine'
  if (machineChanged(reader, machineOf(stream).name)) return 'logic'
  return decidesAlike(reader, difference.position) ? 'unknown' : 'nondeterminism'
}

function machineChanged(reader: LedgerReader, name: keyof typeof MACHINES | 'observed'): boolean {
  // Nothing was decided: what makes a state of observations has no machine in the header.
  if (name === 'observed') return false
  const header = reader.read({ limit: 1 })[0]
  const { machines = {} } = JSON.parse(header?.data ?? '{}') as {
    machines?: Readonly<Record<string, string>>
  }
  return machines[name] !== MACHINES[name].hash
}

function decidesAlike(reader: LedgerReader, position: number): boolean {
  const stepper = new Stepper(reader)
  stepper.goTo(position - 1)
  const answers = new Set<string>()
  for (let turn = 0; turn < TURNS; turn += 1) {
    answers.add(JSON.stringify(stepper.next()?.decision))
    stepper.back()
  }
  return answers.size === 1
}

/** A machine that takes chances may decide twice alike by chance. */
const TURNS = 16
