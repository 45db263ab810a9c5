// Times and subjects as they are printed: UTC with as many digits as the source had, or seconds since boot.
import { isoOf } from '../time/calendar.ts'
import type { Fact, Subject } from '../types.ts'

const SECOND_US = 1_000_000
/** What is smaller is an uptime. */
const WALL_US = 366 * 86_400 * SECOND_US

/** '2026-02-03T09:00:01Z' or '….123456Z'; a number of seconds since boot; null where no date is known. */
export function printedTime(fact: Pick<Fact, 'atUs' | 'precisionUs'> | null): string | number | null {
  if (fact?.atUs === null || fact?.atUs === undefined) return null
  return printedUs(fact.atUs, fact.precisionUs)
}

export function printedUs(us: number, precisionUs: number): string | number {
  if (us < WALL_US) return us / SECOND_US
  return isoOf(us, precisionUs < SECOND_US)
}

export function seconds(us: number): number {
  return Math.round(us) / SECOND_US
}

/** A subject without what is not known, as answers name it. */
export function named(subject: Subject, severalHosts: boolean): Record<string, unknown> {
  const { life: _life, ...found } = known(subject)
  if (!severalHosts) delete found.host
  return found
}

/** All of a subject that is known. */
export function known(subject: Subject): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(subject).filter(([, value]) => value !== null && value !== undefined),
  )
}

/** 'sdb (5:0:0:1)', 'nvme1', 'mpatha'. */
export function called(subject: Subject): string {
  const { kind, dev, hctl, ctrl, map, dm, devt } = subject
  if (kind === 'map') return String(map ?? dm)
  if (ctrl !== undefined) return String(ctrl)
  const name = String(dev ?? devt ?? hctl)
  return hctl === null || hctl === undefined || dev === null ? name : `${name} (${String(hctl)})`
}

export function shortName(subject: Subject): string {
  return String(subject.dev ?? subject.ctrl ?? subject.devt ?? subject.hctl ?? subject.map ?? subject.dm)
}

/** '1 minute 5 seconds', '20 minutes 21 seconds', '48 s'. */
export function lasted(us: number): string {
  const whole = Math.round(us / SECOND_US)
  if (whole < 60)
    return us < 10 * SECOND_US && us % SECOND_US !== 0 ? `${(us / SECOND_US).toFixed(1)} s` : `${whole} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return plural(minutes, 'minute', whole % 60, 'second')
  return plural(Math.floor(minutes / 60), 'hour', minutes % 60, 'minute')
}

function plural(large: number, word: string, small: number, smaller: string): string {
  const one = (count: number, name: string): string => `${count} ${name}${count === 1 ? '' : 's'}`
  return small === 0 ? one(large, word) : `${one(large, word)} ${one(small, smaller)}`
}
