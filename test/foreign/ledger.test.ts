import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ingest, LOG_FILES, openLedgerReader, stateAt } from '../../doors/ledger.ts'
import type { Ingested } from '../../doors/ledger.ts'
import { whatIf } from '../../what-if/what-if.ts'
import { openLedger } from '../../store/write/open.ts'
import { verifyLedger } from '../../store/verify/verify.ts'
import { NIGHT, shortIso, START_US } from './night.ts'

let folder = ''
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'pathledger-observed-'))))
afterEach(() => rmSync(folder, { recursive: true }))

const FACTS = { engine: '0', xstate: '0', lockedAtUs: 1 }

function journal(name: string, lines: readonly string[]): string {
  const path = join(folder, name)
  writeFileSync(path, `${lines.join('\n')}\n`)
  return path
}

function into(ledger: string, ...files: string[]): Promise<Ingested> {
  return ingest(join(folder, ledger), LOG_FILES, files, FACTS)
}

describe('a ledger of observations', () => {
  it('holds what the lines said, with who said it and where, and folds to states', async () => {
    const { events, host } = await into('a.ledger', journal('journal.txt', shortIso(NIGHT)))
    expect(host).toBe('aspen')
    const reader = openLedgerReader(join(folder, 'a.ledger'))
    expect(reader.head().events).toBe(events + 1)
    const failed = reader.read({ type: 'path.failed' })
    expect(failed.map(({ stream }) => stream)).toEqual(['path/map:mpathq/1:0:0:5', 'path/map:mpathq/1:0:1:5'])
    const [first] = failed
    expect(first).toMatchObject({ actor: 'observed:kernel', schema: 100 })
    expect(JSON.parse(first!.data)).toMatchObject({
      by: 'kernel',
      seen: { source: 1, line: 7, rule: 'io-error' },
    })
    expect(reader.read({ fromPosition: first!.cause!, limit: 1 })[0]).toMatchObject({
      type: 'path.errorsSeen',
    })
    const dark = stateAt(reader, { timeUs: START_US + 30_000_000 })
    expect(dark.streams['head/map:mpathq']?.value).toEqual({ life: 'live', service: 'queueing' })
    expect(dark.streams['path/map:mpathq/1:0:0:5']?.value).toMatchObject({
      health: 'failed',
      device: 'unknown',
    })
    expect(dark.streams['port/host/0000:0b:00.0']?.value).toEqual({ link: 'down' })
    const closed = reader.read({ type: 'source.closed' })[0]
    expect(JSON.parse(closed!.data)).toMatchObject({ lines: NIGHT.length, unread: 1 })
    expect(reader.read({ type: 'source.unread' })).toHaveLength(1)
    reader.close()
  })

  it('verifies: the chain holds, and folding again comes to the same', async () => {
    await into('a.ledger', journal('journal.txt', shortIso(NIGHT)))
    const { chain, replay } = verifyLedger(join(folder, 'a.ledger'))
    expect([chain, replay]).toEqual(['ok', 'equal'])
  })

  it('gains nothing from being read again, and is the same when made again', async () => {
    const file = journal('journal.txt', shortIso(NIGHT))
    const { events } = await into('a.ledger', file)
    expect(await into('a.ledger', file)).toMatchObject({ events: 0, known: events })
    await into('b.ledger', file)
    const hashOf = (name: string): string => {
      const reader = openLedgerReader(join(folder, name))
      const hash = Buffer.from(reader.head().hash).toString('hex')
      reader.close()
      return hash
    }
    expect(hashOf('a.ledger')).toBe(hashOf('b.ledger'))
  })

  it('goes on behind its last row, and takes nothing older', async () => {
    const lines = shortIso(NIGHT)
    await into('a.ledger', journal('late.txt', lines.slice(14)))
    await expect(into('a.ledger', journal('early.txt', lines.slice(0, 14)))).rejects.toMatchObject({
      code: 'INGEST_OLDER',
    })
    await into('b.ledger', journal('first.txt', lines.slice(0, 14)))
    expect((await into('b.ledger', journal('second.txt', lines.slice(14)))).events).toBeGreaterThan(0)
  })

  it('is for no engine, asks no other way, and has one host', async () => {
    const ledger = join(folder, 'a.ledger')
    await into('a.ledger', journal('journal.txt', shortIso(NIGHT)))
    const header = { eventId: 'x', recordedAtUs: 1, monoUs: 1, bootId: 'b', engine: '0', xstate: '0' }
    await expect(openLedger(ledger, { header })).rejects.toMatchObject({ code: 'LEDGER_OBSERVED' })
    const reader = openLedgerReader(ledger)
    await expect(whatIf(reader, { settings: {} })).rejects.toMatchObject({ code: 'LEDGER_OBSERVED' })
    reader.close()
    const other = shortIso(NIGHT).map((line) => line.replace('aspen', 'birch'))
    const two = journal('two.txt', [...shortIso(NIGHT), ...other])
    await expect(into('c.ledger', two)).rejects.toMatchObject({ code: 'HOST_CHOICE' })
    const one = await ingest(join(folder, 'c.ledger'), LOG_FILES, [two], { ...FACTS, host: 'birch' })
    expect(one.host).toBe('birch')
  })

  it('is not mixed with the ledger of an engine', async () => {
    const ledger = join(folder, 'engine.ledger')
    const header = { eventId: 'x', recordedAtUs: 1, monoUs: 1, bootId: 'b', engine: '0', xstate: '0' }
    await (await openLedger(ledger, { header })).close()
    await expect(into('engine.ledger', journal('journal.txt', shortIso(NIGHT)))).rejects.toMatchObject({
      code: 'LEDGER_NOT_OBSERVED',
    })
  })
})
