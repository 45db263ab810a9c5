// Which paths of one adapter went down together, by the monotonic clock of one boot.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { correlated } from '../../store/audit/index.ts'
import { openLedgerReader } from '../../store/read/reader.ts'
import { memoryStore } from '../../store/write/memory-store.ts'
import { added, HEADER, Scribe } from './events.ts'
import { writeLedger } from './random-histories.ts'

const folder = mkdtempSync(join(tmpdir(), 'pathledger-together-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0

describe('paths of one adapter that went down together', () => {
  const told = async (falls: readonly (readonly [hctl: string, atUs: number, wallUs?: number])[]) => {
    const scribe = new Scribe()
    const hctls = ['8:0:0:0', '8:0:0:1']
    const events = [
      ...hctls.map((hctl, at) => scribe.event(`path/w/${hctl}`, 'path.added', added(hctl, at))),
      ...falls.flatMap(([hctl, atUs, wallUs = atUs]) =>
        ['path.wentOffline', 'path.cameOnline'].map((type) => {
          const event = scribe.event(`path/w/${hctl}`, type, { why: 'a cable' })
          return { ...event, monoUs: 10_000_000 + atUs, recordedAtUs: 1_700_000_000_000_000 + wallUs }
        }),
      ),
    ]
    const store = memoryStore({ header: HEADER })
    await store.append({ events })
    const file = join(folder, `${(files += 1)}.ledger`)
    writeLedger(file, store.rows())
    const reader = openLedgerReader(file)
    const rows = correlated(reader, { windowUs: 2_000_000 })
    reader.close()
    return rows
  }

  test('F-42: a path that flapped before does not hide that another one followed it', async () => {
    const rows = await told([
      ['8:0:0:0', 0],
      ['8:0:0:0', 1_900_000],
      ['8:0:0:1', 2_500_000],
    ])
    expect(rows).toMatchObject([{ paths: 2, of: 2, tookUs: 600_000 }])
  })

  test('F-22: a wall clock that was set back makes no pair of two failures an hour apart, and one set forth parts none', async () => {
    expect(
      await told([
        ['8:0:0:0', 0],
        ['8:0:0:1', 3_600_000_000, 1_000],
      ]),
    ).toEqual([])
    expect(
      await told([
        ['8:0:0:0', 0],
        ['8:0:0:1', 1_000_000, 3_600_000_000],
      ]),
    ).toMatchObject([{ paths: 2, tookUs: 1_000_000 }])
  })
})
