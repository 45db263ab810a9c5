// Sources into a ledger: all of it new, or only what lies behind what is there.
import { checkArguments, checkFields } from '../../errors/arguments.ts'
import { PathledgerError } from '../../errors.ts'
import { behaviourOf, OBSERVED_FLAGS } from '../../machines/behaviour.ts'
import type { NewEvent } from '../../store/types.ts'
import { lockLedger } from '../../store/file/lock.ts'
import { LedgerFile } from '../../store/write/ledger-file.ts'
import { openLedgerReader, type FileReader } from '../../store/read/reader.ts'
import { pages } from '../../store/pages.ts'
import { oneHost, readHistory, type History, type ReadSettings } from '../read.ts'
import type { Reach } from '../sources/open.ts'
import { idOf, rowsOf } from './rows.ts'

/** Events of one transaction. */
const BATCH_EVENTS = 2_000

/** What only the caller knows: which program writes, and when it took the lock. */
export interface IngestFacts {
  readonly engine: string
  readonly xstate: string
  /** Says in the lock when it was taken, microseconds; it stands on no row. */
  readonly lockedAtUs: number
}

/** What an ingest added, and where each line of its sources ended. */
export interface Ingested {
  readonly host: string
  readonly events: number
  readonly known: number
  readonly facts: number
  readonly sources: readonly SourceCounts[]
  /** What was not understood, with numbers and names blanked, most frequent first. */
  readonly unreadGroups: readonly { readonly count: number; readonly like: string }[]
}

/** Where every line of a source ended. */
export interface SourceCounts {
  readonly name: string
  readonly lines: number
  readonly witness: number
  readonly context: number
  readonly noise: number
  readonly unread: number
}

const SETTINGS = {
  engine: 'text',
  xstate: 'text',
  lockedAtUs: 'count',
  zone: 'text?',
  nowUs: 'whole?',
  host: 'text?',
  takenAt: 'object?',
  progress: 'call?',
  leaveOut: 'call?',
} as const

/** Reads sources and writes what they tell of one host into a ledger. Reading the same again adds nothing. */
export async function ingest(
  file: string,
  reach: Reach,
  paths: readonly string[],
  settings: ReadSettings & IngestFacts,
): Promise<Ingested> {
  checkArguments('ingest', { file, paths }, { file: 'file', paths: 'texts' })
  checkFields('ingest', 'reach', reach, { filesOf: 'call', bytesOf: 'call', zones: 'call' })
  checkFields('ingest', 'settings', settings, SETTINGS)
  if (settings.takenAt !== undefined)
    checkFields('ingest', 'takenAt', settings.takenAt, { get: 'call', entries: 'call' })
  const history = await readHistory(reach, paths, settings)
  const host = oneHost(history, settings.host)
  const rows = rowsOf(history, host).events
  const lock = lockLedger(file, settings.lockedAtUs)
  try {
    const first = rows[0]?.recordedAtUs ?? 0
    const header = {
      eventId: idOf(
        host.host,
        'header',
        history.sources
          .map(({ sha256 }) => sha256)
          .sort()
          .join(),
      ),
      recordedAtUs: first,
      monoUs: first,
    }
    const ledger = LedgerFile.open(file, {
      header: {
        ...header,
        bootId: 'wall:1',
        engine: settings.engine,
        xstate: settings.xstate,
        flags: OBSERVED_FLAGS,
        actor: 'observed:reader',
      },
    })
    try {
      const fresh = ledger.created ? rows : newBehind(file, ledger, rows)
      for (let at = 0; at < fresh.length; at += BATCH_EVENTS)
        ledger.append(fresh.slice(at, at + BATCH_EVENTS))
      while (ledger.keepUp());
      return {
        host: host.host,
        events: fresh.length,
        known: rows.length - fresh.length,
        facts: host.facts.length,
        ...toldOf(rows, history),
      }
    } finally {
      ledger.close()
    }
  } finally {
    lock.release()
  }
}

function toldOf(rows: readonly NewEvent[], history: History): Pick<Ingested, 'sources' | 'unreadGroups'> {
  const closed = rows.filter(({ type }) => type === 'source.closed')
  const sources = closed.map(({ data }, index) => ({
    ...(JSON.parse(data) as Omit<SourceCounts, 'name'>),
    name: history.sources[index]?.name ?? '',
  }))
  return { sources, unreadGroups: unreadGroups(history) }
}

function unreadGroups({ sources }: History): { count: number; like: string }[] {
  const groups = new Map<string, number>()
  for (const { unread } of sources) {
    for (const { raw } of unread) {
      const like = raw.replace(/0x[0-9a-f]+|\d+/gi, 'N').slice(0, 200)
      groups.set(like, (groups.get(like) ?? 0) + 1)
    }
  }
  return [...groups].map(([like, count]) => ({ count, like })).sort((a, b) => b.count - a.count)
}

/** Rows are never moved: what is older than the last one needs a new ledger of all sources. */
function newBehind(file: string, ledger: LedgerFile, rows: readonly NewEvent[]): NewEvent[] {
  if (!behaviourOf(ledger.header.flags).observed) throw notObserved(file)
  const reader = openLedgerReader(file)
  try {
    const { ids, lastUs } = standing(reader)
    const fresh = rows.filter(({ eventId }) => !ids.has(eventId))
    const older = fresh.find(
      ({ recordedAtUs, stream }) => recordedAtUs < lastUs && !stream.startsWith('source/'),
    )
    if (older !== undefined) throw tooOld(file, older)
    return fresh
  } finally {
    reader.close()
  }
}

function standing(reader: FileReader): { ids: Set<string>; lastUs: number } {
  const ids = new Set<string>()
  let lastUs = 0
  for (const page of pages(reader, {})) {
    for (const { eventId, recordedAtUs } of page) {
      ids.add(eventId)
      lastUs = Math.max(lastUs, recordedAtUs)
    }
  }
  return { ids, lastUs }
}

function notObserved(file: string): PathledgerError {
  return new PathledgerError('LEDGER_NOT_OBSERVED', {
    message: `${file} is the ledger of an engine.`,
    why: 'Observations of other hosts are kept apart from the decisions of an engine.',
    todo: 'Name a file that does not exist.',
  })
}

function tooOld(file: string, { type, stream }: NewEvent): PathledgerError {
  return new PathledgerError('INGEST_OLDER', {
    message: `The sources report times before the last row of ${file} (${type} of ${stream}).`,
    why: 'Rows of a ledger are never reordered, and nothing is inserted between them.',
    todo: 'Make a new ledger from all sources together. Such a ledger can always be built again.',
  })
}
