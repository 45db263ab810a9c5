// What is mounted where, from /proc/self/mountinfo (proc_pid_mountinfo(5)).
import { readFileSync } from 'node:fs'

/** One line of mountinfo. */
export interface Mount {
  /** 'major:minor' of the mounted filesystem. */
  readonly device: string
  readonly mountPoint: string
  /** 'ext4', 'fuse.nbdfuse' ... */
  readonly fsType: string
  /** What was mounted: '/dev/loop3', 'tmpfs', 'server:/export'. */
  readonly source: string
  /** Options of the filesystem, as 'name' or 'name=value'. */
  readonly options: readonly string[]
}

/** All mounts that this process sees, oldest first; none where `procRoot` has no mountinfo. */
export function readMounts(procRoot = '/proc'): readonly Mount[] {
  return readMountsOf('self', procRoot)
}

/** All mounts that another process sees: its own, where it has a mount namespace of its own. */
export function readMountsOf(pid: string, procRoot = '/proc'): readonly Mount[] {
  try {
    return readFileSync(`${procRoot}/${pid}/mountinfo`, 'utf8').split('\n').flatMap(parseMount)
  } catch {
    return []
  }
}

/** The mount that a path without links lies on: the longest mount point, and of equals the newest. */
export function mountOf(realPath: string, mounts: readonly Mount[]): Mount | null {
  let found: Mount | null = null
  for (const mount of mounts) {
    if (!contains(mount.mountPoint, realPath)) continue
    if (found === null || mount.mountPoint.length >= found.mountPoint.length) found = mount
  }
  return found
}

function contains(directory: string, path: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`)
}

/** One line: id, parent, major:minor, root, mount point, options, optional fields, '-', type, source, options. */
function parseMount(line: string): Mount[] {
  const fields = line.split(' ')
  const dash = fields.indexOf('-')
  const [device, mountPoint] = [fields[2], fields[4]]
  const [fsType, source, options] = [fields[dash + 1], fields[dash + 2], fields[dash + 3]]
  if (dash < 0 || device === undefined || mountPoint === undefined) return []
  if (fsType === undefined || source === undefined) return []
  return [
    {
      device,
      mountPoint: unescape(mountPoint),
      fsType,
      source: unescape(source),
      options: (options ?? '').split(',').map(unescape),
    },
  ]
}

/** The kernel writes space, tab, newline and backslash as three octal digits. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)))
}
