// `replay` step by step, at a terminal, behind an engine, compared; and `diff`.
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { memoryLun, memoryPath, Multipath, openLedgerReader, systemClock } from '../../index.ts'
import type { StoredEvent } from '../../index.ts'
import { documentIn, errorIn, makeFolder, recordStory, removeFolder, run, runWith } from './harness.ts'

let folder: string
let file: string
let events: readonly StoredEvent[]
let failed: number
beforeAll(async () => {
  folder = makeFolder()
  file = join(folder, 'story.ledger')
  await recordStory(file)
  const reader = openLedgerReader(file)
  events = reader.read({})
  reader.close()
  failed = events.find(({ type }) => type === 'path.failed')!.position
})
afterAll(() => removeFolder(folder))

interface Shown {
  readonly position: number
  readonly type: string
  readonly changed: { readonly state: readonly { key: string; from: unknown; to: unknown }[] }
  readonly effects: readonly string[]
  readonly heads: readonly { paths: readonly { name: string; state: { health: string } }[] }[]
}

describe('replay --step', () => {
  test('prints a range event by event: what changed, and every path and head', async () => {
    const range = ['--from', String(failed - 1), '--to', String(failed + 1)]
    const { stdout, code } = await run('replay', file, '--step', ...range, '--json')
    const steps = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Shown)
    expect(code).toBe(0)
    expect(steps.map(({ position }) => position)).toEqual([failed - 1, failed, failed + 1])
    const step = steps[1]!
    expect(step.changed.state).toEqual([{ key: 'health', from: 'online', to: 'failed' }])
    expect(step.effects).toContain('startTimer')
    expect(step.heads[0]!.paths.map(({ name, state }) => [name, state.health])).toEqual([
      ['sda:0', 'failed'],
      ['sda:1', 'online'],
    ])
    const people = await run('replay', file, '--step', ...range)
    expect(people.stdout).toMatch(/path\.failed .*\n {8}health +online -> failed\n/)
    expect(people.stdout).toMatch(/ {8}effects +startTimer clearCurrentPath/)
    expect(people.stdout).toMatch(/\nsda .*\n {2}x {2}sda:0/)
  })

  test('at a terminal goes forward and back by keys', async () => {
    const keys = ['f', 'p', '\u001b[C', 'g1', '7\r', 'gx', 'N', '\u001b[A', 's', 'h', 'g0\n', 'p', 'q', 'n']
    const { stdout, code } = await runWith({ keys }, 'replay', file, '--step')
    expect(code).toBe(0)
    const lines = stdout.split('\n').filter((line) => /^ {2,5}\d+ {2}2\d\d\d-/.test(line))
    const positions = lines.map((line) => Number(line.trim().split(' ')[0]))
    const changing = events.filter(({ position }) => position > 17).map(({ position }) => position)
    expect(positions.slice(0, 4)).toEqual([failed, failed - 1, failed, 17])
    expect(changing).toContain(positions[4])
    expect(stdout).toContain('This is before the first event.')
    expect(stdout).toContain('g 17 Enter')
    expect(stdout).toMatch(/\n {2}x {2}sda:0 .*failed/)
  })

  test('from a position on, to the end of the ledger', async () => {
    const { stdout } = await runWith(
      { keys: ['n'] },
      'replay',
      file,
      '--step',
      '--from',
      String(events.length),
    )
    expect(stdout).toContain('engine.stopped')
    expect(stdout).toContain('This is the end of the ledger.')
  })
})

test('replay --follow prints what an engine writes as it writes it, until nobody reads any more', async () => {
  const live = join(folder, 'live.ledger')
  const mp = await Multipath.open({ ledger: live, multipath: 'always' })
  const following = runWith({ printsMax: 6 }, 'replay', live, '--follow', '--json')
  const lun = memoryLun({ wwid: 'naa.1', sizeBytes: 65_536 })
  await mp.addPath(memoryPath(lun, { hctl: '8:0:0:0', clock: systemClock }))
  const path = await mp.addPath(memoryPath(lun, { hctl: '9:0:0:0', clock: systemClock }))
  await path.remove()
  const { stdout, code } = await following
  await mp.close()
  const positions = stdout
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as Shown).position)
  expect(code).toBe(0)
  expect(positions).toEqual(positions.map((_position, at) => positions[0]! + at))
  expect(positions).toHaveLength(6)
})

describe('replay --verify', () => {
  test('says that all is alike', async () => {
    const ran = await run('replay', file, '--verify', '--json')
    expect(ran.code).toBe(0)
    expect(documentIn(ran)).toMatchObject({ events: events.length, equal: true, reason: null })
    expect((await run('replay', file, '--verify')).stdout).toMatch(/state and effects: all alike\n/)
  })

  test('stops at the first difference with both decisions and the likely reason', async () => {
    const changed = join(folder, 'changed.ledger')
    copyFileSync(file, changed)
    const db = new Database(changed)
    db.exec('DROP TRIGGER events_no_update')
    db.prepare(
      `UPDATE events SET decision = replace(decision, 'startTimer', 'stopTimer') WHERE position = ?`,
    ).run(failed)
    db.close()
    const ran = await run('replay', changed, '--verify', '--json')
    expect(ran.code).toBe(5)
    expect(documentIn(ran)).toMatchObject({ equal: false, position: failed, reason: 'tampering' })
    const { stdout } = await run('replay', changed, '--verify')
    expect(stdout).toMatch(
      /first difference: position \d+\n {2}stored .*stopTimer.*\n {2}decided .*startTimer/,
    )
    expect(stdout).toContain('likely reason: tampering.')
  })
})

describe('diff', () => {
  test('tells which streams changed between two points, and how', async () => {
    const { from, to, streams } = documentIn(
      await run('diff', file, String(failed - 1), String(failed), '--json'),
    ) as {
      from: { position: number }
      to: { position: number }
      streams: { stream: string; state: unknown }[]
    }
    expect([from.position, to.position]).toEqual([failed - 1, failed])
    expect(streams).toHaveLength(1)
    expect(streams[0]!.state).toEqual([{ key: 'health', from: 'online', to: 'failed' }])
    const { stdout } = await run('diff', file, String(failed), String(failed - 1))
    expect(stdout).toMatch(
      /^position \d+, \S+ {2}-> {2}position \d+, \S+\nsda:0 .* 1 event\n {2}health +failed -> online\n/,
    )
  })

  test('takes times that count back, and says when nothing changed', async () => {
    const ran = await run('diff', file, '-0s', '-0s')
    expect({ code: ran.code, out: ran.stdout.split('\n')[1] }).toEqual({ code: 0, out: 'Nothing changed.' })
    expect(errorIn(await run('diff', file, '1', '99999', '--json')).code).toBe('POSITION_NOT_FOUND')
  })
})

test.each([
  ['--step', '--follow'],
  ['--verify', '--to', '5'],
  ['--from', '5'],
  ['--step', '--from', '9', '--to', '5'],
  ['--follow', '--to', '5'],
])('replay refuses %s %s %s', async (...argv) => {
  const ran = await run('replay', file, ...argv, '--json')
  expect([ran.code, ran.stdout, errorIn(ran).code]).toEqual([2, '', 'USAGE'])
})
