// Commands that failed, errors of the block layer, and what left a map. One failed command is several lines.
import type { Fact, Placed } from '../types.ts'
import { addLines, because, type Book } from './book.ts'
import { causeOverPorts } from './causes.ts'
import { newPath, SECOND_US, sinceUs, within, type Command, type MapState, type PathState } from './state.ts'

/** Errors of one path are one fact until it is silent for so long. */
const SILENCE_US = 60 * SECOND_US
const NEAR_US = 2 * SECOND_US

const CONFLICTS = new Set(['critical nexus', 'reservation conflict'])

export function commandFailed(book: Book, placed: Placed): void {
  const path = book.pathOf(placed)
  if (path === null) return
  const { fields } = placed.statement
  flushCommand(book, path)
  // A command that met a reservation is told by the line before it.
  if (path.conflict !== null && path.conflictUs !== null && (placed.atUs ?? 0) - path.conflictUs <= NEAR_US) {
    if (fields.hostbyte === 'DID_OK') {
      addLines(path.conflict, placed.lines)
      path.conflictUs = null
      path.command = { ...newCommand(placed), hostbyte: '' }
      return
    }
  }
  path.command = newCommand(placed)
}

function newCommand(placed: Placed): Command {
  const { fields } = placed.statement
  return {
    ...{ placed, hostbyte: fields.hostbyte ?? '', tag: fields.tag ?? null, lines: [...placed.lines] },
    ...{ key: null, sense: null, op: null, sector: null },
  }
}

export function commandDetail(book: Book, placed: Placed): void {
  const path = book.pathOf(placed)
  const command = path?.command ?? null
  const { fields } = placed.statement
  if (path === null || command === null || (fields.tag ?? null) !== command.tag) return
  // The checker's own command is no I/O.
  if (/^(?:Test Unit Ready|Inquiry)/.test(fields.cdb ?? '')) {
    path.command = null
    return
  }
  if (command.hostbyte === '' && path.conflict !== null) addLines(path.conflict, placed.lines)
  addDetail(command, placed)
}

function addDetail(command: Command, { lines, statement: { fields } }: Placed): void {
  command.lines.push(...lines)
  command.key ??= fields.key ?? null
  command.sense ??= fields.sense ?? null
  if (fields.cdb !== undefined) Object.assign(command, cdbOf(fields.cdb))
}

function cdbOf(text: string): { op: string | null; sector: number | null } {
  const match = /^(Read|Write)\((\d+)\):? (.*)$/.exec(text)
  if (match === null) return { op: null, sector: null }
  const bytes = (match[3] ?? '').trim().split(/\s+/)
  const at = match[2] === '6' ? [1, 4] : match[2] === '16' ? [2, 10] : [2, 6]
  const lba = Number.parseInt(bytes.slice(at[0], at[1]).join(''), 16)
  return { op: (match[1] ?? '').toLowerCase(), sector: Number.isFinite(lba) ? lba : null }
}

/** A command whose block-layer line never came: suppressed, or the kernel's own. It failed all the same. */
export function flushCommand(book: Book, path: PathState): void {
  const { command } = path
  path.command = null
  if (command === null || command.hostbyte === '' || command.op === null) return
  grow(book, path, command.placed, { status: null, op: command.op, sector: command.sector, command })
}

export function blockError(book: Book, placed: Placed): void {
  const { fields } = placed.statement
  if (fields.dm !== undefined) {
    leftMap(book, placed, fields.dm, fields.status ?? 'I/O')
    return
  }
  if (fields.dev?.startsWith('nvme') === true && !/c\d+n/.test(fields.dev)) return
  const path = book.pathOf(placed)
  if (path === null) return
  const { command } = path
  path.command = null
  grow(book, path, placed, {
    status: fields.status ?? null,
    op: fields.op?.toLowerCase() ?? command?.op ?? null,
    sector: fields.sector === undefined ? null : Number(fields.sector),
    command,
  })
}

interface Failed {
  readonly status: string | null
  readonly op: string | null
  readonly sector: number | null
  readonly command: Command | null
}

function firstDetail({ status, op, sector, command }: Failed): Record<string, unknown> {
  const own = command === null || command.hostbyte === '' ? null : command
  return {
    count: 1,
    ...(status === null ? {} : { status }),
    ...(op === null ? {} : { op }),
    ...(sector === null ? {} : { sector }),
    ...(own === null ? {} : { hostbyte: own.hostbyte }),
    ...(own?.sense === null || own === null ? {} : { sense: [own.key, own.sense] }),
  }
}

function grow(book: Book, path: PathState, placed: Placed, { status, op, sector, command }: Failed): void {
  const lines = [...(command === null || command.hostbyte === '' ? [] : command.lines), ...placed.lines]
  const unique = command?.placed === placed ? command.lines : lines
  if (path.io !== null && sinceUs(path.io, placed.atUs) <= SILENCE_US) {
    addLines(path.io, unique)
    path.io.lastUs = placed.atUs
    path.io.detail.count = Number(path.io.detail.count) + 1
    return
  }
  const fact = book.fact(placed, 'ioErrors', book.subject(path), firstDetail({ status, op, sector, command }))
  fact.lines.length = 0
  addLines(fact, unique)
  path.io = fact
  path.last.set('ioErrors', fact)
  const conflict = path.conflict
  if (status !== null && CONFLICTS.has(status) && within(conflict, placed.atUs, NEAR_US)) {
    because(fact, conflict, 'reservation')
  } else causeOverPorts(book, path, fact, 'ioErrors')
}

export function reservationConflict(book: Book, placed: Placed): void {
  const path = book.pathOf(placed)
  if (path === null) return
  path.conflictUs = placed.atUs
  if (path.conflict !== null && sinceUs(path.conflict, placed.atUs) <= SILENCE_US) {
    book.witness(path.conflict, placed)
    path.conflict.detail.count = Number(path.conflict.detail.count) + 1
    return
  }
  path.conflict = book.fact(placed, 'reservationConflict', book.subject(path), { count: 1 })
  path.last.set('reservationConflict', path.conflict)
}

/** An error that left a dm device: somebody was told. Which map it is must be known. */
export function leftMap(book: Book, placed: Placed, dm: string, status: string | null): void {
  const map = book.names.mapOfDm(dm, book.at)
  const state = book.mapState(map ?? dm)
  const shutDown = /hutdown|hutting down|umount|read-only|Aborting|aborted/.test(
    placed.statement.fields.text ?? '',
  )
  const open = state.ioFailed
  if (open !== null && sinceUs(open, placed.atUs) <= SILENCE_US) {
    book.witness(open, placed)
    if (status !== null) open.detail.count = Number(open.detail.count ?? 0) + 1
    if (shutDown) open.detail.fsShutDown = true
    return
  }
  const fact = book.fact(placed, 'ioFailed', book.mapSubject(map, dm), {
    status: status ?? 'I/O',
    ...(status === null ? {} : { count: 1 }),
    ...(shutDown ? { fsShutDown: true } : {}),
  })
  state.ioFailed = fact
  whyLeft(book, state, fact, map)
}

function whyLeft(book: Book, state: MapState, fact: Fact, map: string | null): void {
  if (map === null) return
  for (const path of book.paths.values()) {
    if (path.name.map !== map || !within(path.conflict, fact.atUs, NEAR_US)) continue
    because(fact, path.conflict, 'reservation')
    return
  }
  if (state.dark === null) return
  because(fact, state.queueingOff ?? state.dark, 'no-path')
  if (state.dark.detail.io === 'unknown') state.dark.detail.io = 'failed'
}

export function nvmeError(book: Book, placed: Placed): void {
  const { fields } = placed.statement
  if (!/c\d+n/.test(fields.dev ?? '')) return
  const key = fields.dev ?? ''
  const path = book.paths.get(key) ?? nvmePath(book, key)
  const sector = fields.lba === undefined ? null : Number(fields.lba)
  grow(book, path, placed, {
    status: fields.text ?? null,
    op: fields.op?.toLowerCase() ?? null,
    sector,
    command: null,
  })
}

function nvmePath(book: Book, dev: string): PathState {
  const state = newPath(dev, { map: null, wwid: null, hctl: null, dev, devt: null })
  book.paths.set(dev, state)
  return state
}
