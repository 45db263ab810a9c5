// `pathledger sql`: a SELECT of one's own, in three forms, and all that it must not do.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { askSql } from '../../doors/audit.ts'
import { HEADER } from '../store/events.ts'
import { story } from '../store/story.ts'
import { LedgerFile } from '../../store/write/ledger-file.ts'
import { errorIn, makeFolder, removeFolder, run } from './harness.ts'

let folder: string
let file: string
let before: Buffer
beforeAll(() => {
  folder = makeFolder()
  file = join(folder, 'story.ledger')
  const ledger = LedgerFile.open(file, { header: HEADER })
  ledger.appendBatch(story().map((events) => ({ events })))
  ledger.close()
  before = readFileSync(file)
})
afterAll(() => removeFolder(folder))

test('rows come as a table, as one object per line, or as CSV', async () => {
  const sql = `SELECT 1 AS one, 'a "b",c' AS text, NULL AS empty, 9223372036854775807 AS big, x'00ff' AS blob`
  expect((await run('sql', file, sql)).stdout).toMatch(/^one +text +empty +big +blob\n1 +a "b",c +NULL/)
  const row = { one: 1, text: 'a "b",c', empty: null, big: '9223372036854775807', blob: '00ff' }
  expect((await run('sql', file, sql, '--json')).stdout).toBe(`${JSON.stringify(row)}\n`)
  const csv = 'one,text,empty,big,blob\r\n1,"a ""b"",c",,9223372036854775807,00ff\r\n'
  expect((await run('sql', file, sql, '--csv')).stdout).toBe(csv)
  expect((await run('sql', file, sql, '--csv', '--json')).code).toBe(2)
})

test('answers from the events, up to a number of rows, and says when there are more', async () => {
  const { stdout, stderr, code } = await run(
    'sql',
    file,
    'SELECT position FROM events',
    '--rows',
    '2',
    '--json',
  )
  expect({ stdout, code }).toEqual({ stdout: '{"position":1}\n{"position":2}\n', code: 0 })
  expect(stderr).toContain('more than 2 rows')
})

describe('refuses', () => {
  test.each([
    [`ATTACH '/tmp/explain-attached.db' AS other`],
    ['PRAGMA query_only = OFF'],
    [`DELETE FROM events`],
    [`/* SELECT */ UPDATE events SET actor = 'me'`],
    [`WITH gone AS (SELECT 1) DELETE FROM events`],
    ['SELECT 1; SELECT 2'],
    [`SELECT load_extension('libm.so')`],
    ['SELECT what FROM nowhere'],
    ["VACUUM INTO '/tmp/explain-copy.db'"],
    [''],
  ])('%s', async (sql) => {
    const ran = await run('sql', file, sql, '--json')
    expect({ code: ran.code, stdout: ran.stdout, refused: errorIn(ran).code }).toEqual({
      ...{ code: 2, stdout: '', refused: 'SQL_REFUSED' },
    })
    expect(readFileSync(file)).toEqual(before)
    expect(existsSync('/tmp/explain-attached.db') || existsSync('/tmp/explain-copy.db')).toBe(false)
  })

  test('a statement that does not end in time', async () => {
    const endless = 'WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n'
    await expect(askSql(file, endless, { msMax: 300 })).rejects.toMatchObject({ code: 'SQL_BOUNDS' })
  })

  test('bounds that are none, and a file that is no ledger', async () => {
    vi.stubEnv('NODE_OPTIONS', '--no-such-option')
    await expect(askSql(file, 'SELECT 1')).rejects.toMatchObject({
      code: 'SQL_BOUNDS',
      why: /no-such-option/,
    })
    vi.unstubAllEnvs()
    await expect(askSql(file, 'SELECT 1', { rowsMax: 0 })).rejects.toMatchObject({ code: 'SQL_BOUNDS' })
    expect((await run('sql', join(folder, 'none'), 'SELECT 1')).code).toBe(3)
    expect((await run('sql', import.meta.filename, 'SELECT 1')).code).toBe(6)
  })
})

test('F-35: a statement that runs ends with the process that asked it, however that ends', async () => {
  const slow = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'
  const bin = join(import.meta.dirname, '..', '..', 'bin', 'pathledger.js')
  const asked = spawn(process.execPath, [bin, 'sql', file, slow, '--time', '60s'], { stdio: 'ignore' })
  const childrenOf = () =>
    readFileSync(`/proc/${asked.pid}/task/${asked.pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
  await vi.waitFor(() => expect(childrenOf()).not.toEqual([]), { timeout: 10_000, interval: 20 })
  const [worker = ''] = childrenOf()
  // It has said so once it has the ledger open.
  const isOpen = () =>
    readdirSync(`/proc/${worker}/fd`).some((fd) => {
      try {
        return readlinkSync(`/proc/${worker}/fd/${fd}`) === file
      } catch {
        return false
      }
    })
  await vi.waitFor(() => expect(isOpen()).toBe(true), { timeout: 10_000, interval: 20 })
  asked.kill('SIGKILL')
  await vi.waitFor(() => expect(existsSync(`/proc/${worker}/fd/0`)).toBe(false), {
    timeout: 10_000,
    interval: 20,
  })
})
