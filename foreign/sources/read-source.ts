// One source from its bytes to what its lines say. Knows nothing of other sources.
import { createHash, type Hash } from 'node:crypto'
import { lineOf, unwrap } from '../envelopes/envelope.ts'
import { isoUs } from '../time/calendar.ts'
import { zoneBetween, zoneOf, type Zone, type ZoneData } from '../time/civil.ts'
import { read } from '../templates/index.ts'
import type { Line, Statement } from '../types.ts'
import { SourceClock, type Tick } from './clock.ts'
import { textOf } from './lines.ts'
import { Recorder, type Part } from './records.ts'

/** A line's statement, before its time is known. */
export interface Found {
  readonly line: number
  readonly tick: Tick | null
  readonly statement: Statement
  readonly host: string | null
  readonly program: string
  readonly device: string | null
  readonly boot: string | null
  /** SHA-256 of the line's bytes, shortened to 128 bits while it is held. */
  readonly hash: string
  readonly text: string
  readonly cursor: string | null
  /** Stated by a snapshot: its line is counted already. */
  readonly snapshot?: true
}

export interface Unread {
  readonly line: number
  readonly raw: string
}

/** Unread lines of a source that are kept in full; beyond they are counted. */
export const UNREAD_KEPT = 1_000_000
/** Bytes of an unread line that are kept. */
export const UNREAD_BYTES = 65_536

export interface Gap {
  readonly line: number
  readonly why: string
  readonly count: number | null
}

export interface SourceRead {
  readonly name: string
  readonly found: Found[]
  readonly clock: SourceClock
  readonly unread: Unread[]
  readonly gaps: Gap[]
  readonly noise: Map<string, number>
  readonly hosts: Map<string, number>
  readonly forms: Map<string, number>
  lines: number
  unreadCount: number
  context: number
  bytes: number
  sha256: string
  /** The zone that a header of this source states. */
  zone: { readonly zone: Zone; readonly line: number; readonly name: string } | null
  headerEndUs: number | null
  firstTick: Tick | null
  lastTick: Tick | null
  /** Lines at which another host's began, with the line before: what they tell of clocks apart. */
  readonly handovers: { readonly host: string; readonly tick: Tick }[]
}

/** Changes from one host to another that are held of a source. */
const HANDOVERS_KEPT = 10_000

const HEADER =
  /^-- (?:Logs begin|Journal begins) at \w{3} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (\S+?)(?:, ends? at \w{3} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (\S+?))?\. --$/

/** Reads lines one after the other; `end` gives what was found. */
export class SourceReader {
  readonly result: SourceRead
  readonly #hash: Hash = createHash('sha256')
  readonly #records = new Recorder()
  #spoke: { readonly host: string; readonly tick: Tick } | null = null

  readonly #zones: ZoneData

  constructor(name: string, zones: ZoneData) {
    this.#zones = zones
    this.result = {
      ...{
        name,
        found: [],
        clock: new SourceClock(),
        unread: [],
        gaps: [],
        noise: new Map(),
        hosts: new Map(),
      },
      ...{ forms: new Map(), lines: 0, unreadCount: 0, context: 0, bytes: 0, sha256: '', zone: null },
      ...{ headerEndUs: null, firstTick: null, lastTick: null, handovers: [] },
    }
  }

  /** The next line, as latin1. */
  take(raw: string): void {
    this.result.lines += 1
    this.result.bytes += raw.length + 1
    this.#hash.update(raw, 'latin1').update('\n')
    for (const part of this.#records.take(raw, this.result.lines)) this.#part(part)
  }

  /** A line of a snapshot: what it states comes with `takeStated`. */
  takeContext(raw: string): void {
    this.result.lines += 1
    this.result.bytes += raw.length + 1
    this.#hash.update(raw, 'latin1').update('\n')
    if (raw.trim() === '') this.#noise('empty')
    else this.result.context += 1
  }

  /** What a snapshot states in a line; the line itself has been taken. */
  takeStated(number: number, raw: string, kind: string, atUs: number | null, statement: Statement): void {
    const stamp = {
      us: atUs,
      wallUs: null,
      yearless: false,
      monoUs: null,
      precisionUs: 1,
      approximate: false,
    }
    const tick = atUs === null ? null : this.result.clock.tick({ ...stamp, zone: 'stated' })
    const line = recordLine(kind, { program: 'snapshot', text: '' })
    this.result.found.push({ ...foundIn(number, raw, line, tick, statement), snapshot: true })
  }

  damaged(why: string): void {
    this.result.gaps.push({ line: this.result.lines, why: `unpacking ended: ${why}`, count: null })
  }

  end(): SourceRead {
    for (const part of this.#records.end()) this.#part(part)
    this.result.sha256 = this.#hash.digest('hex')
    return this.result
  }

  #part(part: Part): void {
    if (part.kind === 'context') this.result.context += 1
    else if (part.kind === 'empty') this.#noise('empty')
    else if (part.kind === 'lost')
      this.result.gaps.push({ line: part.line, why: part.why, count: part.count })
    else if (part.kind === 'said') this.#said(part.line, part.raw, part.record, part.statement)
    else this.#line(part.line, part.raw)
  }

  #line(number: number, raw: string): void {
    const text = textOf(raw)
    if (text.startsWith('-- ') && this.#header(number, text)) return
    this.#said(number, raw, unwrap(text), null)
  }

  #said(number: number, raw: string, line: Line, statement: Statement | null): void {
    const tick = line.stamp === null ? null : this.result.clock.tick(line.stamp)
    if (tick !== null) {
      this.result.firstTick ??= tick
      this.result.lastTick = tick
    }
    count(this.result.forms, line.form)
    if (line.host !== null) count(this.result.hosts, line.host)
    if (line.host !== null && tick !== null) this.#speaks({ host: line.host, tick })
    const reading = statement === null ? read(line) : ({ kind: 'statement', statement } as const)
    if (reading.kind === 'noise') this.#noise(reading.template)
    else if (reading.kind === 'unread') this.#unread(number, raw)
    else this.result.found.push(foundIn(number, raw, line, tick, reading.statement))
  }

  #speaks(now: { readonly host: string; readonly tick: Tick }): void {
    const before = this.#spoke
    this.#spoke = now
    const { handovers } = this.result
    if (before !== null && before.host !== now.host && handovers.length < HANDOVERS_KEPT)
      handovers.push(before, now)
  }

  #header(number: number, text: string): boolean {
    if (/^-- (?:Boot [0-9a-f]{32}|Reboot|No entries) --$/.test(text)) {
      this.result.context += 1
      return true
    }
    const match = HEADER.exec(text)
    if (match === null) return false
    this.result.context += 1
    const [, begin = '', beginZone = '', end, endZone] = match
    const zone = zoneBetween(beginZone, endZone ?? beginZone, this.#zones)
    if (zone !== null) this.result.zone = { zone, line: number, name: endZone ?? beginZone }
    const last = zone === null ? null : isoUs(end ?? begin)
    if (last !== null && zone !== null && end !== undefined) {
      this.result.headerEndUs = last - zoneOf(endZone ?? beginZone, this.#zones).offsetAt(last) * 60_000_000
    }
    return true
  }

  #noise(template: string): void {
    count(this.result.noise, template)
  }

  #unread(line: number, raw: string): void {
    this.result.unreadCount += 1
    if (this.result.unread.length < UNREAD_KEPT) {
      this.result.unread.push({ line, raw: raw.length > UNREAD_BYTES ? raw.slice(0, UNREAD_BYTES) : raw })
    }
  }
}

function foundIn(number: number, raw: string, line: Line, tick: Tick | null, statement: Statement): Found {
  return {
    ...{ line: number, tick, statement, host: line.host, program: line.program ?? '', device: line.device },
    ...{ boot: line.boot, hash: hashOf(raw), text: line.text, cursor: line.cursor },
  }
}

/** SHA-256 of a line's bytes. */
export function hashOf(raw: string): string {
  return createHash('sha256').update(raw, 'latin1').digest('hex')
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

/** A line of no envelope that carries what a record of several lines says. */
export function recordLine(form: string, parts: Partial<Line>): Line {
  return lineOf(form, null, parts)
}
