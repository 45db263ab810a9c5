// The two small machines: a logical unit, and the engine as the ledger sees it.
import { describe, expect, test } from 'vitest'
import { given, type Happening } from './given.ts'
import { EVIDENCE, GHOST, samplesOf, WHY, WWID } from './payloads.ts'
import { ENGINE_EVENTS } from '../../machines/engine/events.ts'

const FOUND: Happening = ['lun.found', { wwid: WWID, sizeBytes: 4096, logicalBlockBytes: 512 }]

describe('a logical unit', () => {
  test('is known once a path has found it, and again with what it is now', () => {
    given('lun')
      .when(...FOUND)
      .leadsTo({ value: 'known', context: { wwid: WWID, sizeBytes: 4096 }, effects: [] })
    given('lun', FOUND)
      .when('lun.found', { wwid: WWID, sizeBytes: 8192, logicalBlockBytes: 4096 })
      .leadsTo({ context: { sizeBytes: 8192, logicalBlockBytes: 4096 }, effects: [] })
  })

  test.each([
    ['lun.bioPoisoned', { bio: 1, evidence: EVIDENCE, paths: ['sda:0', 'sda:1'] }, 'poisoned'],
    ['lun.flushFailed', { path: 'sda:0', evidence: EVIDENCE }, 'flushErrors'],
    ['lun.ioFailed', { bio: 1, path: 'sda:0', evidence: EVIDENCE }, 'ioErrors'],
    ['lun.holdExpired', { bio: 2, offset: 0, length: 512, ghost: GHOST.id }, 'holdsExpired'],
  ])('counts %s', (type, data, counter) => {
    const once = given('lun', FOUND).when(type, data)
    once.leadsTo({ context: { [counter]: 1 }, effects: [] })
    once.when(type, data).leadsTo({ context: { [counter]: 2 }, effects: [] })
    given('lun').when(type, data).isRefused()
  })

  test('counts ghosts from their first to their last', () => {
    const opened = { path: 'sda:0', incarnation: 1, reason: 'timeout' }
    const two = given('lun', FOUND).when('lun.ghostsOpened', {
      ...opened,
      ghosts: [GHOST, { ...GHOST, id: 'g2' }],
    })
    two.leadsTo({ context: { ghosts: 2 }, effects: [] })
    const ended = { proof: 'fence', detail: null }
    const one = two.when('lun.ghostsEnded', { ...ended, ids: ['g2'] })
    one.leadsTo({ context: { ghosts: 1 }, effects: [] })
    const both = two.when('lun.ghostsEnded', { ...ended, ids: ['g2', GHOST.id] })
    both.leadsTo({ context: { ghosts: 0 }, effects: [] })
    one
      .when('lun.ghostsEnded', { ...ended, ids: [GHOST.id] })
      .leadsTo({ context: { ghosts: 0 }, effects: [] })
  })
})

const STARTED: Happening = ['engine.started', { version: '0.1.0', multipath: 'on', unclean: false, pid: 7 }]
const DEGRADED: Happening = ['engine.ledgerDegraded', WHY]
const BROKE: Happening = ['engine.broke', { code: 'INVARIANT_BROKEN', detail: 'a bug' }]
const STOPPED: Happening = ['engine.stopped', WHY]

const RUNS: Readonly<Record<string, readonly Happening[]>> = {
  stopped: [],
  running: [STARTED],
  degraded: [STARTED, DEGRADED],
  broken: [STARTED, BROKE],
}

const LEGAL: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  stopped: { started: 'running' },
  running: {
    ...{ started: 'running', stopped: 'stopped', pathRefused: 'running' },
    ...{ ledgerDegraded: 'degraded', broke: 'broken', adapterCountersSet: 'running' },
  },
  degraded: {
    ...{ started: 'running', stopped: 'stopped', pathRefused: 'degraded' },
    ...{ ledgerRecovered: 'running', broke: 'broken', adapterCountersSet: 'degraded' },
  },
  broken: { started: 'running', stopped: 'stopped' },
}

describe.each(Object.keys(RUNS))('an engine that is %s', (from) => {
  const life = given('engine', ...(RUNS[from] ?? []))

  const samples = samplesOf(ENGINE_EVENTS).map(([type, data]) => ({ type, data }))
  test.each(samples)('takes or refuses $type', ({ type, data }) => {
    expect(life.state.value).toBe(from)
    const isKept = type.startsWith('ledger.') || type === 'engine.proceededWithoutRecord'
    const to = isKept ? from : LEGAL[from]?.[type.slice('engine.'.length)]
    const outcome = life.when(type, data)
    if (to === undefined) outcome.isRefused()
    else outcome.leadsTo({ value: to, effects: [] })
  })
})

describe('an engine counts', () => {
  test('its runs, and those that began after one without an end', () => {
    const unclean: Happening = [
      'engine.started',
      { version: '0.1.0', multipath: 'on', unclean: true, pid: 8 },
    ]
    given('engine', STARTED)
      .when(...unclean)
      .leadsTo({ context: { runs: 2, uncleanStarts: 1 }, effects: [] })
    given('engine', STARTED, STOPPED)
      .when(...STARTED)
      .leadsTo({ value: 'running', context: { runs: 2, uncleanStarts: 0, why: '' }, effects: [] })
  })

  test('refused paths, and gaps of its ledger that have ended', () => {
    const refused: Happening = [
      'engine.pathRefused',
      { wwid: WWID, hctl: '8:0:0:0', device: '/dev/loop0', code: 'PATH_DUPLICATE', why: 'again' },
    ]
    given('engine', STARTED, refused, DEGRADED, refused)
      .when('engine.ledgerRecovered', { sinceUs: 1, waited: 2, dropped: 3 })
      .leadsTo({ value: 'running', context: { refusedPaths: 2, ledgerGaps: 1 }, effects: [] })
  })

  test('says why the last run ended', () => {
    expect(given('engine', STARTED, STOPPED).context['why']).toBe(WHY.why)
    expect(given('engine', STARTED, BROKE).context['why']).toBe('INVARIANT_BROKEN: a bug')
  })
})
