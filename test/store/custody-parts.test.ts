// What is kept hold of, looked at from the test's own thread: a ledger's file, its log and its lock.
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { Custody, refuseLinks } from '../../store/file/custody.ts'
import { endWithoutWal, refuseForeignWal, refuseLeftWal, walBytes } from '../../store/file/write-ahead.ts'
import { openLedger } from '../../store/write/open.ts'
import { HEADER, Scribe, started } from './events.ts'
import { tempFiles } from './tmp.ts'

const tempFile = tempFiles()

/** Three files in a folder of their own, as an engine has them. */
function kept(): { file: string; custody: Custody } {
  const folder = tempFile()
  mkdirSync(folder)
  const file = join(folder, 'l')
  for (const end of ['', '-wal', '.lock']) writeFileSync(`${file}${end}`, 'x')
  return { file, custody: new Custody(file) }
}

function replace(name: string): void {
  copyFileSync(name, `${name}.2`)
  renameSync(`${name}.2`, name)
}

describe('F-05: what is kept hold of', () => {
  it.each<readonly [why: string, deed: (file: string) => void]>([
    ['Nothing is under the name', (file) => rmSync(file)],
    ['Nothing is under the name', (file) => renameSync(dirname(file), `${dirname(file)}-2`)],
    ['Another file is under the name', replace],
    ['a hard link was made', (file) => linkSync(file, `${file}.2`)],
    ['write-ahead log', (file) => rmSync(`${file}-wal`)],
    ['write-ahead log', (file) => replace(`${file}-wal`)],
    ['lock', (file) => replace(`${file}.lock`)],
  ])('%s ...: LEDGER_MOVED', (why, deed) => {
    const { file, custody } = kept()
    custody.check()
    expect(custody.isKept()).toBe(true)
    deed(file)
    expect(custody.isKept()).toBe(false)
    expect(() => custody.check()).toThrow(
      expect.objectContaining({ code: 'LEDGER_MOVED', why: expect.stringContaining(why) as unknown }),
    )
  })

  it('where no lock was there is none to lose, and a name that leads nowhere has no file', () => {
    const { file } = kept()
    rmSync(`${file}.lock`)
    const custody = new Custody(file)
    writeFileSync(`${file}.lock`, 'x')
    custody.check()
    expect(new Custody(join(file, 'below', 'a file')).isKept()).toBe(false)
    expect(walBytes(join(file, 'below'))).toBe(0)
    refuseLinks(join(file, 'below'))
    linkSync(file, `${file}.2`)
    expect(() => refuseLinks(file)).toThrow(expect.objectContaining({ code: 'LEDGER_LINKED' }))
  })
})

describe('F-05: a write-ahead log that is not the ledger’s own', () => {
  let made = 0
  /** Another ledger each time, as it lies on the disk while its engine writes: a file that ends early, and a log that goes on. */
  async function torn(events: number): Promise<string> {
    made += 1
    const header = { ...HEADER, recordedAtUs: HEADER.recordedAtUs + made }
    const file = tempFile()
    const scribe = new Scribe()
    const first = await openLedger(file, { header })
    await first.append({ events: [started(scribe)] })
    await first.close()
    const second = await openLedger(file, { header })
    for (let event = 0; event < events; event += 1) await second.append({ events: [started(scribe)] })
    const copy = tempFile()
    for (const end of ['', '-wal']) copyFileSync(`${file}${end}`, `${copy}${end}`)
    await second.close()
    return copy
  }

  const look = (file: string, thorough: boolean): void => {
    const alone = endWithoutWal(file)
    const db = new Database(file)
    try {
      refuseForeignWal(db, file, { alone, thorough })
    } finally {
      db.close()
    }
  }

  it('is told from one that goes on from where the file ends', async () => {
    const own = await torn(3)
    expect(statSync(`${own}-wal`).size).toBe(walBytes(own))
    expect(endWithoutWal(own)).toMatchObject({ last: expect.any(Number) as unknown })
    look(own, true)
    const foreign = await torn(3)
    const other = await torn(5)
    writeFileSync(`${foreign}-wal`, readFileSync(`${other}-wal`))
    expect(() => look(foreign, true)).toThrow(expect.objectContaining({ code: 'LEDGER_WAL_FOREIGN' }))
  })

  it('is seen by a reader at the ends of the file', async () => {
    look(await torn(2), false)
    const foreign = await torn(2)
    writeFileSync(`${foreign}-wal`, readFileSync(`${await torn(4)}-wal`))
    expect(() => look(foreign, false)).toThrow(expect.objectContaining({ code: 'LEDGER_WAL_FOREIGN' }))
  })

  it('says nothing where there is no log, no ledger, or a file that is none', async () => {
    const file = tempFile()
    refuseLeftWal(file)
    writeFileSync(file, Buffer.alloc(8_192))
    expect(endWithoutWal(file)).toBeNull()
    writeFileSync(`${file}-wal`, 'x')
    expect(endWithoutWal(file)).toBeNull()
    rmSync(file)
    expect(() => refuseLeftWal(file)).toThrow(expect.objectContaining({ code: 'LEDGER_WAL_FOREIGN' }))
  })
})
