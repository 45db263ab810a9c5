// What happens to a map: counts of paths, darkness and light, tables, queueing, and its end.
import { pathsOfTable } from '../templates/dm-table.ts'
import type { Fact, Placed } from '../types.ts'
import { addLines, because, type Book } from './book.ts'
import { SECOND_US, within, type MapState, type PathState } from './state.ts'

/** A failure so long before a map has no path is the one that took its last. */
const LAST_PATH_US = 10 * SECOND_US

/** A path cannot be used any more. */
export function pathOut(book: Book, path: PathState, fact: Fact): void {
  if (path.name.map === null) return
  const map = book.mapState(path.name.map)
  map.lastOut = fact
  if (map.members?.size === 0 && map.dark === null && fact.what === 'removed') dark(book, map, null, fact)
}

/** A path can be used again: the first one makes its map light. */
export function pathIn(book: Book, path: PathState, fact: Fact): void {
  if (path.name.map === null) return
  const map = book.mapState(path.name.map)
  map.lastIn = fact
  if (map.dark === null) return
  lit(book, map, fact)
}

/** The map has no path: since the last one failed, or since this was said. */
function dark(book: Book, map: MapState, placed: Placed | null, out: Fact | null): void {
  const last = out ?? (within(map.lastOut, placed?.atUs ?? null, LAST_PATH_US) ? map.lastOut : null)
  const source = last === null ? placed : placedOf(last)
  if (source === null) return
  const fact = book.fact(source, 'dark', book.mapSubject(map.key), { io: ioOf(map) })
  because(fact, last, 'last-path')
  map.dark = fact
  map.lit = null
}

function placedOf(fact: Fact): Placed {
  return {
    ...{
      statement: { template: '', says: '', fields: {} },
      host: fact.host,
      atUs: fact.atUs,
      monoUs: fact.monoUs,
    },
    ...{ boot: fact.boot, precisionUs: fact.precisionUs, lines: [...fact.lines], program: programOf(fact) },
    ...{ device: null, zone: fact.zone, approximate: false },
  }
}

function programOf({ actor }: Fact): string {
  return actor.slice('observed:'.length)
}

/** What becomes of I/O without a path, as far as a table, a snapshot or a line tells. */
function ioOf({ queueing, features, recovery }: MapState): string {
  if (queueing === false) return 'failed'
  if (recovery !== null || queueing === true) return 'queued'
  if (features === null) return 'unknown'
  return /queue_if_no_path/.test(features) ? 'queued' : 'failed'
}

function lit(book: Book, map: MapState, cause: Fact): void {
  const fact = book.fact(placedOf(cause), 'lit', book.mapSubject(map.key))
  because(fact, cause, 'first-path')
  map.lit = fact
  map.dark = null
  map.refused = null
}

export function activePaths(book: Book, placed: Placed): void {
  const { map: name = '', n = '0' } = placed.statement.fields
  const map = book.mapState(name)
  const count = Number(n)
  if (count === 0 && map.dark === null) dark(book, map, placed, null)
  const known = count === 0 ? map.dark : map.lit
  if (known !== null && within(known, placed.atUs, LAST_PATH_US)) addLines(known, placed.lines)
  else if (count > 0 && map.dark !== null) {
    const fact = book.fact(placed, 'lit', book.mapSubject(name))
    map.lit = fact
    map.dark = null
  }
  const fact = book.fact(placed, 'activePaths', book.mapSubject(name), { n: count })
  allBack(book, map, count, fact)
}

/** As many active paths as members: those that had failed are back, whenever that was. */
function allBack(book: Book, map: MapState, count: number, fact: Fact): void {
  const members = [...book.paths.values()].filter((path) => path.name.map === map.key && !path.removed)
  if (count < Math.max(map.members?.size ?? 0, members.length) || map.members === null) return
  for (const path of members) {
    if (path.failed === null) continue
    path.failed.detail.backBy = fact
    path.failed = null
    path.down = null
    path.io = null
    path.well = false
  }
}

export function recoveryEntered(book: Book, placed: Placed): void {
  const { map: name = '', maxRetries = '0' } = placed.statement.fields
  const map = book.mapState(name)
  if (map.dark === null) dark(book, map, placed, null)
  const fact = book.fact(placed, 'recoveryEntered', book.mapSubject(name), { maxRetries: Number(maxRetries) })
  because(fact, map.dark, 'last-path')
  map.recovery = fact
  map.queueing = true
  if (map.dark !== null && map.dark.detail.io !== 'queuedThenFailed') map.dark.detail.io = 'queued'
}

export function recoveryLeft(book: Book, placed: Placed): void {
  const { map: name = '' } = placed.statement.fields
  const map = book.mapState(name)
  const fact = book.fact(placed, 'recoveryLeft', book.mapSubject(name))
  because(fact, firstIn(map, placed), 'first-path')
  map.recovery = null
}

function firstIn(map: MapState, placed: Placed): Fact | null {
  const first = map.lit?.cause ?? null
  return within(first, placed.atUs, LAST_PATH_US) ? first : null
}

export function queueingOff(book: Book, placed: Placed): void {
  const { map: name, dmDevt, operator } = placed.statement.fields
  const key = name ?? (dmDevt === undefined ? null : book.names.mapOfDmDevt(dmDevt, book.at))
  const map = book.mapState(key ?? dmDevt ?? '')
  const by = operator === undefined ? {} : { by: 'operator' }
  const fact = book.fact(placed, 'queueingOff', book.mapSubject(key), by)
  because(fact, map.recovery, 'retries')
  map.queueingOff = fact
  map.queueing = false
  if (map.dark !== null) map.dark.detail.io = map.dark.detail.io === 'queued' ? 'queuedThenFailed' : 'failed'
}

export function queueingOn(book: Book, placed: Placed): void {
  const { map: name = '', operator } = placed.statement.fields
  const map = book.mapState(name)
  const fact = book.fact(
    placed,
    'queueingOn',
    book.mapSubject(name),
    operator === undefined ? {} : { by: 'operator' },
  )
  because(fact, firstIn(map, placed), 'first-path')
  map.queueing = null
  map.queueingOff = null
  if (map.dark !== null && map.dark.detail.io === 'unknown') map.dark.detail.io = 'queued'
}

export function tableLoaded(book: Book, placed: Placed): Placed[] {
  const { map: name = '', table = '' } = placed.statement.fields
  const map = book.mapState(name)
  const { paths, features, sectors } = pathsOfTable(table)
  const detail = { paths: [...paths], features, ...(sectors === null ? {} : { sectors }) }
  book.fact(placed, 'tableLoaded', book.mapSubject(name), detail)
  map.features = features
  map.queueing = null
  if (placed.statement.fields.action === 'addmap') newMembers(book, placed, name, paths)
  const before = map.byTable ? map.members : null
  map.byTable = true
  map.members = new Set(paths)
  if (before === null) return []
  const order = book.at
  for (const devt of before) if (!paths.includes(devt)) map.pending.push({ devt, placed, order, out: true })
  for (const devt of paths) if (!before.has(devt)) map.pending.push({ devt, placed, order, out: false })
  return []
}

/** All paths of a map that has just been made are usable: what is said of them next is no return. */
function newMembers(book: Book, placed: Placed, map: string, paths: readonly string[]): void {
  for (const devt of paths) {
    const statement = { template: '', says: 'pathAdded', fields: { devt, map } }
    const path = book.pathOf({ ...placed, statement })
    if (path?.failed === null) path.well = true
  }
}

/** A line has said what a table had told. */
export function saidOut(book: Book, path: PathState, name: string | null): void {
  forget(book, path, name, true)
}

export function saidIn(book: Book, path: PathState, name: string | null): void {
  forget(book, path, name, false)
}

function forget(book: Book, { key }: PathState, name: string | null, out: boolean): void {
  if (name === null) return
  const map = book.mapState(name)
  map.pending = map.pending.filter((change) => change.devt !== key || change.out !== out)
  if (map.members === null) return
  if (out) map.members.delete(key)
  else map.members.add(key)
}

/** A snapshot names a map: its features are in force when it was taken. */
export function snapMap(book: Book, placed: Placed): void {
  const { map: name = '', features } = placed.statement.fields
  const map = book.mapState(name)
  if (features !== undefined) map.features ??= features
}

/** A snapshot names a member. */
export function snapMember(book: Book, placed: Placed, devt: string | null): void {
  const { map: name } = placed.statement.fields
  if (name === undefined || devt === null) return
  const map = book.mapState(name)
  map.members ??= new Set()
  // What tables have told is newer than a snapshot without a date.
  if (!map.byTable) map.members.add(devt)
}

export function removeRefused(book: Book, placed: Placed): void {
  const { map: name = '', why = '' } = placed.statement.fields
  const map = book.mapState(name)
  if (within(map.refused, placed.atUs, 2 * SECOND_US)) {
    book.witness(map.refused, placed)
    return
  }
  map.refused = book.fact(placed, 'removeRefused', book.mapSubject(name), { why })
}

export function mapRemoved(book: Book, placed: Placed): void {
  const { map: name = '' } = placed.statement.fields
  const fact = book.fact(placed, 'mapRemoved', book.mapSubject(name))
  const map = book.mapState(name)
  if (map.lastOut?.rule === 'purge' && within(map.lastOut, placed.atUs, LAST_PATH_US))
    because(fact, map.lastOut.cause, 'purge')
  if (map.dark !== null) fact.detail.dark = true
  book.maps.delete(name)
}

/** A native NVMe head has no path that can take I/O. */
export function noUsablePath(book: Book, placed: Placed, failing: boolean): void {
  const { head = '' } = placed.statement.fields
  const map = book.mapState(head)
  if (map.dark === null) {
    map.dark = book.fact(placed, 'dark', book.mapSubject(head), { io: failing ? 'failed' : 'queued' })
    map.lit = null
    nearestOf(book, map.dark)
  } else if (!failing) book.witness(map.dark, placed)
  if (!failing) return
  if (map.dark.detail.io === 'queued') map.dark.detail.io = 'queuedThenFailed'
  if (map.ioFailed !== null && within(map.ioFailed, placed.atUs, 60 * SECOND_US)) {
    book.witness(map.ioFailed, placed)
    return
  }
  map.ioFailed = book.fact(placed, 'ioFailed', book.mapSubject(head), { status: 'I/O' })
  because(map.ioFailed, map.dark, 'no-path')
}

function nearestOf(book: Book, fact: Fact): void {
  for (const port of book.ports.values()) {
    for (const what of ['connectivityLost', 'errorRecovery']) {
      const near = port.last.get(what)
      if (within(near, fact.atUs, 2 * SECOND_US) && because(fact, near, 'coincides')) return
    }
  }
}

/** A controller is back: the heads that are known to be behind it have a path again. */
export function controllerBack(book: Book, ctrl: string, fact: Fact): void {
  const known = book.names.subsystemOf(ctrl)
  const number = known === null ? null : /\d+$/.exec(known)?.[0]
  const heads = [...book.maps.values()].filter(
    ({ key, dark: open }) => open !== null && /^nvme\d+n\d+$/.test(key),
  )
  const systems = new Set(heads.map(({ key }) => /^nvme(\d+)/.exec(key)?.[1]))
  for (const head of heads) {
    const own = /^nvme(\d+)/.exec(head.key)?.[1]
    if (number === null ? systems.size === 1 : own === number) lit(book, head, fact)
  }
}
