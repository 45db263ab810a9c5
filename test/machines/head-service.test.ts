// What service a head gives, and what I/O does without a path: fail, queue, or wait for so many checks.
import { describe, expect, test } from 'vitest'
import type { EffectName } from '../../machines/effects.ts'
import { given, type Data, type Happening, type Life } from './given.ts'
import { CHECK_INTERVAL_US, created, DELAY_US, paths, WHY } from './payloads.ts'

const UP: Happening = ['head.pathsChanged', paths(2)]
/** Two paths that have failed: none is usable, none comes back by itself. */
const DOWN = paths(2, 0)
/** Two paths, one of them blocked, say: not usable and worth waiting for. */
const COMES_BACK = paths(2, 0, 0, 1)

const live = (settings: Data = {}): Life =>
  given('head', ['head.created', created(settings)], UP, ['head.published'])

describe('service follows from the paths', () => {
  const rows: [string, Data, string, EffectName[]][] = [
    ['all paths usable', paths(2), 'serving', ['wakeRequeue']],
    ['some paths usable', paths(2, 1), 'degraded', ['wakeRequeue']],
    ['none usable, one worth waiting for', COMES_BACK, 'queueing', []],
    ['none usable, none worth waiting for', DOWN, 'failing', ['failRequeue']],
  ]
  test.each(rows)('%s', (_title, counts, service, effects) => {
    live().when('head.pathsChanged', counts).leadsTo({ value: { service }, context: counts, effects })
  })

  test.each(rows)('%s, from every other service', (_title, counts, service) => {
    for (const [, before] of rows) {
      const after = live().when('head.pathsChanged', before).when('head.pathsChanged', counts)
      expect(after.state.value).toEqual({ life: 'live', service })
    }
  })
})

describe('D-21: no usable path', () => {
  test('D-21: waits while some path may come back, also when noPathRetry is fail', () => {
    live({ noPathRetry: 'fail' })
      .when('head.pathsChanged', COMES_BACK)
      .leadsTo({ value: { service: 'queueing' }, context: { timers: {}, checksLeft: 0 }, effects: [] })
  })

  test('D-21: fails when none can and noPathRetry is fail', () => {
    live({ noPathRetry: 'fail' })
      .when('head.pathsChanged', DOWN)
      .leadsTo({ value: { service: 'failing' }, effects: ['failRequeue'] })
  })

  test('D-21: waits without end when noPathRetry is queue', () => {
    live({ noPathRetry: 'queue' })
      .when('head.pathsChanged', DOWN)
      .leadsTo({ value: { service: 'queueing' }, context: { timers: {}, checksLeft: 0 }, effects: [] })
  })

  test("D-21: waits for the head's own delay when the last path has left, whatever noPathRetry says", () => {
    live({ noPathRetry: 'fail', delayedRemovalUs: DELAY_US })
      .when('head.pathsChanged', paths(0))
      .leadsTo({ value: { life: 'removalPending', service: 'queueing' }, effects: ['startTimer'] })
  })
})

describe('noPathRetry counts checks', () => {
  const counting = live({ noPathRetry: 3 }).when('head.pathsChanged', DOWN, 10_000_000)
  const due = (checks: number) => 10_000_000 + checks * CHECK_INTERVAL_US
  const start = (checks: number) => ({ type: 'startTimer', timer: 'noPath', dueUs: due(checks) }) as const
  const cancel = { type: 'cancelTimer', timer: 'noPath', dueUs: due(1) } as const

  test('from the first moment, one timer at a time, due at the time of the event and the interval', () => {
    counting.leadsTo({
      value: { service: 'queueing' },
      context: { checksLeft: 3, exhausted: false, timers: { noPath: due(1) } },
      effects: [start(1)],
    })
  })

  test('down to nothing: then parked I/O fails', () => {
    const second = counting.whenTimerFires('noPath')
    second.leadsTo({ context: { checksLeft: 2, timers: { noPath: due(2) } }, effects: [start(2)] })
    const third = second.whenTimerFires('noPath')
    third.leadsTo({ context: { checksLeft: 1, timers: { noPath: due(3) } }, effects: [start(3)] })
    third.whenTimerFires('noPath').leadsTo({
      value: { service: 'failing' },
      context: { checksLeft: 0, exhausted: true, timers: {}, why: 'no path came back within noPathRetry' },
      effects: ['failRequeue'],
    })
  })

  test('one check is one interval', () => {
    const last = live({ noPathRetry: 1 }).when('head.pathsChanged', DOWN)
    last.whenTimerFires('noPath').leadsTo({ value: { service: 'failing' }, effects: ['failRequeue'] })
  })

  test('a timer that is not armed counts nothing', () => {
    counting.when('head.timerFired', { timer: 'noPath', dueUs: due(2) }).isRefused()
    counting.when('head.timerFired', { timer: 'removal', dueUs: due(1) }).isRefused()
    const second = counting.whenTimerFires('noPath')
    second.when('head.timerFired', { timer: 'noPath', dueUs: due(1) }).isRefused()
  })

  test.each([
    ['is usable', paths(2, 1), 'degraded', [cancel, 'wakeRequeue']],
    ['is worth waiting for', COMES_BACK, 'queueing', [cancel]],
  ] as const)('until a path %s', (_title, counts, service, effects) => {
    counting
      .when('head.pathsChanged', counts)
      .leadsTo({ value: { service }, context: { timers: {}, checksLeft: 0, exhausted: false }, effects })
  })

  test('from the start again when the paths go away again', () => {
    const again = counting
      .whenTimerFires('noPath')
      .when('head.pathsChanged', COMES_BACK)
      .when('head.pathsChanged', DOWN, 50_000_000)
    again.leadsTo({
      context: { checksLeft: 3, timers: { noPath: 50_000_000 + CHECK_INTERVAL_US } },
      effects: ['startTimer'],
    })
  })

  test('on while other counts change that are no use', () => {
    const more = counting.whenTimerFires('noPath').when('head.pathsChanged', paths(3, 0))
    more.leadsTo({ context: { paths: 3, checksLeft: 2, timers: { noPath: due(2) } }, effects: [] })
  })

  test('D-42: no longer when the head is closed or its last path leaves', () => {
    const closed = counting.when('head.closed', WHY)
    closed.leadsTo({
      value: { life: 'removed', service: 'failing' },
      context: { timers: {}, checksLeft: 0 },
      effects: [cancel, 'removeDisk', 'clearCurrentPath', 'failRequeue', 'failRequeue'],
    })
    const empty = counting.when('head.pathsChanged', paths(0))
    expect(empty.decided.effects[0]).toEqual(cancel)
    expect(empty.context).toMatchObject({ timers: {}, checksLeft: 0, present: false })
  })

  test('apart from the removal timer, which takes its place when the last path leaves', () => {
    const last = live({ noPathRetry: 3, delayedRemovalUs: DELAY_US }).when(
      'head.pathsChanged',
      DOWN,
      10_000_000,
    )
    const dueUs = 11_000_000 + DELAY_US
    last.when('head.pathsChanged', paths(0), 11_000_000).leadsTo({
      value: { life: 'removalPending' },
      context: { timers: { removal: dueUs }, checksLeft: 0 },
      effects: [{ type: 'startTimer', timer: 'removal', dueUs }, cancel],
    })
  })
})

describe('retries that ran out', () => {
  const out = live({ noPathRetry: 1, delayedRemovalUs: DELAY_US })
    .when('head.pathsChanged', DOWN)
    .whenTimerFires('noPath')

  test('stay out while nothing comes', () => {
    out.when('head.pathsChanged', paths(1, 0)).leadsTo({
      value: { service: 'failing' },
      context: { paths: 1, exhausted: true, timers: {} },
      effects: ['failRequeue'],
    })
  })

  test('stay out when the last path leaves and comes back no better', () => {
    const back = out.when('head.pathsChanged', paths(0)).when('head.pathsChanged', paths(1, 0))
    expect(back.state.value).toEqual({ life: 'live', service: 'failing' })
    expect(back.context).toMatchObject({ exhausted: true, timers: {} })
  })

  test('are forgotten when a path is worth waiting for', () => {
    const waiting = out.when('head.pathsChanged', COMES_BACK)
    waiting.leadsTo({ value: { service: 'queueing' }, context: { exhausted: false }, effects: [] })
    waiting.when('head.pathsChanged', DOWN).leadsTo({ context: { checksLeft: 1 }, effects: ['startTimer'] })
  })

  test('are forgotten when the operator says otherwise', () => {
    out.when('head.noPathRetryChanged', { to: 2 }).leadsTo({
      value: { service: 'queueing' },
      context: { exhausted: false, checksLeft: 2 },
      effects: ['startTimer'],
    })
  })
})

describe('changing noPathRetry', () => {
  test('while paths are usable is only kept', () => {
    live()
      .when('head.noPathRetryChanged', { to: 5 })
      .leadsTo({ context: { noPathRetry: 5, timers: {} }, effects: [] })
  })

  test('to queue stops the count and goes on waiting', () => {
    const counting = live({ noPathRetry: 3 }).when('head.pathsChanged', DOWN)
    const dueUs = counting.timers['noPath']!
    counting.when('head.noPathRetryChanged', { to: 'queue' }).leadsTo({
      context: { noPathRetry: 'queue', checksLeft: 0, timers: {} },
      effects: [{ type: 'cancelTimer', timer: 'noPath', dueUs }],
    })
  })

  test('to fail ends what waits', () => {
    live({ noPathRetry: 'queue' })
      .when('head.pathsChanged', DOWN)
      .when('head.noPathRetryChanged', { to: 'fail' })
      .leadsTo({ value: { service: 'failing' }, effects: ['failRequeue'] })
  })

  test('to another number counts from there', () => {
    const counting = live({ noPathRetry: 3 }).when('head.pathsChanged', DOWN)
    counting.when('head.noPathRetryChanged', { to: 7 }, 60_000_000).leadsTo({
      context: { checksLeft: 7, timers: { noPath: 60_000_000 + CHECK_INTERVAL_US } },
      effects: ['cancelTimer', 'startTimer'],
    })
  })

  test('from fail to queue makes later I/O wait', () => {
    live()
      .when('head.pathsChanged', DOWN)
      .when('head.noPathRetryChanged', { to: 'queue' })
      .leadsTo({ value: { service: 'queueing' }, effects: [] })
  })
})
