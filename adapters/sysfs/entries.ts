// What a sysfs tree is made of: directories, attributes (small files) and links, as a flat list.

/** The figures `ls -l` gives for an entry. Sysfs shows 4096 for every attribute, 0 for directories and links. */
export type SysfsMode = 'drwxr-xr-x' | '-rw-r--r--' | '-r--r--r--' | 'lrwxrwxrwx'

/** One entry of the tree. */
export interface SysfsEntry {
  /** '/sys/class/scsi_mpath_device/0/wwid'. */
  readonly path: string
  readonly mode: SysfsMode
  /** What an attribute reads as, its newline included. */
  readonly content?: string
  /** Where a link points to, relative to its own directory. */
  readonly target?: string
  /** Only a running engine knows the value; from a ledger it is what the ledger has, or nothing. */
  readonly liveOnly?: true
}

/** Every path of the tree begins with it. */
export const SYSFS_ROOT = '/sys'
