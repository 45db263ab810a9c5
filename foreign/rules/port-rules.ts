// What happens on the way to a path: links, remote ports, sessions, controllers, adapters that reset.
import type { Fact, Placed, Subject } from '../types.ts'
import { because, type Book } from './book.ts'
import { controllerBack } from './map-rules.ts'
import { SECOND_US, within, type PathState, type PortState } from './state.ts'

const SAME_US = 10 * SECOND_US
const STEP_US = 60 * SECOND_US

function numberOf(text: string | undefined): number | null {
  return text === undefined ? null : Number(text)
}

function adapterSubject(book: Book, { statement: { fields } }: Placed): Subject {
  return {
    ...{ kind: 'adapter', host: book.host, pci: fields.pci ?? null, scsiHost: numberOf(fields.host) },
    ...(fields.nic === undefined ? {} : { nic: fields.nic }),
  }
}

export function link(book: Book, placed: Placed, up: boolean): void {
  const { pci = '', word } = placed.statement.fields
  const port = book.port(`pci/${pci}`)
  const what = up ? 'linkUp' : 'linkDown'
  if (port.link?.what === what && within(port.link, placed.atUs, SECOND_US)) {
    book.witness(port.link, placed)
    return
  }
  port.link = book.fact(placed, what, adapterSubject(book, placed), word === undefined ? {} : { word })
}

/** A network card has its own port, which no line ties to a path. Up alone is how it begins. */
export function nicLink(book: Book, placed: Placed): void {
  const { nic, bond, word = '' } = placed.statement.fields
  const port = book.port(`nic/${nic ?? bond ?? ''}`)
  const up = /up/i.test(word)
  if (up && port.link?.what !== 'linkDown') return
  const what = up ? 'linkUp' : 'linkDown'
  if (port.link?.what === what) {
    book.witness(port.link, placed)
    return
  }
  const { fields } = placed.statement
  const subject: Subject = {
    kind: 'adapter',
    host: book.host,
    nic: nic ?? bond ?? null,
    pci: fields.pci ?? null,
  }
  port.link = book.fact(placed, what, subject)
}

export function frameErrors(book: Book, placed: Placed): void {
  const port = book.port(`pci/${placed.statement.fields.pci ?? ''}`)
  const last = port.last.get('frameErrors')
  if (within(last, placed.atUs, SECOND_US)) book.witness(last, placed)
  else port.last.set('frameErrors', book.fact(placed, 'frameErrors', adapterSubject(book, placed)))
}

/** Abort, device reset, bus reset, host reset: each step of error handling comes from the one before. */
export function escalation(book: Book, placed: Placed, what: string, from: string | null): void {
  const { fields } = placed.statement
  const scsiHost = fields.host ?? fields.hctl?.split(':')[0] ?? book.names.hostOfPci(fields.pci ?? '')
  const path = targetOf(book, placed, scsiHost)
  const ofPath = path !== null && what !== 'busReset' && what !== 'hostReset'
  const subject = ofPath ? book.subject(path) : adapterSubject(book, placed)
  const result = fields.result === undefined ? {} : { result: fields.result.trim() }
  const fact = book.fact(placed, what, subject, result)
  const own = book.port(`scsiHost/${scsiHost ?? fields.pci ?? ''}`)
  const before = stepBefore(path, own, from)
  if (within(before, placed.atUs, STEP_US)) because(fact, before, 'escalation')
  own.last.set(what, fact)
  path?.last.set(what, fact)
  if (what === 'hostReset') book.hostReset = fact
}

function stepBefore(path: PathState | null, own: PortState, from: string | null): Fact | undefined {
  return from === null ? undefined : (path?.last.get(from) ?? own.last.get(from))
}

function targetOf(book: Book, placed: Placed, scsiHost: string | null): PathState | null {
  const { fields } = placed.statement
  const hctl = fields.hctl ?? nexusOf(scsiHost, fields)
  return hctl === null
    ? null
    : book.pathOf({ ...placed, statement: { ...placed.statement, fields: { hctl } } })
}

/** nexus=H:I:L has no channel: it is 0 on these adapters. */
function nexusOf(host: string | null, fields: Readonly<Record<string, string>>): string | null {
  if (fields.nexus !== undefined) {
    const [h, target, lun] = fields.nexus.split(':')
    return `${h ?? ''}:0:${target ?? ''}:${lun ?? ''}`
  }
  return host === null || fields.target === undefined
    ? null
    : `${host}:0:${fields.target}:${fields.lun ?? ''}`
}

export function rportLost(book: Book, placed: Placed): void {
  const { rport, wwpn } = placed.statement.fields
  const id = rport ?? wwpn ?? ''
  const port = book.port(`rport/${id}`)
  const last = port.last.get('rportLost')
  if (within(last, placed.atUs, SAME_US)) {
    book.witness(last, placed)
    return
  }
  const scsiHost = rport === undefined ? null : Number(rport.split(':')[0])
  const subject: Subject = {
    ...{ kind: 'rport', host: book.host, rport: rport === undefined ? null : `rport-${rport}`, scsiHost },
    ...(wwpn === undefined ? {} : { wwpn }),
  }
  port.last.set('rportLost', book.fact(placed, 'rportLost', subject))
}

function sessionSubject(book: Book, { statement: { fields } }: Placed): Subject {
  const cid = numberOf(fields.cid)
  return { kind: 'session', host: book.host, sid: numberOf(fields.sid), ...(cid === null ? {} : { cid }) }
}

/** Ping timeout, the kernel's error and iscsid's word for it are one. */
export function connError(book: Book, placed: Placed): void {
  const { fields } = placed.statement
  const port = book.port(`session/${fields.sid ?? ''}`)
  const open = port.last.get('connError')
  const code = numberOf(fields.code)
  if (
    within(open, placed.atUs, SAME_US) &&
    (code === null || open.detail.code === undefined || open.detail.code === code)
  ) {
    book.witness(open, placed)
    if (code !== null) open.detail.code = code
    return
  }
  port.last.set(
    'connError',
    book.fact(placed, 'connError', sessionSubject(book, placed), code === null ? {} : { code }),
  )
}

export function session(book: Book, placed: Placed, what: string, detail: Record<string, unknown>): void {
  const port = book.port(`session/${placed.statement.fields.sid ?? ''}`)
  const fact = book.fact(placed, what, sessionSubject(book, placed), detail)
  if (what === 'sessionTimedOut') {
    const lost = port.last.get('connError')
    const since = port.last.get('operational')
    if (lost !== undefined && (since === undefined || since.order < lost.order))
      because(fact, lost, 'session')
  }
  port.last.set(what, fact)
}

function ctrlSubject(book: Book, ctrl: string): Subject {
  return { kind: 'path', host: book.host, ctrl, map: null, wwid: null, hctl: null, dev: null, devt: null }
}

/** What each fact of a controller comes from. */
const STATED: Readonly<Record<string, string>> = {
  errorRecovery: 'timeout',
  keepAliveFailed: 'errorRecovery',
  gaveUp: 'connectivityLost',
}

export function controller(
  book: Book,
  placed: Placed,
  what: string,
  detail: Record<string, unknown> = {},
): Fact | null {
  const ctrl = placed.statement.fields.ctrl ?? ''
  const port = book.port(`ctrl/${ctrl}`)
  const last = port.last.get(what)
  // One episode waits many times and is told once; a burst of timeouts is one as well.
  if (what === 'reconnecting' && last !== undefined) {
    book.witness(last, placed)
    last.lines.length -= placed.lines.length
    return null
  }
  if (what === 'timeout' && within(last, placed.atUs, 2 * SECOND_US)) {
    book.witness(last, placed)
    return null
  }
  const fact = book.fact(placed, what, ctrlSubject(book, ctrl), detail)
  const from = STATED[what]
  const cause = from === undefined ? undefined : port.last.get(from)
  if (from !== undefined && (from !== 'timeout' || within(cause, placed.atUs, 2 * SECOND_US)))
    because(fact, cause, 'stated')
  port.last.set(what, fact)
  return fact
}

export function reconnectFailed(book: Book, placed: Placed): void {
  const { ctrl = '', attempt } = placed.statement.fields
  const port = book.port(`ctrl/${ctrl}`)
  const socket = port.last.get('connectFailed')
  if (within(socket, placed.atUs, SECOND_US)) {
    port.last.delete('connectFailed')
    socket.detail.attempt = Number(attempt)
    book.witness(socket, placed)
    return
  }
  book.fact(placed, 'reconnectFailed', ctrlSubject(book, ctrl), { attempt: Number(attempt) })
}

export function connectFailed(book: Book, placed: Placed): void {
  const { ctrl = '', errno } = placed.statement.fields
  const detail = errno === undefined ? {} : { errno: Number(errno) }
  book
    .port(`ctrl/${ctrl}`)
    .last.set('connectFailed', book.fact(placed, 'reconnectFailed', ctrlSubject(book, ctrl), detail))
}

/** `creating`, `mapped` and `Successfully reconnected` are one. */
export function connecting(book: Book, placed: Placed): void {
  const pending = book.port(`ctrl/${placed.statement.fields.ctrl ?? ''}/connecting`)
  const last = pending.last.get('lines')
  if (within(last, placed.atUs, SAME_US)) last.lines.push(...placed.lines)
  else {
    const fact = book.fact(placed, '', ctrlSubject(book, ''))
    book.facts.pop()
    pending.last.set('lines', fact)
  }
}

export function reconnected(book: Book, placed: Placed): void {
  const { ctrl = '', attempts } = placed.statement.fields
  const fact = controller(book, placed, 'reconnected', { attempts: Number(attempts) })
  if (fact === null) return
  const pending = book.port(`ctrl/${ctrl}/connecting`)
  const lines = pending.last.get('lines')
  if (within(lines, placed.atUs, SAME_US)) fact.lines.unshift(...lines.lines)
  pending.last.clear()
  ended(book, ctrl)
  controllerBack(book, ctrl, fact)
}

/** A controller that is gone, asked for or given up. */
export function controllerGone(
  book: Book,
  placed: Placed,
  what: string,
  detail: Record<string, unknown>,
): void {
  const fact = controller(book, placed, what, detail)
  if (fact !== null) ended(book, placed.statement.fields.ctrl ?? '')
}

function ended(book: Book, ctrl: string): void {
  const { last } = book.port(`ctrl/${ctrl}`)
  for (const what of ['reconnecting', 'errorRecovery', 'timeout', 'connectFailed']) last.delete(what)
}

/** The state of a remote port, a session or a controller, as sysfs has it. */
export function portStated(book: Book, placed: Placed): void {
  const { rport, sid, ctrl = '', state, was } = placed.statement.fields
  const { host } = book
  const subject: Subject =
    rport !== undefined
      ? { kind: 'rport', host, rport: `rport-${rport}`, scsiHost: numberOf(rport.split(':')[0]) }
      : sid !== undefined
        ? { kind: 'session', host, sid: Number(sid) }
        : ctrlSubject(book, ctrl)
  book.fact(placed, 'portStated', subject, { state, was })
}
