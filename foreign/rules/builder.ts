// Statements one after the other become facts. The same for files and for a host that is watched: `take` in order of
// time, `end` when no more comes.
import type { Names } from '../identity/names.ts'
import { keyOf } from '../identity/names.ts'
import type { Fact, Placed } from '../types.ts'
import { addLines, because, Book } from './book.ts'
import { UNUSABLE } from './causes.ts'
import * as io from './io-rules.ts'
import * as looks from './look-rules.ts'
import * as maps from './map-rules.ts'
import * as paths from './path-rules.ts'
import * as ports from './port-rules.ts'
import { SECOND_US, within } from './state.ts'

/** A table's change that no line has told within this is told by the table. */
const TABLE_US = 10 * SECOND_US

const ACCESS: Readonly<Record<string, string>> = {
  A: 'optimal',
  N: 'active',
  S: 'standby',
  U: 'unavailable',
  L: 'lbaDependent',
  O: 'offline',
  T: 'transitioning',
}
const ANA: Readonly<Record<string, string>> = {
  optimized: 'optimal',
  'non-optimized': 'active',
  inaccessible: 'unavailable',
  'persistent-loss': 'offline',
  change: 'transitioning',
}

type Handler = (book: Book, placed: Placed) => void

function withDetail(what: string, ...keys: readonly string[]): Handler {
  return (book, placed) => {
    const detail: Record<string, unknown> = {}
    for (const key of keys)
      if (placed.statement.fields[key] !== undefined) detail[key] = placed.statement.fields[key]
    paths.plain(book, placed, what, detail)
  }
}

function number(placed: Placed, key: string): number {
  return Number(placed.statement.fields[key] ?? 0)
}

const HANDLERS: Readonly<Record<string, Handler>> = {
  commandFailed: io.commandFailed,
  commandDetail: io.commandDetail,
  blockError: io.blockError,
  bufferError: (book, placed) => left(book, placed),
  fsError: (book, placed) => left(book, placed),
  nvmeError: io.nvmeError,
  reservationConflict: io.reservationConflict,
  kernelFailed: paths.failed,
  markFailed: paths.failed,
  checkerFailed: paths.failed,
  askedFail: paths.failed,
  kernelBack: paths.back,
  reinstated: paths.back,
  askedReinstate: (book, placed) => {
    if ((book.pathOf(placed)?.failed ?? null) !== null) paths.back(book, placed)
  },
  checkerUp: paths.checkerUp,
  checkerDown: paths.checkerDown,
  checkerStandby: paths.checkerStandby,
  pathOffline: paths.pathOffline,
  ioRejected: paths.ioRejected,
  offlined: paths.offlined,
  marginal: paths.marginal,
  notMarginal: paths.steady,
  delayed: paths.delayed,
  steady: paths.steady,
  wwidChanged: paths.wwidChanged,
  wwidRemoving: (book, placed) => {
    const changed = book.pathOf(placed)?.wwidChanged ?? null
    if (changed !== null) book.witness(changed, placed)
  },
  pathAdded: paths.added,
  pathRemoved: paths.removed,
  attached: paths.attached,
  inquiry: (book, placed) => {
    const path = book.pathOf(placed)
    if (path !== null && placed.statement.fields.pq === '0') path.inquiry = placed.lines[0] ?? null
  },
  blocks: (book, placed) => {
    const path = book.pathOf(placed)
    if (path !== null) path.sizeBytes = number(placed, 'blocks') * number(placed, 'size')
  },
  goingAway: (book, placed) => {
    const path = book.pathOf(placed)
    if (path === null) return
    const mark = book.fact(placed, 'goingAway', book.subject(path))
    book.facts.pop()
    path.last.set('goingAway', mark)
  },
  attention: (book, placed) => attention(book, placed),
  accessState: (book, placed) => accessState(book, placed),
  disconnected: withDetail('disconnected'),
  purged: withDetail('purged'),
  askedMarginal: (book, placed) => {
    if (placed.statement.fields.action === 'set') paths.marginal(book, placed)
    else paths.steady(book, placed)
  },
  activePaths: maps.activePaths,
  recoveryEntered: maps.recoveryEntered,
  recoveryLeft: maps.recoveryLeft,
  queueingOff: maps.queueingOff,
  queueingOn: maps.queueingOn,
  tableLoaded: maps.tableLoaded,
  removeRefused: maps.removeRefused,
  mapRemoved: maps.mapRemoved,
  groupSwitched: (book, placed) => {
    const { map = '', operator } = placed.statement.fields
    const by = operator === undefined ? {} : { by: 'operator' }
    book.fact(placed, 'groupSwitched', book.mapSubject(map), { group: number(placed, 'group'), ...by })
  },
  capacityChanged: (book, placed) => capacity(book, placed),
  mapResized: (book, placed) => {
    const { map = '' } = placed.statement.fields
    const detail = { from: number(placed, 'from') * 512, to: number(placed, 'to') * 512, unit: 'bytes' }
    book.fact(placed, 'resized', book.mapSubject(map), detail)
  },
  linkUp: (book, placed) => ports.link(book, placed, true),
  linkDown: (book, placed) => ports.link(book, placed, false),
  nicLink: ports.nicLink,
  frameErrors: ports.frameErrors,
  rportLost: ports.rportLost,
  commandAborted: (book, placed) => ports.escalation(book, placed, 'commandAborted', null),
  deviceReset: (book, placed) => ports.escalation(book, placed, 'deviceReset', 'commandAborted'),
  busReset: (book, placed) => ports.escalation(book, placed, 'busReset', 'deviceReset'),
  hostReset: (book, placed) => ports.escalation(book, placed, 'hostReset', 'busReset'),
  connPing: ports.connError,
  connError: ports.connError,
  sessionTimedOut: (book, placed) =>
    ports.session(book, placed, 'sessionTimedOut', { seconds: number(placed, 'seconds') }),
  operational: (book, placed) =>
    ports.session(book, placed, 'operational', { attempts: number(placed, 'attempts') }),
  sessionOpened: (book, placed) => ports.session(book, placed, 'sessionOpened', portal(placed)),
  sessionClosed: (book, placed) => ports.session(book, placed, 'sessionClosed', portal(placed)),
  nvmeTimeout: (book, placed) =>
    void ports.controller(book, placed, 'timeout', { queue: number(placed, 'queue') }),
  errorRecovery: (book, placed) => void ports.controller(book, placed, 'errorRecovery'),
  keepAliveFailed: (book, placed) => {
    const { error } = placed.statement.fields
    ports.controller(book, placed, 'keepAliveFailed', error === undefined ? {} : { error: Number(error) })
  },
  reconnecting: (book, placed) =>
    void ports.controller(book, placed, 'reconnecting', { seconds: number(placed, 'seconds') }),
  connectFailed: ports.connectFailed,
  reconnectFailed: ports.reconnectFailed,
  reconnected: ports.reconnected,
  gaveUp: (book, placed) => ports.controllerGone(book, placed, 'gaveUp', {}),
  connectivityLost: (book, placed) => void ports.controller(book, placed, 'connectivityLost'),
  connectivityBack: (book, placed) => void ports.controller(book, placed, 'connectivityBack'),
  controllerReset: (book, placed) => {
    const { why } = placed.statement.fields
    ports.controller(book, placed, 'controllerReset', why === undefined ? {} : { why })
  },
  controllerRemoved: (book, placed) => ports.controllerGone(book, placed, 'removed', {}),
  controllerNew: (book, placed) => void ports.controller(book, placed, 'attached', {}),
  noUsablePath: (book, placed) => maps.noUsablePath(book, placed, false),
  noAvailablePath: (book, placed) => maps.noUsablePath(book, placed, true),
  suppressed: (book, placed) => {
    const { by, of } = placed.statement.fields
    book.fact(
      placed,
      'suppressed',
      { kind: 'log', host: book.host },
      { count: number(placed, 'count'), by, of },
    )
  },
  hungTask: (book, placed) => hungTask(book, placed),
  hostBooted: (book, placed) => booted(book, placed),
  hostShutdown: (book, placed) => {
    if (book.shutdown !== null && within(book.shutdown, placed.atUs, 60 * SECOND_US))
      book.witness(book.shutdown, placed)
    else book.shutdown = book.fact(placed, 'hostShutdown', { kind: 'host', host: book.host })
  },
  daemonStarted: (book, placed) => void book.fact(placed, 'daemonStarted', daemon(book)),
  daemonStopped: (book, placed) => {
    const fact = book.fact(placed, 'daemonStopped', daemon(book))
    because(fact, book.shutdown, 'stated')
  },
  reconfigure: (book, placed) => {
    const { action } = placed.statement.fields
    book.fact(placed, 'reconfigure', daemon(book), action === undefined ? {} : { by: 'operator' })
  },
  targetMessage: (book, placed) =>
    void book.fact(placed, 'targetMessage', { kind: 'session', host: book.host }),
  clockStepped: (book, placed) => {
    const { seconds } = placed.statement.fields
    const detail = seconds === undefined ? {} : { seconds: Number(seconds) }
    book.fact(placed, 'clockStepped', { kind: 'host', host: book.host }, detail)
  },
  snapMap: maps.snapMap,
  stateStated: (book, placed) => looks.stateStated(book, placed),
  portStated: ports.portStated,
  stalled: (book, placed) =>
    looks.standsStill(book, placed, 'stalled', { sinceUs: number(placed, 'sinceUs') }),
  movedAgain: (book, placed) =>
    looks.standsStill(book, placed, 'movedAgain', { stoodUs: number(placed, 'stoodUs') }),
  snapPath: (book, placed) => snapPath(book, placed),
  snapCtrl: (book, placed) => snapCtrl(book, placed),
}

function daemon(book: Book): { kind: 'daemon'; host: string; name: string } {
  return { kind: 'daemon', host: book.host, name: 'multipathd' }
}

function portal({ statement: { fields } }: Placed): Record<string, unknown> {
  return { target: fields.target, portal: fields.portal }
}

function left(book: Book, placed: Placed): void {
  const { dm } = placed.statement.fields
  if (dm !== undefined) io.leftMap(book, placed, dm, null)
}

/** The kernel's line and the uevent of the same attention are one. */
function attention(book: Book, placed: Placed): void {
  const path = book.pathOf(placed)
  if (path === null) return
  const what = placed.statement.fields.what ?? ''
  const last = path.last.get(`attention/${what}`)
  if (within(last, placed.atUs, SECOND_US) && last.actor !== '') {
    if (placed.program === 'uevent') addLines(last, placed.lines)
    else book.witness(last, placed)
    return
  }
  const fact = book.fact(placed, 'attention', book.subject(path), { what })
  path.last.set(`attention/${what}`, fact)
}

function accessState(book: Book, placed: Placed): void {
  const path = book.pathOf(placed)
  if (path === null) return
  const { group = '0', state = '', preferred } = placed.statement.fields
  const before: unknown = path.groupState?.detail.access
  if (typeof before === 'string')
    path.wasUnusable = UNUSABLE.has(before) || (path.wasUnusable && before === (ACCESS[state] ?? state))
  path.groupState = book.fact(placed, 'accessState', book.subject(path), {
    group: Number.parseInt(group, 16),
    access: ACCESS[state] ?? state,
    preferred: preferred === 'preferred',
  })
}

/** Units changed with the kernel's version: the disk's own line of blocks tells which they are. */
function capacity(book: Book, placed: Placed): void {
  const { from = '0', to = '0', dm } = placed.statement.fields
  if (Number(from) === 0 || Number(to) === 0) return
  if (dm !== undefined) {
    const map = book.names.mapOfDm(dm, book.at)
    book.fact(placed, 'resized', book.mapSubject(map, dm), {
      from: Number(from),
      to: Number(to),
      unit: 'unknown',
    })
    return
  }
  const path = book.pathOf(placed)
  if (path === null) return
  const sectors = path.sizeBytes !== null && path.sizeBytes === Number(to) * 512
  const bytes = path.sizeBytes !== null && path.sizeBytes === Number(to)
  const factor = sectors ? 512 : 1
  const unit = sectors || bytes ? 'bytes' : 'unknown'
  book.fact(placed, 'resized', book.subject(path), {
    from: Number(from) * factor,
    to: Number(to) * factor,
    unit,
  })
}

/** A worker of the kernel has no program's name: who waits is not told by it. */
function hungTask(book: Book, placed: Placed): void {
  const { task = '' } = placed.statement.fields
  if (/^k?worker\//.test(task) || task.startsWith('kworker')) return
  const fact = book.fact(
    placed,
    'hungTask',
    { kind: 'host', host: book.host },
    { task, seconds: number(placed, 'seconds') },
  )
  const open = [...book.maps.values()].filter((map) => map.dark !== null)
  if (open.length === 1) because(fact, open[0]?.dark, 'coincides')
}

/** Nothing is known of a path or a map after a boot until it is mentioned again. */
function booted(book: Book, placed: Placed): void {
  const before = book.facts.length > 0
  const fact = book.fact(
    placed,
    'hostBooted',
    { kind: 'host', host: book.host },
    { kernel: placed.statement.fields.version },
  )
  if (!before) return
  for (const path of book.paths.values()) if (path.failed !== null) path.failed.detail.endedBy = fact
  for (const map of book.maps.values()) if (map.dark !== null) map.dark.detail.endedBy = fact
  book.paths.clear()
  book.maps.clear()
  book.ports.clear()
  book.shutdown = null
}

function snapshotName(placed: Placed): string | null {
  const { taken } = placed.statement.fields
  return taken ?? null
}

function snapPath(book: Book, placed: Placed): void {
  const path = book.pathOf(placed)
  maps.snapMember(book, placed, keyOf(placed.statement.fields))
  const { kernel, checker, device } = placed.statement.fields
  if (path === null || (kernel !== 'failed' && checker !== 'faulty')) {
    path?.last.delete('statedFailed')
    return
  }
  if (path.failed !== null || path.last.has('statedFailed')) return
  const taken = snapshotName(placed)
  const detail = { kernel, checker, device, ...(taken === null ? {} : { snapshot: taken }) }
  path.last.set('statedFailed', book.fact(placed, 'statedFailed', book.subject(path), detail))
}

function snapCtrl(book: Book, placed: Placed): void {
  const { ctrl = '', ana } = placed.statement.fields
  const access = ana === undefined ? undefined : ANA[ana]
  if (access === undefined) return
  const taken = snapshotName(placed)
  const { last } = book.port(`ctrl/${ctrl}`)
  const before = last.get('accessStated')
  if (placed.atUs !== null && before?.detail.access === access) return
  const detail = { access, ...(taken === null ? {} : { snapshot: taken }) }
  const subject = {
    kind: 'path' as const,
    host: book.host,
    ctrl,
    map: null,
    wwid: null,
    hctl: null,
    dev: null,
    devt: null,
  }
  last.set('accessStated', book.fact(placed, 'accessStated', subject, detail))
}

/** Facts out of the statements of one host, taken in order of time. */
export class FactBuilder {
  readonly book: Book

  constructor(host: string, names: Names) {
    this.book = new Book(host, names)
  }

  take(placed: Placed, at: number): void {
    this.book.at = at
    this.#tables(placed.atUs)
    HANDLERS[placed.statement.says]?.(this.book, placed)
  }

  /** What was open at the end of what was read stays open; what waited for a line is told. */
  end(): Fact[] {
    this.#tables(Infinity)
    for (const path of this.book.paths.values()) io.flushCommand(this.book, path)
    return this.book.facts
  }

  /** Members that came or went by a table alone. */
  #tables(nowUs: number | null): void {
    for (const map of this.book.maps.values()) {
      if (map.pending.length === 0) continue
      const due = map.pending.filter(({ placed }) => nowUs === null || (placed.atUs ?? 0) + TABLE_US < nowUs)
      if (due.length === 0) continue
      map.pending = map.pending.filter((change) => !due.includes(change))
      for (const change of due) this.#tableChange(map.key, change)
    }
  }

  #tableChange(
    map: string,
    { devt, placed, order, out }: { devt: string; placed: Placed; order: number; out: boolean },
  ): void {
    const { book } = this
    const at = book.at
    book.at = order
    const path = book.pathOf({
      ...placed,
      statement: { template: '', says: 'pathAdded', fields: { devt, map } },
    })
    book.at = at
    if (path === null) return
    if (!out) paths.putIn(book, path, placed)
    else if (!path.removed) paths.takenOut(book, path, book.fact(placed, 'removed', book.subject(path)))
  }
}
