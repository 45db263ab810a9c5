// The paths that went with writes which no flush covered, as the ledger tells it, and of which nobody was told. They concern
// the first flush of the next run as they did that of the last.
import { pages } from '../../store/pages.ts'
import type { LedgerStore } from '../../store/types.ts'

/** H:C:I:L of each, in the order in which they went. */
export function leftOnLedger(store: Pick<LedgerStore, 'read'>, wwid: string): string[] {
  const left = new Set<string>()
  for (const { type, data } of rowsOf(store, `lun/${wwid}`)) {
    const { path } = JSON.parse(data) as { path: string }
    if (type === 'lun.writesLeft') left.add(path)
    else left.delete(path)
  }
  return [...left]
}

function rowsOf(store: Pick<LedgerStore, 'read'>, stream: string) {
  return ['lun.writesLeft', 'lun.flushFellShort']
    .flatMap((type) => [...pages(store, { stream, type })].flat())
    .sort((one, other) => one.position - other.position)
}
