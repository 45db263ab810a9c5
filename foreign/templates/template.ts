// A template is data: what a line of a program looks like, from which versions, what it says, and one line that it must fit.

/** Whose lines they are. `system` is everybody who speaks of the host: systemd, sudo, clocks, loggers. */
export type Writer = 'multipathd' | 'kernel' | 'iscsid' | 'system'

export interface Template {
  readonly id: string
  readonly of: Writer
  /** What it states; 'context' carries identity or detail for others, 'noise' is known and says nothing here. */
  readonly says: string
  /** From which version to which it was seen. It informs and never excludes. */
  readonly versions: string
  /** A piece of text that every such line has: asked before the pattern. */
  readonly has: string
  readonly pattern: RegExp
  /** Words that the template itself adds to what it found. */
  readonly with?: Readonly<Record<string, string>>
  /** A line that it fits. */
  readonly line: string
}

/** [id, says, versions, has, pattern, line, with]: a table row is shorter to read than an object. */
export type Row = readonly [
  id: string,
  says: string,
  versions: string,
  has: string,
  pattern: RegExp,
  line: string,
  extra?: Readonly<Record<string, string>>,
]

/** Rows of one writer as templates. */
export function table(of: Writer, rows: readonly Row[]): Template[] {
  return rows.map(([id, says, versions, has, pattern, line, extra]) => ({
    ...{ id: `${of}.${id}`, of, says, versions, has, pattern, line },
    ...(extra === undefined ? {} : { with: extra }),
  }))
}
