// What a file rests on: its filesystem, the block device under that, the file behind that device if it is a loop,
// and so on down. Read from sysfs, mountinfo and stat. stat waits for as long as a hung server does.
import { readFileSync, readdirSync, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { inspectFile } from './file-facts.ts'
import type { FileFacts } from './file-facts.ts'
import { mountOf, readMounts } from './mounts.ts'

/** Where the walk looks; tests give it a tree of their own. */
export interface StackView {
  /** Default '/sys'. */
  readonly sysRoot: string
  /** Default '/proc'. */
  readonly procRoot: string
  /** Facts of a file, links followed; null when it cannot be reached. */
  readonly inspect: (path: string) => FileFacts | null
}

/** The machine's own. */
export const MACHINE: StackView = { sysRoot: '/sys', procRoot: '/proc', inspect: inspectFile }

/** One thing that a file rests on. The file itself is the first, where it exists. */
export interface StackNode {
  readonly kind: 'file' | 'block'
  /** '/srv/lun.img', '/dev/loop3'. */
  readonly name: string
  /** Of a file its inode, 'major:minor:inode'; of a block device its number, 'major:minor'. */
  readonly id: string
  /** Of a file the type of its filesystem, or 'unknown'; of a block device its path in sysfs, links resolved. */
  readonly home: string
  /** The names from the file down to this one. */
  readonly trail: readonly string[]
  /** Nothing further down was found. */
  readonly isBottom: boolean
}

/**
 * Everything `file` rests on, nearest first, each once. A file that does not exist yet counts as its nearest
 * existing directory, which is not in the answer itself: only what lies under it is.
 */
export function blockStack(file: string, view: StackView = MACHINE): readonly StackNode[] {
  const walk: Walk = { view, nodes: [], seen: new Set() }
  let path = file
  let facts = view.inspect(path)
  while (facts === null && path !== dirname(path)) {
    path = dirname(path)
    facts = view.inspect(path)
  }
  if (facts === null) return []
  if (path === file) visitFile(walk, path, facts, [])
  else visitFilesystem(walk, facts, [file])
  return walk.nodes
}

/** What to look for in a stack. */
export interface StackTarget {
  /** 'major:minor' of a block device, or null. */
  readonly number: string | null
  /** 'major:minor:inode' of a file, or null. */
  readonly inode: string | null
}

/** Says how `file` rests on the target, or null when it does not. */
export function restsOn(file: string, target: StackTarget, view: StackView = MACHINE): string | null {
  for (const node of blockStack(file, view)) {
    if (node.id !== (node.kind === 'file' ? target.inode : target.number)) continue
    if (node.kind === 'file' && node.trail.length === 1) return `${file} is the very file behind the path`
    return `${file} lies on it: ${node.trail.join(' -> ')}`
  }
  return null
}

interface Walk {
  readonly view: StackView
  readonly nodes: StackNode[]
  readonly seen: Set<string>
}

function visitFile(walk: Walk, path: string, facts: FileFacts, above: readonly string[]): void {
  if (facts.blockNumber !== null) {
    visitBlock(walk, facts.blockNumber, above)
    return
  }
  if (walk.seen.has(facts.inode)) return
  walk.seen.add(facts.inode)
  const trail = [...above, path]
  const home = mountOf(facts.realPath, readMounts(walk.view.procRoot))?.fsType ?? 'unknown'
  const at = walk.nodes.push({ kind: 'file', name: path, id: facts.inode, home, trail, isBottom: true }) - 1
  settleBottom(walk, at, visitFilesystem(walk, facts, trail))
}

/** Visits what the filesystem of a file stands on. False when that cannot be seen: a server, memory. */
function visitFilesystem(walk: Walk, facts: FileFacts, trail: readonly string[]): boolean {
  if (sysPathOf(facts.device, walk.view) !== null) {
    visitBlock(walk, facts.device, trail)
    return true
  }
  const mount = mountOf(facts.realPath, readMounts(walk.view.procRoot))
  if (mount === null) return false
  if (mount.fsType === 'overlay') return visitUpper(walk, mount.options, trail)
  const numbers =
    mount.fsType === 'btrfs' ? btrfsMembers(walk, mount.source) : sourceNumber(walk, mount.source)
  for (const number of numbers) visitBlock(walk, number, trail)
  return numbers.length > 0
}

/** An overlay writes to its upper directory. */
function visitUpper(walk: Walk, options: readonly string[], trail: readonly string[]): boolean {
  const upper = options.find((option) => option.startsWith('upperdir='))?.slice('upperdir='.length)
  const facts = upper === undefined ? null : walk.view.inspect(upper)
  return facts !== null && visitFilesystem(walk, facts, trail)
}

function sourceNumber(walk: Walk, source: string): readonly string[] {
  const number = source.startsWith('/dev/') ? walk.view.inspect(source)?.blockNumber : null
  return typeof number === 'string' ? [number] : []
}

/** A btrfs names one member as its source and keeps the list of all in sysfs. */
function btrfsMembers(walk: Walk, source: string): readonly string[] {
  const own = sourceNumber(walk, source)
  const root = `${walk.view.sysRoot}/fs/btrfs`
  for (const filesystem of list(root)) {
    const devices = `${root}/${filesystem}/devices`
    const numbers = list(devices).flatMap((name) => read(`${devices}/${name}/dev`) ?? [])
    if (numbers.some((number) => own.includes(number))) return numbers
  }
  return own
}

function visitBlock(walk: Walk, number: string, above: readonly string[]): void {
  if (walk.seen.has(number)) return
  walk.seen.add(number)
  const sysPath = sysPathOf(number, walk.view)
  if (sysPath === null) return
  const name = `/dev/${sysPath.slice(sysPath.lastIndexOf('/') + 1).replaceAll('!', '/')}`
  const trail = [...above, name]
  const at = walk.nodes.push({ kind: 'block', name, id: number, home: sysPath, trail, isBottom: true }) - 1
  settleBottom(walk, at, visitBelow(walk, sysPath, trail))
}

/** Visits the whole device of a partition, the members of an array, the file behind a loop. */
function visitBelow(walk: Walk, sysPath: string, trail: readonly string[]): boolean {
  const disk = read(`${sysPath}/partition`) === null ? null : read(`${dirname(sysPath)}/dev`)
  const slaves = list(`${sysPath}/slaves`).flatMap((slave) => read(`${sysPath}/slaves/${slave}/dev`) ?? [])
  const below = disk === null ? slaves : [disk, ...slaves]
  for (const number of below) visitBlock(walk, number, trail)
  const backing = read(`${sysPath}/loop/backing_file`)
  const facts = backing === null ? null : walk.view.inspect(backing)
  if (backing !== null && facts !== null) visitFile(walk, backing, facts, trail)
  return below.length > 0 || facts !== null
}

function settleBottom(walk: Walk, at: number, wentOn: boolean): void {
  const node = walk.nodes[at]
  if (wentOn && node !== undefined) walk.nodes[at] = { ...node, isBottom: false }
}

/** Where sysfs keeps a block device, links resolved, by its 'major:minor'; null when there is none. */
export function sysPathOf(number: string, { sysRoot }: Pick<StackView, 'sysRoot'> = MACHINE): string | null {
  try {
    return realpathSync(`${sysRoot}/dev/block/${number}`)
  } catch {
    return null
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').replace(/\n$/, '')
  } catch {
    return null
  }
}

function list(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}
