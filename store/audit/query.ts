// How an audit query is asked: each is one .sql file beside this one, which says what it answers and how. An auditor can run
// the same text in a sqlite3 shell.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { checkArguments, checkFields, type Wanted } from '../../errors/arguments.ts'
import { PathledgerError } from '../../errors.ts'
import { PAGE_ROWS } from '../limits.ts'
import { NO_LIMIT } from '../pages.ts'
import type { SqlReader, SqlValues } from '../read/reader.ts'

/** Columns as SQLite gives them, and what they become. */
export const whole = z.int()
export const flag = z.union([z.literal(0), z.literal(1)]).transform((value) => value === 1)
export const json = z.string().transform((text) => JSON.parse(text) as unknown)
export const jsonObject = json.pipe(z.record(z.string(), z.unknown()))
/** The state of a stream: by region, or one word. */
export const stateText = json.pipe(z.union([z.string(), z.record(z.string(), z.string())]))
/** The state of a path or a head: by region. */
export const regionsText = json.pipe(z.record(z.string(), z.string()))

type Camel<Name> = Name extends `${infer First}_${infer Rest}` ? `${First}${Capitalize<Camel<Rest>>}` : Name
type Camelled<Row> = { [Column in keyof Row as Camel<Column>]: Row[Column] }

/** The rows of a query: exactly these columns, `took_us` in SQL becoming `tookUs`. */
export function rowOf<Shape extends z.ZodRawShape>(
  shape: Shape,
): z.ZodType<Camelled<z.output<z.ZodObject<Shape>>>> {
  return z.strictObject(shape).transform((row) => {
    const renamed = Object.entries(row).map(([column, value]) => [
      column.replace(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase()),
      value,
    ])
    return Object.fromEntries(renamed) as Camelled<z.output<z.ZodObject<Shape>>>
  })
}

/** Throws ARGUMENT_INVALID for what is no reader, or asked for what no ledger can be asked for. */
export function checkAsked(
  name: string,
  reader: unknown,
  asked: unknown = {},
  wanted: Readonly<Record<string, Wanted>> = {},
): void {
  checkArguments(name, { reader }, { reader: 'sqlReader' })
  checkFields(name, 'what is asked for', asked, wanted)
}

/** What a range of positions is made of. */
export const RANGE = { fromPosition: 'whole?', toPosition: 'whole?' } as const

/** An audit query by its name: the file that its text is in. */
export const AUDIT_QUERIES = {
  'path-history': './path-history.sql',
  failovers: './failovers.sql',
  'time-in-state': './time-in-state.sql',
  'io-by-path': './io-by-path.sql',
  topology: './topology.sql',
  availability: './availability.sql',
  outages: './outages.sql',
  'io-by-interval': './io-by-interval.sql',
  'block-path': './block-path.sql',
  flapping: './flapping.sql',
  changes: './changes.sql',
  timers: './timers.sql',
  ghosts: './ghosts.sql',
  reservations: './reservations.sql',
  correlated: './correlated.sql',
  invariants: './invariants.sql',
} as const

/** The name of an audit query. */
export type AuditQuery = keyof typeof AUDIT_QUERIES

/** The SQL of an audit query, with its comment. */
export function auditSql(name: AuditQuery): string {
  return readFileSync(new URL(AUDIT_QUERIES[name], import.meta.url), 'utf8')
}

/** First and last position to look at, both included; default all. */
export interface PositionRange {
  readonly fromPosition?: number
  readonly toPosition?: number
}

/**
 * Asks a query whose rows come in the order of their positions, page by page, for all of them. `changed` may lead its SQL another
 * way to the same rows.
 */
export function allPages<Row extends { readonly position: number }>(
  reader: SqlReader,
  name: AuditQuery,
  row: z.ZodType<Row>,
  { fromPosition, toPosition }: PositionRange,
  values: SqlValues,
  changed: (sql: string) => string = (sql) => sql,
): Row[] {
  const sql = changed(auditSql(name))
  const all: Row[] = []
  let from = fromPosition ?? 1
  while (true) {
    const range = { from_position: from, to_position: toPosition ?? NO_LIMIT, limit: PAGE_ROWS }
    const page = checkedRows(name, row, reader.select(sql, { ...values, ...range }))
    for (const one of page) all.push(one)
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE_ROWS) return all
    from = last.position + 1
  }
}

/** Asks a query for all its rows at once. */
export function query<Row>(
  reader: SqlReader,
  name: AuditQuery,
  row: z.ZodType<Row>,
  values: SqlValues,
): Row[] {
  return checkedRows(name, row, reader.select(auditSql(name), values))
}

/** Rows that came of a query, checked. Throws AUDIT_FAILED for a row that is not as the query promises. */
export function checkedRows<Row>(name: AuditQuery, row: z.ZodType<Row>, rows: readonly unknown[]): Row[] {
  return rows.map((raw) => {
    const parsed = row.safeParse(raw)
    if (parsed.success) return parsed.data
    throw new PathledgerError('AUDIT_FAILED', {
      message: `The query ${name} met a row that it cannot read.`,
      why: `${parsed.error.issues.map(({ path, message }) => `${path.map(String).join('.')}: ${message}`).join('; ')}.`,
      todo: 'Run `pathledger verify`: this ledger has an event that pathledger did not write like this.',
      details: { query: name, row: raw },
    })
  })
}
