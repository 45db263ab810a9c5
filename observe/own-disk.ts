// Where the ledger lies. On a map that is watched it would hang with what it is to tell of.
import { PathledgerError } from '../errors.ts'
import type { Device, Sysfs } from './sysfs.ts'

/** Layers of block devices that are looked through. */
const LAYERS_MAX = 32

/** Throws OBSERVE_OWN_DISK where a device, 'major:minor', lies on a map or path that is watched. */
export function refuseOwnDisk(
  file: string,
  devt: string | null,
  sysfs: Sysfs,
  watched: ReadonlyMap<string, Device>,
): void {
  const name = devt === null ? null : deviceName(sysfs, devt)
  if (name === null) return
  const on = below(sysfs, name).find((one) => {
    const kind = watched.get(one)?.kind
    return kind === 'map' || isNvmeHead(sysfs, one)
  })
  if (on === undefined) return
  throw new PathledgerError('OBSERVE_OWN_DISK', {
    message: `${file} would lie on ${on}, which is watched.`,
    why: 'When that map has no path, the ledger that is to tell of it hangs with it.',
    todo: 'Name a file on a disk of its own, or say --even-on-watched.',
  })
}

/** 'dm-3' of '253:3'; the disk of a partition. */
function deviceName(sysfs: Sysfs, devt: string): string | null {
  const target = sysfs.target(`dev/block/${devt}`)
  if (target === null) return null
  const parts = target.split('/')
  const last = parts.at(-1) ?? ''
  return sysfs.text(`dev/block/${devt}/partition`) === null ? last : (parts.at(-2) ?? last)
}

function below(sysfs: Sysfs, name: string, depth = 0): string[] {
  const under = depth < LAYERS_MAX ? sysfs.names(`block/${name}/slaves`) : []
  // A slave may be a partition: its disk is what counts.
  const disks = under.map((slave) => deviceName(sysfs, sysfs.text(`class/block/${slave}/dev`) ?? '') ?? slave)
  return [name, ...disks.flatMap((disk) => below(sysfs, disk, depth + 1))]
}

/** A head of native NVMe multipath has its paths beside it. */
function isNvmeHead(sysfs: Sysfs, name: string): boolean {
  return /^nvme\d+n\d+$/.test(name) && /nvme-subsystem/.test(sysfs.target(`block/${name}/device`) ?? '')
}
