// The ghosts of a LUN as the ledger tells them. A crash between the two records of a ghost leaves one without the other.
import { pages } from '../../store/pages.ts'
import type { LedgerStore } from '../../store/types.ts'

/** Ids of ghosts that the ledger opened: those it has not ended, and those it has. */
export interface GhostsOnLedger {
  readonly open: ReadonlySet<string>
  readonly ended: ReadonlySet<string>
}

/** Reads them from the LUN's stream, page by page. */
export function ghostsOnLedger(store: Pick<LedgerStore, 'read'>, wwid: string): GhostsOnLedger {
  const open = new Set<string>()
  const ended = new Set<string>()
  for (const { type, data } of rowsOf(store, `lun/${wwid}`)) {
    const { ids = [], ghosts = [] } = JSON.parse(data) as { ids?: string[]; ghosts?: { id: string }[] }
    if (type === 'lun.ghostsOpened') for (const { id } of ghosts) open.add(id)
    for (const id of ids) {
      open.delete(id)
      ended.add(id)
    }
  }
  return { open, ended }
}

function rowsOf(store: Pick<LedgerStore, 'read'>, stream: string) {
  const types = ['lun.ghostsOpened', 'lun.ghostsEnded', 'lun.ghostsSuperseded']
  return types
    .flatMap((type) => [...pages(store, { stream, type })].flat())
    .sort((one, other) => one.position - other.position)
}
