// The predicates that selection, audits and drawings share, over every state that a path can be in. What is expected is
// written down here by hand, from the specification, and not computed with the code's own words.
import { describe, expect, test } from 'vitest'
import { flagsOf, isAvailable, isDisabled, isOptimized, NO_FLAGS, rankOf } from '../../machines/predicates.ts'
import type { AccessState, AdminState, DeviceState, HealthState, PathValue } from '../../machines/words.ts'
import { given } from './given.ts'
import { added, WHY } from './payloads.ts'

const DEVICES = 'created running blocked createdBlocked quiesced offline transportOffline cancelled deleted'
const ACCESSES = 'optimal active standby unavailable lbaDependent offline transitioning'
const HEALTHS = 'online marginal failed probing'
const ADMINS = 'enabled disabled'

const ALL: readonly PathValue[] = DEVICES.split(' ').flatMap((device) =>
  ACCESSES.split(' ').flatMap((access) =>
    HEALTHS.split(' ').flatMap((health) =>
      ADMINS.split(' ').map((admin) => ({
        device: device as DeviceState,
        access: access as AccessState,
        health: health as HealthState,
        admin: admin as AdminState,
      })),
    ),
  ),
)

/** 'running optimal online enabled': a state as one line of a table. */
const line = ({ device, access, health, admin }: PathValue) => `${device} ${access} ${health} ${admin}`
const statesWhere = (predicate: (path: PathValue) => boolean) => ALL.filter(predicate).map(line).sort()

/** Every state in which I/O may be sent down the path: there are four, of 504. */
const USABLE = [
  'running active marginal enabled',
  'running active online enabled',
  'running optimal marginal enabled',
  'running optimal online enabled',
]

/** Every state in which a path is worth waiting for: 3 devices, 7 access states, 2 healths. */
const AVAILABLE = [
  'blocked active marginal enabled',
  'blocked active online enabled',
  'blocked lbaDependent marginal enabled',
  'blocked lbaDependent online enabled',
  'blocked offline marginal enabled',
  'blocked offline online enabled',
  'blocked optimal marginal enabled',
  'blocked optimal online enabled',
  'blocked standby marginal enabled',
  'blocked standby online enabled',
  'blocked transitioning marginal enabled',
  'blocked transitioning online enabled',
  'blocked unavailable marginal enabled',
  'blocked unavailable online enabled',
  'quiesced active marginal enabled',
  'quiesced active online enabled',
  'quiesced lbaDependent marginal enabled',
  'quiesced lbaDependent online enabled',
  'quiesced offline marginal enabled',
  'quiesced offline online enabled',
  'quiesced optimal marginal enabled',
  'quiesced optimal online enabled',
  'quiesced standby marginal enabled',
  'quiesced standby online enabled',
  'quiesced transitioning marginal enabled',
  'quiesced transitioning online enabled',
  'quiesced unavailable marginal enabled',
  'quiesced unavailable online enabled',
  'running active marginal enabled',
  'running active online enabled',
  'running lbaDependent marginal enabled',
  'running lbaDependent online enabled',
  'running offline marginal enabled',
  'running offline online enabled',
  'running optimal marginal enabled',
  'running optimal online enabled',
  'running standby marginal enabled',
  'running standby online enabled',
  'running transitioning marginal enabled',
  'running transitioning online enabled',
  'running unavailable marginal enabled',
  'running unavailable online enabled',
]

test('the table has every combination once', () => {
  expect(new Set(ALL.map(line)).size).toBe(9 * 7 * 4 * 2)
})

describe('may I send I/O down this path now', () => {
  test('D-55: disabled is what is not running, not optimal or active, not healthy, or pulled', () => {
    expect(statesWhere((path) => !isDisabled(path))).toEqual(USABLE)
  })

  test('D-55: any one of the four conditions disables a usable path', () => {
    const usable: PathValue = { device: 'running', access: 'optimal', health: 'online', admin: 'enabled' }
    expect(isDisabled(usable)).toBe(false)
    const spoilt = [
      { ...usable, device: 'quiesced' },
      { ...usable, access: 'transitioning' },
      { ...usable, health: 'probing' },
      { ...usable, admin: 'disabled' },
    ] as const
    expect(spoilt.map((path) => isDisabled(path))).toEqual([true, true, true, true])
  })

  test('D-20: optimized is usable and optimal, so that no path is preferred that must not be used', () => {
    expect(statesWhere(isOptimized)).toEqual(USABLE.filter((path) => path.includes(' optimal ')))
    expect(ALL.filter((path) => isOptimized(path) && isDisabled(path))).toEqual([])
  })

  test('D-20: the preferred bit decides nothing: a preferred path is as usable as any other', () => {
    const plain = given('path', ['path.added', added({ access: 'active' })])
    const before = plain.state.value as unknown as PathValue
    for (const preferred of [true, false]) {
      const after = plain.when('path.accessChanged', { access: 'active', preferred, ...WHY })
      expect(after.context['preferred']).toBe(preferred)
      const value = after.state.value as unknown as PathValue
      expect([isDisabled(value), isOptimized(value), isAvailable(value)]).toEqual([false, false, true])
      expect(value).toEqual(before)
    }
  })
})

describe('is it worth waiting for this path', () => {
  test('D-21: a path that may come back by itself is waited for, whatever its access state; no other is', () => {
    expect(AVAILABLE).toHaveLength(3 * 7 * 2)
    expect(statesWhere(isAvailable)).toEqual(AVAILABLE)
  })

  test('D-21: usable and available are two questions: what is usable is available, and not the other way', () => {
    expect(ALL.filter((path) => !isDisabled(path) && !isAvailable(path))).toEqual([])
    const unblocksSoon: PathValue = {
      device: 'blocked',
      access: 'optimal',
      health: 'online',
      admin: 'enabled',
    }
    expect([isDisabled(unblocksSoon), isAvailable(unblocksSoon)]).toEqual([true, true])
  })

  test('D-22: a path that is not fully created keeps no I/O waiting', () => {
    const unready = ALL.filter(({ device }) => device === 'created' || device === 'createdBlocked')
    expect(unready).toHaveLength(2 * 7 * 4 * 2)
    expect(unready.filter((path) => isAvailable(path))).toEqual([])
    expect(unready.filter((path) => !isDisabled(path))).toEqual([])
  })

  test('an operator who pulled a path wins: nothing is sent there and nothing waits for it', () => {
    const pulled = ALL.filter(({ admin }) => admin === 'disabled')
    expect(pulled).toHaveLength(9 * 7 * 4)
    expect(pulled.filter((path) => !isDisabled(path) || isOptimized(path) || isAvailable(path))).toEqual([])
  })
})

test('a context from before there were flags has none of them set', () => {
  expect(flagsOf({})).toEqual({ override: 'none', waiting: false, heldBack: false, goingAway: false })
  expect(flagsOf({ waiting: true })).toMatchObject({ waiting: true, heldBack: false })
})

describe('how good is this path', () => {
  const value = { device: 'running', access: 'optimal', health: 'online', admin: 'enabled' } as const
  const active = { ...value, access: 'active' } as const

  test('well before held back before marginal or going away, and in each optimized before not', () => {
    const heldBack = { ...NO_FLAGS, heldBack: true }
    const marginal = { ...value, health: 'marginal' } as const
    const ranks = [
      ...[rankOf(value), rankOf(active)],
      ...[rankOf(value, heldBack), rankOf(active, heldBack)],
      ...[rankOf(marginal), rankOf({ ...marginal, access: 'active' })],
    ]
    expect(ranks[0]).toBe(0)
    expect(ranks).toEqual([...new Set(ranks)].sort((one, other) => one - other))
    const goingAway = { ...NO_FLAGS, goingAway: true }
    expect([rankOf(value, goingAway), rankOf(active, goingAway)]).toEqual(ranks.slice(4))
    expect(rankOf(marginal, heldBack)).toBe(ranks[4])
  })
})
