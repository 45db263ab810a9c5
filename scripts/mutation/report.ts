// What a run came to: in all, file by file, and each mutant that no test notices.
import type { Mutant } from './mutate.ts'
import type { Outcome } from './runner.ts'

export interface Counts {
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
  readonly survivors: readonly (Omit<Mutant, 'id' | 'named'> & { readonly status: Outcome['status'] })[]
  /** Those that have a name: what notices each, or null. Absent: none was tried. */
  readonly named?: Readonly<Record<string, string | null>>
}

export function reportOf(mutants: readonly Mutant[], outcomes: ReadonlyMap<number, Outcome>): Report {
  const tried = mutants.flatMap((mutant) => {
    const outcome = outcomes.get(mutant.id)
    return outcome === undefined ? [] : [{ ...mutant, ...outcome }]
  })
  const files = [...new Set(tried.map(({ file }) => file))]
  return {
    mutants: mutants.length,
    ...countsOf(tried),
    files: Object.fromEntries(
      files.map((name) => [name, countsOf(tried.filter(({ file }) => file === name))]),
    ),
    survivors: tried
      .filter(hasSurvived)
      .map(({ file, line, what, status }) => ({ file, line, what, status })),
    ...(tried.some(({ named }) => named) && {
      named: Object.fromEntries(
        tried
          .filter(({ named }) => named)
          .map((one) => [one.what, hasSurvived(one) ? null : (one.by ?? one.status)]),
      ),
    }),
  }
}

export function hasSurvived(outcome: Outcome | undefined): boolean {
  return outcome?.status === 'survived' || outcome?.status === 'uncovered'
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
