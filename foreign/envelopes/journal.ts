// An entry of a journal: one JSON object a line, several lines of it (json-pretty), or the export form.
import type { Line, Stamp } from '../types.ts'

type Entry = Readonly<Record<string, unknown>>

/** A line of `journalctl -o json`; null where it is no such line. */
export function fromJournal(raw: string): Line | null {
  let entry: unknown
  try {
    entry = JSON.parse(raw)
  } catch {
    return null
  }
  return typeof entry === 'object' && entry !== null && !Array.isArray(entry)
    ? entryLine(entry as Entry)
    : null
}

/** An entry as a line; null where it is no journal's. */
export function entryLine(entry: Entry): Line | null {
  const received = numberOf(entry.__REALTIME_TIMESTAMP)
  if (received === null && entry.MESSAGE === undefined) return null
  const us = numberOf(entry._SOURCE_REALTIME_TIMESTAMP) ?? received
  const source = numberOf(entry._SOURCE_MONOTONIC_TIMESTAMP)
  const stamp: Stamp = {
    us,
    wallUs: us,
    yearless: false,
    monoUs: source ?? numberOf(entry.__MONOTONIC_TIMESTAMP),
    precisionUs: 1,
    approximate: false,
    zone: 'stated',
  }
  return {
    stamp,
    host: textOf(entry._HOSTNAME),
    program: programOf(entry),
    pid: textOf(entry._PID) ?? textOf(entry.SYSLOG_PID),
    text: textOf(entry.MESSAGE) ?? '',
    boot: textOf(entry._BOOT_ID),
    device: textOf(entry._KERNEL_DEVICE),
    cursor: textOf(entry.__CURSOR),
    form: 'journal',
  }
}

/** Who wrote it. What calls itself the kernel and did not come from it is somebody else. */
function programOf(entry: Entry): string | null {
  const name = textOf(entry.SYSLOG_IDENTIFIER)
  const transport = textOf(entry._TRANSPORT)
  const command = textOf(entry._COMM)
  if (name === 'kernel' && transport !== null && transport !== 'kernel') return 'claims to be kernel'
  if (name === 'kernel') return 'kernel'
  // Written into /dev/kmsg by a program: the facility says so.
  if (transport === 'kernel') return 'kmsg'
  if (name === 'multipathd' && command === 'logger') return 'claims to be multipathd'
  return name ?? command
}

function numberOf(value: unknown): number | null {
  const one: unknown = Array.isArray(value) ? value[0] : value
  const number = typeof one === 'string' && one !== '' ? Number(one) : typeof one === 'number' ? one : NaN
  return Number.isFinite(number) ? number : null
}

/** Text, the first of several values, or bytes as numbers. */
function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  if (!Array.isArray(value) || value.length === 0) return null
  const list: readonly unknown[] = value
  if (list.every((byte): byte is number => typeof byte === 'number'))
    return Buffer.from(list).toString('utf8')
  return textOf(list[0])
}
