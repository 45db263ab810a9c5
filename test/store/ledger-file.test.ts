import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { LedgerFile } from '../../store/write/ledger-file.ts'
import { APPLICATION_ID, makeDurable } from '../../store/rows/schema.ts'
import { ledgerError } from '../../store/file/sqlite-errors.ts'
import { failed, HEADER, PATH_A, PATH_B, Scribe, twoPaths } from './events.ts'
import { tempFiles } from './tmp.ts'

const tempFile = tempFiles()
const open = (file: string) => LedgerFile.open(file, { header: HEADER })

/** A closed ledger of three events. */
function smallLedger(file = tempFile()): string {
  const ledger = open(file)
  ledger.appendBatch([{ events: twoPaths(new Scribe()) }])
  ledger.close()
  return file
}

function onFile<Result>(file: string, use: (db: Database.Database) => Result): Result {
  const db = new Database(file)
  try {
    return use(db)
  } finally {
    db.close()
  }
}

describe('ledger file', () => {
  it('is an SQLite file of ours, for its owner only, written through a WAL', () => {
    const file = tempFile()
    const ledger = open(file)
    expect(ledger.created).toBe(true)
    for (const name of [file, `${file}-wal`, `${file}-shm`]) expect(statSync(name).mode & 0o777).toBe(0o600)
    ledger.close()
    expect(readdirSync(dirname(file))).toEqual(['test.ledger'])
    onFile(file, (db) => {
      expect(db.pragma('application_id', { simple: true })).toBe(APPLICATION_ID)
      expect(db.pragma('user_version', { simple: true })).toBe(2)
      expect(db.pragma('journal_mode', { simple: true })).toBe('wal')
    })
  })

  it('has exactly the normative columns, in a STRICT table', () => {
    const columns = onFile(smallLedger(), (db) => {
      const strict = db.prepare("SELECT strict FROM pragma_table_list WHERE name = 'events'").pluck().get()
      expect(strict).toBe(1)
      const info = db.pragma('table_info(events)') as {
        name: string
        type: string
        notnull: number
        pk: number
      }[]
      return info.map(
        ({ name, type, notnull, pk }) => `${name} ${type}${notnull ? ' not null' : ''}${pk ? ' key' : ''}`,
      )
    })
    expect(columns).toEqual([
      ...[
        'position INTEGER key',
        'event_id TEXT not null',
        'stream TEXT not null',
        'version INTEGER not null',
      ],
      ...['type TEXT not null', 'schema INTEGER not null', 'recorded_at_us INTEGER not null'],
      ...[
        'mono_us INTEGER not null',
        'boot_id TEXT not null',
        'cause INTEGER',
        'actor TEXT not null',
        'reason TEXT',
      ],
      ...['data TEXT not null', 'decision TEXT not null', 'hash BLOB not null'],
    ])
  })

  it('opens again with what it held, and goes on from there', () => {
    const file = smallLedger()
    const ledger = LedgerFile.open(file, { header: { ...HEADER, eventId: 'not used', engine: '9.9.9' } })
    expect(ledger.created).toBe(false)
    expect(ledger.header).toMatchObject({ format: 2, engine: '0.1.0', xstate: '5.33.3' })
    expect(ledger.head().events).toBe(3)
    const event = new Scribe().event(PATH_A, 'path.removed', { why: 'test' }, { eventId: 'next' })
    expect(ledger.appendBatch([{ events: [event], expected: { [PATH_A]: 1 } }])).toMatchObject([
      { ok: true, answer: { positions: [4] } },
    ])
    ledger.close()
  })

  it('makes a ledger in a file of no bytes, which then is for its owner only', () => {
    const file = tempFile()
    writeFileSync(file, '')
    chmodSync(file, 0o666)
    open(file).close()
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(open(file).head().events).toBe(1)
  })

  it('of two that find a file of no bytes one makes the ledger, and the other opens it', () => {
    const file = tempFile()
    writeFileSync(file, '')
    // Asked for between the look at the file and the making of it.
    const options = {
      header: { ...HEADER, eventId: 'the slower one' },
      get busyTimeoutMs() {
        smallLedger(file)
        return 50
      },
    }
    const ledger = LedgerFile.open(file, options)
    expect([ledger.created, ledger.head().events]).toEqual([false, 3])
    ledger.close()
  })

  it('takes or refuses each append of a batch by itself, and says why', () => {
    const ledger = open(tempFile())
    const [first, second] = twoPaths(new Scribe())
    const wrong = { events: [second!], expected: { [PATH_A]: 7 } }
    expect(ledger.appendBatch([{ events: [first!] }, wrong])).toMatchObject([
      { ok: true, answer: { positions: [2] } },
      { ok: false, error: { code: 'EXPECTED_VERSION' } },
    ])
    expect(() => ledger.append([{ ...second!, data: '{' }])).toThrow(
      expect.objectContaining({ code: 'EVENT_INVALID' }),
    )
    ledger.append([second!])
    // Again with the same id, as after an answer that was lost: it is there once.
    ledger.append([second!])
    expect(ledger.head().events).toBe(3)
    expect(() => ledger.append([{ ...second!, eventId: 'other', decision: '7' }])).toThrow(
      /EVENT_INVALID|cannot be written/,
    )
    ledger.close()
  })

  it('refuses every change by SQL', () => {
    const row =
      'SELECT position, event_id, stream, version, type, schema, recorded_at_us, mono_us, boot_id, cause, actor'
    const rest = 'reason, data, decision, hash FROM events WHERE position = 2'
    const values = { position: '9', event_id: "'new'", stream: "'engine'", version: '99' }
    const copy = (verb: string, kept: keyof typeof values | 'stream and version') => {
      const sql = Object.entries(values).reduce((text, [column, value]) => {
        return kept.includes(column) ? text : text.replace(new RegExp(`\\b${column}\\b`), value)
      }, row)
      return `${verb} INTO events ${sql}, ${rest}`
    }
    onFile(smallLedger(), (db) => {
      const forbidden = [
        'UPDATE events SET actor = actor',
        'UPDATE OR REPLACE events SET position = 2 WHERE position = 3',
        'DELETE FROM events WHERE position = 3',
        copy('INSERT', 'position'),
        copy('INSERT OR REPLACE', 'position'),
        copy('INSERT OR REPLACE', 'event_id'),
        copy('INSERT OR REPLACE', 'stream and version'),
        copy('INSERT OR IGNORE', 'event_id'),
        `${copy('INSERT', 'event_id')} ON CONFLICT (event_id) DO UPDATE SET actor = 'me'`,
      ]
      for (const recursive of ['ON', 'OFF']) {
        db.pragma(`recursive_triggers = ${recursive}`)
        for (const sql of forbidden) expect(() => db.exec(sql), sql).toThrow(/append-only/)
      }
      // What collides with nothing is not a change: verify finds it.
      expect(() => db.exec(copy('INSERT', 'none' as never))).not.toThrow()
    })
  })
})

describe('ledger file, refused', () => {
  function expectRefused(file: string, code: string, options: { create?: boolean } = {}): void {
    const before = existsSync(file) && statSync(file).isFile() ? readFileSync(file) : null
    const isFolder = statSync(dirname(file), { throwIfNoEntry: false })?.isDirectory() ?? false
    const siblings = isFolder ? readdirSync(dirname(file)) : null
    const attempt = () => LedgerFile.open(file, { header: HEADER, ...options })
    expect(attempt).toThrow(expect.objectContaining({ code }))
    if (before !== null) expect(readFileSync(file).equals(before)).toBe(true)
    if (siblings !== null) expect(readdirSync(dirname(file))).toEqual(siblings)
  }

  it('a file that is not a ledger is not touched: text, foreign databases, a folder', () => {
    const text = tempFile()
    writeFileSync(text, 'This is not a ledger. '.repeat(500))
    expectRefused(text, 'NOT_A_LEDGER')
    const short = tempFile()
    writeFileSync(short, 'x')
    expectRefused(short, 'NOT_A_LEDGER')
    for (const mode of ['delete', 'wal']) {
      const foreign = tempFile()
      onFile(foreign, (db) => {
        db.pragma(`journal_mode = ${mode}`)
        db.exec('CREATE TABLE mine (a); INSERT INTO mine VALUES (1)')
      })
      expectRefused(foreign, 'NOT_A_LEDGER')
    }
    const folder = tempFile()
    mkdirSync(folder)
    expectRefused(folder, 'NOT_A_LEDGER')
  })

  it('a foreign database that this process has open is not touched either', () => {
    const foreign = tempFile()
    onFile(foreign, (db) => {
      db.pragma('journal_mode = wal')
      db.exec('CREATE TABLE mine (a)')
      expectRefused(foreign, 'NOT_A_LEDGER')
    })
  })

  it('a ledger from the future says what is newer', () => {
    const schema = smallLedger()
    onFile(schema, (db) => db.pragma('user_version = 7'))
    expectRefused(schema, 'LEDGER_FROM_THE_FUTURE')
    expect(() => open(schema)).toThrow(/schema version is 7; this one knows versions up to 2/)
    const format = smallLedger()
    onFile(format, (db) => {
      db.exec(
        `DROP TRIGGER events_no_update; UPDATE events SET data = json_set(data, '$.format', 7) WHERE position = 1`,
      )
    })
    const before = readFileSync(format)
    expect(() => open(format)).toThrow(/header format is 7; this one knows versions up to 2/)
    expect(readFileSync(format).equals(before)).toBe(true)
  })

  it('a ledger that is not there is not made when it must exist', () => {
    expectRefused(tempFile(), 'LEDGER_NOT_FOUND', { create: false })
    expectRefused(join(tempFile(), 'no', 'folder.ledger'), 'LEDGER_NOT_FOUND')
    const dangling = tempFile()
    symlinkSync(join(dirname(dangling), 'nowhere'), dangling)
    expectRefused(dangling, 'LEDGER_IO')
  })

  it('what could not be made a ledger is as it was: no file, or one of no bytes', () => {
    const header = { ...HEADER, eventId: '' }
    const [absent, empty] = [tempFile(), tempFile()]
    writeFileSync(empty, '')
    for (const file of [absent, empty])
      expect(() => LedgerFile.open(file, { header })).toThrow(
        expect.objectContaining({ code: 'EVENT_INVALID' }),
      )
    expect([existsSync(absent), statSync(empty).size]).toEqual([false, 0])
  })

  it('a behaviour that it does not know is from the future, and a header that is no JSON is none', () => {
    const [flagged, garbled] = [smallLedger(), smallLedger()]
    const drop = 'DROP TRIGGER events_no_update; UPDATE events SET data ='
    onFile(flagged, (db) =>
      db.exec(`${drop} json_set(data, '$.flags', json('["tomorrow"]')) WHERE position = 1`),
    )
    onFile(garbled, (db) => {
      db.pragma('ignore_check_constraints = ON')
      db.exec(`${drop} '{' WHERE position = 1`)
    })
    expect(() => open(flagged)).toThrow(/newer pathledger. It has the behaviour 'tomorrow'/)
    expect(() => open(garbled)).toThrow(/has no header at position 1/)
  })

  it('a ledger where SQLite can keep no write-ahead log', () => {
    expect(() => makeDurable(new Database(':memory:'))).toThrow(/cannot use a write-ahead log here.*'memory'/)
  })

  it('a name that cannot be reached, or that SQLite would take for another', () => {
    const file = smallLedger()
    expectRefused(join(file, 'below.ledger'), 'LEDGER_IO')
    expectRefused(`${file} `, 'LEDGER_IO')
  })

  it('a ledger without its header, or whose end is not where its head says', () => {
    const headless = smallLedger()
    onFile(headless, (db) => db.exec('DROP TRIGGER events_no_delete; DELETE FROM events WHERE position = 1'))
    expect(() => open(headless)).toThrow(expect.objectContaining({ code: 'LEDGER_DAMAGED' }))
    const cut = smallLedger()
    onFile(cut, (db) => db.exec('DROP TRIGGER events_no_delete; DELETE FROM events WHERE position = 3'))
    expect(() => open(cut)).toThrow(/head is at position 3, the last event at 2/)
  })
})

describe('ledger file, in trouble', () => {
  it('waits for another program a moment only, then says so, and can be asked again', () => {
    const file = smallLedger()
    const ledger = LedgerFile.open(file, { header: HEADER, busyTimeoutMs: 10 })
    const other = new Database(file)
    const event = new Scribe().event(PATH_A, 'path.removed', { why: 'test' }, { eventId: 'later' })
    other.exec('BEGIN IMMEDIATE')
    const [busy] = ledger.appendBatch([{ events: [event] }])
    expect(busy).toMatchObject({ ok: false, error: { code: 'LEDGER_BUSY', errno: 'EBUSY' } })
    other.exec('ROLLBACK')
    other.close()
    expect(ledger.appendBatch([{ events: [event] }])).toMatchObject([
      { ok: true, answer: { positions: [4] } },
    ])
    ledger.close()
  })

  it('refuses only the append that SQLite blames, when our own checks let it pass', () => {
    const ledger = open(tempFile())
    const scribe = new Scribe()
    const [first, second] = twoPaths(scribe)
    const third = scribe.event(PATH_B, 'path.failed', failed())
    // JSON for us, too deep for SQLite.
    const deep = `{"state":"x","context":{"deep":${'['.repeat(1_500)}${']'.repeat(1_500)}},"effects":[],"digest":""}`
    const outcomes = ledger.appendBatch([
      { events: [first!] },
      { events: [{ ...second!, eventId: 'deep', decision: deep }] },
      { events: [second!, third] },
    ])
    expect(outcomes).toMatchObject([
      { ok: true, answer: { positions: [2] } },
      { ok: false, error: { code: 'EVENT_INVALID' } },
      { ok: true, answer: { positions: [3, 4] } },
    ])
    expect(ledger.head().events).toBe(4)
    ledger.close()
  })

  it('stops when something else has written to the ledger', () => {
    const file = smallLedger()
    const ledger = open(file)
    onFile(file, (db) => {
      const values =
        "4, 'sly', 'engine', 2, type, schema, recorded_at_us, mono_us, boot_id, cause, actor, reason"
      db.exec(`INSERT INTO events SELECT ${values}, data, decision, hash FROM events WHERE position = 1`)
    })
    const event = new Scribe().event(PATH_A, 'path.failed', failed(), { eventId: 'next' })
    expect(ledger.appendBatch([{ events: [event] }, { events: [] }])).toMatchObject([
      { ok: false, error: { code: 'LEDGER_DAMAGED' } },
      { ok: false, error: { code: 'LEDGER_DAMAGED' } },
    ])
    ledger.close()
  })

  it("knows SQLite's errors by our names", () => {
    const full = onFile(smallLedger(), (db) => {
      const pages = Number(db.pragma('page_count', { simple: true }))
      db.pragma(`max_page_count = ${pages}`)
      try {
        db.exec('CREATE TABLE more AS SELECT zeroblob(100000)')
        return null
      } catch (error) {
        return error
      }
    })
    expect(ledgerError(full, 'x.ledger')).toMatchObject({
      ...{ code: 'LEDGER_FULL', errno: 'ENOSPC', outcome: 'unknown' },
      details: { file: 'x.ledger', sqlite: 'SQLITE_FULL' },
    })
    const codes = {
      SQLITE_IOERR_FSYNC: ['LEDGER_IO', 'EIO'],
      SQLITE_BUSY_SNAPSHOT: ['LEDGER_BUSY', 'EBUSY'],
      SQLITE_READONLY_DIRECTORY: ['LEDGER_PERMISSION', 'EACCES'],
      SQLITE_CANTOPEN: ['LEDGER_PERMISSION', 'EACCES'],
      SQLITE_CORRUPT_INDEX: ['LEDGER_DAMAGED', null],
      SQLITE_NOTADB: ['NOT_A_LEDGER', null],
      SQLITE_CONSTRAINT_CHECK: ['EVENT_INVALID', null],
      SQLITE_CONSTRAINT_TRIGGER: ['LEDGER_DAMAGED', null],
    }
    for (const [sqlite, [code, errno]] of Object.entries(codes)) {
      expect(ledgerError(new Database.SqliteError('why', sqlite), 'f')).toMatchObject({ code, errno })
    }
    expect(ledgerError('odd', 'f')).toMatchObject({ code: 'LEDGER_IO', why: 'The error is: odd.' })
  })
})
