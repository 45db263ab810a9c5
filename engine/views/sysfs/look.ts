// Finding an entry of a sysfs tree by its path, links followed as the kernel would.
import { SYSFS_ROOT, type SysfsEntry } from '../../../adapters/sysfs/entries.ts'
import { PathledgerError } from '../../../errors.ts'

/** Links on the way to one entry at most, as in the kernel. */
const LINKS_MAX = 40

/** `vpd_id` is what later versions of the series call `wwid`: it can be read under both names, and is listed under one. */
const ALIAS = /^(\/sys\/devices\/virtual\/scsi_mpath_device\/\d+)\/vpd_id$/

/**
 * The entry that a path leads to: '/sys/class/scsi_mpath_device/0/wwid', or the same without '/sys/'. Throws
 * SYSFS_NO_ENTRY (ENOENT, ENOTDIR or ELOOP).
 */
export function findEntry(entries: readonly SysfsEntry[], path: string): SysfsEntry {
  const byPath = new Map(entries.map((entry) => [entry.path, entry]))
  const todo = path.startsWith(`${SYSFS_ROOT}/`) ? path.slice(SYSFS_ROOT.length) : path
  let rest = todo.split('/').filter((name) => name !== '' && name !== '.')
  let at = SYSFS_ROOT
  let links = 0
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === '..') {
      at = at === SYSFS_ROOT ? at : at.slice(0, at.lastIndexOf('/'))
      continue
    }
    const entry = byPath.get(unalias(`${at}/${name}`))
    if (entry === undefined) throw noEntry(path, 'ENOENT', `'${name}' is not in ${at}.`)
    if (entry.target !== undefined) {
      links += 1
      if (links > LINKS_MAX) throw noEntry(path, 'ELOOP', 'Its links lead in a circle.')
      rest = [...entry.target.split('/'), ...rest]
      continue
    }
    if (entry.content !== undefined && rest.length > 0)
      throw noEntry(path, 'ENOTDIR', `'${name}' is an attribute, and nothing is in it.`)
    at = entry.path
  }
  return byPath.get(at) ?? { path: SYSFS_ROOT, mode: 'drwxr-xr-x' }
}

/** What an attribute reads as, its newline included. Throws SYSFS_NO_ENTRY, or SYSFS_IS_DIRECTORY (EISDIR). */
export function readEntry(entries: readonly SysfsEntry[], path: string): string {
  const { content } = findEntry(entries, path)
  if (content !== undefined) return content
  throw new PathledgerError('SYSFS_IS_DIRECTORY', {
    message: `${path} is a directory.`,
    why: 'Only attributes can be read and written.',
    todo: 'Name one of the attributes in it.',
    errno: 'EISDIR',
  })
}

function unalias(path: string): string {
  return path.replace(ALIAS, '$1/wwid')
}

function noEntry(path: string, errno: string, why: string): PathledgerError {
  return new PathledgerError('SYSFS_NO_ENTRY', {
    message: `There is no ${path}.`,
    why,
    todo: '`pathledger sysfs` lists what there is. The files of a path or head go away with it.',
    errno,
  })
}
