// The facts of one host as they grow, and the subjects that they are about.
import type { Names } from '../identity/names.ts'
import type { Fact, LineRef, Placed, Subject } from '../types.ts'
import { newMap, newPath, pathSubject, type MapState, type PathState, type PortState } from './state.ts'

/** Lines of a fact that are held by number; a storm has more, which are counted. */
export const WITNESSES_KEPT = 10_000

const ACTORS: Readonly<Record<string, string>> = {
  kernel: 'observed:kernel',
  uevent: 'observed:kernel',
  multipathd: 'observed:multipathd',
  iscsid: 'observed:iscsid',
}

export class Book {
  readonly facts: Fact[] = []
  readonly paths = new Map<string, PathState>()
  readonly maps = new Map<string, MapState>()
  readonly ports = new Map<string, PortState>()
  readonly names: Names
  readonly host: string
  /** Place of the statement that is read now. */
  at = 0
  shutdown: Fact | null = null
  stopped: Fact | null = null
  hostReset: Fact | null = null
  constructor(host: string, names: Names) {
    this.host = host
    this.names = names
  }

  /** The path that a statement is about; null where it names none. */
  pathOf({ statement, device }: Placed): PathState | null {
    const name = this.names.path(statement.fields, device, this.at)
    const key = name.devt ?? name.hctl ?? name.dev
    if (key === null) return null
    let state = this.paths.get(key)
    if (state === undefined) {
      state = newPath(key, name)
      this.paths.set(key, state)
    } else if (!state.removed || statement.says === 'pathAdded' || statement.says === 'attached') {
      // What one line leaves open another may have told, and an alias is no stable name.
      state.name = name
    }
    return state
  }

  mapState(map: string): MapState {
    let state = this.maps.get(map)
    if (state === undefined) {
      state = newMap(map)
      this.maps.set(map, state)
    }
    return state
  }

  port(key: string): PortState {
    let state = this.ports.get(key)
    if (state === undefined) {
      state = { link: null, last: new Map() }
      this.ports.set(key, state)
    }
    return state
  }

  mapSubject(map: string | null, dm: string | null = null): Subject {
    if (map === null) return { kind: 'map', map: null, wwid: null, dm, host: this.host }
    const name = this.names.map(map, this.at)
    return { kind: 'map', map, wwid: name.wwid, dm: name.dm ?? dm, host: this.host }
  }

  subject(path: PathState, dmDevt?: string): Subject {
    return pathSubject(path, this.host, dmDevt)
  }

  /** A new fact at a statement's time. */
  fact(placed: Placed, what: string, subject: Subject, detail: Record<string, unknown> = {}): Fact {
    const fact: Fact = {
      ...{
        atUs: placed.atUs,
        host: this.host,
        what,
        subject,
        detail,
        cause: null,
        rule: null,
        order: this.at,
      },
      lines: [...placed.lines],
      actor: ACTORS[placed.program] ?? 'observed:system',
      ...{
        precisionUs: placed.precisionUs,
        monoUs: placed.monoUs,
        boot: placed.boot,
        zone: placed.zone,
        lastUs: null,
      },
    }
    this.facts.push(fact)
    return fact
  }

  /** Another witness of a fact. */
  witness(fact: Fact, placed: Placed): void {
    addLines(fact, placed.lines)
    fact.lastUs = placed.atUs ?? fact.lastUs
  }
}

export function addLines(fact: Fact, lines: readonly LineRef[]): void {
  if (fact.lines.length < WITNESSES_KEPT) fact.lines.push(...lines)
}

/** Writes down why; the first rule that fits stays. */
export function because(fact: Fact, cause: Fact | null | undefined, rule: string): boolean {
  if (cause === null || cause === undefined || fact.cause !== null || cause === fact) return false
  fact.cause = cause
  fact.rule = rule
  return true
}
