// What an engine decided as facts of the same words: failed and back, dark and lit. Its payloads say more, which `explain`
// and `audit failovers` tell; here it is only when what could be used.
import type { StoredEvent } from '../../store/types.ts'
import type { Fact, Subject } from '../types.ts'

type State = Readonly<Record<string, string>>

/** The last states of the streams of an engine, and the names that it gave them. */
export class Decided {
  readonly states = new Map<string, State>()
  readonly names = new Map<string, string>()
}

type Said = Omit<Fact, 'cause' | 'order'>

/** The fact that a row of an engine is; null for one that changes nothing of what can be used. */
export function decidedFact(decided: Decided, row: StoredEvent, data: Record<string, unknown>): Said | null {
  const { stream, type } = row
  if (type === 'engine.started') return said(row, 'daemonStarted', { kind: 'daemon', name: 'pathledger' })
  const house = /^(?:path|head)(?=\/)/.exec(stream)?.[0]
  if (house === undefined || row.type.endsWith('.ioSampled')) return null
  const { state } = JSON.parse(row.decision) as { state?: State }
  if (state === undefined) return null
  const before = decided.states.get(stream) ?? {}
  decided.states.set(stream, state)
  if (typeof data.name === 'string') decided.names.set(stream, data.name)
  const name = decided.names.get(stream) ?? null
  const [, wwid = '', hctl = ''] = stream.split('/')
  const map = decided.names.get(`head/${wwid}`) ?? null
  if (house === 'head') return ofHead(row, before, state, { kind: 'map', map: map ?? wwid, wwid, dm: null })
  return ofPath(row, before, state, { kind: 'path', map, wwid, hctl, dev: name, devt: null })
}

function said(row: StoredEvent, what: string, subject: Subject, detail: Record<string, unknown> = {}): Said {
  return {
    ...{ what, host: '', subject, detail, rule: null, lines: [], actor: row.actor, zone: 'stated' },
    ...{ atUs: row.recordedAtUs, precisionUs: 1, monoUs: row.monoUs, boot: row.bootId, lastUs: null },
  }
}

const GONE = new Set(['created', 'createdBlocked', 'deleted', undefined])
const OUT = new Set(['failed', 'probing'])
const DARK: Readonly<Record<string, string>> = { queueing: 'queued', failing: 'failed' }

function ofPath(row: StoredEvent, before: State, state: State, subject: Subject): Said | null {
  const was = GONE.has(before.device) ? 'gone' : OUT.has(before.health ?? '') ? 'out' : 'well'
  const is = GONE.has(state.device) ? 'gone' : OUT.has(state.health ?? '') ? 'out' : 'well'
  if (was === is) return null
  // A path that was well and is let go, as at the end of a program, is no trouble.
  if (is === 'gone') return was === 'out' ? said(row, 'removed', subject) : null
  if (is === 'out') return said(row, 'failed', subject, { by: row.actor })
  return said(row, was === 'gone' ? 'added' : 'back', subject, { by: row.actor })
}

function ofHead(row: StoredEvent, before: State, state: State, subject: Subject): Said | null {
  const isLive = state.life === 'live' || state.life === 'removalPending'
  if (!isLive)
    return before.life !== 'removed' && state.life === 'removed' ? said(row, 'mapRemoved', subject) : null
  const io = DARK[state.service ?? '']
  const ioBefore = DARK[before.service ?? '']
  if (io !== undefined && ioBefore === undefined) return said(row, 'dark', subject, { io })
  return io === undefined && ioBefore !== undefined ? said(row, 'lit', subject) : null
}
