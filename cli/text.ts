// Text for a terminal: colours, lines, columns, figures; and what it never gets.
//
// Text that steers no terminal. Names, reasons and whole rows are of others, and a ledger may be anybody's: on a terminal an escape
// sequence in them would wipe the line before it, a bidirectional override would turn it round, a line break would forge one.
// So nothing is printed but by this page: such characters as JSON writes them (`\u001b`), our own colours by a seal that no text can hold.
import { randomUUID } from 'node:crypto'

/** Colours by what they mean. Each returns its text unchanged where colours are not wanted. */
export interface Paint {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly good: (text: string) => string
  readonly warn: (text: string) => string
  readonly bad: (text: string) => string
}

/** The paint for a stream: real when `color`, none otherwise. */
export function paint(color: boolean): Paint {
  const with_ = (code: number) => (text: string) =>
    color && text !== '' ? `${sealed(`[${code}m`)}${text}${sealed('[0m')}` : text
  return { bold: with_(1), dim: with_(2), good: with_(32), warn: with_(33), bad: with_(31) }
}

/** Columns that a text takes on a terminal, colours not counted. */
export function widthOf(text: string): number {
  return withoutStyles(text).length
}

/** One line for each text, whatever is in it: what comes from a ledger makes no line of its own. */
export function lines(texts: readonly string[]): string {
  return texts.map((text) => `${inOneLine(text)}\n`).join('')
}

/** Columns side by side, each as wide as its widest cell. Empty columns vanish; no line ends in spaces, nor begins another. */
export function table(cells: readonly (readonly string[])[], indent = ''): string {
  const rows = cells.map((row) => row.map(inOneLine))
  // Row by row: a table may have a million of them, and a call takes no million arguments.
  const widths: number[] = []
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, widthOf(cell))
    }
  }
  const line = (row: readonly string[]): string =>
    widths
      .flatMap((width, column) => {
        const cell = row[column] ?? ''
        return width === 0 ? [] : [cell + ' '.repeat(width - widthOf(cell))]
      })
      .join('  ')
  return rows.map((row) => `${indent}${line(row)}`.trimEnd() + '\n').join('')
}

/** '1,234,567'. */
export function figure(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',')
}

/** '1 path', '3 paths', '2,000 bios'. */
export function counted(value: number, noun: string, nouns = `${noun}s`): string {
  return `${figure(value)} ${value === 1 ? noun : nouns}`
}

/** '64 MiB', '512 B': powers of 1024, one decimal where it says something. */
export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let [size, unit] = [value, 0]
  while (size >= 1024 && unit < units.length - 1) [size, unit] = [size / 1024, unit + 1]
  return `${size < 10 && !Number.isInteger(size) ? size.toFixed(1) : Math.round(size)} ${units[unit] ?? ''}`
}

/** '850 us', '12.3 ms', '4.56 s', '3 min 20 s'. */
export function duration(us: number): string {
  if (us < 1_000) return `${Math.round(us)} us`
  if (us < 1_000_000) return `${(us / 1_000).toFixed(us < 10_000 ? 2 : 1)} ms`
  if (us < 60_000_000) return `${(us / 1_000_000).toFixed(2)} s`
  const seconds = Math.round(us / 1_000_000)
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${seconds % 60} s`
}

/** JSON as it is on a ledger, for printing. What somebody has changed into something else must still be shown. */
export function parseJson(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return json
  }
}

/** {@link parseJson} where an object is expected; anything else counts as an empty one. */
export function parseObject(json: string): Readonly<Record<string, unknown>> {
  const value = parseJson(json)
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/**
 * Control characters but tab and line feed, which lines and columns are made of; marks that turn the direction of text, hide it or
 * break it; halves of characters.
 */
const STEERS =
  /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\u{e0000}-\u{e007f}]/gu // eslint-disable-line no-control-regex -- these are what it is about

/** Stands before our own control sequences until they are printed. Nobody who writes a ledger knows it. */
const SEAL = `\x1b${randomUUID()}`

/** A control sequence of ours: `sealed('[1m')` is bold. */
export function sealed(sequence: string): string {
  return `${SEAL}${sequence}`
}

/** Text without its sealed styles: what it takes on a terminal. */
export function withoutStyles(text: string): string {
  return text.replace(STYLE, '')
}

const STYLE = new RegExp(`${SEAL}\\[\\d+m`, 'g')

/**
 * What is printed: sealed sequences become what they stand for, whatever else would steer a terminal is written as JSON writes it.
 * JSON stays the same JSON by it.
 */
export function printable(text: string): string {
  return text.split(SEAL).map(escaped).join('\x1b')
}

/** One line, whatever is in it: its line breaks and tabs are escaped as the rest will be. */
export function inOneLine(text: string): string {
  return text.replace(/[\t\n\r]/g, (character) => BREAKS[character] ?? '')
}

const BREAKS: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r' }

function escaped(text: string): string {
  return text.replace(STEERS, (character) =>
    [...Array(character.length).keys()]
      .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`)
      .join(''),
  )
}
