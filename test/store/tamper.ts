// Changes behind a ledger's back, and the position at which each must be found.
import Database from 'better-sqlite3'
import { seededRandom } from '../../adapters/seeded-random.ts'
import { COLUMNS } from '../../store/rows/encoding.ts'

export interface Tampering {
  readonly what: string
  /** The first position that is not as it was written. */
  readonly firstBad: number
}

type Column = (typeof COLUMNS)[number]

interface Scene {
  readonly db: Database.Database
  readonly rows: number
  /** True while the table asks for no types. */
  readonly loose: boolean
  /** A whole number below `below`. */
  readonly pick: (below: number) => number
}

/** Makes one change, which its seed determines, to a ledger that nobody has open. */
export function tamper(file: string, seed: number): Tampering {
  const random = seededRandom(seed)
  const pick = (below: number) => random.nextUint32() % below
  const loose = pick(3) === 0
  const act = (db: Database.Database): Tampering => {
    const rows = db.prepare('SELECT count(*) FROM events').pluck().get() as number
    const change = CHANGES[pick(CHANGES.length)]!
    const { what, firstBad } = change({ db, rows, loose, pick })
    return { what: `${what}${loose ? ', where no type was asked for' : ''}`, firstBad }
  }
  if (loose) return loosely(file, act)
  const db = new Database(file)
  try {
    db.pragma('ignore_check_constraints = ON')
    dropTriggers(db)
    return act(db)
  } finally {
    db.close()
  }
}

function dropTriggers(db: Database.Database): void {
  for (const name of ['no_update', 'no_delete', 'no_overwrite'])
    db.exec(`DROP TRIGGER IF EXISTS events_${name}`)
}

/**
 * Changes a ledger while its schema asks for no types, no checks and nothing unique, and says afterwards that it was always ours: any
 * value may lie in any row of a file whose schema is right, as if somebody had written its bytes.
 */
export function loosely<Result>(file: string, act: (db: Database.Database) => Result): Result {
  const keys = "type = 'index' AND tbl_name = 'events' AND sql IS NULL"
  const say = "UPDATE sqlite_schema SET sql = ? WHERE type = 'table' AND name = 'events'"
  const [ours, indexes] = withSchema(file, (db) => {
    dropTriggers(db)
    const sql = db.prepare("SELECT sql FROM sqlite_schema WHERE name = 'events'").pluck().get()
    const rows = db.prepare(`SELECT * FROM sqlite_schema WHERE ${keys}`).raw().all()
    db.exec(`DELETE FROM sqlite_schema WHERE ${keys}`)
    db.prepare(say).run(`CREATE TABLE events (position INTEGER PRIMARY KEY, ${COLUMNS.slice(1).join(', ')})`)
    return [sql, rows]
  })
  const db = new Database(file)
  db.pragma('synchronous = OFF')
  const result = act(db)
  db.close()
  withSchema(file, (again) => {
    again.prepare(say).run(ours)
    for (const row of indexes) again.prepare('INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)').run(row)
  })
  const whole = new Database(file)
  whole.pragma('synchronous = OFF')
  try {
    whole.exec('REINDEX')
  } catch {
    // What is there twice has no place in them: the keys say what they said before.
  }
  whole.close()
  return result
}

function withSchema<Result>(file: string, act: (db: Database.Database) => Result): Result {
  const db = new Database(file)
  db.unsafeMode()
  db.pragma('synchronous = OFF')
  db.pragma('writable_schema = ON')
  const result = act(db)
  db.close()
  return result
}

// Columns change most often, so they have most of the chances.
const CHANGES: readonly ((scene: Scene) => Tampering)[] = [
  ...Array.from({ length: 12 }, () => changeColumn),
  ...[deleteRow, deleteRow, deleteLast, insertLast, insertBetween, swap, swap, swapData],
  ...[changeHeadCount, changeHeadHash, deleteHead],
]

function changeColumn({ db, rows, loose, pick }: Scene): Tampering {
  const column = COLUMNS[pick(COLUMNS.length)]!
  const position = 1 + pick(rows)
  const get = (name: string, at: number) =>
    db.prepare(`SELECT ${name} FROM events WHERE position = ?`).pluck().get(at)
  const before = get(column, position)
  if (column === 'position') return movePosition({ db, rows, loose, pick }, position)
  const after = loose && pick(2) === 0 ? otherType(before) : otherValue(column, before, pick)
  db.prepare(`UPDATE events SET ${column} = ? WHERE position = ?`).run(after, position)
  return {
    what: `${column} of ${position} changed from ${String(before)} to ${String(after)}`,
    firstBad: position,
  }
}

function movePosition({ db, rows, pick }: Scene, position: number): Tampering {
  db.prepare('UPDATE events SET position = ? WHERE position = ?').run(rows + 1 + pick(10), position)
  return { what: `position ${position} moved behind the end`, firstBad: position }
}

function otherValue(column: Column, before: unknown, pick: Scene['pick']): unknown {
  if (before === null) return column === 'cause' ? 1 : ''
  if (typeof before === 'number') return before + 1 + pick(1_000)
  if (before instanceof Uint8Array) {
    const bytes = Buffer.from(before)
    bytes[pick(32)]! ^= 1 << pick(8)
    return bytes
  }
  if (typeof before !== 'string') throw new Error('no other storage class is in a ledger')
  if (column === 'reason' && pick(2) === 0) return null
  if (column === 'data' || column === 'decision') return pick(2) === 0 ? `${before} ` : '{}'
  return `${before}x`
}

/** The same value as another storage class: its text, and so its hash, may well be the same. */
function otherType(before: unknown): unknown {
  if (typeof before === 'number') return String(before)
  if (typeof before === 'string') return Buffer.from(before)
  if (before instanceof Uint8Array) return Buffer.from(before).toString('hex')
  return 0.5
}

function deleteRow({ db, rows, pick }: Scene): Tampering {
  const position = 1 + pick(rows)
  db.prepare('DELETE FROM events WHERE position = ?').run(position)
  // With or without closing the gap, the rows behind do not follow any more.
  const closeGap = pick(2) === 0
  if (closeGap) shift(db, position + 1, -1)
  return { what: `row ${position} deleted${closeGap ? ', the gap closed' : ''}`, firstBad: position }
}

function deleteLast({ db, rows, pick }: Scene): Tampering {
  const count = 1 + pick(3)
  db.prepare('DELETE FROM events WHERE position > ?').run(rows - count)
  return { what: `the last ${count} rows deleted`, firstBad: rows - count + 1 }
}

function insertLast({ db, rows, pick }: Scene): Tampering {
  copyRow(db, 1 + pick(rows), rows + 1)
  return { what: 'a row inserted at the end', firstBad: rows + 1 }
}

function insertBetween({ db, rows, pick }: Scene): Tampering {
  const position = 1 + pick(rows)
  shift(db, position, 1)
  const from = 1 + pick(rows)
  copyRow(db, from >= position ? from + 1 : from, position)
  return { what: `a row inserted at ${position}, those behind it moved on`, firstBad: position }
}

function swap({ db, rows, pick }: Scene): Tampering {
  const [one, other] = twoOf(rows, pick)
  const move = db.prepare('UPDATE events SET position = ? WHERE position = ?')
  for (const [to, from] of [
    [-1, one],
    [one, other],
    [other, -1],
  ]) {
    move.run(to, from)
  }
  return { what: `rows ${one} and ${other} swapped`, firstBad: one }
}

function swapData(scene: Scene): Tampering {
  const { db, rows, pick } = scene
  const [one, other] = twoOf(rows, pick)
  const read = (at: number) => db.prepare('SELECT data FROM events WHERE position = ?').pluck().get(at)
  const [first, second] = [read(one), read(other)]
  // Two samples with the same figures: swapping them changes nothing, and nothing is to be found.
  if (first === second) return swap(scene)
  const write = db.prepare('UPDATE events SET data = ? WHERE position = ?')
  write.run(second, one)
  write.run(first, other)
  return { what: `data of ${one} and ${other} swapped`, firstBad: one }
}

function changeHeadCount({ db, rows, pick }: Scene): Tampering {
  const by = 1 + pick(5)
  const more = pick(2) === 0
  db.prepare('UPDATE ledger_head SET events = events + ?').run(more ? by : -by)
  return {
    what: `the head counts ${by} ${more ? 'more' : 'fewer'}`,
    firstBad: more ? rows + 1 : rows - by + 1,
  }
}

function changeHeadHash({ db, rows }: Scene): Tampering {
  db.prepare('UPDATE ledger_head SET hash = zeroblob(32)').run()
  return { what: 'the hash of the head changed', firstBad: rows }
}

function deleteHead({ db, rows }: Scene): Tampering {
  db.exec('DELETE FROM ledger_head')
  return { what: 'the head deleted', firstBad: rows }
}

function twoOf(rows: number, pick: Scene['pick']): [number, number] {
  const one = 1 + pick(rows - 1)
  return [one, one + 1 + pick(rows - one)]
}

/** Moves the positions from `from` on, through negative ones so that none meets another. */
function shift(db: Database.Database, from: number, by: number): void {
  db.prepare('UPDATE events SET position = -position WHERE position >= ?').run(from)
  db.prepare('UPDATE events SET position = -position + ? WHERE position < 0').run(by)
}

/** A copy of a row with an id and a version of its own, where the table asks for them. */
function copyRow(db: Database.Database, from: number, to: number): void {
  const copied: Partial<Record<Column, string>> = {
    position: '@to',
    event_id: "event_id || '-copy'",
    version: 'version + 1000',
  }
  const list = COLUMNS.map((column) => copied[column] ?? column).join(', ')
  const sql = `INSERT INTO events (${COLUMNS.join(', ')}) SELECT ${list} FROM events WHERE position = @from`
  db.prepare(sql).run({ from, to })
}
