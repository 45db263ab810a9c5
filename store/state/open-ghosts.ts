// The ghosts that a ledger opened and has not ended: what may still land, whatever became of everything else that knew it.
import type { GhostReason } from '../../machines/lun/events.ts'
import type { IoOp } from '../../machines/words.ts'
import { pages } from '../pages.ts'
import type { LedgerReader, StoredEvent } from '../types.ts'
import { CARRIED } from './fold.ts'

/** One device as one path of one engine: what a ghost is of. */
export interface Attach {
  /** Unique for ever. */
  readonly id: string
  /** H:C:I:L, and which life of that path it is. */
  readonly path: string
  readonly incarnation: number
  readonly device: string
  /** The device itself, and which life of it; '' where that is not known. */
  readonly deviceKey: string
  /** An error of the path proves that nothing lands after it. */
  readonly final: boolean
  readonly bootId: string
}

/** A ghost as a ledger has it. */
export interface LedgerGhost {
  readonly id: string
  readonly attach: Attach
  readonly op: IoOp
  readonly offset: number
  readonly length: number
  readonly reason: GhostReason
}

/** Ghosts of one stream. */
export interface LedgerGhosts {
  readonly open: ReadonlyMap<string, LedgerGhost>
  readonly ended: ReadonlySet<string>
}

interface OpenedPayload {
  readonly path: string
  readonly incarnation: number
  readonly reason: GhostReason
  readonly ghosts: readonly { id: string; op: IoOp; offset: number; length: number }[]
  readonly attach?: Omit<Attach, 'path' | 'incarnation'>
}

type Rows = Pick<LedgerReader, 'read'>

/** Reads those of a LUN's stream ('lun/' and its wwid), page by page, with those that an earlier segment carried over. */
export function openGhosts(ledger: Rows, stream: string): LedgerGhosts {
  const open = new Map<string, LedgerGhost>()
  const ended = new Set<string>()
  for (const { type, data, bootId } of rowsOf(ledger, stream)) {
    if (type === CARRIED) {
      for (const ghost of carriedGhosts(data)[stream] ?? []) open.set(ghost.id, ghost)
    } else if (type === 'lun.ghostsOpened') {
      for (const ghost of ghostsIn(JSON.parse(data) as OpenedPayload, bootId)) open.set(ghost.id, ghost)
    } else {
      for (const id of (JSON.parse(data) as { ids: string[] }).ids) {
        open.delete(id)
        ended.add(id)
      }
    }
  }
  return { open, ended }
}

function carriedGhosts(data: string): Record<string, LedgerGhost[]> {
  return (JSON.parse(data) as { ghosts?: Record<string, LedgerGhost[]> }).ghosts ?? {}
}

function ghostsIn(
  { path, incarnation, reason, ghosts, attach }: OpenedPayload,
  bootId: string,
): LedgerGhost[] {
  // Before attaches had ids, a life of a path was all that was known of one.
  const unknown = { id: `${path} ${incarnation}`, device: '-', deviceKey: '', final: false, bootId }
  const of = { ...(attach ?? unknown), path, incarnation }
  return ghosts.map((ghost) => ({ ...ghost, attach: of, reason }))
}

function rowsOf(ledger: Rows, stream: string): StoredEvent[] {
  const types = ['lun.ghostsOpened', 'lun.ghostsEnded', 'lun.ghostsSuperseded']
  const carried = [...pages(ledger, { stream: 'engine', type: CARRIED })].flat()
  return [...carried, ...types.flatMap((type) => [...pages(ledger, { stream, type })].flat())].sort(
    (one, other) => one.position - other.position,
  )
}
