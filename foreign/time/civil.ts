// Wall clocks and zones. Offsets come from the runtime's own zone data, once per hour that is asked for.
import { PathledgerError } from '../../errors.ts'

const MINUTE_US = 60_000_000

/** Names with one meaning, or by their usual one: minutes east of UTC. */
const NAMED: Readonly<Record<string, number>> = {
  ...{ UTC: 0, GMT: 0, Z: 0, WET: 0, WEST: 60, CET: 60, CEST: 120, EET: 120, EEST: 180, MSK: 180, BST: 60 },
  ...{ EST: -300, EDT: -240, CST: -360, CDT: -300, MST: -420, MDT: -360, PST: -480, PDT: -420, IST: 330 },
  ...{
    JST: 540,
    KST: 540,
    HKT: 480,
    SGT: 480,
    AEST: 600,
    AEDT: 660,
    NZST: 720,
    NZDT: 780,
    AKST: -540,
    HST: -600,
  },
}
/** Names that several places of the world use. */
const SEVERAL_MEANINGS = new Set(['IST', 'CST', 'CDT', 'BST'])

/** Two names of one place: a log that begins in one and ends in the other has the change in it. */
const PLACES: readonly (readonly [winter: string, summer: string, zone: string])[] = [
  ['CET', 'CEST', 'Europe/Berlin'],
  ['EET', 'EEST', 'Europe/Helsinki'],
  ['WET', 'WEST', 'Europe/Lisbon'],
  ['GMT', 'BST', 'Europe/London'],
  ['EST', 'EDT', 'America/New_York'],
  ['CST', 'CDT', 'America/Chicago'],
  ['MST', 'MDT', 'America/Denver'],
  ['PST', 'PDT', 'America/Los_Angeles'],
]

/** Minutes east of UTC of a zone's name; null where it is not one that we know. */
export function namedOffset(name: string): { readonly minutes: number; readonly sure: boolean } | null {
  const minutes = NAMED[name]
  return minutes === undefined ? null : { minutes, sure: !SEVERAL_MEANINGS.has(name) }
}

/** '+01:00', '-0500', 'Z': minutes east of UTC. */
export function writtenOffset(text: string): number {
  if (text === 'Z') return 0
  const digits = text.slice(1).replace(':', '')
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2) || 0)
  return text.startsWith('-') ? -minutes : minutes
}

/** A zone in which a wall clock is read. */
export interface Zone {
  readonly name: string
  /** Minutes east of UTC at a moment. */
  offsetAt(us: number): number
}

/** Offsets of the world's zones by name, as the runtime has them; null where there is no such zone. */
export type ZoneData = (name: string) => ((us: number) => number) | null

/** A zone by its name in the world's list, by an abbreviation, or as an offset. Throws ZONE_UNKNOWN. */
export function zoneOf(name: string, data: ZoneData): Zone {
  if (/^(?:Z|[+-]\d\d:?\d\d)$/.test(name)) return fixed(name, writtenOffset(name))
  const named = namedOffset(name)
  if (named !== null) return fixed(name, named.minutes)
  const offsetAt = data(name)
  if (offsetAt !== null) return { name, offsetAt }
  throw new PathledgerError('ZONE_UNKNOWN', {
    message: `'${name}' is not a time zone.`,
    why: 'A time zone is a name of the IANA list (Europe/Berlin), an abbreviation (CET), or an offset (+01:00).',
    todo: 'Give the time zone of the host with --zone.',
  })
}

/** The zone of a log whose header ends in these two names; null where they are not of one place. */
export function zoneBetween(begin: string, end: string, data: ZoneData): Zone | null {
  if (begin === end) {
    const named = namedOffset(begin)
    return named === null ? null : fixed(begin, named.minutes)
  }
  const place = PLACES.find(
    ([winter, summer]) => [winter, summer].includes(begin) && [winter, summer].includes(end),
  )
  const offsetAt = place === undefined ? null : data(place[2])
  return place === undefined || offsetAt === null ? null : { name: place[2], offsetAt }
}

function fixed(name: string, minutes: number): Zone {
  return { name, offsetAt: () => minutes }
}

/** The moment of a wall clock's reading. In an hour that comes twice `later` says which of the two. */
export function momentOf(wallUs: number, zone: Zone, later: boolean): { us: number; twice: boolean } {
  const before = zone.offsetAt(wallUs - 24 * 60 * MINUTE_US)
  const after = zone.offsetAt(wallUs + 24 * 60 * MINUTE_US)
  const first = wallUs - before * MINUTE_US
  const second = wallUs - after * MINUTE_US
  const firstHolds = zone.offsetAt(first) === before
  const secondHolds = zone.offsetAt(second) === after
  const twice = before !== after && firstHolds && secondHolds
  if (twice) return { us: later ? second : first, twice }
  return { us: firstHolds ? first : second, twice: false }
}

/** 'Tue', 'Feb' ... of the C locale; month 1 to 12, 0 where it is none. */
export function monthOf(name: string): number {
  return MONTHS.indexOf(name) + 1
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Microseconds of a decimal fraction's digits: '5' is half a second. */
export function fractionUs(digits: string | undefined): number {
  return digits === undefined ? 0 : Number(digits.padEnd(6, '0').slice(0, 6))
}
