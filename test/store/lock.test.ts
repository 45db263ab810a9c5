import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, describe, expect, it } from 'vitest'
import { lockLedger } from '../../store/file/lock.ts'
import { openLedger } from '../../store/write/open.ts'
import { openLedgerReader } from '../../store/read/reader.ts'
import { verifyLedger } from '../../store/verify/verify.ts'
import { startChild } from './child.ts'
import type { Child } from './child.ts'
import { HEADER } from './events.ts'
import { tempFiles } from './tmp.ts'

const tempFile = tempFiles()
const children: Child[] = []
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.process.kill('SIGKILL')
    await child.ended
  }
})

function keepOpen(file: string): Child {
  const child = startChild('keep-open.ts', file)
  children.push(child)
  return child
}

describe('ledger lock', () => {
  it('lets one engine in at a time, also within one process, and names the pid', async () => {
    const file = tempFile()
    const store = await openLedger(file, { header: HEADER })
    await expect(openLedger(file, { header: HEADER })).rejects.toMatchObject({
      code: 'LEDGER_LOCKED',
      errno: 'EBUSY',
      details: { pid: process.pid, startedAtUs: HEADER.recordedAtUs },
      message: expect.stringContaining(`this process (${process.pid})`) as string,
    })
    await store.close()
    await (await openLedger(file, { header: HEADER })).close()
  })

  it('is a file beside the ledger, for its owner only, empty when nobody has it', async () => {
    const file = tempFile()
    const store = await openLedger(file, { header: HEADER })
    expect(statSync(`${file}.lock`).mode & 0o777).toBe(0o600)
    expect(JSON.parse(readFileSync(`${file}.lock`, 'utf8'))).toEqual({
      pid: process.pid,
      startedAtUs: HEADER.recordedAtUs,
    })
    await store.close()
    expect(readFileSync(`${file}.lock`, 'utf8')).toBe('')
  })

  it('is let go by the kernel when its holder is killed', async () => {
    const file = tempFile()
    const child = keepOpen(file)
    await child.printed(/open/)
    await expect(openLedger(file, { header: HEADER })).rejects.toMatchObject({
      code: 'LEDGER_LOCKED',
      details: { pid: child.process.pid },
      message: expect.stringContaining(`process ${child.process.pid!}`) as string,
    })
    child.process.kill('SIGKILL')
    expect(await child.ended).toBe('SIGKILL')
    const store = await openLedger(file, { header: HEADER })
    expect(store.head().events).toBe(1)
    await store.close()
  })

  it('belongs to the file, whatever it is called', async () => {
    const file = tempFile()
    const store = await openLedger(file, { header: HEADER })
    const alias = join(dirname(file), 'alias.ledger')
    symlinkSync(file, alias)
    await expect(openLedger(alias, { header: HEADER })).rejects.toMatchObject({ code: 'LEDGER_LOCKED' })
    expect(existsSync(`${alias}.lock`)).toBe(false)
    await store.close()
  })

  it('is not written through a symbolic link, nor taken on what is no file', () => {
    const linked = tempFile()
    symlinkSync(join(dirname(linked), 'elsewhere'), `${linked}.lock`)
    expect(() => lockLedger(linked, 0)).toThrow(
      expect.objectContaining({ code: 'LEDGER_IO', errno: 'ELOOP' }),
    )
    const folder = tempFile()
    mkdirSync(`${folder}.lock`)
    expect(() => lockLedger(folder, 0)).toThrow(expect.objectContaining({ code: 'LEDGER_IO' }))
  })

  it('is let go when the ledger cannot be opened', async () => {
    const file = tempFile()
    await (await openLedger(file, { header: HEADER })).close()
    const db = new Database(file)
    db.exec('DROP TRIGGER events_no_delete; DELETE FROM events')
    db.close()
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(openLedger(file, { header: HEADER })).rejects.toMatchObject({ code: 'LEDGER_DAMAGED' })
    }
  })
})

describe("SQLite's own locks", () => {
  it('outlive whatever else this process does with the ledger', async () => {
    const file = tempFile()
    const store = await openLedger(file, { header: HEADER })
    const before = posixLocks(file)
    expect(before).toHaveLength(1)
    // Each of these looks at the file, and none may close a descriptor of it behind SQLite's back.
    openLedgerReader(file).close()
    verifyLedger(file)
    await openLedger(file, { header: HEADER }).catch(() => null)
    expect(posixLocks(file)).toEqual(before)
    await store.close()
    expect(posixLocks(file)).toEqual([])
  })
})

/** This process's POSIX locks on a file, as the kernel has them. */
function posixLocks(file: string): string[] {
  const { ino } = statSync(file)
  const ours = new RegExp(`POSIX +ADVISORY +\\w+ +${process.pid} [0-9a-f:]+:${ino} `)
  return readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .filter((line) => ours.test(line))
    .map((line) => line.replace(/^\d+: /, ''))
}
