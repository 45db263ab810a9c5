// Ledgers and tables of any length, and texts of any character.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { table } from '../../cli/text.ts'
import { memoryLun, memoryPath } from '../../adapters/paths/memory.ts'
import { systemClock } from '../../adapters/system.ts'
import { Multipath } from '../../engine/multipath.ts'
import { run } from './harness.ts'

const folder = mkdtempSync(join(tmpdir(), 'pathledger-large-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('F-37: a table of half a million rows is a table', () => {
  const text = table(Array.from({ length: 500_000 }, (_, row) => ['a', String(row)]))
  expect(text.slice(0, 5)).toBe('a  0\n')
  expect(text.slice(-9, -1)).toBe('a  499999'.slice(1))
})

test('F-37: every Unicode character goes through export and import, and only a line feed ends a line', async () => {
  const ledger = join(folder, 'l')
  const mp = await Multipath.open({ ledger, multipath: 'always' })
  const lun = memoryLun({ wwid: 'naa.1', sizeBytes: 1 << 20 })
  await mp.addPath(memoryPath(lun, { hctl: '8:0:0:0', clock: systemClock }))
  mp.path('8:0:0:0').fail({ reason: 'swap\u2028the\u2029cable\u0085now \u202e\ud83d\ude00 \r' })
  await mp.close()
  const exported = await run('export', ledger)
  const text = join(folder, 'l.ndjson')
  writeFileSync(text, exported.stdout)
  const copy = join(folder, 'copy')
  expect(await run('import', text, copy)).toMatchObject({ code: 0 })
  expect((await run('export', copy)).stdout).toBe(exported.stdout)
})
