// Records of more than one line: uevents, entries of a journal in its export or pretty form, kmsg with its device
// lines. Everything else is a record of one line.
import { lineOf, unwrap } from '../envelopes/envelope.ts'
import { entryLine } from '../envelopes/journal.ts'
import { read } from '../templates/index.ts'
import { ueventStatement } from '../templates/uevents.ts'
import type { Line, Statement } from '../types.ts'
import { textOf } from './lines.ts'

export type Part =
  | { readonly kind: 'line'; readonly line: number; readonly raw: string }
  | {
      readonly kind: 'said'
      readonly line: number
      readonly raw: string
      readonly record: Line
      readonly statement: Statement | null
    }
  | { readonly kind: 'context' }
  | { readonly kind: 'empty' }
  | { readonly kind: 'lost'; readonly line: number; readonly why: string; readonly count: number }

interface Open {
  readonly kind: 'uevent' | 'export' | 'pretty' | 'kmsg'
  readonly line: number
  readonly raw: string
  readonly fields: Map<string, string>
  /** A field of the export form whose length and bytes follow. */
  binary: { readonly key: string; bytes: string } | null
}

const UEVENT = /^(?:KERNEL|UDEV  ?)\s*\[\d+\.\d{6}\] (?:add|remove|change|move|online|offline|bind|unbind) /
const KMSG = /^\d+,(\d+),\d+,[^;]*;/
const FIELD = /^([A-Z0-9_]+)=(.*)$/s
const EXPORT_FIRST = /^(?:__CURSOR|__REALTIME_TIMESTAMP)=/
/** Lines of one record at most: what is longer is no record. */
const RECORD_LINES = 100_000
const CONTEXT: Part = { kind: 'context' }

export class Recorder {
  #open: Open | null = null
  #pretty: string[] = []
  #lines = 0
  #sequence: number | null = null

  take(raw: string, line: number): Part[] {
    const open = this.#open
    if (open === null) return this.#first(raw, line)
    this.#lines += 1
    if (this.#lines > RECORD_LINES) return [...this.#close(), ...this.#first(raw, line)]
    if (open.kind === 'pretty') return this.#nextPretty(open, raw)
    if (open.kind === 'export') return this.#nextExport(open, raw)
    return this.#nextField(open, raw, line)
  }

  end(): Part[] {
    return this.#close()
  }

  #first(raw: string, line: number): Part[] {
    if (UEVENT.test(raw)) return this.#begin('uevent', raw, line)
    if (EXPORT_FIRST.test(raw))
      return [...this.#begin('export', raw, line), ...this.#nextExport(this.#now(), raw, true)]
    if (raw === '{') {
      this.#pretty = [raw]
      return this.#begin('pretty', raw, line)
    }
    const kmsg = raw.charCodeAt(0) >= 0x30 && raw.charCodeAt(0) <= 0x39 ? KMSG.exec(raw) : null
    if (kmsg !== null) return [...this.#jump(Number(kmsg[1]), line), ...this.#begin('kmsg', raw, line)]
    return raw === '' ? [{ kind: 'empty' }] : [{ kind: 'line', line, raw }]
  }

  #now(): Open {
    return this.#open ?? { kind: 'export', line: 0, raw: '', fields: new Map(), binary: null }
  }

  #begin(kind: Open['kind'], raw: string, line: number): Part[] {
    this.#open = { kind, line, raw, fields: new Map(), binary: null }
    this.#lines = 0
    return []
  }

  #jump(sequence: number, line: number): Part[] {
    const last = this.#sequence
    this.#sequence = sequence
    if (last === null || sequence <= last + 1) return []
    return [{ kind: 'lost', line, why: 'numbers of kmsg are missing', count: sequence - last - 1 }]
  }

  #nextField(open: Open, raw: string, line: number): Part[] {
    const field = open.kind === 'kmsg' ? /^ ([A-Z0-9_]+)=(.*)$/s.exec(raw) : FIELD.exec(raw)
    if (field !== null) {
      open.fields.set(field[1] ?? '', field[2] ?? '')
      return [CONTEXT]
    }
    const done = this.#close()
    return raw === '' ? [...done, { kind: 'empty' }] : [...done, ...this.#first(raw, line)]
  }

  #nextPretty(_open: Open, raw: string): Part[] {
    this.#pretty.push(raw)
    return raw === '}' ? [CONTEXT, ...this.#close()] : [CONTEXT]
  }

  #nextExport(open: Open, raw: string, first = false): Part[] {
    const part: Part[] = first ? [] : [CONTEXT]
    if (open.binary !== null) {
      open.binary.bytes += open.binary.bytes === '' ? raw : `\n${raw}`
      this.#binaryDone(open)
      return part
    }
    if (raw === '') return [{ kind: 'empty' }, ...this.#close()]
    const field = FIELD.exec(raw)
    if (field !== null) open.fields.set(field[1] ?? '', field[2] ?? '')
    else if (/^[A-Z0-9_]+$/.test(raw)) open.binary = { key: raw, bytes: '' }
    return part
  }

  /** Eight bytes of length, little end first, then so many bytes. */
  #binaryDone(open: Open): void {
    const { binary } = open
    if (binary === null || binary.bytes.length < 8) return
    const length = Number(Buffer.from(binary.bytes.slice(0, 8), 'latin1').readBigUInt64LE(0))
    if (binary.bytes.length - 8 < length) return
    open.fields.set(binary.key, binary.bytes.slice(8, 8 + length))
    open.binary = null
  }

  #close(): Part[] {
    const open = this.#open
    this.#open = null
    if (open === null) return []
    if (open.kind === 'uevent') return [ueventPart(open)]
    if (open.kind === 'kmsg') return [kmsgPart(open)]
    const entry = open.kind === 'pretty' ? prettyEntry(this.#pretty) : exportEntry(open.fields)
    const record = entry === null ? null : entryLine(entry)
    if (record === null) return [{ kind: 'line', line: open.line, raw: open.raw }]
    return [{ kind: 'said', line: open.line, raw: open.raw, record, statement: null }]
  }
}

function prettyEntry(lines: readonly string[]): Record<string, unknown> | null {
  try {
    return JSON.parse(textOf(lines.join('\n'))) as Record<string, unknown>
  } catch {
    return null
  }
}

function exportEntry(fields: ReadonlyMap<string, string>): Record<string, unknown> {
  return Object.fromEntries([...fields].map(([key, value]) => [key, textOf(value)]))
}

function kmsgPart({ line, raw, fields }: Open): Part {
  const record = unwrap(textOf(raw))
  return {
    kind: 'said',
    line,
    raw,
    record: { ...record, device: fields.get('DEVICE') ?? null },
    statement: null,
  }
}

function ueventPart({ line, raw, fields }: Open): Part {
  const match = /^(KERNEL|UDEV) *\[(\d+)\.(\d{6})\]/.exec(raw)
  const monoUs = Number(match?.[2] ?? 0) * 1_000_000 + Number(match?.[3] ?? 0)
  const record = lineOf('uevent', { monoUs, precisionUs: 1 }, { program: 'kernel', text: raw })
  const statement = match?.[1] === 'KERNEL' ? ueventStatement(raw, fields) : null
  // What udev sends after its rules is the same event again; an event of no path is nothing for us.
  if (statement === null) return CONTEXT
  return { kind: 'said', line, raw, record: { ...record, program: 'uevent' }, statement }
}

/** True where a text is what a template would read: for those who must know before they take a line apart. */
export function isRead(text: string): boolean {
  return read(unwrap(text)).kind === 'statement'
}
