// Writing an attribute of a running engine: each is one call of the public API, with the kernel's words and errors.
import type { SysfsEntry } from '../../../adapters/sysfs/entries.ts'
import { PathledgerError } from '../../../errors.ts'
import type { IoPolicy } from '../../../machines/words.ts'
import type { Head } from '../../api/head.ts'
import type { Path } from '../../api/path.ts'
import type { OperatorWord } from '../../core/spoken.ts'
import { parseUnsigned, refused, UINT_MAX } from './numbers.ts'

/** What can be written to. */
export interface Writable {
  /** By N of scsi_mpath_device/N. */
  head(index: number): Head
  /** By H:C:I:L. */
  path(hctl: string): Path
  /** Puts on the ledger that somebody asked for an event of an object, where its listeners see it. */
  askUevent(of: { readonly index?: number; readonly hctl?: string }, asked: Uevent, word: OperatorWord): void
}

export interface Uevent {
  /** '/sys/devices/virtual/scsi_mpath_disk/0/sdc'. */
  readonly object: string
  /** One of {@link UEVENT_ACTIONS}. */
  readonly action: string
}

type Write = (on: Writable, key: string, value: string, word: OperatorWord) => void

const DEVICE = '/sys/devices/virtual/scsi_mpath_device/(\\d+)'
const DISK = '/sys/devices/virtual/scsi_mpath_disk/(\\d+)'
const ROUTE = '/sys/devices/platform/host\\d+/session\\d+/target[\\d:]+/([\\d:]+)'

/** Every attribute that takes a value, by its place. */
const WRITES: readonly (readonly [RegExp, Write])[] = [
  [
    new RegExp(`^${DEVICE}/iopolicy$`),
    // A word that is none is refused by the head itself, IOPOLICY_INVALID.
    (on, index, value, word) => on.head(Number(index)).setIoPolicy(wordOf(value) as IoPolicy, word),
  ],
  [
    new RegExp(`^${DISK}/sd[a-z]+/delayed_removal_secs$`),
    (on, index, value, word) =>
      on.head(Number(index)).setDelayedRemoval(parseUnsigned(value, UINT_MAX) * 1000, word),
  ],
  [
    new RegExp(`^${DISK}/sd[a-z]+/io_requeue_no_usable_path_count$`),
    (on, index, value, word) => on.head(Number(index)).setCounters({ requeued: countOf(value) }, word),
  ],
  [
    new RegExp(`^${DISK}/sd[a-z]+/io_fail_no_available_path_count$`),
    (on, index, value, word) => on.head(Number(index)).setCounters({ failedNoPath: countOf(value) }, word),
  ],
  [new RegExp(`^${ROUTE}/state$`), (on, hctl, value, word) => setState(on.path(hctl), wordOf(value), word)],
]

/** What can be said to happen to an object (`kobject_action`). */
const UEVENT_ACTIONS = ['add', 'remove', 'change', 'move', 'online', 'offline', 'bind', 'unbind']

/**
 * Writes `value` to an attribute and returns how many bytes it took: all of them. Throws SYSFS_READ_ONLY (EACCES, for root
 * too, as sysfs does), SYSFS_VALUE, IOPOLICY_INVALID or DELAYED_REMOVAL_INVALID (EINVAL, ERANGE), or what the step of a
 * device throws. Nothing is changed then.
 */
export function writeAttribute(on: Writable, entry: SysfsEntry, value: string, word: OperatorWord): number {
  const { path, mode } = entry
  if (mode !== '-rw-r--r--') throw readOnly(path)
  // A write of nothing does nothing.
  if (value === '') return 0
  if (path.endsWith(UEVENT)) {
    askUevent(on, path.slice(0, -UEVENT.length), wordOf(value), word)
    return Buffer.byteLength(value)
  }
  for (const [place, write] of WRITES) {
    const key = place.exec(path)?.[1]
    if (key === undefined) continue
    write(on, key, value, word)
    return Buffer.byteLength(value)
  }
  throw readOnly(path)
}

const UEVENT = '/uevent'
const OF_INDEX = new RegExp(`^(?:${DEVICE}|${DISK})`)
const OF_ROUTE = new RegExp(`^${ROUTE}`)

function askUevent(on: Writable, object: string, action: string, word: OperatorWord): void {
  if (!UEVENT_ACTIONS.includes(action))
    throw refused(action, 'EINVAL', `The words are ${UEVENT_ACTIONS.join(', ')}.`)
  const hctl = OF_ROUTE.exec(object)?.[1]
  const [, device, disk] = OF_INDEX.exec(object) ?? []
  const of = hctl === undefined ? { index: Number(device ?? disk) } : { hctl }
  on.askUevent(of, { object, action }, word)
}

/** An unsigned long for the kernel; we count exactly up to 2^53. */
function countOf(value: string): number {
  return parseUnsigned(value, Number.MAX_SAFE_INTEGER)
}

/** The word, without the one newline that `echo` puts behind it. */
function wordOf(value: string): string {
  return value.endsWith('\n') ? value.slice(0, -1) : value
}

/** The kernel takes these two words from user space, and no other. */
function setState(path: Path, to: string, word: OperatorWord): void {
  if (to === 'offline') return path.setOffline(word)
  if (to !== 'running') throw refused(to, 'EINVAL', "A device is set 'running' or 'offline'.")
  const { device } = path.state
  if (device === 'running') return
  if (device === 'blocked') return path.unblock(word)
  return device === 'quiesced' ? path.resume(word) : path.setOnline(word)
}

function readOnly(path: string): PathledgerError {
  return new PathledgerError('SYSFS_READ_ONLY', {
    message: `${path} cannot be written.`,
    why: 'It is read-only, even for root.',
    todo: 'You can write iopolicy, delayed_removal_secs, the two counters of a disk, and the state of a device.',
    errno: 'EACCES',
  })
}
