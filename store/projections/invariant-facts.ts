// What of the invariants can be told event by event: four of those that invariants.sql asks about, carried on from step to
// step. They are told here without SQL's windows, row by row, and come to the same: test/store/projections.test.ts.
import type Database from 'better-sqlite3'
import { IS_NO_SAMPLE } from '../rows/schema.ts'
import type { Projection } from './projection.ts'

/** Runs a SELECT, on whatever connection. */
export type Select = (sql: string, values: Readonly<Record<string, string | number>>) => readonly unknown[]

/** How many facts an invariant was asked about, how many broke it, and the first position that did. */
export interface Facts {
  readonly checked: number
  readonly violated: number
  readonly first_position: number | null
}

export const INVARIANT_FACTS: Projection = {
  name: 'invariant_facts',
  version: 1,
  tables: {
    invariant_facts: `CREATE TABLE invariant_facts (
  invariant      TEXT PRIMARY KEY,
  checked        INTEGER NOT NULL,
  violated       INTEGER NOT NULL,
  first_position INTEGER
) STRICT, WITHOUT ROWID`,
    invariant_streams: `CREATE TABLE invariant_streams (
  stream TEXT PRIMARY KEY,
  state  TEXT NOT NULL
) STRICT, WITHOUT ROWID`,
  },
  advance(db: Database.Database, after: number, to: number): void {
    const statements = new Map<string, Database.Statement<[object]>>()
    const select: Select = (sql, values) => {
      const statement = statements.get(sql) ?? db.prepare<[object]>(sql)
      statements.set(sql, statement)
      return statement.all(values)
    }
    const told = new Told(select)
    told.takeAll(after, to)
    const setFacts = db.prepare(
      'INSERT OR REPLACE INTO invariant_facts VALUES (:invariant, :checked, :violated, :first_position)',
    )
    for (const [invariant, facts] of told.facts) setFacts.run({ invariant, ...facts })
    const setStream = db.prepare('INSERT OR REPLACE INTO invariant_streams VALUES (?, ?)')
    for (const [stream, state] of told.streams) setStream.run(stream, JSON.stringify(state))
  },
}

/** The facts of all events up to `to`: those that the projection holds, which has come to `after`, and those behind. */
export function invariantFacts(select: Select, after: number, to: number): ReadonlyMap<string, Facts> {
  const told = new Told(select)
  told.takeAll(after, to)
  return told.facts
}

/** A value of SQL's logic. */
type Truth = 0 | 1 | null

/** What the next event of a stream is judged by. Of a head: `usable` is how many of its paths are. */
interface Standing {
  verdict?: string
  episode?: { readonly type: string; readonly errors: number | null; readonly bios: number | null }
  usable?: number | null
  override?: string
}

interface Row {
  readonly position: number
  readonly stream: string
  readonly type: string
  readonly refused: 0 | 1
  /** Of a path: whether its state lets I/O through, and whether the operator does. */
  readonly able: Truth
  readonly enabled: Truth
  readonly override: string | null
  /** The wwid of a path's or head's stream. */
  readonly wwid: string
  readonly said: number | null
  readonly errors: number | null
  readonly bios: number | null
}

const ROWS = `SELECT
  position,
  stream,
  type,
  decision ->> '$.refused' IS NOT NULL AS refused,
  decision ->> '$.state.device' = 'running'
    AND decision ->> '$.state.access' IN ('optimal', 'active')
    AND decision ->> '$.state.health' IN ('online', 'marginal') AS able,
  decision ->> '$.state.admin' = 'enabled' AS enabled,
  decision ->> '$.context.override' AS override,
  CASE type
    WHEN 'head.pathsChanged' THEN substr(stream, 6)
    ELSE substr(rtrim(stream, replace(stream, '/', '')), 6, length(rtrim(stream, replace(stream, '/', ''))) - 6)
  END AS wwid,
  CASE WHEN type = 'head.pathsChanged' AND schema < 100 THEN data ->> '$.usable' END AS said,
  CASE WHEN type IN ('path.failed', 'path.episodeEnded') THEN data ->> '$.errors' END AS errors,
  CASE WHEN type IN ('path.failed', 'path.episodeEnded') THEN data ->> '$.bios' END AS bios
FROM events NOT INDEXED
WHERE position > :after AND position <= :to AND ${IS_NO_SAMPLE}
  AND (stream >= 'path/' AND stream < 'path0' OR type = 'head.pathsChanged')
ORDER BY position`

const CAUSES = `SELECT
  count(*) AS checked,
  coalesce(sum(broken), 0) AS violated,
  min(iif(broken, position, NULL)) AS first_position
FROM (
  SELECT event.position, before.position IS NULL OR before.position >= event.position AS broken
  FROM events AS event NOT INDEXED
  LEFT JOIN events AS before ON before.position = event.cause
  WHERE event.position > :after AND event.position <= :to AND event.cause IS NOT NULL
)`

const VERDICTS = new Set(['path.suspected', 'path.cleared', 'path.failed', 'path.removed'])
const NO_FACTS: Facts = { checked: 0, violated: 0, first_position: null }

/** What is told so far, and where the streams stand that were met. */
class Told {
  readonly facts = new Map<string, Facts>()
  readonly streams = new Map<string, Standing>()
  readonly #select: Select

  constructor(select: Select) {
    this.#select = select
  }

  /** Takes in the events behind `after`, up to which the tables hold it, to `to`. */
  takeAll(after: number, to: number): void {
    const held = after === 0 ? [] : this.#select('SELECT * FROM invariant_facts', {})
    for (const { invariant, ...facts } of held as (Facts & { invariant: string })[]) {
      this.facts.set(invariant, facts)
    }
    const range = { after, to }
    for (const facts of this.#select(CAUSES, range) as Facts[]) this.#add('causes-come-first', facts)
    for (const row of this.#select(ROWS, range) as Row[]) this.#take(row, after)
  }

  #take(row: Row, after: number): void {
    const { type, position } = row
    if (type === 'head.pathsChanged') {
      const counted = this.#standing(`head/${row.wwid}`, after).usable ?? 0
      if (row.said !== null) this.#note('heads-count-their-paths', position, row.said !== counted)
    }
    if (!row.stream.startsWith('path/')) return
    const standing = this.#standing(row.stream, after)
    this.#count(row, standing, after)
    if (row.refused === 1) return
    if (VERDICTS.has(type)) {
      if (type === 'path.suspected') this.#note('suspicions-are-settled', position, standing.verdict === type)
      standing.verdict = type
    }
    if (type === 'path.failed' || type === 'path.episodeEnded') this.#episode(row, standing)
  }

  /** How many paths of the head are usable, after this event of one of them. */
  #count(row: Row, standing: Standing, after: number): void {
    if (row.override !== null) standing.override = row.override
    const usable = and(row.able, standing.override === 'on' ? 1 : row.enabled)
    const before = standing.usable === undefined ? 0 : standing.usable
    standing.usable = usable
    if (usable === null || before === null || usable === before) return
    const head = this.#standing(`head/${row.wwid}`, after)
    head.usable = (head.usable ?? 0) + usable - before
  }

  #episode({ type, errors, bios, position }: Row, standing: Standing): void {
    const before = standing.episode
    if (type === 'path.episodeEnded') {
      const shrank = before !== undefined && (isLess(errors, before.errors) || isLess(bios, before.bios))
      this.#note('episodes-only-grow', position, before?.type !== 'path.failed' || shrank)
    }
    standing.episode = { type, errors, bios }
  }

  #standing(stream: string, after: number): Standing {
    let standing = this.streams.get(stream)
    if (standing === undefined) {
      const sql = 'SELECT state FROM invariant_streams WHERE stream = :stream'
      const [held] = after === 0 ? [] : (this.#select(sql, { stream }) as { state: string }[])
      standing = held === undefined ? {} : (JSON.parse(held.state) as Standing)
      this.streams.set(stream, standing)
    }
    return standing
  }

  #note(invariant: string, position: number, broken: boolean): void {
    this.#add(invariant, {
      checked: 1,
      violated: broken ? 1 : 0,
      first_position: broken ? position : null,
    })
  }

  /** Later facts come later: the first one that broke it stays the first. */
  #add(invariant: string, more: Facts): void {
    const facts = this.facts.get(invariant) ?? NO_FACTS
    this.facts.set(invariant, {
      checked: facts.checked + more.checked,
      violated: facts.violated + more.violated,
      first_position: facts.first_position ?? more.first_position,
    })
  }
}

function and(one: Truth, other: Truth): Truth {
  if (one === 0 || other === 0) return 0
  return one === null || other === null ? null : 1
}

function isLess(one: number | null, other: number | null): boolean {
  return one !== null && other !== null && one < other
}
