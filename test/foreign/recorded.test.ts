// What a ledger made from logs answers, from its rows alone: the same as the files did when they were read.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ingest, LOG_FILES, openLedgerReader } from '../../doors/ledger.ts'
import { topology } from '../../doors/audit.ts'
import { explain } from '../../index.ts'
import { answerAll, answersOf } from '../../foreign/answers/index.ts'
import type { Answered } from '../../foreign/answers/answered.ts'
import { explainHost } from '../../foreign/answers/explain.ts'
import { notKnown } from '../../foreign/answers/not-known.ts'
import { printedTime } from '../../foreign/answers/print.ts'
import { recorded } from '../../foreign/recorded/facts.ts'
import type { FileReader } from '../../store/read/reader.ts'
import { documentIn, makeFolder, recordStory, removeFolder, run } from '../cli/harness.ts'
import { kernel, multipathd, NIGHT, readFiles, shortIso, type Said } from './night.ts'
import * as nights from './nights.ts'

let folder = ''
beforeEach(() => void (folder = makeFolder()))
afterEach(() => removeFolder(folder))

async function ledgerOf(said: readonly Said[], name = 'a.ledger'): Promise<string> {
  const log = join(folder, 'log')
  writeFileSync(log, `${shortIso(said).join('\n')}\n`)
  const file = join(folder, name)
  await ingest(file, LOG_FILES, [log], { engine: '0', xstate: '0', lockedAtUs: 1 })
  return file
}

async function reading<Result>(file: string, ask: (reader: FileReader) => Result): Promise<Result> {
  const reader = openLedgerReader(file)
  try {
    return await Promise.resolve(ask(reader))
  } finally {
    reader.close()
  }
}

/** Answers in words, by what a person reads of them. */
function words(answered: Answered): unknown {
  const { unusable, dark, broughtBack, flapping, lying, bad, groups } = answered
  return {
    unusable: unusable.map(({ key, names, spans, before }) => [
      ...[key.replace(/^[^|]*/, ''), names, printedTime(before)],
      ...spans.map(({ from, to, by, endedByBoot }) => [
        ...[printedTime(from), printedTime(to), printedTime(by), endedByBoot],
      ]),
    ]),
    dark: dark.map(({ from, to, removed }) => [printedTime(from), printedTime(to), printedTime(removed)]),
    ...{ broughtBack, lying, flapping: flapping.map(({ path, failures }) => [path, failures]) },
    ...{ bad: bad.map(({ sector }) => sector), groups: groups.map(({ members }) => members) },
    ...{ notKnown: notKnown(answered), explain: explainHost(answered) },
  }
}

const ALL = Object.entries({ ...nights, NIGHT }).flatMap(([name, said]) =>
  Array.isArray(said) ? [[name, said as readonly Said[]] as const] : [],
)

describe('answers from the rows alone', () => {
  it.each(ALL)('%s: are those that the files gave', async (_name, said) => {
    const [fromFiles] = answerAll(await readFiles({ log: `${shortIso(said).join('\n')}\n` }))
    const fromRows = await reading(await ledgerOf(said), (reader) => answersOf(recorded(reader)))
    expect(words(fromRows)).toEqual(words(fromFiles!))
  })

  it('each question is a verb, in words and for programs', async () => {
    const file = await ledgerOf(NIGHT)
    const ask = async (question: string): Promise<Record<string, unknown>[]> => {
      const { code, stdout } = await run('audit', question, file)
      expect([question, code]).toEqual([question, 0])
      expect(stdout).not.toMatch(/undefined|null|\[object/)
      return documentIn(await run('audit', question, file, '--json')).rows
    }
    expect(await ask('first-failure')).toMatchObject([
      {
        ...{ name: 'sdb (1:0:0:5) of mpathq', what: 'failed', by: 'kernel', source: 'log', line: 7 },
        causes: [{ rule: 'io-error' }, { rule: 'adapter', says: expect.stringContaining('link of adapter') }],
        together: ['sdc (1:0:1:5) of mpathq'],
      },
    ])
    expect(await ask('unusable')).toMatchObject([
      { name: 'sdb (1:0:0:5) of mpathq', us: 29_900_000, began: 'failed', ended: 'back' },
      { name: 'sdc (1:0:1:5) of mpathq', us: 29_900_000, atLeastUs: null },
    ])
    expect(await ask('dark')).toMatchObject([
      { name: 'map mpathq', us: 27_900_000, io: 'queued', lastPath: 'sdc (1:0:1:5) of mpathq', ended: 'lit' },
    ])
    expect(await ask('brought-back')).toMatchObject([{ subject: 'map mpathq', kind: 'transport' }])
    expect(await ask('by-port')).toMatchObject([
      { port: 'port/host/0000:0b:00.0', lost: 1, failures: 2, linkedBy: 'rule' },
      { port: 'port/host/1', linkedBy: 'address', paths: ['sdb', 'sdc'] },
    ])
    expect(await ask('not-known')).toContainEqual({ notKnown: 'the wwid of the map mpathq' })
    expect(await ask('failovers')).toMatchObject([
      { verdict: 'observed', detail: 'kernel', errors: null, endedBy: 'path.reinstated', tookUs: 29_900_000 },
      { verdict: 'observed' },
    ])
    expect(await ask('correlated')).toMatchObject([{ adapter: '1', paths: 2, of: 2 }])
    expect(await ask('outages')).toMatchObject([{ worst: 'queueing', sure: true, tookUs: 27_900_000 }])
    expect(await ask('time-in-state')).toContainEqual(
      expect.objectContaining({ region: 'usable', state: 'unusable', us: 29_900_000 }),
    )
    for (const empty of ['changes', 'ghosts', 'timers', 'reservations', 'io-by-path'])
      expect(await ask(empty)).toEqual([])
    expect((await run('audit', 'invariants', file)).code).toBe(0)
  })

  it('what no line tells counts neither as up nor as down, and an end at the edge is not sure', async () => {
    const open = [
      multipathd(0, 'mpathz: load table [0 2097152 multipath 0 0 1 1 service-time 0 1 1 8:16 1]'),
      kernel(10, 'sd 2:0:0:1: Power-on or device reset occurred'),
      kernel(20, 'device-mapper: multipath: 253:9: Failing path 8:16.'),
      multipathd(20, 'sdb: mark as failed'),
      multipathd(20, 'mpathz: remaining active paths: 0'),
      kernel(50, 'sd 2:0:0:1: Power-on or device reset occurred'),
    ]
    const file = await ledgerOf(open)
    const rows = async (question: string): Promise<Record<string, unknown>[]> =>
      documentIn(await run('audit', question, file, '--json')).rows
    expect(await rows('outages')).toMatchObject([{ worst: 'failing', endedPosition: null, sure: false }])
    expect(await rows('dark')).toMatchObject([{ ended: null, us: null, atLeastUs: 30_000_000 }])
    const available = await rows('availability')
    expect(available).toContainEqual(expect.objectContaining({ kind: 'path', downUs: 30_000_000, upUs: 0 }))
    expect(available.find(({ stream }) => stream === 'path/map:unknown/2:0:0:1')).toMatchObject({
      ...{ unknownUs: 40_000_000, upUs: 0, downUs: 0, availabilityPpm: null },
    })
    const then = await reading(file, (reader) => topology(reader, { position: reader.head().events }))
    expect(then.map(({ name, usable }) => [name, usable])).toEqual(
      expect.arrayContaining([
        ['mpathz', false],
        ['sdb', false],
        [null, null],
      ]),
    )
    const { symptom } = await reading(file, (reader) => {
      return explain(reader, { stream: 'head/map:mpathz' }, { position: reader.head().events })
    })
    expect(symptom).toMatch(/^map mpathz has had no usable path since .*, for at least 30 s: I\/O failed\.$/)
  })

  it('nothing is known of paths and maps after the host was started, until lines tell of them', async () => {
    const file = await ledgerOf([
      ...NIGHT.filter(({ us }) => us < NIGHT[0]!.us + 30_000_000),
      kernel(100, 'Linux version 6.1.0-1-amd64 (x@y) #1 SMP'),
      multipathd(130, 'mpathq: sdb - tur checker reports path is up'),
    ])
    const rows = await reading(file, (reader) => topology(reader, { position: reader.head().events }))
    expect(rows.filter(({ kind }) => kind === 'path').map(({ usable }) => usable)).toEqual([null, null])
    const unusable = documentIn(await run('audit', 'unusable', file, '--json')).rows
    expect(unusable).toMatchObject([{ ended: 'boot' }, { ended: 'boot' }])
    const { stdout } = await run('audit', 'unusable', file)
    expect(stdout).toContain('the host was started')
  })

  it('an engine that failed over is asked the same', async () => {
    const file = join(folder, 'engine.ledger')
    await recordStory(file)
    const rows = async (question: string): Promise<Record<string, unknown>[]> =>
      documentIn(await run('audit', question, file, '--json')).rows
    expect(await rows('first-failure')).toMatchObject([
      { name: expect.stringContaining('sda:0'), source: null },
    ])
    expect(await rows('unusable')).toMatchObject([{ began: 'failed', ended: 'back' }])
    expect((await run('audit', 'first-failure', file)).stdout).toContain('sda:0')
  })
})

describe('explain of what lines told', () => {
  it('says who says so, in which file and line, and names no cable', async () => {
    const file = await ledgerOf(NIGHT)
    const { stdout } = await run('explain', 'mpathq', file)
    expect(stdout).toContain('it had none from')
    expect(stdout).toMatch(/the kernel says, log:\d+/)
    expect(stdout).toContain('because, by the rule adapter: the link of adapter 0000:0b:00.0 went down')
    expect(stdout).toContain('at the same time as that (within 2 s) failed: sdb')
    expect(stdout).not.toMatch(/cable|switch|SFP/i)
    const path = documentIn(await run('explain', 'sdb', file, '--json'))
    expect(path).toMatchObject({
      now: false,
      layer: 'adapter',
      root: { kind: 'port', reason: 'the kernel says, log:3' },
    })
    const early = documentIn(
      await run('explain', '1:0:0:5', file, '--json', '--at', String(path.chain[0].position)),
    )
    expect(early).toMatchObject({ now: true, symptom: expect.stringContaining('at least') })
    const port = documentIn(await run('explain', 'port/host/0000:0b:00.0', file, '--json'))
    expect(port).toMatchObject({ now: false, symptom: expect.stringContaining('it is back since') })
    const io = await run('explain', 'io:1', file)
    expect(io.code).not.toBe(0)
    expect(io.stderr).toContain('logs do not report single I/Os')
  })

  it.each(ALL)('%s: every stream is explained in whole words', async (_name, said) => {
    const file = await ledgerOf(said)
    await reading(file, (reader) => {
      const all = recorded(reader)
      const position = reader.head().events
      for (const stream of new Set(all.facts.map((fact) => fact.stream))) {
        if (stream.startsWith('source/')) continue
        const { symptom, chain, also, advice } = explain(reader, { stream }, { position })
        const text = [symptom, ...chain.map(({ says }) => says), ...also, advice].join('\n')
        expect(text).not.toMatch(/undefined|null|NaN|\[object|cable|\bswitch\b|SFP/)
        expect(symptom).not.toBe('')
      }
    })
  })

  it('what the ledger does not tell of is unknown', async () => {
    const file = await ledgerOf(NIGHT)
    await reading(file, (reader) => {
      expect(() => explain(reader, { stream: 'path/x/9:9:9:9' }, { position: 9 })).toThrow(
        'has nothing about',
      )
    })
  })
})

describe('what else reads such a ledger', () => {
  it('says that nothing was decided here, and asks for no engine', async () => {
    const file = await ledgerOf(NIGHT)
    expect((await run('replay', file, '--verify')).stdout).toContain('Observed: nothing was decided here.')
    const shown = await run('show', file)
    expect(shown).toMatchObject({ code: 0, stderr: '' })
    expect(shown.stdout).toContain('observed, as lines told')
    expect((await run('topology', file, '--at', '-1s')).stdout).toMatch(/mpathq .*live/)
    expect((await run('diff', file, '2', '20')).stdout).toContain('service')
    const text = join(folder, 'a.ndjson')
    writeFileSync(text, (await run('export', file)).stdout)
    const again = join(folder, 'again.ledger')
    expect((await run('import', text, again)).code).toBe(0)
    expect((await run('verify', again)).stdout).toContain('chain ok, replay equal')
    const whatIf = await run('what-if', file, '--set', 'iopolicy=round-robin')
    expect([whatIf.code === 0, whatIf.stderr.includes('observ')]).toEqual([false, true])
  })
})
