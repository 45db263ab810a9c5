// Days and dates by arithmetic alone (proleptic Gregorian, UTC), so that the same text is the same time everywhere.

const DAY_US = 86_400_000_000
const SECOND_US = 1_000_000
/** Days of 400 years, and from 1 March of the year 0 to 1970. */
const DAYS_OF_ERA = 146_097
const DAYS_TO_1970 = 719_468

export interface CivilDate {
  readonly year: number
  readonly month: number
  readonly day: number
}

/** Days since 1970-01-01 of a date. */
export function daysOf(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year
  const era = Math.floor(shifted / 400)
  const yearOfEra = shifted - era * 400
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * DAYS_OF_ERA + dayOfEra - DAYS_TO_1970
}

/** The date of a day since 1970-01-01. */
export function dateOf(days: number): CivilDate {
  const shifted = days + DAYS_TO_1970
  const era = Math.floor(shifted / DAYS_OF_ERA)
  const dayOfEra = shifted - era * DAYS_OF_ERA
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const part = Math.floor((5 * dayOfYear + 2) / 153)
  const month = part < 10 ? part + 3 : part - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  return { year, month, day: dayOfYear - Math.floor((153 * part + 2) / 5) + 1 }
}

/** Microseconds since 1970 of a reading of a clock, taken as UTC: hour, minute, second, microseconds. */
export function civilUs(year: number, month: number, day: number, rest: readonly number[]): number {
  const [hour = 0, minute = 0, second = 0, micros = 0] = rest
  return daysOf(year, month, day) * DAY_US + ((hour * 60 + minute) * 60 + second) * SECOND_US + micros
}

/** The same reading in another year: a 29 February that is not there is the 1 March. */
export function inYear(us: number, year: number): number {
  const days = Math.floor(us / DAY_US)
  const { month, day } = dateOf(days)
  return daysOf(year, month, day) * DAY_US + (us - days * DAY_US)
}

export function yearOf(us: number): number {
  return dateOf(Math.floor(us / DAY_US)).year
}

/** '2026-02-03T09:00:01Z', or with six digits of a second. */
export function isoOf(us: number, digits: boolean): string {
  const days = Math.floor(us / DAY_US)
  const { year, month, day } = dateOf(days)
  const rest = us - days * DAY_US
  const seconds = Math.floor(rest / SECOND_US)
  const two = (value: number): string => String(value).padStart(2, '0')
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  const fraction = digits ? `.${String(Math.floor(rest % SECOND_US)).padStart(6, '0')}` : ''
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}T${clock}${fraction}Z`
}

/** '2026-02-03T09:00:01.5Z' or with a blank between: microseconds since 1970, as UTC; null where it is no time. */
export function isoUs(text: string): number | null {
  const match = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z?$/.exec(text)
  if (match === null) return null
  const [, year, month, day, hour, minute, second, fraction = ''] = match
  const clock = [Number(hour), Number(minute), Number(second), Number(fraction.padEnd(6, '0').slice(0, 6))]
  return civilUs(Number(year), Number(month), Number(day), clock)
}
