// Ghosts outlive the run that opened them, and the storage that the engines of their LUN share: what the ledger of a host knows
// to be open, its engine holds writes for.
import { openGhosts } from '../../store/state/open-ghosts.ts'
import { memoryReader } from '../../store/write/memory-store.ts'
import type { Multipath } from '../../engine/multipath.ts'
import type { Host, SimLun } from './parts.ts'

/** A ghost that is open by the ledger, that nobody has ended, and that its engine does not have; null where there is none. */
export function forgottenGhost({ ledger }: Host, mp: Multipath, { wwid, shared }: SimLun): string | null {
  const { open } = openGhosts(memoryReader(ledger.rows()), `lun/${wwid}`)
  const held = new Set(mp.ghosts.map(({ id }) => id))
  return [...open.keys()].find((id) => !held.has(id) && !shared.ended.has(id)) ?? null
}
