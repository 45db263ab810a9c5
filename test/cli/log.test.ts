// `pathledger log`: filters, both forms, and what it says of filters that match nothing.
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openLedgerReader } from '../../index.ts'
import type { StoredEvent } from '../../index.ts'
import { errorIn, makeFolder, recordStory, removeFolder, run, WWID } from './harness.ts'

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

async function lines(...options: string[]) {
  const { code, stdout, stderr } = await run('log', file, '--json', ...options)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout === ''
    ? []
    : stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
}

async function positions(...options: string[]): Promise<number[]> {
  return (await lines(...options)).map(({ position }) => position)
}

const where = (holds: (event: StoredEvent) => boolean): number[] =>
  events.filter(holds).map(({ position }) => position)

describe('--json', () => {
  test('prints every column of every event, one object per line', async () => {
    const all = await lines()
    expect(all).toHaveLength(events.length)
    for (const [index, { hash, data, decision, ...rest }] of events.entries()) {
      const line = all[index]
      expect(line).toMatchObject(rest)
      expect(line).toMatchObject({ data: JSON.parse(data), decision: JSON.parse(decision) })
      expect(line.hash).toBe(Buffer.from(hash).toString('hex'))
      expect(Date.parse(line.time)).toBe(Math.floor(rest.recordedAtUs / 1000))
    }
  })

  test('has stable field names', async () => {
    const [first] = await lines('--limit', '1')
    expect(Object.keys(first)).toEqual([
      ...['position', 'time', 'stream', 'version', 'type', 'cause', 'actor', 'reason', 'data', 'decision'],
      ...['eventId', 'schema', 'recordedAtUs', 'monoUs', 'bootId', 'hash'],
    ])
  })
})

describe('filters', () => {
  test('by stream', async () => {
    const stream = `path/${WWID}/8:0:0:0`
    expect(await positions('--stream', stream)).toEqual(where((event) => event.stream === stream))
  })

  test('by type', async () => {
    const failed = await lines('--type', 'path.failed')
    expect(failed).toHaveLength(1)
    expect(failed[0].data.first).toMatchObject({ errno: 'EIO', op: 'write', offset: 8192 })
  })

  test('by position, both ends included', async () => {
    expect(await positions('--from', '3', '--to', '5')).toEqual([3, 4, 5])
  })

  test('by time, both ends included', async () => {
    const { recordedAtUs } = events[6]!
    const time = (await lines('--from', '7', '--limit', '1'))[0].time
    expect(await positions('--since', time)).toEqual(where((event) => event.recordedAtUs >= recordedAtUs))
    expect(await positions('--until', time)).toEqual(where((event) => event.recordedAtUs <= recordedAtUs))
    expect(await positions('--since', '-1h')).toHaveLength(events.length)
  })

  test('--limit takes the first ones', async () => {
    expect(await positions('--limit', '2')).toEqual([1, 2])
    expect(await positions('--limit', '5000')).toHaveLength(events.length)
  })

  test('a range beyond the end is empty, and no error', async () => {
    expect(await positions('--from', '100000')).toEqual([])
  })
})

describe('for people', () => {
  test('each event is one line with names, words and cause', async () => {
    const { stdout } = await run('log', file)
    const printed = stdout.trimEnd().split('\n')
    expect(printed).toHaveLength(events.length)
    const failed = printed.find((line) => line.includes('path.failed'))
    expect(failed).toMatch(
      /^ +\d+ {2}\d{4}-\d\d-\d\dT[\d:.]+Z {2}sda:0 +path\.failed +write of 4 KiB at 8192: EIO \(IOERR\); by probe .* -> running\/optimal\/failed\/enabled {2}<- \d+$/,
    )
    expect(stdout).toMatch(/sda:1 +path\.disabled +a cable .*by operator:0 {2}"a cable"/)
  })
})

describe('refuses', () => {
  test.each([
    ['--stream', 'path/naa.none/8:0:0:0', 'stream'],
    ['--type', 'path.exploded', 'type'],
  ])('%s that is nowhere on the ledger, and says what there is', async (option, value, column) => {
    const ran = await run('log', file, option, value, '--json')
    expect(ran).toMatchObject({ code: 3, stdout: '' })
    expect(errorIn(ran)).toMatchObject({ code: 'EVENTS_NOT_FOUND' })
    expect(errorIn(ran).why).toContain(column === 'type' ? 'path.failed' : `head/${WWID}`)
  })

  test.each([
    [['--from', '0'], /is not a position/],
    [['--to', 'x'], /is not a position/],
    [['--since', 'yesterday'], /is neither a position nor a time/],
    [['--since', '17'], /is a position, and a time is wanted/],
    [['--limit', '0'], /is not a limit/],
    [['--from', '5', '--to', '3'], /This range is empty/],
    [['--since', '-1s', '--until', '-2s'], /This range is empty/],
  ])('%j as usage', async (options, message) => {
    const ran = await run('log', file, ...options)
    expect(ran).toMatchObject({ code: 2, stdout: '' })
    expect(ran.stderr).toMatch(message)
  })
})
