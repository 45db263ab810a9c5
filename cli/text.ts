// Text for a terminal: colours, columns, figures.

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
    color && text !== '' ? `\x1b[${code}m${text}\x1b[0m` : text
  return { bold: with_(1), dim: with_(2), good: with_(32), warn: with_(33), bad: with_(31) }
}

// Built from its number: the source stays free of control characters.
const STYLE = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g')

/** Columns that a text takes on a terminal, colours not counted. */
export function widthOf(text: string): number {
  return text.replace(STYLE, '').length
}

/** Columns side by side, each as wide as its widest cell. Empty columns vanish; no line ends in spaces. */
export function table(rows: readonly (readonly string[])[], indent = ''): string {
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
