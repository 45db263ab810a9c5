// A file with a line for each mutant that was tried: a run that was ended is taken up, as long as the sources are the same.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import type { Outcome } from './runner.ts'

export interface Journal {
  /** By mutant; the last line counts. */
  readonly known: ReadonlyMap<number, Outcome>
  readonly keep: (mutant: number, outcome: Outcome) => void
}

interface Line extends Outcome {
  readonly sources: string
  readonly mutant: number
}

/** `sources`: a hash of what is mutated; lines of other sources are passed over. Without a path nothing is kept. */
export function openJournal(path: string | null, sources: string): Journal {
  const known = new Map<number, Outcome>()
  if (path === null) return { known, keep: () => undefined }
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const { sources: of, mutant, ...outcome } = JSON.parse(line) as Line
    if (of === sources) known.set(mutant, outcome)
  }
  const keep = (mutant: number, outcome: Outcome) =>
    appendFileSync(path, `${JSON.stringify({ sources, mutant, ...outcome })}\n`)
  return { known, keep }
}
