// What the ledger alone knows of a LUN: the ghosts that it opened and has not ended, the storage that it had, and the paths
// that an engine which did not close had attached. All of that holds, whatever became of the LUN's own storage.
import type { PathContext } from '../../machines/path/path.ts'
import type { StreamStates } from '../../machines/step.ts'
import { pages } from '../../store/pages.ts'
import { openGhosts, type LedgerGhosts } from '../../store/state/open-ghosts.ts'
import type { LedgerStore, StoredEvent } from '../../store/types.ts'
import type { Attach } from './attach.ts'

export interface LunOnLedger extends LedgerGhosts {
  /** Name of the storage that the LUN had when a path was last added; null where the ledger does not say. */
  readonly storage: string | null
  /** The last engine did not close: what it had attached. */
  readonly attached: readonly Attach[]
}

/** Where the streams stood at the start, and whether the run before ended without closing. */
export interface RunBefore {
  readonly streams: StreamStates
  readonly unclean: boolean
}

type Rows = Pick<LedgerStore, 'read'>

/** Reads it from the LUN's stream and from those of its paths, page by page. */
export function lunOnLedger(store: Rows, wwid: string, before: RunBefore): LunOnLedger {
  const { open, ended } = openGhosts(store, `lun/${wwid}`)
  const last = Object.entries(before.streams)
    .filter(([name]) => name.startsWith(`path/${wwid}/`))
    .map(([name, { context }]) => ({
      added: lastAdded(store, name),
      context: context as unknown as PathContext,
    }))
  const newest = last.reduce<AddedRow | null>(
    (best, { added }) => (added !== null && added.position > (best?.position ?? 0) ? added : best),
    null,
  )
  const attached = before.unclean ? last.filter(({ context }) => context.present) : []
  return {
    open,
    ended,
    storage: newest?.storage ?? null,
    attached: attached.map(({ added, context }) => attachOf(added, context)),
  }
}

interface AddedRow {
  readonly position: number
  readonly bootId: string
  readonly attach: string | null
  readonly deviceKey: string
  readonly storage: string | null
  readonly device: string
  readonly final: boolean
}

/** The last time that a device became this path. */
function lastAdded(store: Rows, stream: string): AddedRow | null {
  const rows = ['path.added', 'path.returned'].flatMap((type) => [...pages(store, { stream, type })].flat())
  const last = rows.reduce<StoredEvent | null>(
    (newest, row) => (newest === null || row.position > newest.position ? row : newest),
    null,
  )
  if (last === null) return null
  const { attach, storage, device, errorsAreFinal } = JSON.parse(last.data) as {
    attach?: { id: string; deviceKey: string }
    storage?: string
    device: string
    errorsAreFinal: boolean
  }
  const { position, bootId } = last
  return {
    ...{ position, bootId, device, final: errorsAreFinal, storage: storage ?? null },
    ...{ attach: attach?.id ?? null, deviceKey: attach?.deviceKey ?? '' },
  }
}

function attachOf(added: AddedRow | null, { hctl: path, incarnation, device: named }: PathContext): Attach {
  return {
    id: added?.attach ?? `${path} ${incarnation}`,
    ...{ path, incarnation },
    // The machine keeps it with its kind: 'loop /dev/loop0'.
    device: added?.device ?? named.slice(named.indexOf(' ') + 1),
    deviceKey: added?.deviceKey ?? '',
    final: added?.final ?? false,
    bootId: added?.bootId ?? 'unknown',
  }
}
