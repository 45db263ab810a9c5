// What a run came to: in all, file by file, and each mutant that no test notices.
import type { Mutant } from './mutate.ts'
import type { Outcome } from './runner.ts'

interface Counts {
  readonly run: number
  readonly killed: number
  readonly timeouts: number
  readonly survived: number
  /** No test comes by: it has survived as well. */
  readonly uncovered: number
}

export interface Report extends Counts {
  readonly mutants: number
  readonly files: Readonly<Record<string, Counts>>
  readonly survivors: readonly (Omit<Mutant, 'id'> & { readonly status: Outcome['status'] })[]
}

export function reportOf(mutants: number, outcomes: readonly (Mutant & Outcome)[]): Report {
  const inOrder = [...outcomes].sort((one, other) => one.id - other.id)
  const files = new Set(inOrder.map(({ file }) => file))
  return {
    mutants,
    ...countsOf(inOrder),
    files: Object.fromEntries(
      [...files].map((name) => [name, countsOf(inOrder.filter(({ file }) => file === name))]),
    ),
    survivors: inOrder
      .filter(({ status }) => status === 'survived' || status === 'uncovered')
      .map(({ file, line, what, status }) => ({ file, line, what, status })),
  }
}

function countsOf(outcomes: readonly Outcome[]): Counts {
  const count = (status: Outcome['status']) => outcomes.filter((one) => one.status === status).length
  return {
    run: outcomes.length,
    killed: count('killed'),
    timeouts: count('timeout'),
    survived: count('survived'),
    uncovered: count('uncovered'),
  }
}

/** Percent, to a tenth: what a test noticed, or what made one run for ever, of all that were tried. */
export function scoreOf({ run, killed, timeouts }: Counts): number {
  return run === 0 ? 0 : Math.round((1000 * (killed + timeouts)) / run) / 10
}
