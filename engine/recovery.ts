// After a run that did not close: what it left open on the ledger is ended by this start, so that no path looks alive
// that nobody holds.
import type { LedgerState } from '../store/fold.ts'
import type { Core } from './core.ts'
import type { Recorded } from './recorder.ts'
import { Stream } from './stream.ts'

const WHY = 'the engine ended without closing'

/** Ends every path and head that the last run left, and what it knew of target port groups. `cause` is the start that found them. */
export function endLastRun(core: Core, before: LedgerState, cause: Recorded): void {
  for (const [name, { value, context }] of Object.entries(before.streams)) {
    // A device may have been found and held back by its transport, and never become a path.
    const held = typeof value === 'object' && value['device'] === 'createdBlocked'
    if (name.startsWith('path/') && (context['present'] === true || held)) {
      restate(before, name, new Stream(core, name, { value, context }), 'path.removed', cause)
    }
    if (name.startsWith('head/') && typeof value === 'object' && value['life'] !== 'removed') {
      restate(before, name, new Stream(core, name, { value, context }), 'head.closed', cause)
    }
    if (name.startsWith('lun/') && Object.keys(context['members'] ?? {}).length > 0) {
      restate(before, name, new Stream(core, name, { value, context }), 'lun.groupsForgotten', cause)
    }
  }
}

/** Records the end, and keeps the state after it as where the stream stands when it is used again. */
function restate(before: LedgerState, name: string, stream: Stream, type: string, cause: Recorded): void {
  stream.record(type, { why: WHY }, { cause })
  const entry = before.streams[name]
  if (entry !== undefined) before.streams[name] = { ...entry, ...stream.state }
}
