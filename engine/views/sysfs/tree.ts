// What /sys would show of the heads and paths, from the states of their streams. Pure: a running engine and a ledger that
// is read at the same position come to the same tree, but for the few values that only a running engine has.
import { SYSFS_ROOT, type SysfsEntry } from '../../../adapters/sysfs/entries.ts'
import type { HeadContext } from '../../../machines/head/head.ts'
import type { PathContext } from '../../../machines/path/path.ts'
import type { StreamStates } from '../../../machines/step.ts'
import type { AccessState, DeviceState, HeadValue, PathValue } from '../../../machines/words.ts'
import { hostOf, diskIndex } from '../../core/names.ts'
import { deviceNumber } from './device-number.ts'

/** What is not in the states of the streams. Without a running engine the paths' part is empty. */
export interface SysfsExtras {
  /** By wwid: the two counters of a head, as far as they are known. */
  readonly heads: ReadonlyMap<string, HeadExtras>
  /** By H:C:I:L: what only a running engine knows of a path. */
  readonly paths: ReadonlyMap<string, PathExtras>
}

export interface HeadExtras {
  readonly requeued: number
  readonly failedNoPath: number
}

export interface PathExtras {
  /** Nodes whose cached path this is. */
  readonly numaNodes: readonly number[]
  /** Requests in flight on its adapter. */
  readonly queueDepth: number
}

interface Disk {
  readonly context: HeadContext
  readonly value: HeadValue
  readonly paths: readonly Route[]
  readonly counters: HeadExtras
}

interface Route {
  readonly context: PathContext
  readonly value: PathValue
  readonly live: PathExtras
  /** '/sys/devices/platform/host8/session1/target8:0:0/8:0:0:0'. */
  readonly directory: string
}

const NO_COUNTERS: HeadExtras = { requeued: 0, failedNoPath: 0 }
const NOT_RUNNING: PathExtras = { numaNodes: [], queueDepth: 0 }
const MICROSECONDS = 1_000_000
/** Sysfs counts in sectors of this size, whatever the disk's blocks are. */
const SECTOR = 512

/** Every entry of the tree, sorted by path. */
export function sysfsTree(streams: StreamStates, extras: SysfsExtras): SysfsEntry[] {
  const entries = new Entries()
  for (const name of ['block', 'class/block', 'class/scsi_mpath_device', 'class/scsi_mpath_disk', 'devices'])
    entries.directory(`${SYSFS_ROOT}/${name}`)
  for (const disk of disksOf(streams, extras)) {
    addDevice(entries, disk)
    addDisk(entries, disk)
    for (const route of disk.paths) addRoute(entries, disk, route)
  }
  return entries.sorted()
}

function disksOf(streams: StreamStates, extras: SysfsExtras): Disk[] {
  const sessions = sessionsOf(Object.keys(streams))
  const routes = Object.entries(streams).flatMap(([name, { value, context }]) => {
    const route = context as unknown as PathContext
    if (!name.startsWith('path/') || !route.present) return []
    const live = extras.paths.get(route.hctl) ?? NOT_RUNNING
    return [
      {
        context: route,
        value: value as unknown as PathValue,
        live,
        directory: directoryOf(route.hctl, sessions),
      },
    ]
  })
  return Object.entries(streams).flatMap(([name, { value, context }]) => {
    const head = context as unknown as HeadContext
    if (!name.startsWith('head/') || !head.present) return []
    const paths = routes.filter((route) => route.context.wwid === head.wwid)
    const counters = extras.heads.get(head.wwid) ?? NO_COUNTERS
    return [{ context: head, value: value as unknown as HeadValue, paths, counters }]
  })
}

/**
 * The session of each host. There is no iSCSI below: a host has one session, and sessions count from 1 in the order of
 * the hosts' numbers, over every host that the ledger has ever had a path of.
 */
function sessionsOf(streams: readonly string[]): ReadonlyMap<string, number> {
  const hctls = streams.flatMap((name) => (name.startsWith('path/') ? [name.split('/')[2] ?? ''] : []))
  const hosts = [...new Set(hctls.map(hostOf))].sort((one, other) => Number(one) - Number(other))
  return new Map(hosts.map((host, at) => [host, at + 1]))
}

function directoryOf(hctl: string, sessions: ReadonlyMap<string, number>): string {
  const host = hostOf(hctl)
  const target = hctl.slice(0, hctl.lastIndexOf(':'))
  return `${SYSFS_ROOT}/devices/platform/host${host}/session${sessions.get(host) ?? 0}/target${target}/${hctl}`
}

/** /sys/class/scsi_mpath_device/N: the LUN behind all its paths. */
function addDevice(entries: Entries, { context, paths }: Disk): void {
  const { index, wwid, iopolicy } = context
  const directory = `${SYSFS_ROOT}/devices/virtual/scsi_mpath_device/${index}`
  entries.device(directory, 'scsi_mpath_device', String(index))
  entries.writable(`${directory}/iopolicy`, iopolicy)
  entries.readable(`${directory}/wwid`, wwid)
  // There even when it is empty.
  entries.directory(`${directory}/multipath`)
  for (const path of paths) entries.link(`${directory}/multipath/${path.context.hctl}`, path.directory)
}

/** /sys/class/scsi_mpath_disk/N with the visible disk, which is there as long as the head takes I/O. */
function addDisk(entries: Entries, { context, value, paths, counters }: Disk): void {
  const { index, name, delayedRemovalUs } = context
  const parent = `${SYSFS_ROOT}/devices/virtual/scsi_mpath_disk/${index}`
  entries.device(parent, 'scsi_mpath_disk', String(index))
  if (value.life !== 'live' && value.life !== 'removalPending') return
  const directory = `${parent}/${name}`
  const number = deviceNumber(diskIndex(name))
  const [major = '', minor = ''] = number.split(':')
  entries.block(directory, context, false, `MAJOR=${major}\nMINOR=${minor}\nDEVNAME=${name}\nDEVTYPE=disk\n`)
  entries.readable(`${directory}/dev`, number)
  // Rounded up: 0 is for a head that goes with its last path, and for no other.
  entries.writable(`${directory}/delayed_removal_secs`, ceilDivide(delayedRemovalUs, MICROSECONDS))
  entries.writable(`${directory}/io_requeue_no_usable_path_count`, counters.requeued, true)
  entries.writable(`${directory}/io_fail_no_available_path_count`, counters.failedNoPath, true)
  for (const empty of ['holders', 'multipath', 'slaves']) entries.directory(`${directory}/${empty}`)
  for (const path of paths) {
    const disk = path.context.name
    entries.link(`${directory}/multipath/${disk}`, `${path.directory}/block/${disk}`)
  }
}

/** The scsi_device of a path, and under it the hidden disk. */
function addRoute(
  entries: Entries,
  { context: head }: Disk,
  { context, value, live, directory }: Route,
): void {
  entries.directory(`${directory}/power`)
  entries.attribute(`${directory}/uevent`, 'DEVTYPE=scsi_device\n', '-rw-r--r--')
  entries.readable(`${directory}/wwid`, context.wwid)
  entries.writable(`${directory}/state`, DEVICE_WORDS[value.device])
  entries.readable(`${directory}/access_state`, ACCESS_WORDS[value.access])
  entries.readable(`${directory}/preferred_path`, context.preferred ? 1 : 0)
  const disk = `${directory}/block/${context.name}`
  entries.block(disk, context, true, 'DEVTYPE=disk\n')
  entries.readable(`${disk}/mpath_dev`, deviceNumber(diskIndex(head.name)))
  // A line even where they do not apply (D-53): no nodes, and a depth of 0.
  const nodes = head.iopolicy === 'numa' ? listFormat(live.numaNodes) : ''
  entries.readable(`${disk}/mpath_numa_nodes`, nodes, true)
  entries.readable(`${disk}/mpath_queue_depth`, head.iopolicy === 'queue-depth' ? live.queueDepth : 0, true)
}

/** The kernel's words for the state of a SCSI device. */
const DEVICE_WORDS: Readonly<Record<DeviceState, string>> = {
  created: 'created',
  running: 'running',
  blocked: 'blocked',
  createdBlocked: 'created-blocked',
  quiesced: 'quiesce',
  offline: 'offline',
  transportOffline: 'transport-offline',
  cancelled: 'cancel',
  deleted: 'deleted',
}

const ACCESS_WORDS: Readonly<Record<AccessState, string>> = {
  optimal: 'optimal',
  active: 'active',
  standby: 'standby',
  unavailable: 'unavailable',
  lbaDependent: 'lba-dependent',
  offline: 'offline',
  transitioning: 'transitioning',
}

/** '0-2,5': the kernel's list format of ascending numbers. */
export function listFormat(numbers: readonly number[]): string {
  const ranges: { first: number; last: number }[] = []
  for (const number of numbers) {
    const open = ranges.at(-1)
    if (open !== undefined && open.last + 1 === number) open.last = number
    else ranges.push({ first: number, last: number })
  }
  return ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(',')
}

function ceilDivide(value: number, by: number): number {
  return Math.ceil(value / by)
}

interface Geometry {
  readonly name: string
  readonly sizeBytes: number
  readonly logicalBlockBytes: number
}

/** Collects entries; the directories above an entry come with it. */
class Entries {
  readonly #entries = new Map<string, SysfsEntry>()

  directory(path: string): void {
    if (path === SYSFS_ROOT || this.#entries.has(path)) return
    this.directory(parentOf(path))
    this.#entries.set(path, { path, mode: 'drwxr-xr-x' })
  }

  attribute(path: string, content: string, mode: '-rw-r--r--' | '-r--r--r--', liveOnly = false): void {
    this.directory(parentOf(path))
    this.#entries.set(path, { path, mode, content, ...(liveOnly ? { liveOnly } : {}) })
  }

  readable(path: string, value: string | number, liveOnly = false): void {
    this.attribute(path, `${value}\n`, '-r--r--r--', liveOnly)
  }

  writable(path: string, value: string | number, liveOnly = false): void {
    this.attribute(path, `${value}\n`, '-rw-r--r--', liveOnly)
  }

  /** A link from one place of the tree to another, relative as sysfs has them. */
  link(path: string, to: string): void {
    this.directory(parentOf(path))
    this.#entries.set(path, { path, mode: 'lrwxrwxrwx', target: relative(parentOf(path), to) })
  }

  /** What every device of a class has, and its link from the class. */
  device(directory: string, className: string, name: string): void {
    this.directory(`${directory}/power`)
    this.attribute(`${directory}/uevent`, '', '-rw-r--r--')
    this.link(`${directory}/subsystem`, `${SYSFS_ROOT}/class/${className}`)
    this.link(`${SYSFS_ROOT}/class/${className}/${name}`, directory)
  }

  /** What every disk has, hidden or not, and its links from the outside. */
  block(
    directory: string,
    { name, sizeBytes, logicalBlockBytes }: Geometry,
    hidden: boolean,
    uevent: string,
  ): void {
    this.directory(`${directory}/power`)
    this.attribute(`${directory}/uevent`, uevent, '-rw-r--r--')
    this.link(`${directory}/subsystem`, `${SYSFS_ROOT}/class/block`)
    this.link(`${directory}/device`, hidden ? parentOf(parentOf(directory)) : parentOf(directory))
    this.readable(`${directory}/hidden`, hidden ? 1 : 0)
    this.readable(`${directory}/size`, Math.floor(sizeBytes / SECTOR))
    this.readable(`${directory}/queue/logical_block_size`, logicalBlockBytes)
    this.link(`${SYSFS_ROOT}/class/block/${name}`, directory)
    this.link(`${SYSFS_ROOT}/block/${name}`, directory)
  }

  /** By code unit: equal trees have equal lists. */
  sorted(): SysfsEntry[] {
    return [...this.#entries.values()].sort((one, other) => (one.path < other.path ? -1 : 1))
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

/** Up to where both are under one directory below the root, and down again. */
function relative(from: string, to: string): string {
  const [up, down] = [from.split('/').slice(2), to.split('/').slice(2)]
  let shared = 0
  while (shared < up.length && shared < down.length - 1 && up[shared] === down[shared]) shared += 1
  return [...up.slice(shared).map(() => '..'), ...down.slice(shared)].join('/')
}
