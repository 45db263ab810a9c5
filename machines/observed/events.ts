// What may stand on a ledger of observations: types of the engine that mean the same, and those that only an observer
// knows. Their payloads say what lines said; what only an engine knows is left out.
import { z } from 'zod'

/** Version of every observed payload. Engines count from 1 and never get there. */
export const OBSERVED_SCHEMA = 100

export type ObservedKind = 'path' | 'head' | 'port' | 'host' | 'source'

/** One observed event type: its number in the list of all, 0 where an engine's type is used, and what it says. */
export interface ObservedType {
  readonly type: string
  readonly kind: ObservedKind
  readonly number: number
  readonly what: string
}

const ROWS: readonly (readonly [type: string, number: number, what: string])[] = [
  ['path.known', 33, 'seen without a beginning: every state unknown'],
  ['path.reinstated', 34, 'usable again, by the word of the kernel or multipathd'],
  ['path.checkerSaid', 35, 'what a checker said, and how often'],
  ['path.stateStated', 36, 'the state that a snapshot stated'],
  ['path.errorsSeen', 37, 'commands that failed'],
  ['path.commandEnded', 38, 'a command that was aborted, a device that was reset'],
  ['path.attentionHeard', 39, 'an attention of the device, or a change that lines told'],
  ['path.identityChanged', 40, 'another LUN answers here'],
  ['path.stalled', 41, 'I/O is under way on it and none has ended since'],
  ['path.movedAgain', 42, 'I/O on it ends again'],
  ['path.added', 0, 'a member of its map from here'],
  ['path.removed', 0, 'no member from here'],
  ['path.failed', 0, 'not usable, and by whose word'],
  ['path.wentOffline', 0, 'taken offline by the kernel'],
  ['path.accessChanged', 0, 'the access state that the device told'],
  ['path.capacityChanged', 0, 'another size'],
  ['path.becameMarginal', 0, 'kept out as marginal'],
  ['path.becameSteady', 0, 'let in again'],
  ['path.heldBack', 0, 'its return is delayed'],
  ['reservation.conflict', 0, 'refused for a reservation'],
  ['head.tableLoaded', 115, 'a table with all members'],
  ['head.groupSwitched', 116, 'another path group was asked for'],
  ['head.ioFailedSeen', 117, 'an error left the map'],
  ['head.removeRefused', 118, 'the map could not be removed'],
  ['head.known', 119, 'seen without a beginning'],
  ['head.stalled', 120, 'I/O is under way on the map and none has ended since'],
  ['head.movedAgain', 121, 'I/O on it ends again'],
  ['head.pathsChanged', 0, 'how many paths are usable'],
  ['head.noPathRetryChanged', 0, 'queueing switched on or off'],
  ['head.closed', 0, 'the map is gone'],
  ['head.resized', 0, 'another size'],
  ['port.known', 501, 'seen for the first time'],
  ['port.wentDown', 502, 'a link, session, port or controller was lost'],
  ['port.cameUp', 503, 'it is back'],
  ['port.timedOut', 504, 'it was not back in time'],
  ['port.removed', 505, 'it is gone'],
  ['port.errorSeen', 506, 'errors on the way'],
  ['port.wasReset', 507, 'it was reset'],
  ['port.reconnecting', 508, 'an attempt to connect'],
  ['host.booted', 601, 'the host was started'],
  ['host.shutDown', 602, 'the host is going down'],
  ['host.daemonStarted', 603, 'multipathd was started'],
  ['host.daemonStopped', 604, 'multipathd was stopped: nobody checks'],
  ['host.reconfigured', 605, 'multipathd read its configuration again'],
  ['host.clockStepped', 606, 'the wall clock was set'],
  ['host.taskHung', 607, 'a task was blocked for long'],
  ['source.opened', 620, 'a source and what it is'],
  ['source.gap', 621, 'lines are missing here'],
  ['source.unread', 622, 'a line that was not understood, as it stands'],
  ['source.contradicted', 623, 'two lines that cannot both hold'],
  ['source.closed', 624, 'where every line of the source ended'],
]

function kindOf(type: string): ObservedKind {
  const [kind = ''] = type.split('.')
  return kind === 'reservation' ? 'path' : (kind as ObservedKind)
}

export const OBSERVED_TYPES: ReadonlyMap<string, ObservedType> = new Map(
  ROWS.map(([type, number, what]) => [type, { type, kind: kindOf(type), number, what }]),
)

/** Every payload is an object; what a fact rests on is `seen`. */
export const observedPayload = z.looseObject({
  seen: z
    .looseObject({
      source: z.int().min(0),
      line: z.int().min(0),
      bytes: z.string(),
      rule: z.string().nullable(),
    })
    .optional(),
})
