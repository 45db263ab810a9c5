// May this device become a path, and of which head? Everything that speaks against it, in words; nothing is changed here.
import type { ErrorCode } from '../../errors/codes.ts'
import { shown } from '../../errors/arguments.ts'
import type { PathDevice } from '../../adapters/ports.ts'
import { PathledgerError } from '../../errors.ts'
import type { MultipathMode } from '../../machines/words.ts'
import { isSameMedium } from '../health/same-medium.ts'
import type { HeadRuntime, PathRuntime } from '../heads/runtime.ts'
import { isSameInode, restingOf } from '../lun/attach.ts'

/** Heads are matched by the whole id; 256 is what the later series keep (D-9). */
const WWID_MAX = 256

/** Why the device is not taken, or null when it may be. `head` is the head of its LUN, if there is one. */
export function refusalOf(
  device: PathDevice,
  mode: MultipathMode,
  known: {
    head: HeadRuntime | null
    paths: Iterable<PathRuntime>
    ledgerFile: string | null
    trustIdentity: boolean
  },
): PathledgerError | null {
  return (
    refusalByMode(device, mode) ??
    refusalByShape(device) ??
    refusalByDuplicate(device, known.paths) ??
    (known.head === null ? null : refusalByHead(device, known.head, known.trustIdentity)) ??
    refusalByLedger(device, known.ledgerFile)
  )
}

function refusalByMode({ device, lun }: PathDevice, mode: MultipathMode): PathledgerError | null {
  if (mode === 'off') {
    return refusal('MULTIPATH_OFF', device, "multipath is 'off'.", "Open with multipath: 'on' or 'always'.")
  }
  if (lun.wwid === '')
    return refusal('PATH_NO_ID', device, 'Its LUN has no id; an empty id is no id.', 'Give it one.')
  if (lun.wwid.length > WWID_MAX) {
    const why = `Its id has ${lun.wwid.length} characters; ids are compared in full and may have ${WWID_MAX}.`
    return refusal('PATH_NO_ID', device, why, 'Give it a shorter one.')
  }
  if (!/^[\x21-\x2e\x30-\x7e]+$/.test(lun.wwid)) {
    const why = "Its id has characters that are not printable ASCII, or spaces, or '/'."
    return refusal('PATH_ID_INVALID', device, why, 'Take the text form of a page 0x83 designator.')
  }
  if (mode === 'on' && !lun.implicitAlua) {
    const why = "multipath is 'on' and the implicit bit of TPGS is not set in its INQUIRY data."
    return refusal('PATH_NO_ALUA', device, why, "Use multipath: 'always', which asks only for an id.")
  }
  return null
}

function refusalByShape({ device, hctl, numaNode, geometry }: PathDevice): PathledgerError | null {
  if (!/^\d{1,9}(:\d{1,9}){3}$/.test(hctl)) {
    return refusal(
      'HCTL_INVALID',
      device,
      `'${hctl}' is not H:C:I:L, four numbers.`,
      "Name it like '8:0:0:0'.",
    )
  }
  if (numaNode !== null && !(Number.isSafeInteger(numaNode) && numaNode >= 0)) {
    return refusal(
      'NUMA_NODE_INVALID',
      device,
      `${shown(numaNode)} is no NUMA node.`,
      'Name one from 0, or none.',
    )
  }
  if (geometry.readOnly) {
    return refusal(
      'PATH_READ_ONLY',
      device,
      'It is read-only: a write would fail on it alone.',
      'Attach it read-write.',
      'EROFS',
    )
  }
  if (geometry.sizeBytes < geometry.logicalBlockBytes) {
    return refusal(
      'PATH_EMPTY',
      device,
      `It has ${geometry.sizeBytes} bytes.`,
      'Attach something with bytes in it.',
    )
  }
  return null
}

function refusalByDuplicate(device: PathDevice, paths: Iterable<PathRuntime>): PathledgerError | null {
  for (const path of paths) {
    if (path.hctl === device.hctl) {
      const why = `${path.name} (${path.device.device}) has the address ${device.hctl} already.`
      return refusal('PATH_DUPLICATE', device.device, why, 'Give each path its own H:C:I:L.', 'EEXIST')
    }
    if (device.deviceKey !== null && path.device.deviceKey === device.deviceKey) {
      const why = `The same device is ${path.name} already; twice the same device is one way, not two.`
      return refusal(
        'PATH_DUPLICATE',
        device.device,
        why,
        'Attach a second device to the same file.',
        'EEXIST',
      )
    }
  }
  return null
}

function refusalByHead(given: PathDevice, head: HeadRuntime, trustIdentity: boolean): PathledgerError | null {
  const { device, geometry, coherence } = given
  // A head without paths, after a restart or while it waits for one, grows with the first that comes.
  const mayGrow = head.paths.length === 0 && geometry.sizeBytes > head.sizeBytes
  if (geometry.sizeBytes !== head.sizeBytes && !mayGrow) {
    const why = `It has ${geometry.sizeBytes} bytes; ${head.name} (${head.lun.wwid}) has ${head.sizeBytes}.`
    return refusal('PATH_SIZE_MISMATCH', device, why, 'Check that it is the same LUN.', 'EINVAL')
  }
  if (geometry.logicalBlockBytes !== head.logicalBlockBytes) {
    const why = `Its blocks have ${geometry.logicalBlockBytes} bytes; those of ${head.name} have ${head.logicalBlockBytes}.`
    return refusal('PATH_BLOCK_MISMATCH', device, why, 'Attach it with the same block size.', 'EINVAL')
  }
  const now = head.paths.find((path) => isSameMedium(given, path.device) === false)
  if (now !== undefined) return otherMedium(given, `behind ${now.name} is ${mediumOf(now.device)}`, false)
  const before = trustIdentity ? null : lastMedium(given, head)
  if (before !== null) return otherMedium(given, before, true)
  const all = [coherence, ...head.paths.map((path) => path.device.coherence)]
  const oneInode = coherence.inode !== null && all.every(({ inode }) => inode === coherence.inode)
  if (oneInode || all.every(({ direct }) => direct)) return null
  const why =
    'A buffered path over another file has a page cache of its own: reads after a write elsewhere are stale.'
  return refusal(
    'PATH_INCOHERENT',
    device,
    why,
    'Attach every path to one file, or all of them with direct I/O.',
    'EINVAL',
  )
}

/** What the path rests on is certainly another medium than the LUN's. */
export function otherMedium(device: PathDevice, but: string, maySayOtherwise: boolean): PathledgerError {
  const why = `Behind it is ${mediumOf(device)}, and ${but}: these are two media.`
  const todo = maySayOtherwise
    ? 'Attach the file that the LUN has, or say trustIdentity: true where this one took its place with the same bytes.'
    : 'Attach every path of a LUN to its one medium, or give the other one a LUN of its own.'
  return refusal('PATH_OTHER_MEDIUM', device.device, why, todo, 'EINVAL')
}

/** Nothing shows that it is the LUN's medium: no inode, and no block that could tell. */
export function unprovedMedium(device: PathDevice): PathledgerError {
  const why =
    'Nothing shows that it leads to the medium of the other paths: no inode can tell, and the blocks that were compared are all blank, or could not be read.'
  const todo =
    'Write to the LUN first (a label, a file system), or say trustIdentity: true where you know that it is the same.'
  return refusal('PATH_MEDIUM_UNPROVED', device.device, why, todo, 'EINVAL')
}

function mediumOf({ medium, coherence: { inode }, facts }: PathDevice): string {
  const { offset } = facts
  const part = typeof offset === 'number' && offset > 0 ? ` from byte ${offset} on` : ''
  if (inode !== null) return `inode ${inode}${part}`
  return medium === undefined ? 'a device without an inode' : 'memory of this process'
}

/** What the last run's path rested on, where that is certainly another medium. */
function lastMedium(device: PathDevice, { lost }: HeadRuntime): string | null {
  const rests = restingOf(device)
  if (rests === null) return null
  for (const { context, last } of lost.values()) {
    const theirs = last.facts['inode']
    if (typeof theirs !== 'string' || !context.errorsAreFinal) continue
    const [now, then] = [
      { ...rests, bootId: 'now' },
      { inode: theirs, bootId: last.sameBoot ? 'now' : 'then' },
    ]
    if (!isSameInode(now, then)) return `${context.name} rested on inode ${theirs} in the last run`
  }
  return null
}

function refusalByLedger(device: PathDevice, ledgerFile: string | null): PathledgerError | null {
  const carries = ledgerFile === null ? null : device.carries(ledgerFile)
  if (carries === null) return null
  const why = `The ledger would live on a device that it is to keep the record of: ${carries}.`
  return refusal('LEDGER_ON_PATH', device.device, why, 'Put the ledger on another disk.', 'EINVAL')
}

function refusal(
  code: ErrorCode,
  device: string,
  why: string,
  todo: string,
  errno?: string,
): PathledgerError {
  return new PathledgerError(code, {
    message: `${device} was refused as a path.`,
    why,
    todo: `${todo} The device still belongs to your program, which may use or close it.`,
    ...(errno === undefined ? {} : { errno }),
  })
}
