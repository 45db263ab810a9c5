// `show` and `replay`: the state at any position or time, by the stored decisions and by the inputs alone.
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stateAt } from '../../doors/ledger.ts'
import { openLedgerReader } from '../../index.ts'
import type { StoredEvent } from '../../index.ts'
import { documentIn, errorIn, makeFolder, recordStory, removeFolder, run, WWID } from './harness.ts'
import type { Story } from './harness.ts'

let folder: string
let story: Story
let events: readonly StoredEvent[]

beforeAll(async () => {
  folder = makeFolder()
  story = await recordStory(join(folder, 'story.ledger'))
  const reader = openLedgerReader(story.file)
  events = reader.read({})
  reader.close()
})
afterAll(() => removeFolder(folder))

const positionOfType = (type: string): number => events.find((event) => event.type === type)!.position

describe('replay --to', () => {
  test('equals what a subscriber saw, at every position', async () => {
    const streams: Record<string, unknown> = {}
    for (const { position, stream, version } of events) {
      const live = story.live.get(position)
      const replayed = documentIn(await run('replay', story.file, '--to', String(position), '--json'))
      expect(replayed.position).toBe(position)
      if (live === undefined) {
        // Before anybody could subscribe: the header and the start.
        expect(position).toBeLessThanOrEqual(2)
        streams[stream] = replayed.streams[stream]
      } else {
        streams[stream] = { version, position, ...JSON.parse(JSON.stringify(live.state)) }
      }
      expect(replayed.streams).toEqual(streams)
    }
  })

  test('prints position, time and streams, and nothing else', async () => {
    const replayed = documentIn(await run('replay', story.file, '--to', '5', '--json'))
    expect(Object.keys(replayed)).toEqual(['position', 'time', 'streams'])
    expect(Date.parse(replayed.time)).toBe(Math.floor(events[4]!.recordedAtUs / 1000))
  })

  test('a time means the last position recorded by then', async () => {
    const { time } = documentIn(await run('replay', story.file, '--to', '9', '--json'))
    const last = events.findLast(({ recordedAtUs }) => recordedAtUs <= events[8]!.recordedAtUs)!
    expect(documentIn(await run('replay', story.file, '--to', time, '--json')).position).toBe(last.position)
  })

  test('without --to it goes to the end', async () => {
    expect(documentIn(await run('replay', story.file, '--json')).position).toBe(events.length)
  })

  test('people get the table', async () => {
    const { stdout } = await run('replay', story.file, '--to', String(positionOfType('path.failed')))
    expect(stdout).toMatch(/^\d+ events decided again from the inputs alone/)
    expect(stdout).toMatch(
      /x +sda:0 +8:0:0:0 +memory memory +running +optimal +failed +enabled +write of 4 KiB/,
    )
  })
})

describe('show', () => {
  test('gives heads with their paths and what may be done with them', async () => {
    const position = positionOfType('path.failed')
    const shown = documentIn(await run('show', story.file, '--at', String(position), '--json'))
    expect(shown).toMatchObject({ position, engine: 'running', time: expect.any(String) })
    expect(shown.heads).toHaveLength(1)
    expect(shown.heads[0]).toMatchObject({
      name: 'sda',
      wwid: WWID,
      state: { life: 'live' },
      iopolicy: 'round-robin',
      noPathRetry: 'fail',
      sizeBytes: 1_048_576,
      logicalBlockBytes: 512,
    })
    expect(shown.heads[0].paths).toEqual([
      expect.objectContaining({
        name: 'sda:0',
        hctl: '8:0:0:0',
        device: 'memory memory',
        state: { device: 'running', access: 'optimal', health: 'failed', admin: 'enabled' },
        ...{ usable: false, optimized: false, available: false, preferred: false },
        failure: expect.objectContaining({ errno: 'EIO', offset: 8192 }),
      }),
      expect.objectContaining({ name: 'sda:1', usable: true, failure: null }),
    ])
  })

  test('an operator’s word is shown apart from the path’s health', async () => {
    const at = String(positionOfType('path.disabled'))
    const { heads } = documentIn(await run('show', story.file, '--at', at, '--json'))
    expect(heads[0].paths[1].state).toMatchObject({ health: 'online', admin: 'disabled' })
  })

  test('agrees with the fold of the library', async () => {
    const reader = openLedgerReader(story.file)
    for (const { position } of events) {
      const { heads } = documentIn(await run('show', story.file, '--at', String(position), '--json'))
      const folded = stateAt(reader, { position }).streams[`head/${WWID}`]
      expect(heads[0]?.state).toEqual(folded?.value)
    }
    reader.close()
  })

  test('after the end it says how to look at the time before', async () => {
    const { code, stdout, stderr } = await run('show', story.file)
    expect(code).toBe(0)
    expect(stdout).toMatch(/sda .* removed /)
    expect(stderr).toMatch(/`--at -1s`/)
  })

  test('people get a table, before there is a head too', async () => {
    const { stdout } = await run('show', story.file, '--at', String(positionOfType('path.enabled')))
    expect(stdout).toMatch(/^position \d+, [^\n]+, engine running\nsda {2}naa/)
    expect(stdout).toMatch(/^ {2}\* {2}sda:0 {2}8:0:0:0 /m)
    expect((await run('show', story.file, '--at', '1')).stdout).toMatch(/No head yet\./)
  })
})

describe.each([
  ['show', '--at'],
  ['replay', '--to'],
])('%s %s', (verb, option) => {
  test.each([
    ['0', 3, 'POSITION_NOT_FOUND'],
    ['99999', 3, 'POSITION_NOT_FOUND'],
    ['1999-01-01T00:00:00Z', 3, 'MOMENT_NOT_FOUND'],
    ['yesterday', 2, 'USAGE'],
    ['2026-02-30', 2, 'USAGE'],
    ['-1', 2, 'USAGE'],
  ])('%s exits with %i, %s', async (typed, code, name) => {
    const ran = await run(verb, story.file, option, typed, '--json')
    expect(ran).toMatchObject({ code, stdout: '' })
    expect(errorIn(ran).code).toBe(name)
    expect(errorIn(ran).why).not.toBe('')
  })

  test('a time after the end means the end', async () => {
    expect(documentIn(await run(verb, story.file, option, '2999-01-01', '--json')).position).toBe(
      events.length,
    )
  })
})
