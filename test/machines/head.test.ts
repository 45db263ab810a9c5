// The life of a head, told as given / when / then: created, published, waiting for removal, removed; and its policy.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkEvent } from '../../machines/registry.ts'
import type { EffectName } from '../../machines/effects.ts'
import { given, Life, type Data, type Happening } from './given.ts'
import { created, DELAY_US, paths, WHY, WWID } from './payloads.ts'

const PUBLISHED: Happening = ['head.published']
const ONE: Happening = ['head.pathsChanged', paths(1)]
const NONE: Happening = ['head.pathsChanged', paths(0)]

/** A live head with one good path. */
const live = (settings: Data = {}): Life => given('head', ['head.created', created(settings)], ONE, PUBLISHED)
/** A live head that has lost its last path and waits. */
const pending = (settings: Data = {}): Life =>
  given('head', ['head.created', created({ delayedRemovalUs: DELAY_US, ...settings })], ONE, PUBLISHED, NONE)

/** Everything the outside sees of the head goes, and parked I/O with it. */
const GONE: readonly EffectName[] = ['removeDisk', 'clearCurrentPath', 'failRequeue', 'failRequeue']

describe('creating', () => {
  test('keeps what the head is; it is not live before it is published', () => {
    given('head')
      .when('head.created', created({ iopolicy: 'queue-depth', noPathRetry: 'queue' }))
      .leadsTo({
        value: { life: 'allocated', service: 'failing' },
        context: {
          ...{ wwid: WWID, name: 'sda', index: 0, incarnation: 1, present: true, why: 'created' },
          ...{ iopolicy: 'queue-depth', noPathRetry: 'queue', paths: 0, usable: 0, timers: {} },
        },
        effects: ['failRequeue'],
      })
  })

  test('happens once: a head that is there is not created again, and no part of it changes', () => {
    given('head', ['head.created', created()])
      .when('head.created', created({ name: 'sdb' }))
      .isRefused()
    live().when('head.created', created()).isRefused()
    pending().when('head.created', created()).isRefused()
  })

  test('publishing makes it live, once', () => {
    const allocated = given('head', ['head.created', created()], ONE)
    const published = allocated.when('head.published')
    published.leadsTo({ value: { life: 'live' }, effects: ['publishDisk', 'wakeRequeue'] })
    published.when('head.published').isRefused()
    given('head').when('head.published').isRefused()
  })

  test('a head that is closed before it was published goes like any other', () => {
    given('head', ['head.created', created()])
      .when('head.closed', WHY)
      .leadsTo({
        value: { life: 'removed' },
        context: { present: false, why: 'closed before it was live' },
        effects: GONE,
      })
  })

  test('D-31: a head keeps the policy it was created with; a removed one forgets it', () => {
    const first = live({ iopolicy: 'round-robin' }).when('head.closed', WHY)
    const second = first.when('head.created', created({ iopolicy: 'queue-depth' }))
    expect(first.context['iopolicy']).toBe('round-robin')
    expect(second.context).toMatchObject({ iopolicy: 'queue-depth', incarnation: 2 })
  })
})

describe('the last path leaves', () => {
  test('without a delay the head is removed at once', () => {
    live()
      .when('head.pathsChanged', paths(0))
      .leadsTo({
        value: { life: 'removed', service: 'failing' },
        context: { present: false, why: 'last path removed', timers: {} },
        effects: GONE,
      })
  })

  test('with a delay it waits: the timer is armed for the time of the event and the delay', () => {
    const dueUs = 7_000_000 + DELAY_US
    live({ delayedRemovalUs: DELAY_US })
      .when('head.pathsChanged', paths(0), 7_000_000)
      .leadsTo({
        value: { life: 'removalPending', service: 'queueing' },
        context: { present: true, timers: { removal: dueUs } },
        effects: [{ type: 'startTimer', timer: 'removal', dueUs }],
      })
  })

  test('D-41: arming twice arms once: the deadline stays, and no second timer starts', () => {
    const life = pending()
    const again = life.when('head.pathsChanged', paths(0))
    expect(again.decided.effects.filter(({ type }) => type === 'startTimer')).toEqual([])
    expect(again.timers).toEqual(life.timers)
    expect(again.state.value).toEqual({ life: 'removalPending', service: 'queueing' })
  })

  test('a path that comes in time cancels the timer and wakes parked I/O', () => {
    const life = pending()
    const dueUs = life.timers['removal']!
    life.when('head.pathsChanged', paths(1)).leadsTo({
      value: { life: 'live', service: 'serving' },
      context: { timers: {}, why: 'a path came back in time', paths: 1 },
      effects: [{ type: 'cancelTimer', timer: 'removal', dueUs }, 'wakeRequeue'],
    })
  })

  test('D-40: a timer that fires although a path has joined removes nothing', () => {
    const life = pending()
    const dueUs = life.timers['removal']!
    const joined = life.when('head.pathsChanged', paths(1))
    joined.when('head.timerFired', { timer: 'removal', dueUs }).isRefused()
  })

  test('D-40: even a timer that nobody cancelled looks again: with a path there it removes nothing', () => {
    const life = pending()
    const { value, context } = life.state
    const joined = new Life('head', { value, context: { ...context, paths: 1 } }, life.atUs)
    joined.when('head.timerFired', { timer: 'removal', dueUs: life.timers['removal']! }).isRefused()
  })

  test('D-40: the timer of an earlier wait does not end a later one', () => {
    const life = pending()
    const dueUs = life.timers['removal']!
    const later = life.when('head.pathsChanged', paths(1)).when('head.pathsChanged', paths(0), 20_000_000)
    expect(later.timers['removal']).toBe(20_000_000 + DELAY_US)
    later.when('head.timerFired', { timer: 'removal', dueUs }).isRefused()
    later.whenTimerFires('removal').leadsTo({ value: { life: 'removed', service: 'failing' }, effects: GONE })
  })

  test('D-40: a timer that fires with no path there removes the head, once', () => {
    const removed = pending().whenTimerFires('removal')
    removed.leadsTo({
      value: { life: 'removed', service: 'failing' },
      context: { present: false, timers: {}, why: 'no path came back in time' },
      effects: GONE,
    })
    removed.when('head.timerFired', { timer: 'removal', dueUs: 1_003_000 + DELAY_US }).isRefused()
    removed.when('head.pathsChanged', paths(0)).isRefused()
  })

  test('D-42: closing cancels a pending timer, by its name and deadline', () => {
    const life = pending()
    const dueUs = life.timers['removal']!
    const cancelled = { type: 'cancelTimer', timer: 'removal', dueUs } as const
    const closed = life.when('head.closed', WHY)
    closed.leadsTo({
      value: { life: 'removed', service: 'failing' },
      context: { timers: {}, why: 'closed' },
      effects: [cancelled, ...GONE],
    })
    closed.when('head.timerFired', { timer: 'removal', dueUs }).isRefused()
  })

  test('D-43: the delay set to 0 while the timer runs removes the head at once', () => {
    const life = pending()
    const dueUs = life.timers['removal']!
    life.when('head.delayedRemovalChanged', { us: 0 }).leadsTo({
      value: { life: 'removed', service: 'failing' },
      context: { timers: {}, delayedRemovalUs: 0, why: 'delayed removal switched off' },
      effects: [{ type: 'cancelTimer', timer: 'removal', dueUs }, ...GONE],
    })
  })

  test('D-43: another delay while the timer runs is for the next time', () => {
    const life = pending()
    const longer = life.when('head.delayedRemovalChanged', { us: DELAY_US * 2 })
    longer.leadsTo({ context: { delayedRemovalUs: DELAY_US * 2, timers: life.timers }, effects: [] })
  })

  test('D-43: the delay set while paths are there is only kept', () => {
    live()
      .when('head.delayedRemovalChanged', { us: DELAY_US })
      .leadsTo({ context: { delayedRemovalUs: DELAY_US }, effects: [] })
    live({ delayedRemovalUs: DELAY_US })
      .when('head.delayedRemovalChanged', { us: 0 })
      .leadsTo({ context: { delayedRemovalUs: 0 }, effects: [] })
  })

  test('D-44: a delay of more than a day is no event, and every deadline is a whole number', () => {
    const DAY_US = 86_400_000_000
    const change = (us: number) => () => checkEvent(`head/${WWID}`, 'head.delayedRemovalChanged', { us })
    expect(change(DAY_US)).not.toThrow()
    expect(change(DAY_US + 1)).toThrow(expect.objectContaining({ code: 'EVENT_INVALID' }))
    expect(change(0.5)).toThrow(expect.objectContaining({ code: 'EVENT_INVALID' }))
    expect(change(-1)).toThrow(expect.objectContaining({ code: 'EVENT_INVALID' }))
    fc.assert(
      fc.property(fc.integer({ min: 1, max: DAY_US }), fc.nat(4_000_000_000_000), (us, atUs) => {
        const life = live({ delayedRemovalUs: us }).when('head.pathsChanged', paths(0), atUs)
        expect(life.timers).toEqual({ removal: atUs + us })
        expect(Number.isSafeInteger(atUs + us)).toBe(true)
      }),
    )
  })
})

describe('closing', () => {
  test('D-38: a head is no longer live when its parked I/O is ended, and its paths are forgotten', () => {
    live()
      .when('head.closed', WHY)
      .leadsTo({
        value: { life: 'removed', service: 'failing' },
        context: { present: false, paths: 0, usable: 0, optimized: 0, available: 0, why: 'closed' },
        effects: GONE,
      })
  })

  test.each([
    ['head.closed', WHY],
    ['head.pathsChanged', paths(2)],
    ['head.iopolicyChanged', { to: 'round-robin' }],
    ['head.noPathRetryChanged', { to: 'queue' }],
    ['head.delayedRemovalChanged', { us: DELAY_US }],
    ['head.published', {}],
  ])('%s says nothing to a head that is removed or was never there', (type, data) => {
    given('head').when(type, data).isRefused()
    live().when('head.closed', WHY).when(type, data).isRefused()
  })
})

describe('I/O policy', () => {
  test('D-24: another policy clears every cache and wakes parked I/O', () => {
    live()
      .when('head.iopolicyChanged', { to: 'round-robin' })
      .leadsTo({ context: { iopolicy: 'round-robin' }, effects: ['clearCurrentPath', 'wakeRequeue'] })
    pending()
      .when('head.iopolicyChanged', { to: 'queue-depth' })
      .leadsTo({ context: { iopolicy: 'queue-depth' }, effects: ['clearCurrentPath', 'wakeRequeue'] })
  })

  test('D-24: the policy that holds already changes nothing: no cache is cleared', () => {
    live().when('head.iopolicyChanged', { to: 'numa' }).isRefused()
  })
})

test.each([
  [
    'head.ioSampled',
    {
      ...{ sinceUs: 1, reads: 1, writes: 1, flushes: 1, readBytes: 1, writeBytes: 1 },
      ...{ callerErrors: 1, requeued: 1, failedNoPath: 1, resent: 1 },
    },
  ],
  ['head.drained', { bios: 1, bytes: 512, ...WHY }],
])('%s is kept and changes nothing', (type, figures) => {
  const life = live()
  expect(life.when(type, figures).leadsTo({ effects: [] }).state).toEqual(life.state)
})

describe('a size', () => {
  test('grows, and is no other size when it is the same or smaller', () => {
    const sizes = (toBytes: number) => ({ fromBytes: 1_048_576, toBytes })
    live()
      .when('head.resized', sizes(1_048_576 + 512))
      .leadsTo({ context: { sizeBytes: 1_049_088 }, effects: [] })
    live().when('head.resized', sizes(1_048_576)).isRefused()
    live().when('head.resized', sizes(512)).isRefused()
    given('head').when('head.resized', sizes(2_097_152)).isRefused()
  })
})

describe('two timers of a head', () => {
  test('that are due at the same moment are told apart', () => {
    const life = pending({ delayedRemovalUs: DELAY_US })
    const dueUs = life.timers['removal']!
    for (const timer of ['reattach', 'noPath'])
      life.when('head.timerFired', { timer, dueUs }, dueUs).isRefused()
  })
})
