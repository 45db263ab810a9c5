// `verify` is the strictest reader, and says what it cannot prove.
import { execFileSync } from 'node:child_process'
import { copyFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { QUESTIONS } from '../../cli/audit/questions.ts'
import { memoryLun, memoryPath, Multipath, systemClock } from '../../index.ts'
import { VERIFY_FAST_FROM } from '../../store/limits.ts'
import { hashRow } from '../../store/rows/encoding.ts'
import { COLUMN_LIST, eventOfRow, type RawRow } from '../../store/rows/rows.ts'
import { beginFastCheck } from '../../store/verify/fast-verify.ts'
import { verifyLedger } from '../../store/verify/verify.ts'
import { documentIn, makeFolder, recordStory, removeFolder, run } from '../cli/harness.ts'

const folder = makeFolder()
const story = join(folder, 'story.ledger')
beforeAll(async () => {
  await recordStory(story)
})
afterAll(() => removeFolder(folder))

let made = 0
/** A copy that was changed, each hash and the head made good. */
function forged(sql: string): string {
  made += 1
  const file = join(folder, `${made}.ledger`)
  copyFileSync(story, file)
  const db = new Database(file)
  db.pragma('ignore_check_constraints = ON')
  const trigger = db.prepare("SELECT sql FROM sqlite_schema WHERE name = 'events_no_update'").pluck().get()
  db.exec('DROP TRIGGER events_no_update')
  db.exec(sql)
  let hash: Uint8Array = new Uint8Array(32)
  const set = db.prepare('UPDATE events SET hash = ? WHERE position = ?')
  const rows = db.prepare<[], RawRow>(`SELECT ${COLUMN_LIST} FROM events ORDER BY position`).raw().all()
  for (const row of rows.map(eventOfRow)) {
    hash = hashRow(hash, row)
    set.run(hash, row.position)
  }
  db.prepare('UPDATE ledger_head SET hash = ? WHERE id = 1').run(hash)
  db.exec(String(trigger))
  db.close()
  return file
}

function isWhole(file: string): boolean {
  const db = new Database(file, { readonly: true })
  try {
    return (
      beginFastCheck(file, db, { threadsMax: 0 })?.end() !== null &&
      beginFastCheck(file, db, { threadsMax: 0 }) !== null
    )
  } finally {
    db.close()
  }
}

const AT = "(SELECT position FROM events WHERE type = 'path.failed')"
const WRONG: readonly (readonly [what: string, sql: string, why: RegExp])[] = [
  ['a payload that is no JSON', `UPDATE events SET data = '{' WHERE position = ${AT}`, /is no JSON/],
  [
    'a payload without a key',
    `UPDATE events SET data = json_remove(data, '$.errors') WHERE position = ${AT}`,
    /errors/,
  ],
  [
    'a payload with a key that nobody knows',
    `UPDATE events SET data = json_set(data, '$.more', 1) WHERE position = ${AT}`,
    /more/,
  ],
  [
    'a value that is not of its kind',
    `UPDATE events SET data = json_set(data, '$.errors', -1) WHERE position = ${AT}`,
    /errors/,
  ],
  [
    'a sample, of which deciding looks at nothing',
    "UPDATE events SET data = json_set(data, '$.more', 1) WHERE position = (SELECT max(position) FROM events WHERE type = 'path.ioSampled')",
    /more/,
  ],
  [
    'one key twice',
    `UPDATE events SET data = '{"errors":7,' || substr(data, 2) WHERE position = ${AT}`,
    /twice/,
  ],
  [
    'one key twice, written in two ways',
    `UPDATE events SET data = '{"\\u0065rrors":7,' || substr(data, 2) WHERE position = ${AT}`,
    /twice/,
  ],
  [
    'a cause that lies later',
    `UPDATE events SET cause = position + 1 WHERE position = ${AT}`,
    /does not lie before/,
  ],
  [
    'a cause that is itself',
    `UPDATE events SET cause = position WHERE position = ${AT}`,
    /does not lie before/,
  ],
  ['a cause that never was', `UPDATE events SET cause = 0 WHERE position = ${AT}`, /does not lie before/],
  ['two heads', 'INSERT INTO ledger_head SELECT 2, events, hash FROM ledger_head', /2 heads/],
  [
    'a second header',
    "UPDATE events SET type = 'ledger.header', data = (SELECT data FROM events WHERE position = 1) WHERE position = 2",
    /one header/,
  ],
  [
    'a type on the wrong stream',
    `UPDATE events SET stream = 'engine', version = 100 WHERE position = ${AT}`,
    /version|belongs/,
  ],
  ['a version of a payload that never was', `UPDATE events SET schema = 0 WHERE position = ${AT}`, /payload/],
]

const whats = ({ unproved }: { unproved: readonly { what: string }[] }): string[] =>
  unproved.map(({ what }) => what)

describe('F-32: `verify` is the strictest reader', () => {
  it.each(WRONG)('%s is told, although every hash is right', async (_what, sql, why) => {
    const file = forged(sql)
    const found = verifyLedger(file)
    expect(found.firstBad).not.toBeNull()
    expect(found.why).toMatch(why)
    // The quick check of a long ledger says no to the same.
    expect(isWhole(file)).toBe(false)
    expect((await run('verify', file)).code).toBe(5)
  })

  it('takes what a ledger says and nothing is wrong with, by both of its ways', () => {
    const file = forged('UPDATE events SET position = position')
    expect(isWhole(file)).toBe(true)
    expect(verifyLedger(file)).toMatchObject({ firstBad: null, derived: [] })
    // White space, and a key that stands in two objects, are no fault.
    const spaced = forged(`UPDATE events SET data = replace(data, '":', '": ') WHERE position = ${AT}`)
    expect(verifyLedger(spaced)).toMatchObject({ firstBad: null })
    expect(VERIFY_FAST_FROM).toBeGreaterThan(100)
  })

  it('says what it could not prove: that it was not written anew, what came before it, how its last run ended', async () => {
    const { code, stdout } = await run('verify', story)
    expect(code).toBe(0)
    expect(stdout).toContain('not proved  That it was not written anew as a whole')
    expect(documentIn(await run('verify', story, '--json'))).toMatchObject({
      lastRun: 'ended',
      unproved: [{ what: 'rewritten' }],
    })
    const [one, two] = ['segment-1.ledger', 'segment-2.ledger'].map((name) => join(folder, name)) as [
      string,
      string,
    ]
    copyFileSync(story, one)
    await run('segment', one, two)
    const alone = documentIn(await run('verify', two, '--json'))
    expect(whats(alone)).toEqual(['rewritten', 'earlier-segment'])
    const { segments } = documentIn(await run('verify', two, '--segments', '--json')) as {
      segments: { unproved: { what: string }[] }[]
    }
    for (const { unproved } of segments) expect(whats({ unproved })).toEqual(['rewritten'])
    const open = forged('DELETE FROM events WHERE 0')
    const db = new Database(open)
    db.exec('DROP TRIGGER events_no_delete')
    const { position, hash } = db
      .prepare("SELECT position, hash FROM events WHERE type = 'path.failed'")
      .get() as { position: number; hash: Buffer }
    db.prepare('DELETE FROM events WHERE position > ?').run(position)
    db.prepare('UPDATE ledger_head SET events = ?, hash = ?').run(position, hash)
    const found = documentIn(await run('verify', open, '--json'))
    db.close()
    expect(found).toMatchObject({
      lastRun: 'open',
      unproved: [{ what: 'rewritten' }, { what: 'end-of-last-run' }],
    })
  })

  it('a dropped index is a warning, and no answer needs it', async () => {
    const file = join(folder, 'no-index.ledger')
    copyFileSync(story, file)
    const db = new Database(file)
    db.exec('DROP INDEX events_by_type')
    db.close()
    expect(await run('verify', file)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('events_by_type is missing'),
    })
    const asked = [
      ...QUESTIONS.filter(({ name }) => !['block-path', 'io-by-interval'].includes(name)).map(({ name }) => [
        'audit',
        name,
      ]),
      ...[['log', '--type', 'path.failed'], ['show'], ['topology'], ['explain', 'sda:0']],
    ]
    for (const [verb = '', ...more] of asked) {
      const ask = (of: string) => run(...(verb === 'log' ? [verb, of, ...more] : [verb, ...more, of]))
      expect(await ask(file)).toEqual(await ask(story))
    }
  })
})

describe('F-06: FILE-wal is part of the ledger', () => {
  /** A ledger as it lies after a kill: its last run has no end, and its log is beside it. */
  async function killed(name: string): Promise<string> {
    const file = join(folder, name)
    const mp = await Multipath.open({ ledger: `${file}.live`, multipath: 'always' })
    await mp.addPath(
      memoryPath(memoryLun({ wwid: 'naa.1', sizeBytes: 1_048_576 }), { hctl: '8:0:0:0', clock: systemClock }),
    )
    // By another program: closing a descriptor of it here would drop the locks of SQLite.
    for (const part of ['', '-wal']) execFileSync('cp', [`${file}.live${part}`, `${file}${part}`])
    await mp.close()
    return file
  }

  it('a last run without an end and without a -wal is a warning of every reader, and of verify with its own exit code', async () => {
    const file = await killed('killed.ledger')
    expect(statSync(`${file}-wal`).size).toBeGreaterThan(0)
    expect(await run('verify', file)).toMatchObject({ code: 0, stderr: '' })
    expect(await run('log', file)).toMatchObject({ code: 0, stderr: '' })
    // Put into the file, and the log gone: nobody can say any more whether there was more of it.
    const db = new Database(file)
    db.pragma('wal_checkpoint(TRUNCATE)')
    db.close()
    rmSync(`${file}-wal`, { force: true })
    const found = await run('verify', file)
    expect(found.code).toBe(7)
    expect(found.stdout).toContain('FILE-wal is not beside it')
    expect(documentIn(await run('verify', file, '--json'))).toMatchObject({ lastRun: 'lost', chain: 'ok' })
    const readers = [
      ...['log', 'show', 'topology', 'export', 'snapshot'].map((verb) => [verb, file]),
      ...[
        ['replay', file],
        ['diff', file, '1', '5'],
        ['explain', 'sda', file],
        ['audit', 'failovers', file],
      ],
      ...[
        ['sql', file, 'SELECT 1'],
        ['sysfs', '--ledger', file],
        ['snapshot', file, '--check'],
      ],
    ]
    for (const argv of readers) {
      const { code, stderr } = await run(...argv)
      expect([argv, code, stderr]).toEqual([argv, 0, expect.stringContaining('FILE-wal is not beside it')])
      const json = await run(...argv, '--json')
      expect(JSON.parse(json.stderr)).toMatchObject({ warning: { code: 'END_MISSING' } })
    }
  })

  it('a backup needs no -wal, and is no such file', async () => {
    const copy = join(folder, 'backup.ledger')
    const file = await killed('running.ledger')
    expect((await run('backup', file, copy)).code).toBe(0)
    const found = await run('verify', copy, '--json')
    expect(found).toMatchObject({ code: 0, stderr: '' })
    expect(documentIn(found)).toMatchObject({ lastRun: 'open' })
  })
})
