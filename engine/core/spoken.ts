// What people say is on the ledger for ever, so it must be something that the ledger takes: looked at here, before
// anything has happened, for an event that the ledger refuses would stop the engine.
import { argumentInvalid, shown } from '../../errors/arguments.ts'
import { PathledgerError } from '../../errors.ts'
import type { Origin } from '../ledger/recorder.ts'

/** Characters of a word on the ledger. */
export const WORD_MAX = 512

/** Throws WORD_INVALID unless each word that was said is text of 1 to 512 characters, well-formed and without NUL. */
export function checkWords(words: Readonly<Record<string, unknown>>): void {
  for (const [what, word] of Object.entries(words)) {
    if (word === undefined || isKept(word)) continue
    throw new PathledgerError('WORD_INVALID', {
      message: `This ${what} cannot be written to the ledger: ${shown(word)}.`,
      why: `It must be text of 1 to ${WORD_MAX} characters, well-formed Unicode without NUL.`,
      todo: 'Nothing was changed. Use another text.',
      errno: 'EINVAL',
    })
  }
}

/** Throws for what is no {@link OperatorWord}, and WORD_INVALID for one that the ledger does not take. */
export function checkWord(word: unknown): void {
  if (typeof word !== 'object' || word === null) {
    const why = `Who says so, and why, is an object { actor, reason }, and it was given ${shown(word)}.`
    throw argumentInvalid('What an operator does', why)
  }
  checkWords({ ...word })
}

function isKept(word: unknown): boolean {
  if (typeof word !== 'string' || word.length === 0 || word.length > WORD_MAX) return false
  return word.isWellFormed() && !word.includes('\0')
}

/** Who says so, and why, in their own words; both are on the ledger for ever. */
export interface OperatorWord {
  /** Default 'operator'. On the ledger as 'operator:<who>' where a uid is known. */
  readonly actor?: string
  readonly reason?: string
}

/** Who said so, for the ledger. */
export function spokenBy({ actor, reason }: OperatorWord): Origin {
  return { actor: actor ?? 'operator', reason: reason ?? null }
}
