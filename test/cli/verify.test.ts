// `pathledger verify`: a whole ledger, and one that somebody changed behind its back.
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { documentIn, makeFolder, recordStory, removeFolder, run } from './harness.ts'

let folder: string
let whole: string
beforeAll(async () => {
  folder = makeFolder()
  whole = join(folder, 'whole.ledger')
  await recordStory(whole)
})
afterAll(() => removeFolder(folder))

/** A copy of the ledger on which somebody ran this SQL, past the triggers. */
function tampered(name: string, sql: string): string {
  const file = join(folder, `${name}.ledger`)
  copyFileSync(whole, file)
  const db = new Database(file)
  const triggers = db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
    .pluck()
    .all() as string[]
  for (const trigger of triggers) db.exec(`DROP TRIGGER ${trigger}`)
  db.exec(sql)
  db.close()
  return file
}

describe('a whole ledger', () => {
  test('exits with 0 and prints what it found, and what it could not prove', async () => {
    const ran = await run('verify', whole, '--json')
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(documentIn(ran)).toEqual({
      lastRun: 'ended',
      unproved: [expect.objectContaining({ what: 'rewritten' })],
      events: expect.any(Number),
      chain: 'ok',
      head: expect.stringMatching(/^[0-9a-f]{64}$/),
      replay: 'equal',
    })
  })

  test('people get two lines, and what could not be proved', async () => {
    const { stdout } = await run('verify', whole)
    expect(stdout).toMatch(/^\d+ events, chain ok, replay equal\nhead [0-9a-f]{64}\nnot proved {2}[^\n]+\n$/)
  })
})

describe('a ledger that was changed', () => {
  test.each([
    ['a changed column', "UPDATE events SET actor = 'nobody' WHERE position = 7", 7],
    ['a changed payload', "UPDATE events SET data = '{}' WHERE position = 5", 5],
    ['a missing row', 'DELETE FROM events WHERE position = 9', 9],
    ['a missing first row', 'DELETE FROM events WHERE position = 1', 1],
  ])('%s exits with 5 and names the first bad position', async (name, sql, firstBad) => {
    const file = tampered(name.replaceAll(' ', '-'), sql)
    const ran = await run('verify', file, '--json')
    expect(ran.code).toBe(5)
    expect(documentIn(ran)).toMatchObject({ chain: 'broken', firstBad, why: expect.stringMatching(/./) })
    const { code, stdout } = await run('verify', file)
    expect(code).toBe(5)
    expect(stdout).toContain(`first bad position: ${firstBad}`)
  })

  test('a lost tail is seen too', async () => {
    const { events } = documentIn(await run('verify', whole, '--json'))
    const ran = await run(
      'verify',
      tampered('tail', `DELETE FROM events WHERE position = ${events}`),
      '--json',
    )
    expect(ran.code).toBe(5)
    expect(documentIn(ran)).toMatchObject({ events: events - 1, firstBad: events })
  })

  test('can still be printed', async () => {
    const file = tampered(
      'garbage',
      "PRAGMA ignore_check_constraints = 1; UPDATE events SET data = 'no json' WHERE position = 5",
    )
    expect((await run('log', file)).code).toBe(0)
    const { stdout } = await run('log', file, '--json', '--from', '5', '--to', '5')
    expect(JSON.parse(stdout).data).toBe('no json')
  })

  test('and what no machine takes is no bug of ours', async () => {
    const file = tampered('unknown', "UPDATE events SET type = 'path.exploded' WHERE position = 12")
    const ran = await run('replay', file, '--json')
    expect(ran).toMatchObject({ code: 5, stdout: '' })
  })

  test('a dropped trigger alone is a warning', async () => {
    const ran = await run('verify', tampered('triggers', ''), '--json')
    expect(ran.code).toBe(0)
    expect(documentIn(ran).warnings.length).toBeGreaterThan(0)
  })
})
