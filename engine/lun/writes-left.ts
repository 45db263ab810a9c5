// The paths that went with writes which no flush covered, as the ledger tells it, and of which nobody was told. They concern
// the first flush of the next run as they did that of the last.
import { pages } from '../../store/pages.ts'
import type { LedgerStore } from '../../store/types.ts'

/**
 * H:C:I:L of each, in the order in which they went. That a caller was told counts where the run went on to its end: one that
 * died may have died between the record and the word.
 */
export function leftOnLedger(store: Pick<LedgerStore, 'read'>, wwid: string): string[] {
  const rows = TYPES.flatMap((type) => [...pages(store, { stream: `lun/${wwid}`, type })].flat())
  if (rows.length === 0) return []
  const stops = [...pages(store, { stream: 'engine', type: 'engine.stopped' })].flat()
  const closedAt = stops.reduce((last, { position }) => Math.max(last, position), 0)
  const left = new Set<string>()
  for (const { type, data, position } of rows.sort((one, other) => one.position - other.position)) {
    const { path } = JSON.parse(data) as { path: string }
    if (type === 'lun.writesLeft') left.add(path)
    else if (type === 'lun.writesCovered' || position < closedAt) left.delete(path)
  }
  return [...left]
}

const TYPES = ['lun.writesLeft', 'lun.flushFellShort', 'lun.writesCovered']
