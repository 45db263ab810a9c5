// From lines to what happened to a path: failed and back, the checker's word, in and out of its map.
import type { Fact, Placed } from '../types.ts'
import { wwidOf } from '../identity/spell.ts'
import { because, type Book } from './book.ts'
import { causeOverPorts } from './causes.ts'
import { flushCommand } from './io-rules.ts'
import { pathIn, pathOut, saidIn, saidOut } from './map-rules.ts'
import { SECOND_US, sinceUs, within, type PathState } from './state.ts'

const NEAR_US = 2 * SECOND_US
/** Kernel and multipathd tell one failure, or one return, within this. */
const SAME_US = 10 * SECOND_US

export function failed(book: Book, placed: Placed): void {
  const path = book.pathOf(placed)
  if (path === null) return
  const { says, fields } = placed.statement
  flushCommand(book, path)
  if (path.failed !== null) {
    book.witness(path.failed, placed)
    if (
      says === 'checkerFailed' &&
      path.failed.detail.by === 'kernel' &&
      path.failed.cause?.what !== 'ioErrors'
    ) {
      path.failed.detail.by = 'checker'
    }
    return
  }
  const by = says === 'checkerFailed' ? 'checker' : says === 'askedFail' ? 'operator' : 'kernel'
  const fact = book.fact(placed, 'failed', book.subject(path, dmDevtOf(path, fields)), { by })
  path.failed = fact
  path.well = false
  path.back = null
  path.last.set('failed', fact)
  whyFailed(book, path, fact)
  pathOut(book, path, fact)
}

/** Where the map has no name, its number is all there is. */
function dmDevtOf(path: PathState, fields: Readonly<Record<string, string>>): string | undefined {
  return path.name.map === null ? fields.dmDevt : undefined
}

function whyFailed(book: Book, path: PathState, fact: Fact): void {
  if (fact.detail.by === 'operator') return
  const { down } = path
  if (path.checkerWord === 'down' && within(down, fact.atUs, NEAR_US)) {
    because(fact, down, 'checker')
    fact.detail.by = 'checker'
    return
  }
  const offline = path.offline
  const errors = [path.io, path.last.get('ioRejected')].filter((one) => within(one, fact.atUs, NEAR_US))
  const last = errors.sort((a, b) => lastOf(b) - lastOf(a))[0]
  if (because(fact, last, 'io-error')) return
  if (within(offline, fact.atUs, NEAR_US)) return
  causeOverPorts(book, path, fact, 'failed')
}

function lastOf(fact: Fact): number {
  return fact.lastUs ?? fact.atUs ?? 0
}

export function back(book: Book, placed: Placed): void {
  const path = book.pathOf(placed)
  if (path === null) return
  const { says, fields } = placed.statement
  if (path.back !== null && (path.well || within(path.back, placed.atUs, SAME_US))) {
    if (within(path.back, placed.atUs, SAME_US)) book.witness(path.back, placed)
    return
  }
  // Said of a path that had not failed, as after its map was made, or of one that is not there.
  if ((path.well && says !== 'kernelBack') || path.removed) return
  const checker = path.checkerWord !== 'down' && within(path.last.get('checkerUp'), placed.atUs, NEAR_US)
  const by = says === 'askedReinstate' ? 'operator' : checker ? 'checker' : 'unknown'
  const fact = book.fact(placed, 'back', book.subject(path, dmDevtOf(path, fields)), { by })
  if (by === 'checker') because(fact, path.last.get('checkerUp'), 'checker')
  path.back = fact
  becameUsable(book, path, fact)
}

/** Ends what was open while it was out. */
function becameUsable(book: Book, path: PathState, fact: Fact): void {
  flushCommand(book, path)
  path.failed = null
  path.well = true
  path.io = null
  path.down = null
  path.offline = null
  path.last.set('back', fact)
  pathIn(book, path, fact)
}

export function checkerUp(book: Book, placed: Placed): void {
  const path = book.pathOf(placed)
  if (path === null) return
  const before = path.checkerWord
  const last = path.last.get('checkerUp')
  path.checkerWord = 'up'
  path.down = null
  path.offline = null
  if (before === 'up' && path.failed === null && last !== undefined && path.well) {
    book.witness(last, placed)
    return
  }
  const fact = book.fact(placed, 'checkerUp', book.subject(path), checkerOf(placed))
  path.last.set('checkerUp', fact)
  causeOverPorts(book, path, fact, 'checkerUp')
  if (path.used.get('checkerUp/stated') !== path.steady && because(fact, path.steady, 'stated')) {
    path.used.set('checkerUp/stated', path.steady as Fact)
  }
}

function checkerOf(placed: Placed): Record<string, unknown> {
  const { fields } = placed.statement
  return fields.checker === undefined ? {} : { checker: fields.checker }
}

export function checkerDown(book: Book, placed: Placed): void {
  const path = book.pathOf(placed)
  if (path === null) return
  path.checkerWord = 'down'
  if (path.down !== null) {
    book.witness(path.down, placed)
    path.down.detail.repeats = Number(path.down.detail.repeats) + 1
    return
  }
  const { why } = placed.statement.fields
  path.down = book.fact(placed, 'checkerDown', book.subject(path), {
    ...checkerOf(placed),
    repeats: 1,
    ...(why === undefined ? {} : { why }),
  })
  path.last.set('checkerDown', path.down)
  causeOverPorts(book, path, path.down, 'checkerDown')
  because(path.down, path.last.get('disconnected'), 'stated')
}

export function checkerStandby(book: Book, placed: Placed): void {
  const path = book.pathOf(placed)
  if (path === null) return
  const before = path.checkerWord
  path.checkerWord = 'standby'
  path.down = null
  const last = path.last.get('checkerStandby')
  if (before === 'standby' && last !== undefined) {
    book.witness(last, placed)
    last.detail.repeats = Number(last.detail.repeats) + 1
    return
  }
  const detail = { ...checkerOf(placed), repeats: 1 }
  path.last.set('checkerStandby', book.fact(placed, 'checkerStandby', book.subject(path), detail))
}

export function pathOffline(book: Book, placed: Placed): void {
  const path = book.pathOf(placed)
  if (path === null) return
  if (path.offline !== null) {
    book.witness(path.offline, placed)
    path.offline.detail.repeats = Number(path.offline.detail.repeats) + 1
    return
  }
  path.offline = book.fact(placed, 'pathOffline', book.subject(path), { repeats: 1 })
}

/** A statement of a path that is a fact by itself: `what` with what its line carries. */
export function plain(
  book: Book,
  placed: Placed,
  what: string,
  detail: Record<string, unknown>,
): Fact | null {
  const path = book.pathOf(placed)
  if (path === null) return null
  const fact = book.fact(placed, what, book.subject(path), detail)
  path.last.set(what, fact)
  return fact
}

export function ioRejected(book: Book, placed: Placed): void {
  const path = book.pathOf(placed)
  if (path === null) return
  const open = path.last.get('ioRejected')
  if (open !== undefined && path.failed !== null && sinceUs(open, placed.atUs) <= 60 * SECOND_US) {
    book.witness(open, placed)
    open.detail.count = Number(open.detail.count) + 1
    return
  }
  const { why } = placed.statement.fields
  const fact = plain(book, placed, 'ioRejected', { why: why ?? 'offline', count: 1 })
  if (fact !== null) because(fact, path.last.get('offlined'), 'stated')
}

export function offlined(book: Book, placed: Placed): void {
  const path = book.pathOf(placed)
  if (path === null) return
  const fact = book.fact(placed, 'offlined', book.subject(path), { why: placed.statement.fields.why ?? '' })
  path.last.set('offlined', fact)
  if (within(book.hostReset, placed.atUs, 60 * SECOND_US)) because(fact, book.hostReset, 'escalation')
  if (path.failed === null) {
    path.well = false
    pathOut(book, path, fact)
  }
}

export function marginal(book: Book, placed: Placed): void {
  const path = book.pathOf(placed)
  if (path === null) return
  // At every check it says `now` again.
  if (path.marginal !== null) {
    book.witness(path.marginal, placed)
    return
  }
  path.marginal = book.fact(placed, 'marginal', book.subject(path))
  if (path.delayed !== null) because(path.marginal, path.delayed, 'stated')
}

export function delayed(book: Book, placed: Placed): void {
  const path = book.pathOf(placed)
  if (path === null) return
  if (path.delayed !== null) {
    book.witness(path.delayed, placed)
    return
  }
  path.delayed = book.fact(placed, 'delayed', book.subject(path), { why: 'error threshold' })
  because(path.delayed, path.last.get('failed'), 'flapping')
}

export function steady(book: Book, placed: Placed): void {
  const path = book.pathOf(placed)
  if (path === null) return
  path.marginal = null
  path.delayed = null
  if (within(path.steady, placed.atUs, SAME_US)) {
    book.witness(path.steady, placed)
    return
  }
  const { why } = placed.statement.fields
  path.steady = book.fact(placed, 'steady', book.subject(path), why === undefined ? {} : { why })
}

export function wwidChanged(book: Book, placed: Placed): void {
  const path = book.pathOf(placed)
  if (path === null) return
  const { from = '', to = '' } = placed.statement.fields
  if (within(path.wwidChanged, placed.atUs, SAME_US)) {
    book.witness(path.wwidChanged, placed)
    return
  }
  path.wwidChanged = book.fact(placed, 'wwidChanged', book.subject(path), {
    from: wwidOf(from),
    to: wwidOf(to),
  })
}

export function removed(book: Book, placed: Placed): void {
  const path = book.pathOf(placed)
  if (path === null) return
  flushCommand(book, path)
  const fact = book.fact(placed, 'removed', book.subject(path))
  takenOut(book, path, fact)
  saidOut(book, path, placed.statement.fields.map ?? path.name.map)
}

/** What a removal ends, and where it came from. */
export function takenOut(book: Book, path: PathState, fact: Fact): void {
  whyRemoved(book, path, fact)
  path.removed = true
  path.well = false
  path.io = null
  path.down = null
  path.offline = null
  path.failed = null
  path.back = null
  path.marginal = null
  path.checkerWord = null
  path.last.set('removed', fact)
  pathOut(book, path, fact)
}

function whyRemoved(book: Book, path: PathState, fact: Fact): void {
  if (because(fact, rportOf(book, path, fact.atUs), 'rport')) return
  if (within(path.wwidChanged, fact.atUs, SAME_US) && because(fact, path.wwidChanged, 'identity')) return
  const purged = path.last.get('purged')
  if (within(purged, fact.atUs, SAME_US) && because(fact, purged, 'purge')) return
  const host = path.name.hctl?.split(':')[0]
  const sid = host === undefined ? null : book.names.sessionOfHost(host)
  const closed = sid === null ? null : book.ports.get(`session/${sid}`)?.last.get('sessionClosed')
  if (within(closed, fact.atUs, NEAR_US)) because(fact, closed, 'coincides')
}

/** A remote port that is known to lead there, or the only one of the host that was lost just now. */
function rportOf(book: Book, path: PathState, atUs: number | null): Fact | null {
  const { hctl } = path.name
  if (hctl === null) return null
  const known = book.names.rportsOf(hctl)
  const host = hctl.split(':')[0] ?? ''
  const lost = [...book.ports].flatMap(([key, port]) => {
    const fact = key.startsWith('rport/') ? port.last.get('rportLost') : undefined
    const id = key.slice('rport/'.length)
    const fits = known.length > 0 ? known.includes(id) : id.startsWith(`${host}:`)
    return fits && within(fact, atUs, SAME_US) ? [fact] : []
  })
  return lost.length === 1 ? (lost[0] ?? null) : null
}

export function added(book: Book, placed: Placed): void {
  const path = book.pathOf(placed)
  if (path === null) return
  if (path.removed && path.last.get('attached')?.subject.life !== path.life) path.life += 1
  putIn(book, path, placed)
  saidIn(book, path, placed.statement.fields.map ?? path.name.map)
}

/** A path that is a member from here. */
export function putIn(book: Book, path: PathState, placed: Placed): Fact {
  path.removed = false
  const fact = book.fact(placed, 'added', book.subject(path))
  if (within(path.wwidChanged, placed.atUs, SAME_US)) because(fact, path.wwidChanged, 'identity')
  path.wwidChanged = null
  path.last.set('added', fact)
  path.failed = null
  path.back = null
  path.well = true
  pathIn(book, path, fact)
  return fact
}

export function attached(book: Book, placed: Placed): void {
  const path = book.pathOf(placed)
  if (path === null) return
  if (path.removed || path.last.has('goingAway')) path.life += 1
  path.last.delete('goingAway')
  const size = path.sizeBytes
  const fact = book.fact(placed, 'attached', book.subject(path), size === null ? {} : { sizeBytes: size })
  if (path.inquiry !== null) fact.lines.unshift(path.inquiry)
  path.inquiry = null
  path.last.set('attached', fact)
}
