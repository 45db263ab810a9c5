// The end of a bio: what explains its re-sends is durable, then its caller hears of it, once.
import { invariant, PathledgerError } from '../../errors.ts'
import type { Bio } from './bio.ts'
import { guarded } from '../core/core.ts'
import { Gate, waitForAll } from '../ledger/gate.ts'
import type { HeadRuntime } from '../heads/runtime.ts'
import { confirmFailure } from '../health/verdict.ts'
import { headQueue } from './queues.ts'
import { whenVerdictsAreOut, type Suspicion } from '../heads/suspicion.ts'

/** Ends a bio. A success waits for the verdicts on the paths that refused it; both wait for the records. */
export function finishBio(head: HeadRuntime, bio: Bio, error: PathledgerError | null): void {
  invariant(!bio.ended, 'a bio ends once')
  bio.ended = true
  if (bio.isAhead) headQueue(head).waiters.pass(bio)
  if (bio.reasons.size === 0 && bio.ghosts.length === 0) return bio.done(error)
  bio.answeredUs = 0
  if (error === null) for (const refusal of bio.refusals) confirmFailure(refusal)
  // A success is told when it is known whose error it was; an error that is known already is not kept back for that.
  const doubted = error === null ? bio.reasons : NONE
  whenVerdictsAreOut(doubted, () => {
    waitForAll([...reasonGates(head, bio), ...bio.ghosts.map(({ gate }) => gate)], (gateError) => {
      guarded(head.core, () => bio.done(outcomeOf(bio, error ?? gateError)))
    })
  })
}

function reasonGates(head: HeadRuntime, bio: Bio): Gate[] {
  return [...bio.reasons].flatMap(({ recorded }) => {
    if (recorded === null) return []
    const gate = new Gate()
    head.core.recorder.whenDurable(recorded, (error) => gate.open(error))
    return [gate]
  })
}

/** A write that failed with a ghost outstanding may still land: its outcome is unknown, and says so. */
function outcomeOf(bio: Bio, error: PathledgerError | null): PathledgerError | null {
  if (error === null || error.outcome === 'unknown' || bio.ghosts.length === 0) return error
  const { code, why, todo, errno, details } = error
  return new PathledgerError(code, {
    message: error.message.slice(0, error.message.length - why.length - todo.length - 2),
    why: `${why} An attempt ended without proof, and may still land.`,
    todo,
    outcome: 'unknown',
    details,
    ...(errno === null ? {} : { errno }),
  })
}

const NONE: ReadonlySet<Suspicion> = new Set()
