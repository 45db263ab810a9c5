// Every question that an auditor has, asked of the long ledger.
import * as audit from '../../store/audit/index.ts'
import { stateAt } from '../../store/state/fold.ts'
import type { FileReader } from '../../store/read/reader.ts'
import { median, round, timed } from './timing.ts'

/** 'indexed' reads what it answers about, 'aggregate' all of history. 'listing' gives all of history: it takes as long as that is. */
export type QuestionKind = 'indexed' | 'aggregate' | 'listing'

export interface Question {
  readonly name: string
  readonly kind: QuestionKind
  readonly ask: () => unknown
}

const HOUR_US = 3_600_000_000
/** A question that took longer than this is not asked again. */
const ONCE_MS = 3_000

/** A "recent range" is the last 20,000 events. */
export function questions(reader: FileReader): readonly Question[] {
  const last = reader.head().events
  const streams = Object.keys(stateAt(reader, { position: last }).streams)
  const path = streams.find((stream) => stream.startsWith('path/')) ?? ''
  const recent = { fromPosition: Math.max(1, last - 20_000) }
  const fromUs = reader.read({ ...recent, limit: 1 })[0]?.recordedAtUs ?? 0
  const middle = Math.ceil(last / 2)
  const of = (kind: QuestionKind, asked: Readonly<Record<string, () => unknown>>): Question[] =>
    Object.entries(asked).map(([name, ask]) => ({ name, kind, ask }))
  return [
    ...of('indexed', {
      'state at a time': () => stateAt(reader, { timeUs: fromUs }),
      'topology at a position': () => audit.topology(reader, { position: middle }),
      'failovers of one path, a recent range': () => audit.failovers(reader, { path, ...recent }),
      'history of one path, a recent range': () => audit.pathHistory(reader, { path, ...recent }),
      'who changed what, all of history': () => audit.changes(reader),
      'ghosts, all of history': () => audit.ghosts(reader),
      'reservations, all of history': () => audit.reservations(reader),
      'which path served this block': () => audit.blockPath(reader, { offset: 0 }),
      'I/O by path, since a time': () => audit.ioByPath(reader, { fromUs }),
      'I/O by minute, since a time': () => audit.ioByInterval(reader, { fromUs }),
    }),
    ...of('aggregate', {
      'time in state, all paths': () => audit.timeInState(reader),
      'availability, MTBF, MTTR, all paths and heads': () => audit.availability(reader),
      'I/O by path': () => audit.ioByPath(reader),
      'I/O by path and hour': () => audit.ioByInterval(reader, { intervalUs: HOUR_US }),
      'windows without a usable path': () => audit.outages(reader),
      'flapping paths': () => audit.flapping(reader),
      'failures that were correlated': () => audit.correlated(reader),
      'timers of one path': () => audit.timers(reader, { stream: path }),
      'invariants over all of history': () => audit.invariants(reader),
    }),
    ...of('listing', {
      'failovers, all of history': () => audit.failovers(reader),
      'timers, all of history': () => audit.timers(reader),
    }),
  ]
}

/** Milliseconds of each: the median of three, where it is not slow. */
export function askAll(asked: readonly Question[]): Readonly<Record<string, number>> {
  return Object.fromEntries(
    asked.map(({ name, ask }) => {
      const first = timed(ask)
      return [name, round(first > ONCE_MS ? first : median([first, timed(ask), timed(ask)]))]
    }),
  )
}
