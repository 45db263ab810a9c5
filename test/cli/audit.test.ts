// `pathledger audit`: its questions, their options, both forms.
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openLedgerReader } from '../../index.ts'
import type { StoredEvent } from '../../index.ts'
import { AUDIT_QUERIES } from '../../store/audit/index.ts'
import { documentIn, errorIn, makeFolder, recordStory, removeFolder, run, WWID, type Ran } from './harness.ts'

const QUESTIONS = ['path-history', 'failovers', 'time-in-state', 'io-by-path']
const FIRST = `path/${WWID}/8:0:0:0`

type Row = Record<string, number | string>

let folder: string
let file: string
let events: readonly StoredEvent[]
beforeAll(async () => {
  folder = makeFolder()
  file = join(folder, 'story.ledger')
  await recordStory(file)
  const reader = openLedgerReader(file)
  events = reader.read({})
  reader.close()
})
afterAll(() => removeFolder(folder))

async function rows(question: string, ...options: string[]): Promise<Row[]> {
  const ran = await run('audit', question, file, '--json', ...options)
  expect(ran).toMatchObject({ code: 0, stderr: '' })
  const { query, rows, ...rest } = documentIn(ran)
  expect({ query, rest }).toEqual({ query: question, rest: {} })
  return rows
}

describe('failovers', () => {
  test('there was one, and it says why and how it ended', async () => {
    expect(await rows('failovers')).toEqual([
      expect.objectContaining({
        ...{ name: 'sda:0', path: FIRST, errno: 'EIO', op: 'write', offset: 8192, length: 4096 },
        ...{ endedBy: 'path.probeSucceeded', errors: expect.any(Number), resent: expect.any(Number) },
      }),
    ])
  })

  test('people get a table', async () => {
    const { stdout } = await run('audit', 'failovers', file)
    expect(stdout).toMatch(/^position +time +path +first evidence +by +errors +re-sent +ended\n/)
    expect(stdout).toMatch(/sda:0 +write of 4 KiB at 8192: EIO \(IOERR\) .* back after /)
  })

  test('an empty answer is no error', async () => {
    expect(await rows('failovers', '--path', 'sda:1')).toEqual([])
    expect((await run('audit', 'failovers', file, '--path', 'sda:1')).stdout).toBe('None.\n')
  })
})

describe('path-history', () => {
  test('has every event of every path', async () => {
    const positions = (await rows('path-history')).map(({ position }) => position)
    const expected = events.filter(({ stream }) => stream.startsWith('path/')).map(({ position }) => position)
    expect(positions).toEqual(expected)
  })

  test.each(['sda:0', '8:0:0:0', FIRST])('takes a path as %s', async (name) => {
    const found = await rows('path-history', '--path', name)
    expect(new Set(found.map(({ path }) => path))).toEqual(new Set([FIRST]))
    expect(found).toHaveLength(events.filter(({ stream }) => stream === FIRST).length)
  })

  test('takes positions', async () => {
    const found = await rows('path-history', '--from', '5', '--to', '9')
    for (const { position } of found) {
      expect(position).toBeGreaterThanOrEqual(5)
      expect(position).toBeLessThanOrEqual(9)
    }
  })

  test('people read who did what, and why', async () => {
    const { stdout } = await run('audit', 'path-history', file, '--path', 'sda:1')
    expect(stdout).toMatch(
      /sda:1 +path\.disabled +running\/optimal\/online\/disabled +a cable +by operator:0/,
    )
  })
})

describe('time-in-state', () => {
  test('tells both regions of each path, and people the share', async () => {
    const found = await rows('time-in-state')
    const failed = found.find((row) => row.name === 'sda:0' && row.state === 'failed')
    expect(failed).toMatchObject({ region: 'health', path: FIRST, entered: expect.any(Number) })
    expect(failed!.us).toBeGreaterThan(0)
    expect((await run('audit', 'time-in-state', file)).stdout).toMatch(
      /sda:0 +health +online +[\d.]+ \w+ +[\d.]+ %/,
    )
  })

  test('up to a time', async () => {
    const all = await rows('time-in-state', '--path', 'sda:0')
    const none = await rows('time-in-state', '--path', 'sda:0', '--until', '1999-01-01')
    expect(all.length).toBeGreaterThan(0)
    expect(none).toEqual([])
  })
})

describe('io-by-path', () => {
  test('counts what went down each path', async () => {
    const found = await rows('io-by-path')
    const sum = (field: string): number => found.reduce((total, row) => total + Number(row[field]), 0)
    expect(found.map(({ name }) => name)).toEqual(['sda:0', 'sda:1'])
    expect({ writes: sum('writes'), reads: sum('reads') }).toEqual({ writes: 4, reads: 1 })
    expect(await rows('io-by-path', '--until', '1999-01-01')).toEqual([])
    expect(await rows('io-by-path', '--since', '-1h')).toEqual(found)
  })

  test('people get a table', async () => {
    expect((await run('audit', 'io-by-path', file)).stdout).toMatch(/^path +reads +read +writes +written/)
  })
})

const NIGHTLY = ['first-failure', 'unusable', 'dark', 'brought-back', 'not-known', 'by-port']

describe('every question', () => {
  test('has its verb, both forms, and one answer where there is one', async () => {
    const { stdout } = await run('audit', '--help')
    const names = [...stdout.split('\nCommands:\n')[1]!.matchAll(/^ {2}(\w[\w-]*)/gm)]
      .map(([, name]) => name!)
      .filter((name) => name !== 'help')
    expect(names).toEqual(
      // Those of a night are answered from the rows, without SQL.
      [...Object.keys(AUDIT_QUERIES), ...NIGHTLY].filter((name) => name !== 'topology').sort(byList(names)),
    )
    const found: string[] = []
    for (const name of names) {
      const options = name === 'block-path' ? ['--offset', '0'] : []
      if ((await rows(name, ...options)).length > 0) found.push(name)
      expect(await run('audit', name, file, ...options)).toMatchObject({ code: 0, stderr: '' })
    }
    const none = [
      'outages',
      'flapping',
      'correlated',
      'block-path',
      'ghosts',
      'reservations',
      'dark',
      'by-port',
    ]
    expect(found).toEqual(names.filter((name) => !none.includes(name)))
  })

  test('people read the answers', async () => {
    const answer = async (...argv: string[]) => (await run('audit', ...argv)).stdout
    expect(await answer('availability', file)).toMatch(/sda:0 +[\d.]+ % +[\d.]+ \w+ +[\d.]+ \w+ +- +1 /)
    expect(await answer('flapping', file, '--failures', '1')).toMatch(/sda:0 +1 +1 in 0 us/)
    expect(await answer('changes', file)).toMatch(/sda:1 +path\.disabled +a cable +by operator:0 +"a cable"/)
    expect(await answer('timers', file, '--path', 'sda:0')).toMatch(/sda:0 +probe +5\.00 ms +fired +\d+/)
    expect(await answer('io-by-interval', file, '--every', '1h')).toMatch(/^from +path +reads/)
    expect(await answer('invariants', file)).toMatch(/^holds +causes-come-first +\d+ checked\n/)
    expect(await answer('availability', file, '--head', 'sda')).not.toContain('sda:')
  })

  test.each([
    ['flapping', '--within', '5'],
    ['flapping', '--failures', '0'],
    ['io-by-interval', '--every', '0s'],
    ['block-path', '--length', '1'],
    ['outages', '--head', 'sdq'],
  ])('%s refuses %s %s', async (...argv) => {
    const ran = await run('audit', argv[0], file, ...argv.slice(1), '--json')
    expect([2, 3]).toContain(ran.code)
    expect(ran.stdout).toBe('')
  })
})

describe('topology', () => {
  test('tells what was there then, as show does', async () => {
    const failed = events.find(({ type }) => type === 'path.failed')!.position
    const { position, heads } = topologyIn(await run('topology', file, '--at', String(failed), '--json'))
    const shown = topologyIn(await run('show', file, '--at', String(failed), '--json'))
    expect(position).toBe(failed)
    const plain = ({ name, state, paths = [] }: Shown) => ({
      ...{ name, state },
      paths: paths.map((path) => ({ name: path.name, state: path.state, usable: path.usable })),
    })
    expect(heads.map(plain)).toEqual(shown.heads.map(plain))
    const { stdout } = await run('topology', file, '--at', String(failed))
    expect(stdout).toMatch(/\n {2}sda:0 +8:0:0:0 +running\/optimal\/failed\/enabled +by \d+/)
  })

  test('leaves out what was removed, unless asked', async () => {
    expect((await run('topology', file)).stdout).toMatch(/No head was there\.\n$/)
    expect((await run('topology', file, '--all')).stdout).toContain('deleted/')
  })
})

interface Shown {
  readonly name: string
  readonly state: unknown
  readonly usable: boolean
  readonly paths?: Shown[]
}

function topologyIn(ran: Ran): { position: number; heads: Shown[] } {
  return documentIn(ran) as { position: number; heads: Shown[] }
}

/** The order of a list, for sorting another one. */
function byList(list: readonly string[]) {
  return (one: string, other: string) => list.indexOf(one) - list.indexOf(other)
}

describe.each(QUESTIONS)('%s refuses', (question) => {
  test('a path that was never there, and says which were', async () => {
    const ran = await run('audit', question, file, '--path', 'sda:7', '--json')
    expect(ran).toMatchObject({ code: 3, stdout: '' })
    expect(errorIn(ran)).toMatchObject({ code: 'PATH_NOT_FOUND', why: expect.stringContaining(FIRST) })
  })

  test('an option that it cannot honour', async () => {
    const other = ['path-history', 'failovers'].includes(question) ? ['--until', '-1m'] : ['--from', '3']
    expect((await run('audit', question, file, ...other)).code).toBe(2)
  })
})

describe('a name that two LUNs share', () => {
  test('must be told apart', async () => {
    const both = join(folder, 'both.ledger')
    await recordStory(both)
    await recordStory(both, 'naa.60014050000000000000000000000002')
    const ran = await run('audit', 'failovers', both, '--path', 'sda:0', '--json')
    expect(ran.code).toBe(2)
    expect(errorIn(ran).message).toContain('means more than one path')
    const one = documentIn(await run('audit', 'failovers', both, '--path', FIRST, '--json'))
    expect(one.rows).toHaveLength(1)
  })
})
