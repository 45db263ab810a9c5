// Which fact a change of a path came from, over the ports that are known to lead to it. Each rule links only what is
// known to belong together, and each cause explains one change of a kind of each path.
import type { Fact } from '../types.ts'
import type { Book } from './book.ts'
import { because } from './book.ts'
import { SECOND_US, within, type PathState } from './state.ts'

/** Access states in which a target port takes no I/O. */
export const UNUSABLE: ReadonlySet<string> = new Set(['standby', 'unavailable', 'offline', 'transitioning'])
const NEAR_US = 2 * SECOND_US

type Change = 'ioErrors' | 'checkerDown' | 'checkerUp' | 'failed'

/** Finds the cause of a change over adapter, session and port group, in this order. */
export function causeOverPorts(book: Book, path: PathState, fact: Fact, change: Change): void {
  const up = change === 'checkerUp'
  if (once(path, fact, change, linkOf(book, path, up), 'adapter')) return
  if (change === 'ioErrors' && because(fact, framesOf(book, path, fact.atUs), 'adapter')) return
  if (once(path, fact, change, sessionOf(book, path, change), 'session')) return
  if (change !== 'failed') once(path, fact, change, groupOf(path, up), 'port-group')
}

function once(path: PathState, fact: Fact, change: Change, cause: Fact | null, rule: string): boolean {
  const key = `${change}/${rule}`
  if (cause === null || path.used.get(key) === cause) return false
  path.used.set(key, cause)
  return because(fact, cause, rule)
}

/** Keys of adapters that are known to be the way to a path: by host number and by what a PCI address leads to. */
function adaptersOf(book: Book, path: PathState): string[] {
  const host = path.name.hctl?.split(':')[0]
  if (host === undefined) return []
  return [...book.ports.keys()].filter((key) => {
    if (!key.startsWith('pci/')) return false
    return book.names.hostOfPci(key.slice('pci/'.length)) === host
  })
}

function linkOf(book: Book, path: PathState, up: boolean): Fact | null {
  for (const key of adaptersOf(book, path)) {
    const link = book.ports.get(key)?.link ?? null
    if (link !== null && (link.what === 'linkUp') === up) return link
  }
  return null
}

function framesOf(book: Book, path: PathState, atUs: number | null): Fact | null {
  for (const key of adaptersOf(book, path)) {
    const frames = book.ports.get(key)?.last.get('frameErrors')
    if (within(frames, atUs, NEAR_US)) return frames
  }
  return null
}

/** The host's own device errors follow when its session gave up, the checker's word when the connection was lost. */
function sessionOf(book: Book, path: PathState, change: Change): Fact | null {
  const host = path.name.hctl?.split(':')[0]
  const sid = host === undefined ? null : book.names.sessionOfHost(host)
  if (sid === null || change === 'failed') return null
  const last = book.ports.get(`session/${sid}`)?.last
  if (last === undefined) return null
  const operational = last.get('operational') ?? null
  if (change === 'checkerUp') return operational
  const later = (fact: Fact | undefined): Fact | null =>
    fact !== undefined && (operational === null || operational.order < fact.order) ? fact : null
  const [timedOut, lost] = [later(last.get('sessionTimedOut')), later(last.get('connError'))]
  return change === 'ioErrors' ? (timedOut ?? lost) : (lost ?? timedOut)
}

function groupOf(path: PathState, up: boolean): Fact | null {
  const state = path.groupState
  if (state === null) return null
  if (up && !path.wasUnusable) return null
  return UNUSABLE.has(String(state.detail.access)) === up ? null : state
}
