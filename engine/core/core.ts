// What every part of one engine shares. Nothing here is ambient: two engines in one process share nothing.
import type { Clock, Random, Fence } from '../../adapters/ports.ts'
import { hasCode, PathledgerError } from '../../errors.ts'
import type { Lender } from '../memory/lender.ts'
import type { BufferPool } from '../memory/pool.ts'
import type { Recorder } from '../ledger/recorder.ts'
import type { Settings } from './settings.ts'

/** Takes a line: facts, then words. */
type LogLine = (facts: object, words: string) => void

/** What the engine uses of a logger, as pino's are. The ledger is the record; the log is for people. */
export interface Log {
  readonly debug: LogLine
  readonly info: LogLine
  readonly warn: LogLine
  readonly error: LogLine
}

export interface Core {
  readonly clock: Clock
  /** For the places that a check reads. */
  readonly random: Random
  readonly settings: Settings
  readonly recorder: Recorder
  readonly pool: BufferPool
  /** Buffers lent to callers, out of the pool's bound. */
  readonly lender: Lender
  readonly log: Log
  /** Set once, when an invariant broke or the ledger is gone: no I/O is taken any more. */
  broken: PathledgerError | null
  /** Fences a path; null where none is configured. */
  readonly fence: Fence | null
  /** For tests alone: without the guard against ghosts they can show what it is for. */
  readonly guardsOff: boolean
  /** Numbers bios, from 1. */
  nextBio: number
  /** Ends the engine with a stable code; everything parked or waiting fails with it. */
  breakEngine(error: PathledgerError): void
}

/** Runs what must not throw; if it does, that is our bug, and the engine stops with its code. */
export function guarded(core: Core, work: () => void): void {
  try {
    work()
  } catch (error) {
    core.breakEngine(asBreak(error))
  }
}

function asBreak(error: unknown): PathledgerError {
  if (hasCode(error, 'INVARIANT_BROKEN') || hasCode(error, 'LUN_STORAGE')) return error
  return new PathledgerError('ENGINE_FAULT', {
    message: 'The engine met an error it does not know.',
    why: error instanceof Error ? (error.stack ?? error.message) : String(error),
    todo: 'This is a bug of pathledger: keep the ledger file and report it.',
    cause: error,
  })
}

/** Microseconds from milliseconds, as the settings give them. */
export function usOfMs(milliseconds: number): number {
  return Math.round(milliseconds * 1000)
}
