// Segments: a ledger that has grown long enough is closed, and goes on in a new file whose header names where the old one
// ended. Nothing is deleted; the new file carries the states of all streams, so that it can be read by itself.
import { basename, dirname, join, resolve } from 'node:path'
import { PathledgerError } from '../../errors.ts'
import { behaviourOf, NEWEST_FLAGS } from '../../machines/behaviour.ts'
import { ledgerFile } from '../file/connection.ts'
import { hex } from '../rows/encoding.ts'
import { CARRIED, foldAll, Folder, Redecider } from '../state/fold.ts'
import { openGhosts, type LedgerGhost } from '../state/open-ghosts.ts'
import type { StreamAt, LedgerState, NewEvent, StoredEvent } from '../types.ts'
import { headerEvent } from '../rows/header.ts'
import type { HeaderFacts, LedgerHeader, PreviousSegment } from '../rows/header.ts'
import { LedgerFile } from '../write/ledger-file.ts'
import { SEGMENT_CARRY_CHARS } from '../limits.ts'
import { lockLedger } from '../file/lock.ts'
import { openLedgerReader, type FileReader } from '../read/reader.ts'
import { NewLedger } from './new-ledger.ts'

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
    const closing = closingOf(file, basename(next), facts)
    const made = begin(file, next, closing.rows, facts)
    try {
      // Only now is anything of the old file changed: the new one is whole, and lacks nothing but its name.
      closing.write()
      const { events: nextEvents } = made.finish()
      return { file, events: closing.events, head: closing.head, next, nextEvents }
    } catch (error) {
      made.abandon()
      throw error
    } finally {
      closing.end()
    }
  } finally {
    lock.release()
  }
}

interface Closing {
  /** The last event of the old file as it will be; none where an interrupted call wrote it already. */
  readonly rows: readonly StoredEvent[]
  /** Where the old file ends then. */
  readonly events: number
  readonly head: string
  write(): void
  end(): void
}

/** The end of the old file, decided and not written yet. */
function closingOf(file: string, next: string, facts: SegmentFacts): Closing {
  const reader = openLedgerReader(file)
  const to = nextOf(reader)
  const engine = new Redecider({ behaviour: behaviourOf(reader.header.flags) })
  const engineState = foldAll(reader).streams['engine']
  const { events, hash } = reader.head()
  reader.close()
  if (to === next) return { rows: [], events, head: hex(hash), write: nothing, end: nothing }
  if (to !== null) throw closedAlready(file, to)
  if (engineState !== undefined) engine.resume('engine', engineState)
  const ledger = LedgerFile.open(file, { header: headerFacts(facts, []), create: false })
  const closed = eventOf(engine, SEGMENT_CLOSED, { next }, facts)
  const rows = ledger.plan([closed])
  const last = rows.at(-1)
  return {
    rows,
    ...{ events: last?.position ?? events, head: hex(last?.hash ?? hash) },
    write: () => ledger.append([closed]),
    end: () => ledger.close(),
  }
}

function nothing(): void {
  // An interrupted call has done it.
}

/** The next segment: its header names the end of the old one, and what follows carries the states. */
function begin(file: string, next: string, closing: readonly StoredEvent[], facts: SegmentFacts): NewLedger {
  const old = openLedgerReader(file)
  const folder = new Folder(foldAll(old))
  folder.takeAll(closing)
  const portions = [...carried(folder.state()), ...carriedGhosts(old, folder.state())]
  const last = closing.at(-1)
  const { events, hash } = last === undefined ? old.head() : { events: last.position, hash: last.hash }
  const previous = { file: basename(file), format: old.header.format, events, hash: hex(hash) }
  old.close()
  const made = new NewLedger(next, file)
  try {
    made.append([headerEvent(headerFacts(facts, NEWEST_FLAGS, previous))])
    const engine = new Redecider({ behaviour: behaviourOf(NEWEST_FLAGS) })
    for (const portion of portions) made.append([eventOf(engine, CARRIED, portion, facts)])
    return made
  } catch (error) {
    made.abandon()
    throw error
  }
}

type Carried = Omit<StreamAt, 'position'>

interface Portion extends Record<string, unknown> {
  readonly streams: Readonly<Record<string, Carried>>
  readonly ghosts?: Readonly<Record<string, readonly LedgerGhost[]>>
}

/** Ghosts in one event, at the most. */
const GHOSTS_CARRIED = 1_000

/** The ghosts that are open, in portions as well: what may still land does not end with the file. */
function* carriedGhosts(ledger: FileReader, { streams }: LedgerState): Generator<Portion> {
  for (const stream of Object.keys(streams).filter((name) => name.startsWith('lun/'))) {
    const open = [...openGhosts(ledger, stream).open.values()]
    for (let at = 0; at < open.length; at += GHOSTS_CARRIED) {
      yield { streams: {}, ghosts: { [stream]: open.slice(at, at + GHOSTS_CARRIED) } }
    }
  }
}

/** The states in portions that fit an event. */
function* carried({ streams }: LedgerState): Generator<Portion> {
  let portion: Record<string, Carried> = {}
  let chars = 0
  for (const [stream, { version, value, context }] of Object.entries(streams)) {
    const size = JSON.stringify(context).length + stream.length
    if (chars + size > SEGMENT_CARRY_CHARS) {
      yield { streams: portion }
      portion = {}
      chars = 0
    }
    portion[stream] = { version, value, context }
    chars += size
  }
  yield { streams: portion }
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
    why: `It continues in ${next}.`,
    todo: `Use ${next}.`,
    details: { file, next },
  })
}

function elsewhere(file: string): PathledgerError {
  return new PathledgerError('SEGMENT_ELSEWHERE', {
    message: 'The next segment must be in the folder of the ledger.',
    why: 'A header has only the file name of the previous segment, so that the folder can be moved.',
    todo: `Name a file in ${dirname(file)}.`,
  })
}

function goesRound(file: string): PathledgerError {
  return new PathledgerError('LEDGER_DAMAGED', {
    message: `The segments before ${file} form a circle.`,
    why: 'One of their headers names a later segment as the previous one.',
    todo: 'Run `pathledger verify --segments` on it.',
  })
}
