// A host that is watched: lines and looks in, rows out. Knows nothing of files and sockets: whoever runs it gives it lines
// and the time, and takes its rows. The same templates and rules as for files.
import { createHash } from 'node:crypto'
import { fromJournal } from '../foreign/envelopes/journal.ts'
import { unwrap } from '../foreign/envelopes/envelope.ts'
import { Names } from '../foreign/identity/names.ts'
import { FactBuilder } from '../foreign/rules/builder.ts'
import { snapshotsIn } from '../foreign/snapshots/index.ts'
import { read, TEMPLATE_SET } from '../foreign/templates/index.ts'
import { ueventStatement } from '../foreign/templates/uevents.ts'
import type { Fact, Line, LineRef, Placed, Statement } from '../foreign/types.ts'
import { idOf, Rows } from '../foreign/write/rows.ts'
import type { StreamState } from '../machines/step.ts'
import type { NewEvent } from '../store/types.ts'
import { Stalls } from './stalls.ts'
import { look, statementsOf, type Look, type Sysfs } from './sysfs.ts'

/** What a statement waits for others that were made before it and arrive later. */
const SORT_US = 1_000_000
/** What a fact waits for its witnesses, behind that. */
const WITNESS_US = 1_000_000
/** Facts that are held while the disk is slow; more are a gap. */
export const HELD_MAX = 10_000
/** Hashes of lines that are held for facts that wait. */
const LINES_KEPT = 20_000

/** Streams that are watched. */
export const STREAMS = ['kmsg', 'journal', 'uevents', 'sysfs', 'multipathd'] as const
export type Stream = (typeof STREAMS)[number]

export interface Now {
  readonly us: number
  readonly monoUs: number
}

export interface ObserverOptions {
  readonly host: string
  readonly boot: string
  readonly now: () => Now
  readonly sysfs: Sysfs
  /** The first number of a source that is free on the ledger. */
  readonly firstSource: number
  /** States of streams as the ledger has them. */
  readonly states: Readonly<Record<string, StreamState>>
  /** When the ledger ended, where it was watched before; and which of its sources nobody closed. */
  readonly before: { readonly us: number; readonly open: readonly number[] } | null
}

interface Counts {
  lines: number
  noise: number
  unread: number
  said: number
}

interface Waiting {
  readonly placed: Placed
  readonly arrivedUs: number
  readonly nth: number
}

export class Observer {
  readonly #options: ObserverOptions
  readonly #rows: Rows
  readonly #names = new Names()
  readonly #builder: FactBuilder
  readonly #stalls: Stalls
  readonly #counts = new Map<Stream, Counts>()
  readonly #lines = new Map<string, { place: string; number: number; hash: string }>()
  #waiting: Waiting[] = []
  #held: { fact: Fact; sinceUs: number }[] = []
  /** Facts that a later one may say are over. */
  #open = new Set<Fact>()
  #look: Look | null = null
  #at = 0
  #nth = 0
  #lostFacts = 0

  constructor(options: ObserverOptions) {
    this.#options = options
    this.#builder = new FactBuilder(options.host, this.#names)
    this.#stalls = new Stalls(options.sysfs)
    this.#rows = new Rows({
      host: options.host,
      placeOf: (line) => this.#placeOf(line),
      hashOf: (line) => this.#lines.get(keyOf(line))?.hash ?? '',
      settled: (by) => [...this.#open].filter(({ detail }) => detail.backBy === by || detail.endedBy === by),
      hostOfPci: (pci) => this.#names.hostOfPci(pci),
    })
    for (const [stream, state] of Object.entries(options.states)) this.#rows.begin(stream, state)
  }

  /** Begins to watch; streams that cannot be read are said to be so. */
  start(absent: Readonly<Partial<Record<Stream, string>>>): void {
    for (const stream of STREAMS) {
      this.#counts.set(stream, { lines: 0, noise: 0, unread: 0, said: 0 })
      this.#source(stream, 'source.opened', 'opened', {
        ...{ name: stream, sha256: '', bytes: 0, host: this.#options.host, templates: TEMPLATE_SET },
        ...{ envelopes: {}, wall: 'known', zone: null, live: true, boot: this.#options.boot },
      })
      const why = absent[stream]
      if (why !== undefined) this.lost(stream, `it cannot be read: ${why}`, null)
    }
    const { before } = this.#options
    if (before === null) return
    this.#gap('sysfs', `nobody watched from ${before.us} on`, null, {
      fromUs: before.us,
      toUs: this.#options.now().us,
    })
    for (const number of before.open) this.#rows.put(this.#unclosed(number))
  }

  #unclosed(number: number): Parameters<Rows['put']>[0] {
    const stream = `source/${number}`
    return {
      ...{ eventId: idOf(this.#options.host, stream, String(this.#started()), 'unclosed'), stream },
      ...{ type: 'source.closed', recordedAtUs: this.#options.now().us, actor: 'observed:reader' },
      data: { ended: 'not told: whoever watched ended without a word' },
    }
  }

  /** A record of the kernel's log, with its lines of the device. */
  kmsg(record: string): void {
    const [first = '', ...more] = record.split('\n')
    const number = Number(first.split(',')[1] ?? 0)
    const device = /^ DEVICE=(.*)$/.exec(more.find((line) => line.startsWith(' DEVICE=')) ?? '')?.[1] ?? null
    const place = `kmsg:${this.#options.boot}`
    this.#line('kmsg', { ...unwrap(first), device }, { raw: first, place, number })
  }

  /** An entry of the journal as JSON. The kernel's are left to kmsg where that is read. */
  journal(raw: string, withKernel: boolean): void {
    const line = fromJournal(raw)
    if (line === null || (line.program === 'kernel' && !withKernel)) return
    this.#line('journal', line, { raw, place: line.cursor ?? `journal:${this.#options.boot}`, number: 0 })
  }

  #line(stream: Stream, line: Line, at: { raw: string; place: string; number: number }): void {
    const counts = this.#countsOf(stream)
    counts.lines += 1
    const reading = read(line)
    if (reading.kind === 'noise') counts.noise += 1
    else if (reading.kind === 'unread') this.#unread(stream, counts, at)
    else {
      counts.said += 1
      const now = this.#options.now()
      const monoUs = line.stamp?.monoUs ?? now.monoUs
      // The kernel's lines have its uptime; the wall clock of now says when that was.
      const atUs = stream === 'kmsg' ? now.us - (now.monoUs - monoUs) : (line.stamp?.us ?? now.us)
      this.#say(stream, reading.statement, {
        ...at,
        atUs,
        monoUs,
        program: line.program ?? '',
        device: line.device,
      })
    }
  }

  #unread(
    stream: Stream,
    counts: Counts,
    { raw, place, number }: { raw: string; place: string; number: number },
  ): void {
    counts.unread += 1
    const key = `${place} ${number}`
    const text = raw.slice(0, 16_384).toWellFormed().replaceAll('\0', '\uFFFD')
    this.#source(stream, 'source.unread', key, { line: number === 0 ? counts.lines : number, text })
  }

  /** The properties of a uevent. */
  uevent(properties: ReadonlyMap<string, string>): void {
    const counts = this.#countsOf('uevents')
    counts.lines += 1
    const path = properties.get('DEVPATH') ?? ''
    const statement = ueventStatement(path, properties)
    if (statement === null) counts.noise += 1
    else this.#now('uevents', statement, [...properties].map((pair) => pair.join('=')).join('\n'))
  }

  /** What multipathd answered to `show maps json`. */
  maps(json: string): void {
    this.#countsOf('multipathd').lines += 1
    for (const { stated } of snapshotsIn(json.split('\n')) ?? [])
      for (const { statement } of stated) this.#now('multipathd', statement, json, 'snapshot')
  }

  /** Something of a stream was lost. */
  lost(stream: Stream, why: string, count: number | null): void {
    this.#gap(stream, why, count, {})
  }

  /** Looks at sysfs. */
  sysfs(): Look {
    const now = look(this.#options.sysfs)
    for (const statement of statementsOf(this.#look, now)) {
      const names = statement.says.startsWith('snap')
      if (names) this.#names.learn(this.#placed('sysfs', statement, 0, 'snapshot'), this.#at)
      else this.#now('sysfs', statement, JSON.stringify(statement.fields), 'kernel')
    }
    this.#look = now
    return now
  }

  /** Looks at what stands still. */
  stalls(): void {
    const devices = this.#look?.devices ?? new Map()
    for (const statement of this.#stalls.look(devices, this.#options.now().us))
      this.#now('sysfs', statement, JSON.stringify(statement.fields), 'kernel')
  }

  #now(
    stream: Stream,
    statement: Statement,
    raw: string,
    program: string = stream === 'uevents' ? 'uevent' : stream,
  ): void {
    const counts = this.#countsOf(stream)
    if (stream === 'sysfs') counts.lines += 1
    counts.said += 1
    const now = this.#options.now()
    const place = `${stream}:${this.#options.boot}:${this.#started()}`
    const number = (this.#nth += 1)
    this.#say(stream, statement, {
      raw,
      place,
      number,
      atUs: now.us,
      monoUs: now.monoUs,
      program,
      device: null,
    })
  }

  #say(
    stream: Stream,
    statement: Statement,
    at: {
      raw: string
      place: string
      number: number
      atUs: number
      monoUs: number
      program: string
      device: string | null
    },
  ): void {
    const counts = this.#countsOf(stream)
    const number = at.number === 0 ? counts.lines : at.number
    const hash = createHash('sha256').update(at.raw).digest('hex')
    const placed = { ...this.#placed(stream, statement, number, at.program), ...pick(at) }
    this.#keepLine(placed.lines[0] ?? [0, 0], { place: at.place, number: at.number, hash })
    this.#waiting.push({ placed, arrivedUs: this.#options.now().us, nth: (this.#nth += 1) })
  }

  #placed(stream: Stream, statement: Statement, number: number, program: string): Placed {
    const { us, monoUs } = this.#options.now()
    return {
      ...{ statement, host: this.#options.host, atUs: us, monoUs, boot: this.#options.boot, precisionUs: 1 },
      ...{
        lines: [[this.#numberOf(stream) - 1, number]],
        program,
        device: null,
        zone: 'stated',
        approximate: false,
      },
    }
  }

  #keepLine(line: LineRef, kept: { place: string; number: number; hash: string }): void {
    this.#lines.set(keyOf(line), kept)
    const [oldest] = this.#lines.keys()
    if (this.#lines.size > LINES_KEPT && oldest !== undefined) this.#lines.delete(oldest)
  }

  #placeOf(line: LineRef): readonly [string, number] {
    const kept = this.#lines.get(keyOf(line))
    return kept === undefined ? ['', line[1]] : [kept.place, kept.number]
  }

  /** What has waited long enough becomes facts, and facts that have become rows. At the end nothing waits. */
  flush(isLast = false): NewEvent[] {
    const nowUs = this.#options.now().us
    // By its own time: of two that belong together the later to arrive does not come late.
    const due = this.#waiting.filter(
      ({ placed, arrivedUs }) => isLast || nowUs - Math.min(arrivedUs, placed.atUs ?? arrivedUs) >= SORT_US,
    )
    this.#waiting = this.#waiting.filter((one) => !due.includes(one))
    due.sort(byTime)
    for (const { placed } of due) {
      this.#at += 1
      this.#names.learn(placed, this.#at)
      this.#builder.take(placed, this.#at)
    }
    this.#hold(isLast ? this.#builder.end().splice(0) : this.#builder.book.facts.splice(0), nowUs)
    const ready = this.#held.filter(({ sinceUs }) => isLast || nowUs - sinceUs >= WITNESS_US)
    this.#held = this.#held.filter((one) => !ready.includes(one))
    for (const { fact } of ready) this.#write(fact)
    return this.#rows.take()
  }

  #hold(facts: readonly Fact[], nowUs: number): void {
    const room = HELD_MAX - this.#held.length
    for (const fact of facts.slice(0, room)) this.#held.push({ fact, sinceUs: nowUs })
    this.#lostFacts += Math.max(0, facts.length - room)
    if (this.#lostFacts === 0 || this.#held.length >= HELD_MAX) return
    this.lost('sysfs', 'more happened at once than is held: facts were dropped', this.#lostFacts)
    this.#lostFacts = 0
  }

  #write(fact: Fact): void {
    this.#rows.fact(fact, this.#options.now().us)
    if (fact.what === 'failed' || fact.what === 'dark') this.#open.add(fact)
    if (fact.what === 'hostBooted') this.#open.clear()
    for (const one of this.#open) if (one.detail.backBy === fact) this.#open.delete(one)
    const [oldest] = this.#open
    if (this.#open.size > HELD_MAX && oldest !== undefined) this.#open.delete(oldest)
  }

  /** Ends watching: from here on nothing is known. */
  stop(): NewEvent[] {
    const last = this.flush(true)
    for (const stream of STREAMS) {
      const { lines, noise, unread, said } = this.#countsOf(stream)
      const counts = { lines, witness: said, context: lines - noise - unread - said, noise, unread }
      this.#source(stream, 'source.closed', 'closed', counts)
    }
    return [...last, ...this.#rows.take()]
  }

  #gap(stream: Stream, why: string, count: number | null, more: Record<string, unknown>): void {
    this.#nth += 1
    const { lines } = this.#countsOf(stream)
    this.#source(stream, 'source.gap', `gap ${this.#nth}`, { line: lines, why, count, by: 'reader', ...more })
  }

  #source(stream: Stream, type: string, key: string, data: Record<string, unknown>): void {
    const { us, monoUs } = this.#options.now()
    const own = `source/${this.#numberOf(stream)}`
    this.#rows.put({
      ...{ eventId: idOf(this.#options.host, own, String(this.#started()), type, key), stream: own, type },
      ...{ recordedAtUs: us, monoUs, boot: this.#options.boot, actor: 'observed:reader', data },
    })
  }

  #numberOf(stream: Stream): number {
    return this.#options.firstSource + STREAMS.indexOf(stream)
  }

  #startedUs: number | null = null
  #started(): number {
    return (this.#startedUs ??= this.#options.now().us)
  }

  #countsOf(stream: Stream): Counts {
    const counts = this.#counts.get(stream) ?? { lines: 0, noise: 0, unread: 0, said: 0 }
    this.#counts.set(stream, counts)
    return counts
  }
}

/** Of one moment the kernel's own word comes first: the daemon hears of it. */
function byTime(a: Waiting, b: Waiting): number {
  const source = ({ placed }: Waiting): number => placed.lines[0]?.[0] ?? 0
  return (a.placed.atUs ?? 0) - (b.placed.atUs ?? 0) || source(a) - source(b) || a.nth - b.nth
}

function keyOf([source, line]: LineRef): string {
  return `${source}:${line}`
}

function pick(at: {
  atUs: number
  monoUs: number
  device: string | null
}): Pick<Placed, 'atUs' | 'monoUs' | 'device'> {
  return { atUs: at.atUs, monoUs: at.monoUs, device: at.device }
}
