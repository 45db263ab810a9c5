// What is made of a ledger is whole under its name, or not there; what it is made of is as it was.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { backupLedger } from '../../store/life/backup.ts'
import { exportLedger, importLedger } from '../../store/life/ndjson.ts'
import { NewFile } from '../../store/life/new-file.ts'
import { repairLedger } from '../../store/life/repair.ts'
import { closeSegment } from '../../store/life/segments.ts'
import { makeKeys } from '../../store/life/signed-head.ts'
import { openLedgerReader } from '../../store/read/reader.ts'
import { verifyLedger } from '../../store/verify/verify.ts'
import { LedgerFile } from '../../store/write/ledger-file.ts'
import { HEADER } from './events.ts'
import { story } from './story.ts'
import { tempFiles } from './tmp.ts'

const tempFile = tempFiles()
const code = (name: string) => expect.objectContaining({ code: name }) as Error
const beside = (file: string, name: string) => join(dirname(file), name)
const facts = (prefix: string) => {
  let made = 0
  return { ...HEADER, newId: () => `${prefix}-${(made += 1)}` }
}

function storied(): string {
  const file = tempFile('one.ledger')
  const ledger = LedgerFile.open(file, { header: HEADER })
  for (const events of story()) ledger.append(events)
  ledger.close()
  return file
}

describe('F-36: nothing is half made', () => {
  it('two that make a file of one name: one has it whole, the other hears that it is taken', () => {
    const file = tempFile('taken')
    const [one, other] = [new NewFile(file), new NewFile(file)]
    writeFileSync(one.partial, 'one')
    writeFileSync(other.partial, 'other')
    one.take()
    expect(() => other.take()).toThrow(code('FILE_EXISTS'))
    expect(readFileSync(file, 'utf8')).toBe('one')
    expect(readdirSync(dirname(file))).toEqual(['taken'])
    expect(statSync(file).nlink).toBe(1)
  })

  it('what somebody who was killed left half made is swept up, what somebody works on is not', () => {
    const file = tempFile('taken')
    writeFileSync(`${file}.partial-7`, 'left')
    const working = new NewFile(file)
    writeFileSync(working.partial, 'half')
    expect(readdirSync(dirname(file))).toEqual(['taken.partial-1'])
    new NewFile(file).abandon()
    expect(readdirSync(dirname(file))).toEqual(['taken.partial-1'])
    working.abandon()
    expect(readdirSync(dirname(file))).toEqual([])
  })

  it('no verb waits for a FIFO, or takes its name', async () => {
    const file = storied()
    const fifo = beside(file, 'fifo')
    execFileSync('mkfifo', [fifo])
    expect(() => backupLedger(file, fifo)).toThrow(code('FILE_EXISTS'))
    expect(() => repairLedger(file, fifo, HEADER)).toThrow(code('FILE_EXISTS'))
    expect(() => closeSegment(file, fifo, facts('fifo'))).toThrow(code('FILE_EXISTS'))
    expect(() => makeKeys(fifo)).toThrow(code('FILE_EXISTS'))
    await expect(importLedger(fifo, [])).rejects.toMatchObject({ code: 'FILE_EXISTS' })
    expect(verifyLedger(file)).toMatchObject({ chain: 'ok' })
  })

  it('a segment that cannot be begun leaves the ledger open, as it was', () => {
    const file = storied()
    const before = readFileSync(file)
    const next = beside(file, 'next.ledger')
    writeFileSync(`${next}-wal`, 'the end of another ledger')
    expect(() => closeSegment(file, next, facts('next'))).toThrow(code('LEDGER_WAL_FOREIGN'))
    expect(readFileSync(file)).toEqual(before)
    expect(existsSync(next)).toBe(false)
    LedgerFile.open(file, { header: HEADER }).close()
  })

  it('what is made needs no log beside it', async () => {
    const file = storied()
    const copy = beside(file, 'copy.ledger')
    const reader = openLedgerReader(file)
    await importLedger(
      copy,
      [...exportLedger(reader)].flatMap((page) => page.trimEnd().split('\n')),
    )
    reader.close()
    expect(readdirSync(dirname(file)).filter((name) => name.startsWith('copy'))).toEqual(['copy.ledger'])
    expect(verifyLedger(copy)).toMatchObject({ chain: 'ok', events: verifyLedger(file).events })
  })
})
