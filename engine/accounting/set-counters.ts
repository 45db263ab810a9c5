// Counters that somebody sets, to zero as a rule: the figures change, and that they did is on the ledger with who and why.
// Samples count what was done, and what was done does not change with it.
import { checkArguments, shown } from '../../errors/arguments.ts'
import { PathledgerError } from '../../errors.ts'

/** The counters that have another value from now on, by name; a whole number from 0, as the kernel's unsigned long. */
export type CounterValues<Counters> = { readonly [Name in keyof Counters]?: number }

/** Every counter to 0. */
export function zeros<Counters extends object>(counters: Counters): CounterValues<Counters> {
  const values: Record<string, number> = {}
  for (const name of Object.keys(counters)) values[name] = 0
  return values
}

/** Throws COUNTER_INVALID for a name that is no counter, and for a value that is no count. */
export function checkCounters<Counters extends object>(
  counters: Counters,
  values: CounterValues<Counters>,
): void {
  checkArguments('setCounters', { values }, { values: 'object' })
  const names = Object.keys(counters)
  const entries = Object.entries<unknown>(values)
  if (entries.length === 0) throw invalid('Nothing is to be set.', `The counters are ${names.join(', ')}.`)
  for (const [name, value] of entries) {
    if (!names.includes(name)) {
      throw invalid(`'${name}' is not a counter here.`, `The counters are ${names.join(', ')}.`)
    }
    if (Number.isSafeInteger(value) && (value as number) >= 0) continue
    const why = `It is a whole number from 0 to ${Number.MAX_SAFE_INTEGER}, which is as far as it can count.`
    throw invalid(`${shown(value)} is not a value of ${name}.`, why)
  }
}

/**
 * Sets counters, and moves what the last sample saw by as much, so that the next one has what was done and nothing else.
 * Returns what the counters were.
 */
export function applyCounters<Counters extends object>(
  counters: Counters,
  sampled: Counters | null,
  values: CounterValues<Counters>,
): Record<string, number> {
  const was: Record<string, number> = {}
  const now = counters as Record<string, number>
  for (const [name, value] of Object.entries<number>(values as Record<string, number>)) {
    const before = now[name] ?? 0
    was[name] = before
    now[name] = value
    if (sampled === null) continue
    const seen = sampled as Record<string, number>
    seen[name] = (seen[name] ?? 0) + value - before
  }
  return was
}

function invalid(message: string, why: string): PathledgerError {
  return new PathledgerError('COUNTER_INVALID', {
    message,
    why,
    todo: 'Nothing was changed.',
    errno: 'EINVAL',
  })
}
