// A ledger file with SQL in it that pathledger did not write: nobody opens it, for whatever purpose, and none of it runs.
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Multipath } from '../../index.ts'
import { PROJECTIONS } from '../../store/projections/index.ts'
import { CACHE_TABLES } from '../../store/rows/our-schema.ts'
import { changeCaches } from '../../store/life/file-caches.ts'
import { makeFolder, recordStory, removeFolder, run } from '../cli/harness.ts'

const folder = makeFolder()
const story = join(folder, 'story.ledger')
beforeAll(async () => {
  await recordStory(story)
})
afterAll(() => removeFolder(folder))

const schemaSaid = (name: string, from: string, to: string): string =>
  `PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, '${from}', '${to}') WHERE name = '${name}'`

const FOREIGN: readonly (readonly [what: string, sql: string])[] = [
  ['a view', 'CREATE VIEW more AS SELECT * FROM events'],
  [
    'a view that takes the place of the events',
    "ALTER TABLE events RENAME TO kept; CREATE VIEW events AS SELECT * FROM kept WHERE type <> 'path.failed'",
  ],
  ['a view that takes the place of a cache', 'CREATE VIEW snapshots AS SELECT 1'],
  ['a trigger', 'CREATE TRIGGER sly AFTER INSERT ON events BEGIN DELETE FROM ledger_head; END'],
  [
    'a trigger under the name of ours',
    "DROP TRIGGER events_no_update; CREATE TRIGGER events_no_update BEFORE UPDATE ON events WHEN NEW.type <> 'x' BEGIN SELECT 1; END",
  ],
  ['a table', 'CREATE TABLE mine (a)'],
  ['a table with a name like ours', 'CREATE TABLE Snapshots_ (a)'],
  ['a generated column', "ALTER TABLE events ADD COLUMN more TEXT GENERATED ALWAYS AS (type || 'x')"],
  ['a column', 'ALTER TABLE events ADD COLUMN more TEXT'],
  ['a CHECK of its own', schemaSaid('ledger_head', '(id = 1)', '(id = 1 AND 1)')],
  ['a table of events without types', schemaSaid('events', ' STRICT', '')],
  ['a cache that computes', 'CREATE TABLE by_hand (a, b GENERATED ALWAYS AS (a + 1))'],
  ['a cache with a default', 'CREATE TABLE by_hand (a DEFAULT (random()))'],
  ['an index over an expression', 'CREATE INDEX mine ON events (lower(type))'],
  [
    'an index under the name of ours',
    'DROP INDEX events_by_type; CREATE INDEX events_by_type ON events (type)',
  ],
  ['a virtual table', 'CREATE VIRTUAL TABLE found USING fts5(a)'],
]

/** Every opening that there is: each verb, and an engine. */
function verbs(file: string): string[][] {
  const next = join(folder, 'next.ledger')
  return [
    ...['log', 'show', 'topology', 'verify', 'snapshot', 'export'].map((verb) => [verb, file]),
    ['verify', file, '--segments'],
    ...[
      ['replay', file, '--verify'],
      ['diff', file, '1', '5'],
      ['explain', 'sda', file],
    ],
    ...[
      ['audit', 'failovers', file],
      ['sql', file, 'SELECT 1'],
      ['sysfs', '--ledger', file],
    ],
    ...[
      ['what-if', file, '--set', 'iopolicy=numa'],
      ['head', 'verify', file, file, '--key', file],
    ],
    ...['--make', '--drop', '--check'].map((option) => ['snapshot', file, option]),
    ...['segment', 'backup', 'repair'].map((verb) => [verb, file, next]),
    ['ingest', file, import.meta.filename],
  ]
}

describe('F-39: no SQL of a ledger file ever runs', () => {
  it.each(FOREIGN)(
    'with %s it is refused by every verb and by an engine, and not touched',
    async (_what, sql) => {
      const file = join(folder, 'foreign.ledger')
      copyFileSync(story, file)
      const db = new Database(file)
      db.unsafeMode()
      db.exec(sql)
      db.close()
      const before = readFileSync(file)
      for (const argv of verbs(file)) {
        if (argv[0] === 'head') continue
        const { code, stderr, stdout } = await run(...argv, '--json')
        expect([argv[0], code, stdout, JSON.parse(stderr).error.code]).toEqual([
          argv[0],
          5,
          '',
          'LEDGER_FOREIGN_SQL',
        ])
      }
      await expect(Multipath.open({ ledger: file })).rejects.toMatchObject({ code: 'LEDGER_FOREIGN_SQL' })
      expect(readFileSync(file).equals(before)).toBe(true)
    },
  )

  it('with all its caches, or without a trigger or an index, a ledger is one', async () => {
    const file = join(folder, 'ours.ledger')
    copyFileSync(story, file)
    changeCaches(file, 'make', 1)
    expect((await run('verify', file)).code).toBe(0)
    const db = new Database(file)
    db.exec('DROP TRIGGER events_no_delete; DROP INDEX events_by_type')
    db.close()
    expect(await run('verify', file)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('events_by_type is missing'),
    })
    expect((await run('log', file)).code).toBe(0)
  })

  it('F-38: by an index that says otherwise than the rows no verb answers', async () => {
    const file = join(folder, 'index.ledger')
    copyFileSync(story, file)
    const bytes = readFileSync(file)
    const db = new Database(file, { readonly: true })
    const pages = db.prepare("SELECT pageno FROM dbstat WHERE name = 'events_by_type' AND pagetype = 'leaf'")
    const size = Number(db.pragma('page_size', { simple: true }))
    const [page = 0] = pages.pluck().all() as number[]
    db.close()
    const at = bytes.indexOf('path.failed', (page - 1) * size)
    expect(at).toBeLessThan(page * size)
    bytes[at + 'path.failed'.length - 1]! ^= 1
    writeFileSync(file, bytes)
    for (const argv of verbs(file)) {
      // What judges it, makes caches of rows alone, or copies rows, tells otherwise or not at all.
      if (['verify', 'head', 'repair', 'ingest', 'segment', 'backup', 'snapshot'].includes(argv[0] ?? ''))
        continue
      expect([argv[0], (await run(...argv)).code]).toEqual([argv[0], 5])
    }
    expect((await run('verify', file)).code).toBe(5)
    const copy = join(folder, 'copy.ledger')
    expect((await run('backup', file, copy)).code).toBe(0)
    expect((await run('audit', 'failovers', copy)).stdout).toBe(
      (await run('audit', 'failovers', story)).stdout,
    )
  })

  it('the tables that may be there are those of snapshots and projections', () => {
    const tables = PROJECTIONS.flatMap((projection) => Object.keys(projection.tables))
    expect([...CACHE_TABLES].sort()).toEqual(['projections', 'snapshots', ...tables].sort())
  })
})
