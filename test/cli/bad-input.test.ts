// Files that are no ledgers, or not ours to open: a clear error, its exit code, and nothing touched.
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Multipath } from '../../index.ts'
import { errorIn, makeFolder, recordStory, removeFolder, run } from './harness.ts'

let folder: string
let story: string
beforeAll(async () => {
  folder = makeFolder()
  story = join(folder, 'story.ledger')
  await recordStory(story)
})
afterAll(() => removeFolder(folder))

const READERS: readonly (readonly string[])[] = [
  ['log'],
  ['show'],
  ['replay', '--to', '1'],
  ['verify'],
  ['audit', 'failovers'],
]

/** Every verb that reads a ledger, with a file. */
function commands(file: string): string[][] {
  return READERS.map(([verb = '', ...options]) =>
    verb === 'audit' ? [verb, ...options, file] : [verb, file, ...options],
  )
}

async function refused(file: string, code: number, name: string): Promise<void> {
  for (const command of commands(file)) {
    const ran = await run(...command, '--json')
    expect({ command, ...ran, stderr: '' }).toEqual({ command, code, stdout: '', stderr: '' })
    expect(errorIn(ran)).toEqual({
      code: name,
      message: expect.stringContaining(file),
      why: expect.stringMatching(/./),
      todo: expect.stringMatching(/./),
      errno: expect.toSatisfy((errno: unknown) => errno === null || typeof errno === 'string'),
    })
    const told = await run(...command)
    expect(told.code).toBe(code)
    expect(told.stderr).toMatch(/^pathledger: .*\n$/)
  }
}

describe('not a ledger', () => {
  test.each([
    ['a text', (file: string) => writeFileSync(file, 'hello, this is no ledger\n'.repeat(100))],
    ['a folder', (file: string) => mkdirSync(file)],
    [
      'another database',
      (file: string) => {
        const db = new Database(file)
        db.exec('CREATE TABLE t (x)')
        db.close()
      },
    ],
  ])('%s exits with 6, NOT_A_LEDGER, and stays as it is', async (what, make) => {
    const file = join(folder, what.replaceAll(' ', '-'))
    make(file)
    const before = statSync(file)
    const neighbours = readdirSync(folder)
    await refused(file, 6, 'NOT_A_LEDGER')
    expect(statSync(file).mtimeMs).toBe(before.mtimeMs)
    expect(readdirSync(folder)).toEqual(neighbours)
  })
})

describe('not there', () => {
  test('a missing file exits with 3, LEDGER_NOT_FOUND, and is not made', async () => {
    await refused(join(folder, 'missing.ledger'), 3, 'LEDGER_NOT_FOUND')
    expect(readdirSync(folder)).not.toContain('missing.ledger')
  })

  test('so does one in a missing folder', async () => {
    await refused(join(folder, 'none', 'missing.ledger'), 3, 'LEDGER_NOT_FOUND')
  })
})

describe('not ours', () => {
  test('a ledger from the future exits with 4, LEDGER_FROM_THE_FUTURE', async () => {
    const file = join(folder, 'future.ledger')
    copyFileSync(story, file)
    const db = new Database(file)
    db.pragma('user_version = 4711')
    db.pragma('journal_mode = DELETE')
    db.close()
    const bytes = readFileSync(file)
    await refused(file, 4, 'LEDGER_FROM_THE_FUTURE')
    expect(readFileSync(file).equals(bytes)).toBe(true)
  })

  test.runIf(process.getuid?.() !== 0)(
    'one that we may not read exits with 6, LEDGER_PERMISSION',
    async () => {
      const file = join(folder, 'secret.ledger')
      copyFileSync(story, file)
      chmodSync(file, 0)
      await refused(file, 6, 'LEDGER_PERMISSION')
    },
  )

  test('one that an engine writes can be read, and a second engine exits with 4, LEDGER_LOCKED', async () => {
    const file = join(folder, 'busy.ledger')
    const mp = await Multipath.open({ ledger: file, multipath: 'always' })
    for (const command of commands(file)) expect((await run(...command, '--json')).code).toBe(0)
    const ran = await run('demo', '--json', '--seconds', '1', '--backend', 'file', '--ledger', file)
    expect(ran).toMatchObject({ code: 4, stdout: '' })
    expect(errorIn(ran)).toMatchObject({ code: 'LEDGER_LOCKED', errno: 'EBUSY' })
    expect(errorIn(ran).message).toContain(String(process.pid))
    await mp.close()
  })
})
