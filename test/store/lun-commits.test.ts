// Whether anybody has written a LUN's file, asked without a call: whoever it was must be seen.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Commits } from '../../store/lun/commits.ts'

let folder = ''
let open: Database.Database[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pathledger-commits-'))
})
afterEach(() => {
  for (const db of open) db.close()
  open = []
  rmSync(folder, { recursive: true, force: true })
})

function connect(file: string, readonly = false): Database.Database {
  const db = new Database(file, { readonly })
  open.push(db)
  if (!readonly) db.exec('PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS t (a)')
  else db.prepare('SELECT count(*) FROM t').get()
  return db
}

/** Its commits, and how often SQLite was asked for them. */
function watch(db: Database.Database): { commits: Commits; asked: () => number } {
  let asked = 0
  const get = (statement: Database.Statement) => {
    asked += 1
    return statement.get()
  }
  const prepare = (sql: string) => {
    const statement = db.prepare(sql).pluck()
    return { pluck: () => ({ get: () => get(statement) }) }
  }
  const commits = new Commits({ name: db.name, prepare } as unknown as Database.Database)
  commits.mark()
  return { commits, asked: () => asked }
}

function askOften(commits: Commits): void {
  for (let time = 0; time < 200; time += 1) expect(commits.changed()).toBe(false)
}

test('once it is asked for often, SQLite is asked no more, and each commit is seen until the mark after it', () => {
  const file = join(folder, 'one.lun')
  const writer = connect(file)
  const one = watch(connect(file, true))
  const other = watch(connect(file, true))
  for (const { commits, asked } of [one, other]) {
    askOften(commits)
    expect(asked()).toBeLessThan(70)
  }
  for (let row = 0; row < 50; row += 1) {
    writer.prepare('INSERT INTO t VALUES (?)').run(row)
    expect([one.commits.changed(), one.commits.changed()]).toEqual([true, true])
    one.commits.mark()
    expect(one.commits.changed()).toBe(false)
  }
  expect(other.commits.changed()).toBe(true)
  writer.exec('BEGIN; INSERT INTO t VALUES (0); ROLLBACK')
  expect(one.commits.changed()).toBe(false)
  expect(one.asked()).toBeLessThan(70)
})

test('a commit of another process, a program that knows nothing of us, is seen', () => {
  const file = join(folder, 'one.lun')
  connect(file)
  symlinkSync(folder, `${folder}.link`)
  try {
    const { commits, asked } = watch(connect(join(`${folder}.link`, 'one.lun'), true))
    askOften(commits)
    const script = `new (require('better-sqlite3'))(${JSON.stringify(file)}).exec('INSERT INTO t VALUES (1)')`
    expect(spawnSync(process.execPath, ['-e', script]).status).toBe(0)
    expect(commits.changed()).toBe(true)
    commits.mark()
    askOften(commits)
    expect(asked()).toBeLessThan(70)
  } finally {
    rmSync(`${folder}.link`)
  }
})

test('a commit in the very moment when it changes over is seen, and told until it is marked', () => {
  const file = join(folder, 'one.lun')
  const writer = connect(file)
  const { commits } = watch(connect(file, true))
  for (let time = 0; time < 63; time += 1) commits.changed()
  writer.exec('INSERT INTO t VALUES (1)')
  expect([commits.changed(), commits.changed(), commits.changed()]).toEqual([true, true, true])
  commits.mark()
  askOften(commits)
})

test('without a mapping, as of a file that is not in WAL mode, SQLite is asked as before', () => {
  const file = join(folder, 'rollback.lun')
  const writer = connect(file)
  writer.pragma('journal_mode = DELETE')
  const { commits, asked } = watch(connect(file, true))
  askOften(commits)
  writer.exec('INSERT INTO t VALUES (1)')
  expect(commits.changed()).toBe(true)
  expect(asked()).toBeGreaterThan(200)
  commits.close()
})
