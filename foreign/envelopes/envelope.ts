// A line out of its envelope: stamp, host, program, and the text that templates see. Decided line by line, since
// files are mixed. What no envelope fits is a line whose text is all of it, without a stamp.
import { civilUs } from '../time/calendar.ts'
import { fractionUs, monthOf, namedOffset, writtenOffset } from '../time/civil.ts'
import type { Line, Stamp } from '../types.ts'
import { fromJournal } from './journal.ts'

const MINUTE_US = 60_000_000
/** Of a second with so many digits. */
const PRECISION_US = [1_000_000, 100_000, 10_000, 1000, 100, 10, 1]
const SECOND_US = 1_000_000
/** A year to hold a day that has none: it has a 29 February. */
export const YEARLESS = 1972

const MON = 'Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec'
const SYSLOG = new RegExp(
  `^(${MON}) ([ \\d]\\d) (\\d\\d):(\\d\\d):(\\d\\d)(?:\\.(\\d{1,6}))? (?:\\| ?(.*)|(\\S+) (.*))$`,
  's',
)
const ISO = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:([.,])(\d{1,9}))?(Z|[+-]\d\d:?\d\d)? ?(.*)$/s
const FULL =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))? (\S+) (\S+) (.*)$/s
const UNIX = /^(\d{9,10})\.(\d{6}) (\S+) (.*)$/s
const COMMAND_LINE = /^(\d+)\.(\d{6}) \| ?(.*)$/s
const RFC5424 = /^<(\d{1,3})>1 (\S+) (\S+) (\S+) (\S+) (\S+) (-|(?:\[(?:[^\]\\]|\\.)*\])+) ?\uFEFF?(.*)$/s
const KMSG = /^(\d+),(\d+),(\d+),([^;]*);(.*)$/s
const UPTIME = /^\[ *(\d+)\.(\d{6})\](?:\[ *[TC]\d+\])? ?(.*)$/s
const CTIME = new RegExp(
  `^\\[(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (${MON}) +(\\d+) (\\d\\d):(\\d\\d):(\\d\\d) (\\d{4})\\] ?(.*)$`,
  's',
)
const DECODED = /^([a-z]+ *):([a-z]+ *): (\[.*)$/s
const CONSOLE = /^kern: *[a-z]+: \[(\S+?)\]: ?(.*)$/s
const CONTAINER = /^\d{4}-\d\d-\d\dT[\d:.]+Z (?:stdout|stderr) [FP] (.*)$/s
const PROGRAM = /^([^\s[\]:]+)(?:\[(\d+)\])?: ?(.*)$/s
/** After the host of a monotonic journal line: a program with its number, or the kernel. */
const HOST_AND_PROGRAM = /^([A-Za-z0-9._-]+) ((?:[^\s[\]:]+\[\d+\]|kernel): .*)$/s

const NO_STAMP: Stamp = {
  ...{
    us: null,
    wallUs: null,
    yearless: false,
    monoUs: null,
    precisionUs: 0,
    approximate: false,
    zone: 'none',
  },
}

/** Takes a line out of its envelope. Never throws. */
export function unwrap(raw: string): Line {
  const first = raw.charCodeAt(0)
  // '{'
  if (first === 0x7b) return fromJournal(raw) ?? bare(raw)
  // '['
  if (first === 0x5b) return bracketed(raw) ?? bare(raw)
  // '<'
  if (first === 0x3c) return rfc5424(raw) ?? bare(raw)
  // a digit
  if (first >= 0x30 && first <= 0x39) return numbered(raw) ?? bare(raw)
  return syslog(raw) ?? shortFull(raw) ?? consoleLine(raw) ?? bare(raw)
}

function bare(raw: string): Line {
  return lineOf('bare', null, { text: raw })
}

/** A line in a form, with what it has. */
export function lineOf(form: string, stamp: Partial<Stamp> | null, parts: Partial<Line>): Line {
  return {
    ...{ host: null, program: null, pid: null, text: '', boot: null, device: null, cursor: null },
    ...parts,
    form,
    stamp: stamp === null ? null : { ...NO_STAMP, ...stamp },
  }
}

/** 'prog[pid]: text' of a host; the kernel's own clock in brackets goes into the stamp. */
function said(form: string, stamp: Partial<Stamp>, host: string, rest: string): Line {
  const match = PROGRAM.exec(rest)
  if (match === null) return lineOf(form, stamp, { host, text: rest })
  const [, program = '', pid, text = ''] = match
  if (program === 'kernel') return kernelSaid(form, stamp, host, text)
  const inner = text.startsWith('2') ? CONTAINER.exec(text) : null
  return lineOf(form, stamp, { host, program, pid: pid ?? null, text: inner?.[1] ?? text })
}

function kernelSaid(form: string, stamp: Partial<Stamp>, host: string | null, text: string): Line {
  const uptime = text.startsWith('[') ? UPTIME.exec(text) : null
  if (uptime === null) return lineOf(form, stamp, { host, program: 'kernel', text })
  const monoUs = Number(uptime[1]) * SECOND_US + Number(uptime[2])
  return lineOf(form, { ...stamp, monoUs }, { host, program: 'kernel', text: uptime[3] ?? '' })
}

function syslog(raw: string): Line | null {
  const match = SYSLOG.exec(raw)
  if (match === null) return null
  const [, month = '', day, hour, minute, second, fraction, commandLine, host = '', rest = ''] = match
  const clock = [Number(hour), Number(minute), Number(second), fractionUs(fraction)]
  const stamp = {
    wallUs: civilUs(YEARLESS, monthOf(month), Number(day), clock),
    yearless: true,
    precisionUs: fraction === undefined ? SECOND_US : 1,
  }
  if (commandLine !== undefined)
    return lineOf('multipath', stamp, { program: 'multipath', text: commandLine })
  return said('syslog', stamp, host, rest)
}

function numbered(raw: string): Line | null {
  if (raw.charCodeAt(4) === 0x2d) return iso(raw)
  const kmsg = KMSG.exec(raw)
  if (kmsg !== null) return fromKmsg(kmsg)
  const line = COMMAND_LINE.exec(raw)
  if (line !== null) {
    const monoUs = Number(line[1]) * SECOND_US + Number(line[2])
    return lineOf('multipath', { monoUs, precisionUs: 1 }, { program: 'multipath', text: line[3] ?? '' })
  }
  const unix = UNIX.exec(raw)
  if (unix === null) return null
  const us = Number(unix[1]) * SECOND_US + Number(unix[2])
  return said('short-unix', { us, precisionUs: 1, zone: 'stated' }, unix[3] ?? '', unix[4] ?? '')
}

function iso(raw: string): Line | null {
  const match = ISO.exec(raw)
  if (match === null) return null
  const [, year, month, day, hour, minute, second, point, fraction, offset, rest = ''] = match
  const wallUs = civilUs(Number(year), Number(month), Number(day), [
    ...[Number(hour), Number(minute), Number(second)],
    fractionUs(fraction),
  ])
  const stamp: Partial<Stamp> = {
    wallUs,
    us: offset === undefined ? null : wallUs - writtenOffset(offset) * MINUTE_US,
    precisionUs: fraction === undefined ? SECOND_US : (PRECISION_US[fraction.length] ?? 1),
    zone: offset === undefined ? 'none' : 'stated',
  }
  // A comma before the fraction is how dmesg writes it: computed from the uptime, and without a host.
  if (point === ',')
    return lineOf('dmesg-iso', { ...stamp, approximate: true }, { program: 'kernel', text: rest })
  const space = rest.indexOf(' ')
  if (space < 0) return null
  const host = rest.slice(0, space)
  if (/^(?:stdout|stderr)$/.test(host)) return unwrap(rest.slice(space + 3))
  return said('iso', stamp, host, rest.slice(space + 1))
}

function shortFull(raw: string): Line | null {
  const match = FULL.exec(raw)
  if (match === null) return null
  const [, year, month, day, hour, minute, second, fraction, zone = '', host = '', rest = ''] = match
  const wallUs = civilUs(Number(year), Number(month), Number(day), [
    ...[Number(hour), Number(minute), Number(second)],
    fractionUs(fraction),
  ])
  const offset = namedOffset(zone)
  const stamp: Partial<Stamp> = {
    wallUs,
    us: offset === null ? null : wallUs - offset.minutes * MINUTE_US,
    precisionUs: fraction === undefined ? SECOND_US : 1,
    zone: offset === null ? 'none' : offset.sure ? 'stated' : 'assumed',
  }
  return said('short-full', stamp, host, rest)
}

function rfc5424(raw: string): Line | null {
  const match = RFC5424.exec(raw)
  if (match === null) return null
  const [, , at = '', host = '', app = '', pid = '', , , text = ''] = match
  const stamped = ISO.exec(`${at} `)
  const inner = stamped === null ? null : iso(`${at} - x: y`)
  const stamp = inner?.stamp ?? null
  const given = (word: string): string | null => (word === '-' ? null : word)
  if (app === 'kernel') return kernelSaid('rfc5424', stamp ?? {}, given(host), text)
  return lineOf('rfc5424', stamp, { host: given(host), program: given(app), pid: given(pid), text })
}

function bracketed(raw: string): Line | null {
  const uptime = UPTIME.exec(raw)
  if (uptime !== null) {
    const monoUs = Number(uptime[1]) * SECOND_US + Number(uptime[2])
    const text = uptime[3] ?? ''
    const journal = HOST_AND_PROGRAM.exec(text)
    if (journal !== null)
      return said('short-monotonic', { monoUs, precisionUs: 1 }, journal[1] ?? '', journal[2] ?? '')
    return lineOf('dmesg', { monoUs, precisionUs: 1 }, { program: 'kernel', text })
  }
  const ctime = CTIME.exec(raw)
  if (ctime === null) return null
  const [, month = '', day, hour, minute, second, year, text = ''] = ctime
  const wallUs = civilUs(Number(year), monthOf(month), Number(day), [
    Number(hour),
    Number(minute),
    Number(second),
  ])
  return lineOf('dmesg-T', { wallUs, precisionUs: SECOND_US, approximate: true }, { program: 'kernel', text })
}

function consoleLine(raw: string): Line | null {
  const console = CONSOLE.exec(raw)
  if (console !== null) {
    const stamp = iso(`${console[1] ?? ''} - x: y`)?.stamp ?? null
    return lineOf('console', stamp, { program: 'kernel', text: console[2] ?? '' })
  }
  const decoded = DECODED.exec(raw)
  return decoded === null ? null : bracketed(decoded[3] ?? '')
}

function fromKmsg(match: RegExpExecArray): Line {
  const [, priority, , micros, , text = ''] = match
  const stamp = { monoUs: Number(micros), precisionUs: 1 }
  // Facility 0 is the kernel; what a program wrote into /dev/kmsg has another.
  const program = Number(priority) < 8 ? 'kernel' : 'kmsg'
  return lineOf('kmsg', stamp, { program, text: unescapeKmsg(text) })
}

function unescapeKmsg(text: string): string {
  return text.includes('\\x')
    ? text.replace(/\\x([0-9a-f]{2})/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)))
    : text
}
