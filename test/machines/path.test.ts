// The life of a path, told as given / when / then: its device and its access state. Health is in path-health.test.ts.
import { describe, expect, test } from 'vitest'
import type { EffectName } from '../../machines/effects.ts'
import { behaviourOf } from '../../machines/behaviour.ts'
import { MACHINES } from '../../machines/registry.ts'
import { given, type Happening, type Life } from './given.ts'
import { added, CHECKER, failed, WHY, WWID } from './payloads.ts'

const ADDED: Happening = ['path.added', added()]
const FAILED: Happening = ['path.failed', failed()]

/** How to get a device to each of its states. */
const DEVICES: Readonly<Record<string, readonly Happening[]>> = {
  created: [],
  createdBlocked: [['path.blocked', WHY]],
  running: [ADDED],
  blocked: [ADDED, ['path.blocked', WHY]],
  quiesced: [ADDED, ['path.quiesced', WHY]],
  offline: [ADDED, ['path.wentOffline', WHY]],
  transportOffline: [ADDED, ['path.transportWentOffline', WHY]],
  cancelled: [ADDED, ['path.cancelled', WHY]],
  deleted: [ADDED, ['path.removed', WHY]],
}

/** Where a device may go (scsi_device_set_state of the kernel), and every other step is refused. */
const LEGAL: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  created: {
    ...{ added: 'running', blocked: 'createdBlocked', wentOffline: 'offline' },
    ...{ transportWentOffline: 'transportOffline', cancelled: 'cancelled', removed: 'deleted' },
  },
  createdBlocked: { added: 'blocked', unblocked: 'created', removed: 'deleted' },
  running: {
    ...{ blocked: 'blocked', quiesced: 'quiesced', wentOffline: 'offline' },
    ...{ transportWentOffline: 'transportOffline', cancelled: 'cancelled', removed: 'deleted' },
  },
  blocked: {
    ...{ unblocked: 'running', wentOffline: 'offline', transportWentOffline: 'transportOffline' },
    ...{ removed: 'deleted' },
  },
  quiesced: {
    ...{ resumed: 'running', blocked: 'blocked', wentOffline: 'offline' },
    ...{ transportWentOffline: 'transportOffline', cancelled: 'cancelled', removed: 'deleted' },
  },
  offline: {
    ...{ cameOnline: 'running', blocked: 'blocked', quiesced: 'quiesced' },
    ...{ cancelled: 'cancelled', removed: 'deleted' },
  },
  transportOffline: {
    ...{ cameOnline: 'running', quiesced: 'quiesced', cancelled: 'cancelled', removed: 'deleted' },
  },
  cancelled: { removed: 'deleted' },
  deleted: { found: 'created', added: 'running' },
}

const DEVICE_EVENTS =
  'found added blocked unblocked quiesced resumed wentOffline transportWentOffline cameOnline cancelled removed'.split(
    ' ',
  )

/** What each arrival asks of the world: the kernel clears its caches only on block (and we when the path is gone). */
const ON_ARRIVAL: Readonly<Record<string, readonly EffectName[]>> = {
  running: ['wakeRequeue'],
  blocked: ['clearCurrentPath'],
  quiesced: [],
  offline: ['wakeRequeue'],
  transportOffline: ['wakeRequeue'],
  cancelled: [],
  deleted: ['clearCurrentPath', 'wakeRequeue'],
  created: [],
  createdBlocked: [],
}

function effectsOf(event: string, from: string, to: string): readonly EffectName[] {
  if (event !== 'added') return ON_ARRIVAL[to] ?? []
  return from === 'createdBlocked' ? ['wakeRequeue'] : ['searchCurrentPath', 'wakeRequeue']
}

const data = (event: string) => (event === 'added' ? added() : WHY)

describe.each(Object.keys(DEVICES))('a device that is %s', (from) => {
  const life = given('path', ...(DEVICES[from] ?? []))

  test.each(DEVICE_EVENTS)('takes or refuses path.%s', (event) => {
    expect((life.state.value as Record<string, string>)['device']).toBe(from)
    const outcome = life.when(`path.${event}`, data(event))
    const to = LEGAL[from]?.[event]
    if (to === undefined) outcome.isRefused()
    else outcome.leadsTo({ value: { device: to }, effects: effectsOf(event, from, to) })
  })

  test('says why it is where it went', () => {
    const [event] = Object.keys(LEGAL[from] ?? {}).filter((one) => one !== 'added')
    if (event !== undefined) expect(life.when(`path.${event}`, { why: 'cable' }).context['why']).toBe('cable')
    else expect(life.when('path.added', added()).context['why']).toBe('added')
  })
})

describe('adding', () => {
  test('keeps what the path is, and counts its first life', () => {
    given('path')
      .when('path.added', added({ preferred: true, access: 'active' }))
      .leadsTo({
        value: { device: 'running', access: 'active' },
        context: {
          ...{ wwid: WWID, hctl: '8:0:0:0', name: 'sda:0', index: 0, device: 'loop /dev/loop0', numaNode: 0 },
          ...{ sizeBytes: 1_048_576, logicalBlockBytes: 512, errorsAreFinal: false, preferred: true },
          ...{ present: true, incarnation: 1, checker: CHECKER, probeIntervalUs: CHECKER.minUs, timers: {} },
          ...{ suspect: null, failure: null, fenced: false, why: 'added' },
        },
        effects: ['searchCurrentPath', 'wakeRequeue'],
      })
  })

  test('D-5: a path that is there is not added again, and no part of it changes', () => {
    given('path', ADDED)
      .when('path.added', added({ access: 'standby', name: 'sda:7' }))
      .isRefused()
    given('path', ADDED, FAILED).when('path.added', added()).isRefused()
  })

  test("a path that returns is new in everything but its count and the operator's word", () => {
    const gone = given('path', ADDED, ['path.disabled', WHY], FAILED, ['path.removed', WHY])
    gone.when('path.added', added({ access: 'active', device: '/dev/loop3', index: 2 })).leadsTo({
      value: { device: 'running', access: 'active', health: 'online' },
      context: {
        incarnation: 2,
        device: 'loop /dev/loop3',
        index: 2,
        failure: null,
        timers: {},
        present: true,
      },
      effects: ['searchCurrentPath', 'wakeRequeue'],
    })
    expect(gone.state.value).toMatchObject({ admin: 'disabled' })
  })

  test('each return counts', () => {
    let life: Life = given('path')
    for (const incarnation of [1, 2, 3]) {
      life = life.when('path.added', added())
      expect(life.context).toMatchObject({ incarnation, present: true })
      life = life.when('path.removed', WHY)
      expect(life.context).toMatchObject({ incarnation, present: false })
    }
  })
})

describe('access state', () => {
  const active = given('path', ['path.added', added({ access: 'active' })])
  const change = (access: string) => active.when('path.accessChanged', { access, preferred: false, ...WHY })

  test('D-63: to optimal runs the search for every node and wakes parked I/O; no cache is cleared', () => {
    change('optimal').leadsTo({ value: { access: 'optimal' }, effects: ['searchCurrentPath', 'wakeRequeue'] })
  })

  test.each(['standby', 'unavailable', 'lbaDependent', 'offline', 'transitioning'])(
    'F-18: D-63: to %s wakes parked I/O and touches no cache: the kernel goes on from the cached path',
    (access) => {
      change(access).leadsTo({ value: { access }, effects: ['wakeRequeue'] })
    },
  )

  test('F-18: in a ledger begun before that, a path whose access state becomes unusable leaves the caches, as it did then', () => {
    const data = { access: 'standby', preferred: false, ...WHY }
    const input = { type: 'path.accessChanged', atUs: 2_000_000, data }
    const then = behaviourOf(['1:short-decisions'])
    const { decision } = MACHINES.path.decide(active.state, input, then)
    expect(decision).toMatchObject({
      state: { access: 'standby' },
      effects: ['clearCurrentPath', 'wakeRequeue'],
    })
    const now = behaviourOf(['1:short-decisions', '3:outages'])
    expect(MACHINES.path.decide(active.state, input, now).decision.effects).toEqual(['wakeRequeue'])
  })

  test('D-63: to active wakes parked I/O and touches no cache', () => {
    given('path', ADDED)
      .when('path.accessChanged', { access: 'active', preferred: true, ...WHY })
      .leadsTo({ value: { access: 'active' }, context: { preferred: true }, effects: ['wakeRequeue'] })
  })

  test('D-58: transitioning is kept as transitioning, from the first moment too', () => {
    change('transitioning').leadsTo({
      value: { access: 'transitioning' },
      effects: ['wakeRequeue'],
    })
    expect(given('path', ['path.added', added({ access: 'transitioning' })]).state.value).toMatchObject({
      access: 'transitioning',
    })
  })

  test("of a path that is not there is nobody's to change", () => {
    const news = { access: 'standby', preferred: true, ...WHY }
    given('path').when('path.accessChanged', news).isRefused()
    given('path', ADDED, ['path.removed', WHY]).when('path.accessChanged', news).isRefused()
  })

  test('changes while the device is blocked or has failed, and stays when it is back', () => {
    const news = { access: 'standby', preferred: false, ...WHY }
    const blocked = given('path', ADDED, ['path.blocked', WHY], FAILED, ['path.accessChanged', news])
    expect(blocked.state.value).toEqual({
      ...{ device: 'blocked', access: 'standby', health: 'failed', admin: 'enabled' },
    })
    blocked.when('path.unblocked', WHY).leadsTo({ value: { device: 'running' }, effects: ['wakeRequeue'] })
  })
})

describe('the operator', () => {
  test('pulls a path, and nothing automatic undoes that', () => {
    const pulled = given('path', ADDED).when('path.disabled', WHY)
    pulled.leadsTo({ value: { admin: 'disabled' }, effects: ['clearCurrentPath', 'wakeRequeue'] })
    pulled.when('path.disabled', WHY).isRefused()

    const recovered = given('path', ADDED, ['path.disabled', WHY], FAILED)
      .whenTimerFires('probe')
      .when('path.probeSucceeded', { reads: 3 })
    expect(recovered.state.value).toMatchObject({ health: 'online', admin: 'disabled' })
  })

  test('puts it back, which says nothing of its health', () => {
    const back = given('path', ADDED, FAILED, ['path.disabled', WHY]).when('path.enabled', WHY)
    back.leadsTo({ value: { admin: 'enabled' }, effects: ['searchCurrentPath', 'wakeRequeue'] })
    expect(back.state.value).toMatchObject({ health: 'failed' })
    back.when('path.enabled', WHY).isRefused()
  })
})

describe('figures', () => {
  test.each([
    [
      'path.ioSampled',
      {
        ...{ sinceUs: 1, reads: 1, writes: 1, flushes: 1 },
        ...{ readBytes: 1, writeBytes: 1, errors: 1, resent: 1 },
      },
    ],
    ['path.episodeEnded', { errors: 3, bios: 2, resent: 2, firstUs: 1, lastUs: 2 }],
  ])('%s is kept and changes nothing', (type, figures) => {
    const life = given('path', ADDED, FAILED)
    const outcome = life.when(type, figures).leadsTo({ effects: [] })
    expect(outcome.state).toEqual(life.state)
  })
})
