// Puts a sysfs tree into a real directory, for ls and cat. It is made beside its place and moved there in one step, so
// that whoever looks sees the old tree or the new one, whole. Nothing outside is touched: every name is looked at, no
// link is followed, and a directory that holds anything of others is not replaced.
import { checkArguments, checkFields } from '../../errors/arguments.ts'
import {
  chmodSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { PathledgerError } from '../../errors.ts'
import { SYSFS_ROOT, type SysfsEntry } from './entries.ts'
import { exchange } from './exchange.ts'

/** Says that a directory is ours, and what we put there; `ls` does not show it. */
const MARKER = '.pathledger-sysfs'
const MARKER_TITLE = 'made by pathledger sysfs; replaced as a whole by the next one'
/** Bytes of one name, as file systems have it. */
const NAME_MAX = 255

/** What a tree is made of. */
export interface SysfsSource {
  readonly entries: readonly SysfsEntry[]
  /** Becomes the time of every entry: wall clock, microseconds. */
  readonly timeUs: number
}

/**
 * Makes `directory` hold the tree, as if it were /sys: `ls -l DIR/class/scsi_mpath_device/0`. It is made if it is not there,
 * and replaced in one step if it is empty or an earlier tree. Throws SYSFS_FOREIGN for a directory that holds anything
 * else and for what is no directory, SYSFS_IO, or SYSFS_TREE for a tree with names or links that lead outside.
 */
export function materialiseSysfs(tree: SysfsSource, directory: string): void {
  checkFields('materialiseSysfs', 'tree', tree, { entries: 'list', timeUs: 'count' })
  checkArguments('materialiseSysfs', { directory }, { directory: 'file' })
  const { entries, timeUs } = tree
  for (const entry of entries) checkFields('materialiseSysfs', 'an entry', entry, { path: 'text' })
  const place = resolve(directory)
  const kept = named(entries)
  const replaces = isReplaceable(place)
  const made = wrapIo(place, () => mkdtempSync(`${place}.`))
  try {
    wrapIo(place, () => {
      for (const entry of kept) make(made, entry)
      writeFileSync(join(made, MARKER), `${[MARKER_TITLE, ...entries.map(({ path }) => path)].join('\n')}\n`)
      chmodSync(made, 0o755)
      // What is in a directory first: making it has changed the directory's time.
      for (const { names } of [...kept].reverse()) setTime(join(made, ...names), timeUs)
      for (const own of [join(made, MARKER), made]) setTime(own, timeUs)
      if (replaces) exchange(made, place)
      else renameSync(made, place)
    })
  } finally {
    rmSync(made, { recursive: true, force: true })
  }
}

interface Named extends SysfsEntry {
  /** Below the root. */
  readonly names: readonly string[]
}

function make(root: string, { names, mode, content, target }: Named): void {
  const place = join(root, ...names)
  if (target !== undefined) symlinkSync(target, place)
  else if (content !== undefined) {
    writeFileSync(place, content, { flag: 'wx' })
    chmodSync(place, mode === '-rw-r--r--' ? 0o644 : 0o444)
  } else {
    mkdirSync(place)
    chmodSync(place, 0o755)
  }
}

function setTime(path: string, us: number): void {
  lutimesSync(path, us / 1_000_000, us / 1_000_000)
}

/** Entries with their names; throws SYSFS_TREE unless each is in a directory that comes before it, and not in a link. */
function named(entries: readonly SysfsEntry[]): Named[] {
  const directories = new Set([SYSFS_ROOT])
  return entries.map((entry) => {
    const { path, mode } = entry
    const names = namesOf(entry)
    if (!directories.has(path.slice(0, path.lastIndexOf('/')))) throw leadsOutside(path)
    if (mode === 'drwxr-xr-x') directories.add(path)
    return { ...entry, names }
  })
}

/** The names below the root; throws SYSFS_TREE unless each is a plain one, and a link stays inside. */
function namesOf({ path, target }: SysfsEntry): string[] {
  const [empty, root, ...names] = path.split('/')
  if (empty !== '' || `/${root ?? ''}` !== SYSFS_ROOT || names.length === 0 || !names.every(isPlain))
    throw leadsOutside(path)
  if (target !== undefined && !staysInside(names.slice(0, -1), target))
    throw leadsOutside(`${path} -> ${target}`)
  return names
}

function isPlain(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && name !== MARKER && fits(name)
}

function fits(name: string): boolean {
  return !name.includes('\0') && name.isWellFormed() && Buffer.byteLength(name) <= NAME_MAX
}

function staysInside(from: readonly string[], target: string): boolean {
  let depth = from.length
  for (const name of target.split('/')) {
    if (name === '..') depth -= 1
    else if (isPlain(name)) depth += 1
    else return false
    if (depth < 0) return false
  }
  return true
}

/** False when nothing is there. Throws SYSFS_FOREIGN when what is there is not ours. */
function isReplaceable(place: string): boolean {
  const found = wrapIo(place, () => lstatSync(place, { throwIfNoEntry: false }))
  if (found === undefined) return false
  if (!found.isDirectory()) throw foreign(place, 'It is there and is no directory; a link is not followed.')
  const there = wrapIo(place, () => everythingIn(place, ''))
  if (there.length === 0) return true
  const ours = new Set(markedIn(place))
  const other = there.find((path) => !ours.has(`${SYSFS_ROOT}${path}`) && path !== `/${MARKER}`)
  if (ours.size > 0 && other === undefined) return true
  throw foreign(place, `It holds ${(other ?? there[0] ?? '').slice(1)}, which is not of an earlier tree.`)
}

/** What the last tree was made of; nothing when there is no marker, or one that is no plain file. */
function markedIn(place: string): string[] {
  const marker = join(place, MARKER)
  if (lstatSync(marker, { throwIfNoEntry: false })?.isFile() !== true) return []
  const [title, ...paths] = wrapIo(place, () => readFileSync(marker, 'utf8')).split('\n')
  return title === MARKER_TITLE ? [SYSFS_ROOT, ...paths] : []
}

/** Every path below, links not followed: '/class/block'. */
function everythingIn(root: string, below: string): string[] {
  return readdirSync(join(root, below), { withFileTypes: true }).flatMap((entry) => {
    const path = `${below}/${entry.name}`
    return entry.isDirectory() ? [path, ...everythingIn(root, path)] : [path]
  })
}

function wrapIo<Answer>(place: string, work: () => Answer): Answer {
  try {
    return work()
  } catch (error) {
    const { code = 'EIO', message } = error as NodeJS.ErrnoException
    throw new PathledgerError('SYSFS_IO', {
      message: `The tree could not be written to ${place}.`,
      why: message,
      todo: `Check that ${dirname(place)} exists and is writable. An earlier tree there is unchanged.`,
      errno: code,
      cause: error,
    })
  }
}

function foreign(place: string, why: string): PathledgerError {
  return new PathledgerError('SYSFS_FOREIGN', {
    message: `${place} was not touched.`,
    why,
    todo: 'Name a new directory, an empty one, or one that `pathledger sysfs` made.',
    errno: 'ENOTEMPTY',
  })
}

function leadsOutside(what: string): PathledgerError {
  return new PathledgerError('SYSFS_TREE', {
    message: 'This tree cannot be written to a directory.',
    why: `${JSON.stringify(what).slice(0, 200)} leads outside of it.`,
    todo: 'pathledger did not make this tree: find out where it came from.',
    errno: 'EINVAL',
  })
}
