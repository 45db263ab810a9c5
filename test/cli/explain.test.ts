// `pathledger explain`: names, times, both forms.
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bytesOf, Rig } from '../engine/rig.ts'
import { writeLedger } from '../store/random-histories.ts'
import { errorIn, documentIn, makeFolder, recordStory, removeFolder, run, WWID } from './harness.ts'

let folder: string
let file: string
let failed: string
beforeAll(async () => {
  folder = makeFolder()
  file = join(folder, 'story.ledger')
  await recordStory(file)
  const { stdout } = await run('log', file, '--type', 'path.failed', '--json')
  failed = String((JSON.parse(stdout) as { position: number }).position)
})
afterAll(() => removeFolder(folder))

test.each(['sda:0', '8:0:0:0', `path/${WWID}/8:0:0:0`, 'sda', WWID])(
  '%s is explained by its first evidence',
  async (name) => {
    const { root, now, chain, subject } = documentIn(
      await run('explain', name, file, '--at', failed, '--json'),
    )
    expect(root).toMatchObject({
      kind: 'pathError',
      errno: 'EIO',
      op: 'write',
      offset: 8192,
      path: '8:0:0:0',
      incarnation: 1,
    })
    expect(now).toBe(subject === 'sda:0')
    expect((chain as { type: string }[]).at(-1)?.type).toBe('path.suspected')
  },
)

test('people read the symptom, the way back, the evidence, and what to do', async () => {
  const { stdout, code } = await run('explain', 'sda:0', file, '--at', failed)
  expect(code).toBe(0)
  const lines = stdout.trimEnd().split('\n')
  expect(lines[0]).toMatch(/^sda:0 {2}running\/optimal\/failed\/enabled {2}position \d+, 2\d{3}-/)
  expect(lines[1]).toBe('sda:0 has failed.')
  expect(lines[2]).toMatch(/^ +\d+ {2}\S+Z {2}sda:0 failed: a probe elsewhere on it failed too/)
  expect(lines[3]).toMatch(
    /answered a write of 4096 bytes at offset 8192 with EIO \(IOERR\): it came under suspicion/,
  )
  expect(lines[4]).toMatch(
    /^First evidence: EIO \(IOERR\) on write of 4096 bytes at 8192, path 8:0:0:0, life 1, position \d+$/,
  )
  expect(lines[5]).toMatch(/^Where to look: the path\. Excluded: the logical unit \(sda:1 was usable\)/)
  expect(lines[6]).toMatch(/^What to do: Look at what is between this host and the target/)
  expect(lines).toHaveLength(7)
})

test('when the engine has closed, what went wrong before is still told beside that', async () => {
  for (const [name, symptom] of [
    ['sda', 'sda is not there: it was removed.'],
    ['sda:0', 'sda:0 is not there to be used: its device is deleted.'],
  ] as const) {
    const explained = documentIn(await run('explain', name, file, '--json'))
    expect(explained).toMatchObject({ symptom, root: { kind: 'engine', reason: 'closed' } })
    expect(explained.also).toEqual([expect.stringMatching(/^Its last trouble before: sda:[01] /)])
  }
})

test('an operator is named with his reason', async () => {
  const { stdout } = await run('log', file, '--type', 'path.disabled', '--json')
  const { position } = JSON.parse(stdout) as { position: number }
  const told = await run('explain', 'sda:1', file, '--at', String(position))
  expect(told.stdout).toMatch(
    /First evidence: by operator:0, "a cable", path 9:0:0:0, life 1, position \d+\n/,
  )
})

test('what is not there is refused', async () => {
  for (const [what, code] of [
    ['sdz', 'PATH_NOT_FOUND'],
    ['io:1', 'IO_NOT_TRACED'],
  ] as const) {
    const ran = await run('explain', what, file, '--json')
    expect({ exit: ran.code, code: errorIn(ran).code, stdout: ran.stdout }).toEqual({
      exit: 3,
      code,
      stdout: '',
    })
  }
  const early = await run('explain', 'sda:0', file, '--at', '1', '--json')
  expect([early.code, errorIn(early).code]).toEqual([3, 'EXPLAIN_UNKNOWN'])
})

test('in the next segment, what failed in the one before is explained by what was carried on', async () => {
  const rig = await Rig.open({ checked: false })
  const a = await rig.add('8:0:0:0')
  await rig.add('9:0:0:0')
  a.fail({ errno: 'ENOLINK' })
  await rig.write(4096, bytesOf(1))
  const [one, two] = [join(folder, 'one.ledger'), join(folder, 'two.ledger')]
  writeLedger(one, rig.rows())
  expect((await run('segment', one, two)).code).toBe(0)
  for (const name of ['sda:0', '8:0:0:0', 'sda']) {
    const { root, symptom } = documentIn(await run('explain', name, two, '--json'))
    expect(root, name).toMatchObject({
      ...{ kind: 'pathError', errno: 'ENOLINK', op: 'write', offset: 4096, path: '8:0:0:0', incarnation: 1 },
    })
    expect(symptom).toContain('sda')
  }
  const { stdout } = await run('explain', 'sda:0', two)
  expect(stdout).toContain('what led to it is in the segment before it')
  // What was well is not made trouble of.
  expect(documentIn(await run('explain', 'sda:1', two, '--json'))).toMatchObject({
    root: { kind: 'nothing' },
  })
})
