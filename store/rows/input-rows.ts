// What deciding again needs of the rows, and no more. Nearly all are samples, and of a sample a machine that has decided one in
// the same state looks at nothing: its payload is fetched when it is asked for.
import type Database from 'better-sqlite3'
import { damagedRow } from './damage.ts'
import type { Input } from '../types.ts'
import { BULK_PAGE_ROWS } from '../limits.ts'
import { IS_NO_SAMPLE } from './schema.ts'

/** The SELECT of inputs; its values are the first position, the last one, and how many rows at most. */
export const INPUT_SQL = selectWith('')
/** The same with the decisions that were taken. */
const DECIDED_SQL = selectWith(', decision')
/** The payload of one event. */
export const DATA_SQL = 'SELECT data FROM events WHERE position = ?'

function selectWith(more: string): string {
  return `SELECT position, stream, version, type, schema, mono_us, CASE WHEN ${IS_NO_SAMPLE} THEN data END${more}
  FROM events WHERE position BETWEEN ? AND ? ORDER BY position LIMIT ?`
}

/** Gives the payload at a position. */
export type FetchData = (position: number) => unknown

class InputRow implements Input {
  readonly position: number
  readonly stream: string
  readonly version: number
  readonly type: string
  readonly schema: number
  readonly monoUs: number
  readonly #data: string | null
  readonly #fetch: FetchData

  constructor(row: readonly unknown[], fetch: FetchData) {
    const [position, stream, version, type, schema, monoUs, data] = row
    const isText = typeof stream === 'string' && typeof type === 'string'
    const isNumber = typeof version === 'number' && typeof schema === 'number' && typeof monoUs === 'number'
    if (!isText || !isNumber || !isTextOrNull(data)) throw damaged(position)
    this.position = position as number
    this.stream = stream
    this.version = version
    this.type = type
    this.schema = schema
    this.monoUs = monoUs
    this.#data = data
    this.#fetch = fetch
  }

  get data(): string {
    const data = this.#data ?? this.#fetch(this.position)
    if (typeof data !== 'string') throw damaged(this.position)
    return data
  }
}

/** Rows of {@link INPUT_SQL} as deciding takes them. */
export function inputsOf(rows: readonly unknown[], fetch: FetchData): readonly Input[] {
  return (rows as readonly (readonly unknown[])[]).map((row) => new InputRow(row, fetch))
}

/** Every input up to a position with the decision that was taken, page by page. */
export function* decidedInputs(
  db: Database.Database,
  to: number,
): Generator<readonly [input: Input, decision: string]> {
  const page = db.prepare<[number, number, number], unknown[]>(DECIDED_SQL).raw()
  const data = db.prepare<[number]>(DATA_SQL).pluck()
  const fetch: FetchData = (position) => data.get(position)
  for (let from = 1; from <= to; from += BULK_PAGE_ROWS) {
    for (const row of page.all(from, to, BULK_PAGE_ROWS)) {
      const decision = row[7]
      if (typeof decision !== 'string') throw damaged(row[0])
      yield [new InputRow(row, fetch), decision]
    }
  }
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string'
}

function damaged(position: unknown): Error {
  return damagedRow(position, 'A value of it is not of its type')
}
