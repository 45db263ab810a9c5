// `pathledger what-if`: settings as they are typed, both forms.
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { errorFilter, memoryLun, memoryPath, Multipath, systemClock } from '../../index.ts'
import { documentIn, errorIn, makeFolder, recordStory, removeFolder, run } from './harness.ts'

let folder: string
let traced: string
beforeAll(async () => {
  folder = makeFolder()
  traced = join(folder, 'traced.ledger')
  const mp = await Multipath.open({ ledger: traced, multipath: 'always', ioTrace: 'full' })
  const lun = memoryLun({ wwid: 'naa.1', sizeBytes: 1_048_576 })
  const first = errorFilter(memoryPath(lun, { hctl: '8:0:0:0', clock: systemClock }))
  await mp.addPath(first.path)
  await mp.addPath(memoryPath(lun, { hctl: '9:0:0:0', clock: systemClock }))
  for (let turn = 0; turn < 6; turn += 1) await mp.head('sda').read({ offset: turn * 4096, length: 4096 })
  await mp.close()
})
afterAll(() => removeFolder(folder))

test('tells what another policy would have done, to people and to programs', async () => {
  const ran = await run('what-if', traced, '--set', 'iopolicy=round-robin', '--json')
  expect(ran.code).toBe(0)
  const { fidelity, then, instead, differingCount } = documentIn(ran)
  expect(fidelity).toEqual({ same: 6, of: 6 })
  expect([then.firstPaths, instead.firstPaths]).toEqual([{ '8:0:0:0': 6 }, { '8:0:0:0': 3, '9:0:0:0': 3 }])
  expect(differingCount).toBe(3)
  const { stdout } = await run('what-if', traced, '--set', 'iopolicy=round-robin')
  expect(stdout).toMatch(/^6 of 6 I\/Os go as recorded/)
  expect(stdout).toMatch(/First divergence\n {2}read of 4096 bytes at \d+\n {4}then +8:0:0:0: OK after/)
  expect(stdout).toMatch(/first path +8:0:0:0 6 +8:0:0:0 3, 9:0:0:0 3\n/)
  const same = await run('what-if', traced, '--set', 'checker.minMs=1000')
  expect(same.stdout).toMatch(/Nothing would have been different\.\n$/)
})

test('refuses what cannot be told, and what was typed wrong', async () => {
  const untraced = join(folder, 'untraced.ledger')
  await recordStory(untraced)
  const refused = await run('what-if', untraced, '--set', 'attemptTimeoutMs=5', '--json')
  expect([refused.code, errorIn(refused).code]).toEqual([1, 'WHAT_IF_NEEDS_TRACE'])
  for (const argv of [[], ['--set', 'iopolicy'], ['--set', 'iopolicy=best'], ['--set', 'nothing=1']]) {
    expect((await run('what-if', traced, ...argv, '--json')).code, argv.join(' ')).toBe(2)
  }
})
