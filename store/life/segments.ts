// Segments: a ledger that has grown long enough is closed, and goes on in a new file whose header names where the old one
// ended. Nothing is deleted; the new file carries the states of all streams, so that it can be read by itself.
import { existsSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { PathledgerError } from '../../errors.ts'
import { behaviourOf, NEWEST_FLAGS } from '../../machines/behaviour.ts'
import { ledgerFile } from '../file/connection.ts'
import { hex } from '../rows/encoding.ts'
import { CARRIED, foldAll, Redecider } from '../state/fold.ts'
import type { StreamAt, LedgerState, NewEvent, StoredEvent } from '../types.ts'
import type { HeaderFacts, LedgerHeader, PreviousSegment } from '../rows/header.ts'
import { LedgerFile } from '../write/ledger-file.ts'
import { SEGMENT_CARRY_CHARS } from '../limits.ts'
import { lockLedger } from '../file/lock.ts'
import { openLedgerReader, type FileReader } from '../read/reader.ts'
import { fileExists, partialOf, removeIfThere, reserve, takeName } from './new-ledger.ts'

/** The type of the last event of a segment. */
export const SEGMENT_CLOSED = 'ledger.segmentClosed'

/** What was closed, and what was begun. */
export interface ClosedSegment {
  readonly file: string
  /** Events of the closed segment. */
  readonly events: number
  readonly head: string
  readonly next: string
  /** Events with which the new one begins. */
  readonly nextEvents: number
}

/** What only the caller knows: time, and ids. */
export interface SegmentFacts extends Omit<HeaderFacts, 'eventId' | 'flags' | 'previous'> {
  readonly newId: () => string
}

/**
 * Closes a ledger that no engine has, and begins the next segment, a new file in the same folder. When it was interrupted
 * it may be called again with the same names. Throws LEDGER_LOCKED, FILE_EXISTS, SEGMENT_CLOSED (it goes on elsewhere
 * already), SEGMENT_ELSEWHERE (another folder) or LEDGER_*.
 */
export function closeSegment(name: string, nextName: string, facts: SegmentFacts): ClosedSegment {
  const file = ledgerFile(name)
  const next = resolve(nextName)
  if (dirname(next) !== dirname(file)) throw elsewhere(file)
  const lock = lockLedger(file, facts.recordedAtUs)
  try {
    if (existsSync(next)) throw fileExists(next)
    close(file, basename(next), facts)
    const nextEvents = begin(file, next, facts)
    const reader = openLedgerReader(file)
    const { events, hash } = reader.head()
    reader.close()
    return { file, events, head: hex(hash), next, nextEvents }
  } finally {
    lock.release()
  }
}

/** The last event of the old file, unless an interrupted call wrote it already. */
function close(file: string, next: string, facts: SegmentFacts): void {
  const reader = openLedgerReader(file)
  const to = nextOf(reader)
  const engine = new Redecider({ behaviour: behaviourOf(reader.header.flags) })
  const engineState = foldAll(reader).streams['engine']
  reader.close()
  if (to === next) return
  if (to !== null) throw closedAlready(file, to)
  if (engineState !== undefined) engine.resume('engine', engineState)
  const ledger = LedgerFile.open(file, { header: headerFacts(facts, []), create: false })
  try {
    ledger.append([eventOf(engine, SEGMENT_CLOSED, { next }, facts)])
  } finally {
    ledger.close()
  }
}

/** The next segment: its header names the end of the old one, and what follows carries the states. */
function begin(file: string, next: string, facts: SegmentFacts): number {
  const old = openLedgerReader(file)
  const state = foldAll(old)
  const { events, hash } = old.head()
  const previous = { file: basename(file), format: old.header.format, events, hash: hex(hash) }
  old.close()
  const partial = partialOf(next)
  reserve(next, partial)
  try {
    const header = headerFacts(facts, NEWEST_FLAGS, previous)
    const ledger = LedgerFile.open(partial, { header })
    try {
      const engine = new Redecider({ behaviour: behaviourOf(NEWEST_FLAGS) })
      for (const streams of carried(state)) ledger.append([eventOf(engine, CARRIED, { streams }, facts)])
      return ledger.head().events
    } finally {
      ledger.close()
      takeName(partial, next)
    }
  } finally {
    removeIfThere(partial)
  }
}

type Carried = Omit<StreamAt, 'position'>

/** The states in portions that fit an event. */
function* carried({ streams }: LedgerState): Generator<Record<string, Carried>> {
  let portion: Record<string, Carried> = {}
  let chars = 0
  for (const [stream, { version, value, context }] of Object.entries(streams)) {
    const size = JSON.stringify(context).length + stream.length
    if (chars + size > SEGMENT_CARRY_CHARS) {
      yield portion
      portion = {}
      chars = 0
    }
    portion[stream] = { version, value, context }
    chars += size
  }
  yield portion
}

function eventOf(
  engine: Redecider,
  type: string,
  payload: Readonly<Record<string, unknown>>,
  { newId, recordedAtUs, monoUs, bootId, actor }: SegmentFacts,
): NewEvent {
  const data = JSON.stringify(payload)
  const event = { stream: 'engine', type, schema: 1, monoUs, data }
  const decision = engine.decide({ ...event, version: 0, position: 0 })
  const words = { cause: null, actor: actor ?? 'operator', reason: null }
  return { ...event, eventId: newId(), recordedAtUs, bootId, ...words, decision }
}

function headerFacts(
  { newId, ...facts }: SegmentFacts,
  flags: readonly string[],
  previous?: PreviousSegment,
): HeaderFacts {
  return { ...facts, eventId: newId(), flags, ...(previous === undefined ? {} : { previous }) }
}

/** The file that a closed segment goes on in; null for one that is open. */
export function nextOf(reader: FileReader): string | null {
  const [last] = reader.read({ fromPosition: reader.head().events, limit: 1 })
  return last === undefined ? null : nextIn(last)
}

function nextIn({ type, data }: StoredEvent): string | null {
  return type === SEGMENT_CLOSED ? (JSON.parse(data) as { next: string }).next : null
}

/** The segments that lead to a ledger, the first one first, each a name in the same folder; the ledger itself comes last. */
export function segmentsOf(
  name: string,
): readonly { readonly file: string; readonly header: LedgerHeader }[] {
  const found: { file: string; header: LedgerHeader }[] = []
  for (let file: string | null = name; file !== null;) {
    const reader = openLedgerReader(file)
    found.unshift({ file: reader.file, header: reader.header })
    const before: PreviousSegment | null = reader.header.previous
    reader.close()
    if (before !== null && found.some((one) => basename(one.file) === before.file)) throw goesRound(file)
    file = before === null ? null : join(dirname(reader.file), basename(before.file))
  }
  return found
}

function closedAlready(file: string, next: string): PathledgerError {
  return new PathledgerError('SEGMENT_CLOSED', {
    message: `The ledger ${file} is closed.`,
    why: `It goes on in ${next}.`,
    todo: `Use ${next}.`,
    details: { file, next },
  })
}

function elsewhere(file: string): PathledgerError {
  return new PathledgerError('SEGMENT_ELSEWHERE', {
    message: 'The next segment has to be in the folder of the ledger.',
    why: 'A header names the segment before by its file alone, so that the folder can be moved.',
    todo: `Name a file in ${dirname(file)}.`,
  })
}

function goesRound(file: string): PathledgerError {
  return new PathledgerError('LEDGER_DAMAGED', {
    message: `The segments before ${file} go round in a circle.`,
    why: 'A header names a file as the one before which is one of those behind it.',
    todo: 'Run `pathledger verify --segments` on it.',
  })
}
