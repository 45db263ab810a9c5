// The clock of one source. A stamp may lack its year or its zone; both follow from the order of the lines, so that a
// time is known only when the source has been read to its end.
import { civilUs, inYear as readInYear, yearOf } from '../time/calendar.ts'
import { momentOf, type Zone } from '../time/civil.ts'
import type { Stamp } from '../types.ts'

const DAY_US = 86_400_000_000
const HOUR_US = 3_600_000_000
const YEAR_1972_US = civilUs(1972, 1, 1, [])
/** A step back of more than this is the end of a year where stamps have none. */
const YEAR_STEP_US = 180 * DAY_US
/** Steps back of about an hour: what the end of summer time looks like. */
const FOLD_US = [20 * 60_000_000, 2 * HOUR_US + 60_000_000] as const

/** A stamp with what the lines before it tell. */
export interface Tick {
  readonly stamp: Stamp
  /** How often a year had ended before it, in this source. */
  readonly years: number
  /** The clock had gone back by about an hour not long before. */
  readonly later: boolean
}

/** What reading stamps needs to know from outside. */
export interface ClockSettings {
  /** Of stamps that state none. */
  readonly zone: Zone | null
  /** Years are counted back from here. */
  readonly nowUs: number
}

export class SourceClock {
  #years = 0
  #lastWall: number | null = null
  #foldAt: number | null = null
  /** The newest moment that a line states by itself. */
  newestUs: number | null = null
  /** Where a step back of an hour was seen: the reading before, and after. */
  readonly folds: { readonly fromWallUs: number; readonly toWallUs: number; readonly years: number }[] = []
  #lastYearless: number | null = null

  /** Takes the stamp of the next line. */
  tick(stamp: Stamp): Tick {
    if (stamp.us !== null && (this.newestUs === null || stamp.us > this.newestUs)) this.newestUs = stamp.us
    if (stamp.us !== null || stamp.wallUs === null) return { stamp, years: this.#years, later: false }
    this.#follow(stamp.wallUs, stamp.yearless)
    const later = this.#foldAt !== null && stamp.wallUs - this.#foldAt < 3 * HOUR_US
    if (stamp.yearless) this.#lastYearless = stamp.wallUs
    return { stamp, years: this.#years, later }
  }

  #follow(wallUs: number, yearless: boolean): void {
    const last = this.#lastWall
    this.#lastWall = wallUs
    if (last === null) return
    const back = last - wallUs
    if (yearless && back > YEAR_STEP_US) this.#years += 1
    if (back < FOLD_US[0] || back > FOLD_US[1]) return
    this.#foldAt = wallUs
    this.folds.push({ fromWallUs: last, toWallUs: wallUs, years: this.#years })
  }

  /** The year of the first line, so that the last is not later than now. */
  #firstYear({ zone, nowUs }: ClockSettings): number {
    const last = this.#lastYearless
    const now = nowUs + (zone?.offsetAt(nowUs) ?? 0) * 60_000_000
    let year = yearOf(now)
    // A day of grace: the host's clock may be ahead of ours.
    if (last !== null && inYear(last, year) > now + DAY_US) year -= 1
    return year - this.#years
  }

  /** The moments of ticks, once all lines have been read. */
  resolver(settings: ClockSettings): (tick: Tick) => number | null {
    const first = this.#firstYear(settings)
    return ({ stamp, years, later }) => {
      if (stamp.us !== null) return stamp.us
      if (stamp.wallUs === null) return null
      const wallUs = stamp.yearless ? inYear(stamp.wallUs, first + years) : stamp.wallUs
      return settings.zone === null ? wallUs : momentOf(wallUs, settings.zone, later).us
    }
  }

  /** The moments at which the wall clock went back by an hour because the zone did. */
  changes(settings: ClockSettings): number[] {
    const { zone } = settings
    if (zone === null) return []
    const first = this.#firstYear(settings)
    return this.folds.flatMap(({ fromWallUs, toWallUs, years }) => {
      const from = momentOf(inYear(fromWallUs, first + years), zone, false)
      const to = momentOf(inYear(toWallUs, first + years), zone, true)
      return zone.offsetAt(from.us) === zone.offsetAt(to.us) ? [] : [transition(zone, from.us, to.us)]
    })
  }
}

function transition(zone: Zone, fromUs: number, toUs: number): number {
  const before = zone.offsetAt(fromUs)
  let [low, high] = [fromUs, toUs]
  while (high - low > 1_000_000) {
    const middle = Math.floor((low + high) / 2)
    if (zone.offsetAt(middle) === before) low = middle
    else high = middle
  }
  return Math.round(high / 1_000_000) * 1_000_000
}

function inYear(wallUs: number, year: number): number {
  if (wallUs >= YEAR_1972_US + 366 * DAY_US || wallUs < YEAR_1972_US) return wallUs
  return readInYear(wallUs, year)
}
