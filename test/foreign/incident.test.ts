// One page for a post-mortem, and whether the logs are still what was read.
import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Incident } from '../../doors/audit.ts'
import { ingest, LOG_FILES } from '../../doors/ledger.ts'
import { escapeHtml } from '../../cli/show/incident-page.ts'
import { documentIn, makeFolder, recordStory, removeFolder, run } from '../cli/harness.ts'
import { kernel, multipathd, NIGHT, shortIso, START_US, syslog, type Said } from './night.ts'

let folder = ''
beforeEach(() => void (folder = makeFolder()))
afterEach(() => removeFolder(folder))

async function ledgerOf(said: readonly Said[], lines = shortIso(said)): Promise<string> {
  mkdirSync(join(folder, 'logs'), { recursive: true })
  writeFileSync(join(folder, 'logs', 'log'), `${lines.join('\n')}\n`)
  const file = join(folder, 'a.ledger')
  await ingest(file, LOG_FILES, [join(folder, 'logs')], { engine: '0', xstate: '0', lockedAtUs: 1 })
  return file
}

const at = (second: number): string => new Date(START_US / 1000 + second * 1000).toISOString()

describe('pathledger incident', () => {
  it('tells what happened in order, what was first, what it took along, and which line says so', async () => {
    const file = await ledgerOf(NIGHT)
    const range = ['--from', at(5), '--to', at(60)]
    const found = documentIn(await run('incident', file, ...range, '--json')) as Incident
    expect(found).toMatchObject({
      ...{ host: 'aspen', observed: true, more: 0, maps: ['map mpathq'] },
      paths: ['sdb (1:0:0:5) of mpathq', 'sdc (1:0:1:5) of mpathq'],
      ports: ['adapter 0000:0b:00.0'],
      dark: [{ us: 27_900_000, io: 'queued' }],
      sources: [{ name: 'logs/log' }],
    })
    expect(found.first.map(({ says, line }) => [says, line])).toEqual([
      ['sdb (1:0:0:5) of mpathq failed', 7],
      [expect.stringContaining('had I/O errors'), 4],
      [expect.stringContaining('the link of adapter 0000:0b:00.0 went down'), 3],
    ])
    const order = found.steps.map(({ recordedAtUs }) => recordedAtUs)
    expect(order).toEqual([...order].sort((one, other) => one - other))
    const { stdout } = await run('incident', file, ...range)
    for (const heading of [
      'First evidence',
      'Maps without a path',
      'What is not known',
      'In order',
      'Read from',
    ])
      expect(stdout).toContain(heading)
    expect(stdout).toContain('kernel says, logs/log:7')
    expect(stdout).not.toMatch(/undefined|null|NaN|cable|SFP/)
  })

  it('has only what lies in the time that was asked for', async () => {
    const file = await ledgerOf(NIGHT)
    const late = documentIn(await run('incident', file, '--from', at(46), '--to', at(60), '--json'))
    expect(late.paths).toEqual(['sdc (1:0:1:5) of mpathq'])
    expect(late.first).toEqual([])
    expect((await run('incident', file, '--from', '-1s', '--to', '-0s')).stdout).toContain('No path failed')
    expect((await run('incident', file, '--from', at(60), '--to', at(0))).code).toBe(2)
    expect((await run('incident', file, '--from', at(0), '--to', at(60), '--json', '--html')).code).toBe(2)
  })

  it('is a page of its own, and nothing in a log can speak in it', async () => {
    const evil = 'mpath"><img/src=x> '.replaceAll(' ', '')
    const file = await ledgerOf([
      multipathd(0, `${evil}: load table [0 2097152 multipath 0 0 1 1 service-time 0 1 1 8:16 1]`),
      kernel(20, 'device-mapper: multipath: 253:9: Failing path 8:16.'),
      multipathd(20, `${evil}: remaining active paths: 0`),
    ])
    const { stdout } = await run('incident', file, '--from', at(0), '--to', at(60), '--html')
    expect(stdout).toMatch(/^<!doctype html>/)
    expect(stdout).not.toMatch(/<script|<img|<link|src=x>|https?:|url\(/)
    expect(stdout).toContain('default-src &#39;none&#39;'.replaceAll('&#39;', "'"))
    expect(escapeHtml(`<a href="x">'&\u202e\u0007`)).toBe(
      '&lt;a href=&quot;x&quot;&gt;&#39;&amp;\\u202e\\u0007',
    )
  })

  it('tells of an engine that failed over, by positions', async () => {
    const file = join(folder, 'engine.ledger')
    await recordStory(file)
    const { stdout, code } = await run('incident', file, '--from', '-1h', '--to', '-0s')
    expect(code).toBe(0)
    expect(stdout).toMatch(/sda:0 .*failed/)
    expect(stdout).toMatch(/engine, position \d+/)
  })

  it('of very many steps only the first are on the page, and it says so', async () => {
    const flaps = Array.from({ length: 150 }, (_, n) => [
      kernel(10 + n * 60, 'device-mapper: multipath: 253:9: Failing path 8:16.'),
      multipathd(40 + n * 60, 'mpathz: sdb - tur checker reports path is up'),
      kernel(40 + n * 60, 'device-mapper: multipath: 253:9: Reinstating path 8:16.'),
    ]).flat()
    const file = await ledgerOf([
      multipathd(0, 'mpathz: load table [0 8 multipath 0 0 1 1 service-time 0 1 1 8:16 1]'),
      ...flaps,
    ])
    const { steps, more } = documentIn(
      await run('incident', file, '--from', at(0), '--to', at(1e5), '--json'),
    )
    expect([steps.length, more > 0]).toEqual([400, true])
    expect((await run('incident', file, '--from', at(0), '--to', at(1e5))).stdout).toContain(
      `and ${more} more`,
    )
  })
})

describe('pathledger verify --sources', () => {
  it('finds the lines again, wherever the folder lies now, and the same facts', async () => {
    const file = await ledgerOf(NIGHT)
    renameSync(join(folder, 'logs'), join(folder, 'moved'))
    const ran = await run('verify', file, '--sources', join(folder, 'moved'))
    expect(ran).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('read again, they tell the same facts'),
    })
    const found = documentIn(await run('verify', file, '--sources', join(folder, 'moved'), '--json'))
    expect(found).toMatchObject({ chain: 'ok', facts: 'same', sources: [{ state: 'same', changed: [] }] })
  })

  it('names the lines that were changed, and those that are gone', async () => {
    const file = await ledgerOf(NIGHT)
    const lines = shortIso(NIGHT)
    const forged = lines.map((line, at) => (at === 6 ? line.replace('8:16', '8:48') : line)).slice(0, -8)
    writeFileSync(join(folder, 'logs', 'log'), `${forged.join('\n')}\n`)
    const { code, stdout } = await run('verify', file, '--sources', join(folder, 'logs'))
    expect(code).toBe(5)
    expect(stdout).toMatch(/changed {2}logs\/log, \d+ lines looked at, lines 7, /)
    rmSync(join(folder, 'logs', 'log'))
    const gone = await run('verify', file, '--sources', join(folder, 'logs'))
    expect(gone).toMatchObject({ code: 5, stdout: expect.stringContaining('missing  logs/log') })
  })

  it('sees that something was added, though no row rests on it', async () => {
    const file = await ledgerOf(NIGHT)
    appendFileSync(join(folder, 'logs', 'log'), `${shortIso([kernel(70, 'something else')]).join('\n')}\n`)
    const { code, stdout } = await run('verify', file, '--sources', join(folder, 'logs'))
    expect([code, stdout.includes('in lines that no row rests on')]).toEqual([5, true])
  })

  it('reads with the zone that was given then', async () => {
    mkdirSync(join(folder, 'logs'))
    writeFileSync(join(folder, 'logs', 'messages'), `${syslog(NIGHT).join('\n')}\n`)
    const file = join(folder, 'z.ledger')
    const given = [
      '--zone',
      'Europe/Berlin',
      '--now',
      '2026-12-01T00:00:00Z',
      '--taken-at',
      'x=2026-01-01T00:00:00Z',
    ]
    expect((await run('ingest', file, join(folder, 'logs'), ...given)).code).toBe(0)
    const check = documentIn(await run('verify', file, '--sources', join(folder, 'logs'), '--json'))
    expect(check).toMatchObject({ facts: 'same', why: '' })
  })
})
