// Names that changed: two LUNs whose devices came in the other order after a restart.
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { topology } from '../../doors/audit.ts'
import { bytesOf, Rig, testLun } from '../engine/rig.ts'
import { writeLedger } from '../store/random-histories.ts'
import { openLedgerReader } from '../../store/read/reader.ts'
import { documentIn, makeFolder, removeFolder, run } from './harness.ts'

const [AA, BB] = ['naa.600140500000000000000000000000aa', 'naa.600140500000000000000000000000bb'] as const
let folder: string
let file: string
let failed: number
beforeAll(async () => {
  folder = makeFolder()
  file = join(folder, 'names.ledger')
  const luns = [testLun({ wwid: AA }), testLun({ wwid: BB })] as const
  const first = await Rig.open({ checked: false })
  const bad = await first.add('8:0:0:0', { lun: luns[0] })
  await first.add('9:0:0:0', { lun: luns[0] })
  await first.add('8:0:0:1', { lun: luns[1] })
  bad.fail({ errno: 'ENOLINK' })
  await first.drive(first.mp.head(AA).write({ offset: 0, data: bytesOf(1) }))
  failed = first.rows('path.failed').length > 0 ? first.position : first.memory.rows().length
  await first.drive(first.mp.close())
  const second = await Rig.open({ rows: first.memory.rows(), checked: false })
  await second.add('8:0:0:1', { lun: luns[1] })
  await second.add('8:0:0:0', { lun: luns[0] })
  await second.pass(1_000)
  writeLedger(file, second.memory.rows())
})
afterAll(() => removeFolder(folder))

test('F-20: log and audits use the name that was in force at each position', async () => {
  const log = await run('log', file, '--type', 'path.failed')
  expect(log.stdout).toMatch(/ sda:0 +path\.failed/)
  expect((await run('audit', 'failovers', file)).stdout).toMatch(/ sda:0 /)
  const { rows } = documentIn(
    await run('audit', 'path-history', file, '--path', `path/${AA}/8:0:0:0`, '--json'),
  )
  const names = (rows as { name: string }[]).map(({ name }) => name)
  expect([names[0], names.at(-1)]).toEqual(['sda:0', 'sdb:0'])
})

test('F-20: a name that is asked for is of who had it then', async () => {
  const then = documentIn(await run('explain', 'sda:0', file, '--at', String(failed), '--json'))
  expect(then).toMatchObject({
    subject: 'sda:0',
    root: { errno: 'ENOLINK' },
    symptom: expect.stringMatching(/^sda:0/) as string,
  })
  expect(documentIn(await run('explain', 'sda', file, '--json'))).toMatchObject({
    subject: 'sda',
    root: { kind: 'nothing' },
  })
  expect(documentIn(await run('explain', 'sdb', file, '--json'))).toMatchObject({
    subject: 'sdb',
    root: { errno: 'ENOLINK' },
  })
  // Nobody has this one any more, and one path had it.
  expect(documentIn(await run('explain', 'sda:1', file, '--json'))).toMatchObject({ subject: 'sda:1' })
})

test('F-42: in a later segment topology sees what the segment before it handed on, and how its versions go on', async () => {
  const next = join(folder, 'next.ledger')
  expect((await run('segment', file, next)).code).toBe(0)
  const reader = openLedgerReader(next)
  const rows = topology(reader, { position: reader.head().events })
  reader.close()
  const there = rows.filter(({ present }) => present)
  expect(there.map(({ kind, name }) => `${kind} ${name ?? ''}`)).toEqual([
    'head sdb',
    'path sdb:0',
    'head sda',
    'path sda:0',
  ])
  expect(there.every(({ usable }) => usable)).toBe(true)
  expect((await run('topology', next)).stdout).toMatch(/sda:0 +8:0:0:1 +running\/optimal\/online\/enabled/)
})
