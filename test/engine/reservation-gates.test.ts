// Every step of a reservation is a gate event: with its commit held, nothing that follows from it can be seen, neither by
// the caller, nor on a path, nor in the storage that the other engines of the LUN read.
import { expect, test, vi } from 'vitest'
import type { ReservationAction } from '../../machines/reservation/rules.ts'
import { EVENT_TYPES } from '../../machines/registry.ts'
import { refusalWords } from '../../engine/lun/reservation-command.ts'
import { FaultyStore } from './faulty-store.ts'
import { SharedLuns } from './lun-storage.ts'
import { bytesOf, Rig, type RigPath } from './rig.ts'

const [KEY, THEIRS, NONE] = ['0x00000000000000a1', '0x00000000000000b2', '0x0000000000000000'] as const
const TYPE = 'write-exclusive-reg-only'

interface Scene {
  readonly rig: Rig
  readonly luns: SharedLuns
  readonly store: FaultyStore
  readonly path: RigPath
}

/** An engine with one path, whose ledger can hold the commit of one type of event. */
async function scene(options: { readonly ledgerStall?: 'stop' | 'continue' } = {}): Promise<Scene> {
  const luns = new SharedLuns()
  const stores: FaultyStore[] = []
  const rig = await Rig.open({
    luns,
    initiator: 'one',
    store: (inner) => (stores[0] = new FaultyStore(inner)),
    ...options,
  })
  const path = await rig.add('8:0:0:0')
  return { rig, luns, store: stores[0]!, path }
}

/** What another engine of the LUN does. */
const other = (
  { luns }: Scene,
  action: ReservationAction,
  given: { key?: string; serviceKey?: string } = {},
) =>
  luns.reservations.request({
    kind: 'command',
    command: {
      ...{ action, initiator: 'two', nexus: '20:0:0:0', nexuses: ['20:0:0:0'], aptpl: true },
      ...{ key: NONE, serviceKey: NONE, type: action === 'register' ? null : TYPE, ...given },
    },
  })

/** Whether it has settled by now, which no time does for it. */
async function isSettled(rig: Rig, promise: Promise<unknown>): Promise<boolean> {
  const seen = { settled: false }
  const see = () => void (seen.settled = true)
  promise.then(see, see)
  await rig.settle()
  return seen.settled
}

const of = ({ rig }: Scene) => rig.head.reservations

test.each([
  ['INVALID_RELEASE', 'exclusive-access', 'The reservation is of type exclusive-access.'],
  ['INVALID_RELEASE', null, 'There is no reservation of any type.'],
  ['INVALID_FIELD', null, 'A key of 0, or no type, makes no sense here.'],
  ['NO_RESOURCES', null, 'There are as many registrants as there may be.'],
  ['CONFLICT', null, 'The key is not the one that is registered, or somebody else holds the reservation.'],
])('why the storage did not do a command: %s (%s)', (status, type, words) => {
  expect(refusalWords({ status, state: { type } } as never)).toBe(words)
})

test('every event of a reservation that changes something is a gate', () => {
  const types = [...EVENT_TYPES.values()].filter(({ type }) => type.startsWith('reservation.'))
  const notes = types.filter(({ gate }) => !gate).map(({ type }) => type)
  // An I/O that was refused is no step: the gate is what it was refused for.
  expect(notes).toEqual(['reservation.conflict'])
})

test.each(['register', 'reserve', 'release', 'preempt', 'preemptAbort', 'clear'] as const)(
  '%s: asked before the storage hears of it; answered when it is recorded, and when that it is in force is',
  async (action) => {
    const here = await scene()
    const { rig, luns, store, path } = here
    if (action !== 'register') await rig.drive(of(here).register(KEY))
    if (action === 'release') await rig.drive(of(here).reserve(KEY, TYPE))
    if (action.startsWith('preempt')) await other(here, 'register', { serviceKey: THEIRS })
    const perform = () => {
      const abort = action === 'preemptAbort'
      if (action === 'register') return of(here).register(KEY)
      if (action === 'reserve') return of(here).reserve(KEY, TYPE)
      if (action === 'release') return of(here).release(KEY, TYPE)
      return action === 'clear' ? of(here).clear(KEY) : of(here).preempt(KEY, THEIRS, TYPE, { abort })
    }
    const before = luns.reservations.read()
    store.holds = 'reservation.asked'
    const done = perform()
    expect(await isSettled(rig, done)).toBe(false)
    expect(luns.reservations.read()).toEqual(before)
    // In the storage, and not recorded: neither its caller nor an I/O of ours goes on.
    store.heal()
    store.holds = 'reservation.commanded'
    expect(await isSettled(rig, done)).toBe(false)
    expect(luns.reservations.read().epoch).toBe(before.epoch + 1)
    const write = rig.head.write({ offset: 0, data: bytesOf(1) })
    await rig.settle()
    expect(path.ios).toEqual([])
    store.heal()
    store.holds = 'reservation.settled'
    expect(await isSettled(rig, done)).toBe(action === 'register')
    store.heal()
    await rig.drive(done)
    await rig.drive(write)
    expect(path.ios).toHaveLength(1)
  },
)

test('a new path: no I/O goes down it before its registration is recorded', async () => {
  const here = await scene()
  const { rig, luns, store, path } = here
  await rig.drive(of(here).register(KEY))
  const added = await rig.add('9:0:0:0')
  path.path.fail()
  store.holds = 'reservation.asked'
  const write = rig.head.write({ offset: 0, data: bytesOf(1) })
  await rig.settle()
  expect(luns.reservations.read().state.registrants).toHaveLength(1)
  store.heal()
  store.holds = 'reservation.pathRegistered'
  await rig.settle()
  expect(luns.reservations.read().state.registrants).toHaveLength(2)
  const another = rig.head.write({ offset: 512, data: bytesOf(2) })
  await rig.settle()
  expect(added.ios).toEqual([])
  store.heal()
  await rig.drive(Promise.all([write, another]))
  expect(added.ios).toHaveLength(2)
})

test('a new path that the storage does not register: asked again at a pace, and the I/O waits for it', async () => {
  const here = await scene()
  const { rig, luns, path } = here
  await rig.drive(of(here).register(KEY))
  const added = await rig.add('9:0:0:0')
  path.path.fail()
  const request = vi.spyOn(luns.reservations, 'request').mockRejectedValue(new Error('disk I/O error'))
  const write = rig.head.write({ offset: 0, data: bytesOf(1) })
  await rig.pass(1_000)
  expect(request.mock.calls.length).toBeGreaterThan(1)
  expect(request.mock.calls.length).toBeLessThanOrEqual(11)
  expect(added.ios).toEqual([])
  request.mockRestore()
  await rig.drive(write)
  expect(added.ios).toHaveLength(1)
})

test('a path that was down when its engine registered: on its return it is registered before its first I/O', async () => {
  const here = await scene()
  const { rig, luns, store, path } = here
  const back = await rig.add('9:0:0:0')
  back.path.fail()
  await rig.drive(of(here).register(KEY))
  expect(luns.reservations.read().state.registrants.map(({ nexus }) => nexus)).toEqual(['8:0:0:0'])
  back.path.reinstate()
  path.path.fail()
  store.holds = 'reservation.pathRegistered'
  const write = rig.head.write({ offset: 0, data: bytesOf(1) })
  await rig.settle()
  expect(back.ios).toEqual([])
  store.heal()
  await rig.drive(write)
  expect(luns.reservations.read().state.registrants.map(({ nexus }) => nexus)).toEqual(['8:0:0:0', '9:0:0:0'])
  // And not when the key was preempted while it was away.
  back.path.fail()
  await other(here, 'register', { serviceKey: THEIRS })
  await other(here, 'preempt', { key: THEIRS, serviceKey: KEY })
  back.path.reinstate()
  await rig.drive(rig.head.write({ offset: 0, data: bytesOf(2) }))
  expect(luns.reservations.read().state.registrants.map(({ initiator }) => initiator)).toEqual(['two'])
})

test('what another engine did: nobody is told of the conflict, and no write goes on, before it is recorded', async () => {
  const here = await scene()
  const { rig, store, path } = here
  await other(here, 'register', { serviceKey: THEIRS })
  await other(here, 'reserve', { key: THEIRS })
  store.holds = 'reservation.adopted'
  const refused = rig.errorOf.bind(rig, rig.head.write({ offset: 0, data: bytesOf(1) }))
  await rig.settle()
  expect(rig.rows('reservation.conflict')).toEqual([])
  store.heal()
  expect(await refused()).toMatchObject({ code: 'IO_ERROR', errno: 'EBADE' })
  await other(here, 'release', { key: THEIRS })
  store.holds = 'reservation.adopted'
  const write = rig.head.write({ offset: 0, data: bytesOf(1) })
  await rig.settle()
  expect(path.ios).toEqual([])
  store.heal()
  await rig.drive(write)
})

test('acknowledged to the others, and heard, after that is recorded', async () => {
  const here = await scene()
  const { rig, luns, store } = here
  await rig.drive(of(here).register(KEY))
  await rig.pass(100)
  await other(here, 'register', { serviceKey: THEIRS })
  const acknowledge = vi.spyOn(luns.reservations, 'acknowledge')
  await other(here, 'preempt', { key: THEIRS, serviceKey: KEY })
  store.holds = 'reservation.adopted'
  of(here).readKeys()
  const write = rig.head.write({ offset: 0, data: bytesOf(1) })
  await rig.settle()
  expect(luns.reservations.read().state.attentions).toHaveLength(1)
  expect(acknowledge).not.toHaveBeenCalled()
  store.heal()
  store.holds = 'reservation.acknowledged'
  await rig.settle()
  expect(acknowledge).not.toHaveBeenCalled()
  store.heal()
  await rig.drive(write)
  await rig.pass(100)
  expect(acknowledge).toHaveBeenCalled()
  expect(luns.reservations.read().state.attentions).toEqual([])
  expect(rig.rows('reservation.attentionsHeard')).toHaveLength(1)
})

test.each([
  ['stop', 'LEDGER_STALLED'],
  ['continue', null],
] as const)(
  'a ledger that takes nothing, by policy %s: the write ends with %s',
  async (ledgerStall, code) => {
    const here = await scene({ ledgerStall })
    const { rig, store } = here
    await rig.drive(of(here).register(KEY))
    await other(here, 'register', { serviceKey: THEIRS })
    store.holds = 'reservation.adopted'
    const write = rig.head.write({ offset: 0, data: bytesOf(1) }).then(
      () => null,
      (error: unknown) => (error as { code: string }).code,
    )
    await rig.pass(60_000)
    expect(await write).toBe(code)
    store.heal()
  },
)
