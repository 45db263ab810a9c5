// The rows of a ledger as facts again, so that the questions of a reading can be asked of what was kept. Nothing is asked
// of the sources: what stands on no row is not known here.
import { pages } from '../../store/pages.ts'
import type { LedgerReader, StoredEvent } from '../../store/types.ts'
import type { Asked } from '../answers/index.ts'
import type { Fact, LineRef, Subject, SubjectKind } from '../types.ts'
import { decidedFact, Decided } from './decided.ts'

/** A fact with the row that has it. */
export interface RecordedFact extends Fact {
  readonly position: number
  readonly stream: string
}

/** All that a ledger tells, as answers are made from it. */
export interface Recorded extends Asked {
  readonly facts: readonly RecordedFact[]
  /** False where an engine wrote it. */
  readonly observed: boolean
  readonly sources: readonly { readonly name: string; readonly sha256: string }[]
  readonly events: number
}

/** Names that belong to who a row is about; what else is in it is what was said. */
const NAMES = [
  ...['kind', 'map', 'wwid', 'hctl', 'dev', 'devt', 'dmDevt', 'dm', 'life', 'ctrl', 'name'],
  ...['sid', 'cid', 'rport', 'wwpn', 'scsiHost', 'pci', 'nic'],
]
/** What a subject of a kind has even where it is not known. */
const EMPTY: Readonly<Partial<Record<SubjectKind, Subject>>> = {
  path: { kind: 'path', map: null, wwid: null, hctl: null, dev: null, devt: null },
  map: { kind: 'map', map: null, wwid: null, dm: null },
}
const OF_ROWS = new Set([...NAMES, 'fact', 'seen', 'settles', 'hostOfPci'])

interface Seen {
  readonly source: number
  readonly line: number
  readonly precisionUs?: number
  readonly zone?: Fact['zone']
  readonly rule?: string | null
  readonly witnesses?: readonly LineRef[]
  readonly lastUs?: number
  readonly undated?: boolean
}

/** Reads a ledger up to a position; default all of it. */
export function recorded(reader: LedgerReader, position = Infinity): Recorded {
  const read = new Reading()
  for (const page of pages(reader, position === Infinity ? {} : { toPosition: position }))
    for (const row of page) read.take(row)
  return read.end()
}

class Reading {
  readonly #facts: RecordedFact[] = []
  readonly #byPosition = new Map<number, RecordedFact>()
  readonly #byId = new Map<string, RecordedFact>()
  readonly #sources: { name: string; sha256: string }[] = []
  readonly #gaps: { name: string; line: number; why: string }[] = []
  readonly #unread: { name: string; line: number }[] = []
  readonly #hostOfPci = new Map<string, string>()
  readonly #decided = new Decided()
  #host = ''
  #observed = false
  #wall = true
  #lastUs: number | null = null
  #events = 0

  take(row: StoredEvent): void {
    this.#events = row.position
    const data = JSON.parse(row.data) as Record<string, unknown>
    if (row.position > 1) this.#lastUs = Math.max(this.#lastUs ?? 0, row.recordedAtUs)
    if (row.stream.startsWith('source/')) this.#source(row, data)
    if (row.schema < OBSERVED) {
      const fact = decidedFact(this.#decided, row, data)
      if (fact !== null) this.#add(row, this.#caused(row, fact))
    } else if (typeof data.fact === 'string') this.#add(row, this.#told(row, data.fact, data))
  }

  #source({ type, stream }: StoredEvent, data: Record<string, unknown>): void {
    const index = Number(stream.slice('source/'.length)) - 1
    const name = this.#sources[index]?.name ?? ''
    if (type === 'source.opened') {
      this.#observed = true
      this.#sources[index] = { name: String(data.name), sha256: String(data.sha256) }
      this.#host = String(data.host)
      this.#wall = data.wall !== 'none'
    } else if (type === 'source.gap' && data.fact === undefined)
      this.#gaps.push({ name, line: Number(data.line), why: String(data.why) })
    else if (type === 'source.unread') this.#unread.push({ name, line: Number(data.line) })
  }

  #told(row: StoredEvent, what: string, data: Record<string, unknown>): RecordedFact {
    const seen = data.seen as Seen
    const kind = (data.kind ?? 'log') as SubjectKind
    const subject: Record<string, unknown> = { ...EMPTY[kind], host: this.#host }
    for (const name of NAMES) if (data[name] !== undefined) subject[name] = data[name]
    if (typeof data.pci === 'string' && typeof data.hostOfPci === 'string')
      this.#hostOfPci.set(data.pci, data.hostOfPci)
    const detail = Object.fromEntries(Object.entries(data).filter(([name]) => !OF_ROWS.has(name)))
    const others = (seen.witnesses ?? []).map(([source, line]): LineRef => [source - 1, line])
    return this.#caused(row, {
      ...{ what, host: this.#host, subject: { ...subject, kind }, detail, rule: seen.rule ?? null },
      ...{ lines: [[seen.source - 1, seen.line], ...others], actor: row.actor },
      atUs: seen.undated === true ? null : row.recordedAtUs,
      precisionUs: seen.precisionUs ?? 1,
      ...{ zone: seen.zone ?? 'stated', lastUs: seen.lastUs ?? null },
      monoUs: row.bootId.startsWith('wall:') ? null : row.monoUs,
      boot: row.bootId.startsWith('wall:') ? null : row.bootId,
    })
  }

  #caused(row: StoredEvent, fact: Omit<Fact, 'cause' | 'order'>): RecordedFact {
    const cause = row.cause === null ? null : (this.#byPosition.get(row.cause) ?? null)
    return { ...fact, cause, order: row.position, position: row.position, stream: row.stream }
  }

  #add(row: StoredEvent, fact: RecordedFact): void {
    this.#facts.push(fact)
    this.#byPosition.set(row.position, fact)
    this.#byId.set(row.eventId, fact)
    const { settles } = JSON.parse(row.data) as { settles?: readonly string[] }
    const key = fact.what === 'hostBooted' ? 'endedBy' : 'backBy'
    for (const id of settles ?? []) {
      const settled = this.#byId.get(id)
      if (settled !== undefined) settled.detail[key] = fact
    }
  }

  end(): Recorded {
    return {
      ...{ host: this.#host, severalHosts: false, facts: this.#facts, sources: this.#sources },
      ...{ wall: this.#wall, endUs: this.#lastUs, gaps: this.#gaps, unread: this.#unread },
      ...{ observed: this.#observed, events: this.#events },
      hostOfPci: (pci) => this.#hostOfPci.get(pci) ?? null,
    }
  }
}

const OBSERVED = 100
