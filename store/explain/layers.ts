// What can be to blame, and what to do about each: data. A root and what the evidence excludes give the layer; the layer, the kind
// and the class of the status give the advice.
import { BLK_STATUSES, classOf, type BlkStatus } from '../../machines/words.ts'
import type { ExplainRoot, Layer, RootKind } from './types.ts'

/** By kind; an error of a path or of the LUN is looked at more closely. */
const LAYERS: Readonly<Record<RootKind, Layer>> = {
  pathError: 'path',
  identity: 'path',
  slow: 'path',
  silent: 'path',
  lunError: 'medium',
  operator: 'operator',
  accessState: 'target',
  noAnswer: 'target',
  deviceState: 'path',
  timer: 'host',
  engine: 'host',
  ghost: 'path',
  notDurable: 'path',
  reservation: 'target',
  refused: 'path',
  ledger: 'ledger',
  earlierSegment: 'ledger',
  port: 'adapter',
  unknown: 'none',
  nothing: 'none',
}

/** Of an error that no path is to blame for: the target itself, or what it stores on. */
const OF_THE_TARGET: readonly string[] = ['TARGET', 'NOTSUPP', 'RESV_CONFLICT']

/** The layer that a root lies in, before paths are compared with each other. */
export function layerOf({ kind, status }: ExplainRoot): Layer {
  if (kind === 'lunError' && OF_THE_TARGET.includes(status ?? '')) return 'target'
  return LAYERS[kind]
}

/** Whether a status says by itself that it is no error of the path that brought it. */
export function isOfTheLun(status: string): boolean {
  return isStatus(status) && classOf(status) === 'target'
}

/** Whether a status says that the path was busy, and nothing of its health. */
export function isBusy(status: string): boolean {
  return isStatus(status) && classOf(status) === 'busy'
}

function isStatus(status: string): status is BlkStatus {
  return (BLK_STATUSES as readonly string[]).includes(status)
}

const LINK = 'Look at what is between this host and the target on that path: cable, port, switch, server.'

/** Of a path, by its status. */
const PATH_ADVICE: Readonly<Record<string, string>> = {
  TRANSPORT: LINK,
  OFFLINE: 'The device is gone: attach it again, and add it as a path.',
  IOERR: `${LINK} The status says no more than that it failed.`,
  DURATION_LIMIT: 'The device took longer than the limit that it was given: see what keeps it busy.',
}

/** Of a LUN, by its status. */
const LUN_ADVICE: Readonly<Record<string, string>> = {
  MEDIUM:
    'The paths are well: the medium has a bad block there. Look at the logical unit on the array; what was stored there is in doubt.',
  PROTECTION:
    'The paths are well: the data does not fit its protection information. Look at the logical unit and at what wrote there; what is stored there is in doubt.',
  NOSPC:
    'The paths are well: the logical unit has no space left. Look at the pool that it is provisioned from.',
  TARGET: 'The paths are well: the target itself failed the command. Look at the array and its log.',
  NOTSUPP:
    'The paths are well: the target does not know this command. Do not send it, or look at its settings.',
  RESV_CONFLICT:
    'Another host may hold a reservation of the logical unit: `pathledger audit reservations` tells who took it and when.',
}

const ADVICE: Readonly<Record<RootKind, string>> = {
  pathError: LINK,
  identity:
    'Another device stands there than was added, so no I/O goes to it and no probe brings it back: attach the right device and add it anew.',
  silent:
    'It hangs rather than fails: look at the server or the device behind it. New I/O and its reads go elsewhere; writes that it has may still land.',
  slow: 'It answered, and late: look at the load and at what is between this host and the target on that path.',
  lunError:
    'The paths are well: look at the logical unit itself (a bad block, a full pool, a reservation). Its data at that place is in doubt.',
  operator: 'This was wanted: ask who did it.',
  accessState:
    'The target says which paths are for use: look at the array, a controller may have failed over or be restarting.',
  noAnswer:
    'The target does not tell the states of its port groups, so they stay as they were last known: look at the array and at its log.',
  deviceState:
    'Look at the device and its transport on this host; it has to come back before I/O goes to it.',
  timer: 'Nothing came back in time: see why the paths were gone, and whether the time is long enough.',
  engine: 'Look at the program that runs the engine: when and why it ended.',
  ghost:
    'Newer writes over that range wait until there is proof that the old attempt is over: `pathledger ghosts` lists what may land; end what hangs.',
  notDurable:
    'Writes may be in a cache behind a path that no flush reaches: bring that path back and flush again, or write again what must not be lost, and flush that.',
  reservation:
    'Another host may hold a reservation of the logical unit: `pathledger audit reservations` tells who took it and when. Register, or preempt if you may.',
  refused: 'Look at the device that was found there: it is not what the path must be. Attach the right one.',
  ledger:
    'Look at the file system of the ledger: is there space, does it answer? What needs its record waits for it or fails, as `ledgerStall` says.',
  earlierSegment: 'Ask the segment before this one: the header, at position 1, names its file.',
  port: 'Look at what this port leads to: `pathledger audit by-port` lists what went with it.',
  unknown: 'Look for lines before it: `pathledger audit not-known` lists what these do not tell.',
  nothing: 'Nothing has to be done.',
}

/** How an operator takes back what they asked for, by the event that it became. */
export const TAKEN_BACK: Readonly<Record<string, string>> = {
  'path.disabled': '`pathledger path reinstate` puts it back.',
  'path.wentOffline': '`pathledger path online` sets it running again.',
  'path.quiesced': '`pathledger path resume` lets it take I/O again.',
  'path.blocked': '`pathledger path unblock` lets what waits go on.',
  'path.transportWentOffline': '`pathledger path online` sets it running again.',
  'path.cancelled': 'It can only be removed, and added anew.',
  'path.removed': 'Add it again to have it back.',
}

/** What to do about a root by itself. */
export function adviceOf(root: ExplainRoot): string {
  const { kind, status, path } = root
  if (kind === 'pathError' && status === 'TIMEOUT') {
    return `It hangs rather than fails: look at the server or the device behind ${path ?? 'it'}. What it was sent may still land; newer writes over it wait.`
  }
  if (kind === 'pathError') return PATH_ADVICE[status ?? ''] ?? ADVICE.pathError
  if (kind === 'lunError') return LUN_ADVICE[status ?? ''] ?? ADVICE.lunError
  return ADVICE[kind]
}

/** What to look at first, where a comparison of paths says that it is none of them alone. */
export const SHARED_ADVICE: Readonly<Record<'adapter' | 'target' | 'unit' | 'host', string>> = {
  adapter:
    'Look at the adapter first, with its cable and its switch: every path of it failed, and those of others did not.',
  target:
    'Look at the controller of the array first: every path to it failed, by whichever adapter, and those to others did not.',
  unit: 'Look at the logical unit on the array first: every path to it failed, and other units answer by the same adapters.',
  host: 'Look at what all paths share first, the fabric or the array as a whole: every path failed, and none is left to compare with.',
}
