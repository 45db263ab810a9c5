// All segments of a ledger as one: positions are counted on from segment to segment.
import type { LedgerHead, LedgerReader, ReadQuery, StoredEvent } from '../types.ts'
import { PAGE_ROWS } from '../limits.ts'
import { openLedgerReader, type FileReader } from '../read/reader.ts'
import { checkQuery } from '../read/query.ts'
import { segmentsOf } from './segments.ts'

/** A reader over every segment. `cause` and `position` count over all of them; the hashes are those of the files. */
export interface SegmentsReader extends LedgerReader {
  /** The files, the first one first, and the positions before each. */
  readonly segments: readonly { readonly file: string; readonly before: number }[]
  close(): void
}

interface Segment {
  readonly reader: FileReader
  readonly before: number
  readonly events: number
}

/** Opens a ledger with every segment before it. Throws LEDGER_NOT_FOUND for one that is missing, and what opening throws. */
export function openSegments(name: string): SegmentsReader {
  const segments: Segment[] = []
  let before = 0
  for (const { file } of segmentsOf(name)) {
    const reader = openLedgerReader(file)
    const { events } = reader.head()
    segments.push({ reader, before, events })
    before += events
  }
  return {
    segments: segments.map(({ reader, before: at }) => ({ file: reader.file, before: at })),
    read: (query) => read(segments, query),
    head: () => headOf(segments),
    positionAt: (timeUs) => {
      for (const { reader, before: at } of segments.toReversed()) {
        const position = reader.positionAt(timeUs)
        if (position > 0) return at + position
      }
      return 0
    },
    close: () => {
      for (const { reader } of segments) reader.close()
    },
  }
}

function read(segments: readonly Segment[], query: ReadQuery): readonly StoredEvent[] {
  checkQuery(query)
  const limit = query.limit ?? PAGE_ROWS
  const rows: StoredEvent[] = []
  for (const { reader, before } of segments) {
    if (rows.length === limit) break
    const from = query.fromPosition === undefined ? {} : { fromPosition: query.fromPosition - before }
    const to = query.toPosition === undefined ? {} : { toPosition: query.toPosition - before }
    for (const row of reader.read({ ...query, ...from, ...to, limit: limit - rows.length })) {
      const cause = row.cause === null ? null : row.cause + before
      rows.push({ ...row, position: row.position + before, cause })
    }
  }
  return rows
}

function headOf(segments: readonly Segment[]): LedgerHead {
  const last = segments.at(-1)
  const { events, hash } = last?.reader.head() ?? { events: 0, hash: new Uint8Array(32) }
  return { events: (last?.before ?? 0) + events, hash }
}
