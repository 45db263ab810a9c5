// POSITION and TIME, as a person types them: digits, ISO 8601, or `-5m` before the last event.
import type { LedgerReader } from '../store/types.ts'
import { PathledgerError } from '../errors.ts'
import { usageError } from './failure.ts'

/** A place in a ledger as it was typed. */
export type Moment =
  | { readonly kind: 'position'; readonly position: number }
  | { readonly kind: 'time'; readonly us: number; readonly typed: string }
  | { readonly kind: 'before'; readonly us: number; readonly typed: string }

/** What the help says of a moment. */
export const MOMENT_HELP =
  'a POSITION is digits (17); a TIME is ISO 8601 (2026-11-22T21:03:05.123Z, without a zone UTC) or counts back from the ' +
  'last event (-5m; ms, s, m, h, d)'

const UNIT_US: Readonly<Record<string, number>> = {
  ms: 1_000,
  s: 1_000_000,
  m: 60_000_000,
  h: 3_600_000_000,
  d: 86_400_000_000,
}

/** Reads a moment. Throws USAGE. Pure. */
export function parseMoment(typed: string): Moment {
  if (/^\d{1,15}$/.test(typed)) return { kind: 'position', position: Number(typed) }
  const back = /^-(\d{1,9})(ms|s|m|h|d)$/.exec(typed)
  if (back !== null) {
    return { kind: 'before', us: Number(back[1]) * (UNIT_US[back[2] ?? ''] ?? 0), typed }
  }
  return { kind: 'time', us: parseIso(typed), typed }
}

/** Reads a duration, '500ms', '2s', '5m', as microseconds. Throws USAGE. Pure. */
export function parseDuration(typed: string): number {
  const parts = /^(\d{1,9})(ms|s|m|h|d)$/.exec(typed)
  const us = Number(parts?.[1]) * (UNIT_US[parts?.[2] ?? ''] ?? 0)
  if (us > 0) return us
  throw usageError(
    `'${typed}' is not a duration.`,
    'It is a whole number, more than 0, and ms, s, m, h or d.',
    'Write 500ms or 2s.',
  )
}

/** Reads a whole number from `least` on. Throws USAGE. Pure. */
export function parseCount(typed: string, least = 1): number {
  if (/^\d{1,15}$/.test(typed) && Number(typed) >= least) return Number(typed)
  throw usageError(
    `'${typed}' is not a number.`,
    `A whole number from ${least} is wanted here.`,
    'Correct it.',
  )
}

/** Reads a position. Throws USAGE. Pure. */
export function parsePosition(typed: string): number {
  if (/^\d{1,15}$/.test(typed) && Number(typed) > 0) return Number(typed)
  throw usageError(
    `'${typed}' is not a position.`,
    'Positions are whole numbers from 1.',
    'Look at `pathledger log`.',
  )
}

const ISO = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s?(Z|[+-]\d\d:?\d\d)?)?$/i

function parseIso(typed: string): number {
  const [, date, time = '00:00', seconds = '00', fraction = '', zone = 'Z'] = ISO.exec(typed) ?? []
  if (date === undefined) throw notATime(typed)
  const meant = `${date}T${time}:${seconds}`
  const at = new Date(`${meant}Z`)
  // Date rolls the 31st of April over into May: a person who typed that meant something else.
  if (Number.isNaN(at.getTime()) || at.toISOString().slice(0, meant.length) !== meant) throw notATime(typed)
  return at.getTime() * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6)) - zoneUs(typed, zone)
}

function zoneUs(typed: string, zone: string): number {
  if (zone.toUpperCase() === 'Z') return 0
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(-2))]
  if (hours > 23 || minutes > 59) throw notATime(typed)
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000_000
}

function notATime(typed: string): PathledgerError {
  return usageError(
    `'${typed}' is neither a position nor a time.`,
    'A position is digits; a time is ISO 8601, like 2026-11-22T21:03:05.123Z, or -5m (ms, s, m, h, d) before the last event.',
    'Look at `pathledger log` for the positions and times there are.',
  )
}

/** Wall clock of a time, microseconds; `-5m` counts from the ledger's last event. Throws USAGE for a position. */
export function timeOf(reader: LedgerReader, typed: string): number {
  const moment = parseMoment(typed)
  if (moment.kind === 'time') return moment.us
  if (moment.kind === 'before') return lastEventUs(reader) - moment.us
  throw usageError(
    `'${typed}' is a position, and a time is wanted here.`,
    'Positions go to --from and --to.',
    'Use ISO 8601 or -5m.',
  )
}

/** The position that a moment means: itself, or the last one recorded at or before a time. Throws *_NOT_FOUND. */
export function positionOf(reader: LedgerReader, typed: string): number {
  const moment = parseMoment(typed)
  const { events } = reader.head()
  if (moment.kind === 'position') {
    if (moment.position >= 1 && moment.position <= events) return moment.position
    throw new PathledgerError('POSITION_NOT_FOUND', {
      message: `There is no position ${moment.position}.`,
      why: `This ledger has positions 1 to ${events}.`,
      todo: 'Use one of them.',
      details: { position: moment.position, events },
    })
  }
  const us = moment.kind === 'time' ? moment.us : lastEventUs(reader) - moment.us
  const position = reader.positionAt(us)
  if (position > 0) return position
  const first = reader.read({ limit: 1 })[0]
  throw new PathledgerError('MOMENT_NOT_FOUND', {
    message: `Nothing was recorded at or before ${moment.typed}.`,
    why: `The time of the first event is ${isoOf(first?.recordedAtUs ?? 0)}.`,
    todo: 'Use a later time, or a position.',
  })
}

/** Wall clock in ISO 8601, UTC, with all its microseconds: '2026-11-22T21:03:05.123456Z'. */
export function isoOf(us: number): string {
  const micros = String(((us % 1000) + 1000) % 1000).padStart(3, '0')
  return new Date(Math.floor(us / 1000)).toISOString().replace('Z', `${micros}Z`)
}

function lastEventUs(reader: LedgerReader): number {
  const { events } = reader.head()
  return reader.read({ fromPosition: events, limit: 1 })[0]?.recordedAtUs ?? 0
}

/** When the event at a position was recorded, for people and programs alike. */
export function timeAt(reader: LedgerReader, position: number): string {
  return isoOf(reader.read({ fromPosition: position, limit: 1 })[0]?.recordedAtUs ?? 0)
}
