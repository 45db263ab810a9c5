// docs/health.md, "Every timer": which timers of the engine are on the ledger, and what tells of the others. What is on the
// ledger is held to its rule after every test of the engine (timer-book.ts).
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { EVENT_TYPES } from '../../machines/registry.ts'
import { bytesOf, Rig } from './rig.ts'

/** Each call of setTimer in the engine: one that arms by a machine's word, a limit with the events that tell of it, or a pace. */
const SITES: Readonly<Record<string, readonly ('ledger' | 'pace' | readonly string[])[]>> = {
  'engine/ledger/timers.ts': ['ledger'],
  // attemptTimeoutMs.
  'engine/io/attempts.ts': [['path.suspected', 'lun.ghostsOpened']],
  // waitMaxMs, for callers that wait for memory: they hear it.
  'engine/io/callers.ts': [[]],
  // probeTimeoutMs: how long a path may take to say what it is, and another one to read in its place. closeGraceMs: for what is in
  // flight, the flush and the close of a path that leaves. fenceTimeoutMs: it is asked for again.
  'engine/core/within.ts': [
    ['path.failed', 'path.probeFailed', 'path.checkFailed', 'path.removed', 'lun.ghostsOpened'],
  ],
  // probeTimeoutMs.
  'engine/health/places.ts': [['path.failed', 'path.probeFailed', 'path.checkFailed']],
  'engine/io/silence.ts': [['path.silent']],
  // flushWaitMs.
  'engine/io/flush-way.ts': [['lun.flushFellShort']],
  'engine/lun/ghost-book.ts': [['lun.ghostsEnded'], 'pace'],
  'engine/lun/lun-state.ts': ['pace', 'pace', 'pace'],
  // lunStallMs: who asked hears it.
  'engine/lun/timely.ts': [[]],
  // ghostHoldMaxMs, waitMaxMs, resourceRetryMs; and how often it is looked for another engine's ghosts.
  'engine/io/waiting.ts': [['lun.holdExpired'], 'pace'],
  // A ledger that takes nothing cannot be told so at once; it says so when it takes something again.
  'engine/ledger/recorder.ts': [
    ['engine.proceededWithoutRecord', 'engine.broke'],
    ['engine.broke'],
    ['engine.ledgerRecovered'],
  ],
  // Who asked hears it: an ioctl, a SCSI command.
  'engine/api/one-path.ts': [[]],
  'engine/alua/command.ts': [[]],
  'engine/attach/discovery.ts': ['pace'],
  'engine/attach/hearing.ts': ['pace'],
  'engine/health/margin.ts': ['pace'],
  'engine/heads/samples.ts': ['pace'],
  'engine/lun/lun-reservations.ts': ['pace'],
}

test('every timer of the engine is one that the ledger has, a limit that an event tells of, or a pace', () => {
  const root = join(import.meta.dirname, '..', '..')
  const found = readdirSync(join(root, 'engine'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.startsWith('simulation'))
    .map((path) => `engine/${path}`)
    .map((path) => [path, readFileSync(join(root, path), 'utf8').match(/\.setTimer\(/g)?.length ?? 0])
    .filter(([, count]) => count !== 0)
  expect(Object.fromEntries(found)).toEqual(
    Object.fromEntries(Object.entries(SITES).map(([path, sites]) => [path, sites.length])),
  )
  for (const event of Object.values(SITES).flat(2)) {
    if (event !== 'ledger' && event !== 'pace') expect(EVENT_TYPES.has(event), event).toBe(true)
  }
})

test('a timer is armed, fires or is cancelled on the ledger, and none is left at the end of the engine', async () => {
  const rig = await Rig.open({
    ...{ failback: 30_000, noPathRetry: 5, noPathCheckMs: 1_000 },
    ...{ checker: { minMs: 100, maxMs: 400, healthyMaxMs: 1_000 }, marginal: { on: true } },
    loss: { fastFailSeconds: 5, lossSeconds: 60, reconnectSeconds: 1 },
  })
  const [a, b] = [await rig.add('8:0:0:0'), await rig.add('9:0:0:0', { access: 'active' })]
  for (let life = 0; life < 2; life += 1) {
    a.fail()
    await rig.write(0, bytesOf(1))
    await rig.pass(2_000)
    a.heal()
    await rig.pass(1_500)
  }
  b.fail()
  a.fail()
  const reading = rig.errorOf(rig.head.read({ offset: 0, length: 512 }))
  expect(await reading).toMatchObject({ code: 'NO_PATH' })
  const armed = new Set<string>()
  for (const { decision } of rig.rows()) {
    const { context = {} } = JSON.parse(decision) as { context?: { timers?: Record<string, number> } }
    for (const timer of Object.keys(context.timers ?? {})) armed.add(timer)
  }
  expect([...armed].sort()).toEqual(['check', 'failback', 'fastFail', 'loss', 'noPath', 'probe', 'sample'])
  // Ends with timers armed: closing the engine has to cancel them, and the rig checks that.
  expect(Object.keys(a.path.timers)).not.toEqual([])
})
