// No SQL of a ledger file ever runs. A view, a trigger, a generated column, a CHECK or an index over an expression runs what
// whoever made it wrote, inside our own questions, and a view called `events` answers them as it likes. So a file whose schema is
// not ours, word for word, is no ledger to anybody: it is refused before the first question.
import type Database from 'better-sqlite3'
import { PathledgerError } from '../../errors.ts'
import { schemaOf } from './schema.ts'

/** Tables of snapshots and projections. Those of another version are not read, but dropped and made anew: only their form matters. */
export const CACHE_TABLES: readonly string[] = [
  ...[
    'snapshots',
    'projections',
    'time_spans',
    'path_falls',
    'up_times',
    'up_moments',
    'path_times',
    'path_moments',
  ],
  ...['head_services', 'io_by_path_hours', 'by_hand', 'timers_ended', 'timers_open'],
  ...['invariant_facts', 'invariant_streams'],
]

/** A table of names, types and keys: nothing in it computes anything. */
const PLAIN_TABLE = /^CREATE TABLE (\w+) \([\w\s,()]+\)[\w\s,]*$/
const COMPUTES = /\b(?:AS|CHECK|COLLATE|CONFLICT|CONSTRAINT|DEFAULT|FOREIGN|GENERATED|REFERENCES)\b/i
/** What SQLite makes by itself of a key. */
const OWN_INDEX = /^sqlite_autoindex_(\w+)_\d+$/

type SchemaRow = readonly [type: string, name: string, table: string, sql: string | null]

/** Throws LEDGER_FOREIGN_SQL where a file has anything in its schema that is not ours. What is missing is for others to tell. */
export function refuseForeignSql(db: Database.Database, file: string): void {
  const rows = db.prepare('SELECT type, name, tbl_name, sql FROM sqlite_schema').raw().all() as SchemaRow[]
  const ours = schemaOf(Number(db.pragma('user_version', { simple: true })))
  const foreign = rows.find((row) => !isOurs(row, ours))
  if (foreign === undefined) return
  const [type, name, , sql] = foreign
  const known = ours.has(name) || CACHE_TABLES.includes(name)
  throw new PathledgerError('LEDGER_FOREIGN_SQL', {
    message: `The ledger ${file} contains SQL that is not from pathledger.`,
    why: `Its ${type} ${name} is ${known ? 'not as pathledger makes it' : 'not part of a ledger'}: its SQL would run in every answer.`,
    todo: 'Do not trust this file: use a backup, and find out who changed it. It was not touched.',
    details: { file, type, name, sql },
  })
}

function isOurs([type, name, table, sql]: SchemaRow, ours: ReadonlyMap<string, string>): boolean {
  // Its table stands for it: the two come and go together.
  if (sql === null) return type === 'index' && OWN_INDEX.exec(name)?.[1] === table
  const expected = ours.get(name)
  if (expected !== undefined) return sql === expected
  if (type !== 'table' || name !== table || !CACHE_TABLES.includes(name)) return false
  return PLAIN_TABLE.exec(sql)?.[1] === name && !COMPUTES.test(sql)
}
