// What is held of each subject while its lines are read: the facts that are still open, and the last of each kind.
import type { Fact, LineRef, Placed, Subject } from '../types.ts'
import type { PathName } from '../identity/names.ts'

export const SECOND_US = 1_000_000

/** A command that failed, whose block-layer line has not come yet. */
export interface Command {
  readonly placed: Placed
  readonly hostbyte: string
  readonly tag: string | null
  readonly lines: LineRef[]
  key: string | null
  sense: string | null
  op: string | null
  sector: number | null
}

export interface PathState {
  readonly key: string
  name: PathName
  /** How often it was put in: 1 where no line says that it had been taken out. */
  life: number
  removed: boolean
  /** It was put in or came back, and has not failed since. */
  well: boolean
  command: Command | null
  io: Fact | null
  conflict: Fact | null
  conflictUs: number | null
  down: Fact | null
  offline: Fact | null
  failed: Fact | null
  back: Fact | null
  marginal: Fact | null
  delayed: Fact | null
  steady: Fact | null
  checkerWord: 'up' | 'down' | 'standby' | null
  wwidChanged: Fact | null
  sizeBytes: number | null
  inquiry: LineRef | null
  readonly last: Map<string, Fact>
  /** Which fact was taken as the cause of which kind of change: each is so once. */
  readonly used: Map<string, Fact>
  groupState: Fact | null
  /** Its port group took no I/O before it said what it says now. */
  wasUnusable: boolean
}

export interface MapState {
  readonly key: string
  dark: Fact | null
  lastOut: Fact | null
  lastIn: Fact | null
  lit: Fact | null
  features: string | null
  queueing: boolean | null
  recovery: Fact | null
  queueingOff: Fact | null
  refused: Fact | null
  members: Set<string> | null
  /** A table has told all members: what a snapshot told may be older or newer than any line. */
  byTable: boolean
  /** Members that a table left out, until a line says so or time is up. */
  pending: { readonly devt: string; readonly placed: Placed; readonly order: number; readonly out: boolean }[]
  ioFailed: Fact | null
}

/** An adapter, a session or a controller. */
export interface PortState {
  link: Fact | null
  readonly last: Map<string, Fact>
}

export function newPath(key: string, name: PathName): PathState {
  return {
    ...{
      key,
      name,
      life: 1,
      removed: false,
      well: false,
      command: null,
      io: null,
      conflict: null,
      conflictUs: null,
    },
    ...{ down: null, offline: null, failed: null, back: null, marginal: null, delayed: null, steady: null },
    ...{
      checkerWord: null,
      wwidChanged: null,
      sizeBytes: null,
      inquiry: null,
      groupState: null,
      wasUnusable: false,
    },
    last: new Map(),
    used: new Map(),
  }
}

export function newMap(key: string): MapState {
  return {
    ...{
      key,
      dark: null,
      lastOut: null,
      lastIn: null,
      lit: null,
      features: null,
      queueing: null,
      recovery: null,
    },
    ...{ queueingOff: null, refused: null, members: null, byTable: false, pending: [], ioFailed: null },
  }
}

/** Microseconds from one fact to a moment; infinite where one has none. */
export function sinceUs(fact: Fact | null | undefined, atUs: number | null): number {
  if (fact?.atUs === null || fact?.atUs === undefined || atUs === null) return Infinity
  return atUs - (fact.lastUs ?? fact.atUs)
}

/** True where a fact is there and ended at most so long before a moment. */
export function within(fact: Fact | null | undefined, atUs: number | null, us: number): fact is Fact {
  const since = sinceUs(fact, atUs)
  return fact !== null && fact !== undefined && since <= us
}

/** A path as a subject. */
export function pathSubject(state: PathState, host: string, dmDevt?: string): Subject {
  const { map, wwid, hctl, dev, devt } = state.name
  return {
    ...{
      kind: 'path',
      map,
      wwid,
      hctl,
      dev,
      devt,
      host,
    },
    ...(state.life > 1 ? { life: state.life } : {}),
    ...(dmDevt === undefined ? {} : { dmDevt }),
  }
}
