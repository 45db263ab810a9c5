// The rules of persistent reservations against two references of their own: SPC-4's table of what conflicts, and a model
// of its commands that keeps a flat list. Neither shares a line with the rules.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  applyReservation,
  hearAttentions,
  mayAccess,
  NO_KEY,
  NO_RESERVATION,
  REGISTRANTS_MAX,
  registerNexus,
  RESERVATION_TYPES,
  type ReservationAction,
  type ReservationCommand,
  type ReservationState,
  type ReservationType,
} from '../../machines/reservation/rules.ts'

const TYPES = Object.keys(RESERVATION_TYPES) as ReservationType[]

describe('who may read and write (SPC-4, table 49)', () => {
  // Rows: type. Columns: holder, another registrant, nobody; each read and write. + is allowed, - a conflict.
  const TABLE: Readonly<Record<ReservationType, string>> = {
    'write-exclusive': '++ +- +-',
    'exclusive-access': '++ -- --',
    'write-exclusive-reg-only': '++ ++ +-',
    'exclusive-access-reg-only': '++ ++ --',
    'write-exclusive-all-regs': '++ ++ +-',
    'exclusive-access-all-regs': '++ ++ --',
  }

  test.each(TYPES)('%s', (type) => {
    const key = '0x00000000000000aa'
    const holder = { initiator: 'holder', nexus: '8:0:0:0' }
    const registrants = [
      { ...holder, key },
      { initiator: 'registrant', nexus: '9:0:0:0', key: '0x00000000000000bb' },
    ]
    const all = type.endsWith('all-regs')
    const state = { ...NO_RESERVATION, registrants, type, holder: all ? null : holder }
    const found = ['holder', 'registrant', 'nobody']
      .map((who) =>
        (['read', 'write'] as const).map((op) => (mayAccess(state, who, op) ? '+' : '-')).join(''),
      )
      .join(' ')
    expect(found).toBe(TABLE[type])
  })

  test('without a reservation everybody may', () => {
    expect(mayAccess(NO_RESERVATION, 'nobody', 'write')).toBe(true)
  })
})

/** The reference: an array with one list of [initiator, key], each initiator with one key on all of its paths. */
class Reference {
  keys: [string, string][] = []
  type: ReservationType | null = null
  holder: string | null = null
  generation = 0

  do(command: ReservationCommand): string {
    const { action, initiator, key } = command
    const mine = this.keys.find(([who]) => who === initiator)?.[1] ?? null
    if (action === 'register' || action === 'registerIgnore') return this.#register(command, mine)
    if (mine === null || mine !== key) return 'CONFLICT'
    if (action === 'reserve') return this.#reserve(command)
    if (action === 'release') return this.#release(command)
    if (action !== 'clear') return this.#preempt(command)
    this.generation += 1
    this.keys = []
    this.type = this.holder = null
    return 'GOOD'
  }

  get #everybody(): boolean {
    return this.type?.endsWith('all-regs') === true
  }

  #holds(initiator: string): boolean {
    return this.type !== null && (this.#everybody || this.holder === initiator)
  }

  #register({ action, initiator, key, serviceKey }: ReservationCommand, mine: string | null): string {
    if (action === 'register' && key !== (mine ?? NO_KEY)) return 'CONFLICT'
    if (mine === null && serviceKey === NO_KEY) return 'GOOD'
    this.generation += 1
    if (serviceKey === NO_KEY) this.#drop([initiator])
    else if (mine === null) this.keys.push([initiator, serviceKey])
    else this.keys = this.keys.map(([who, old]) => [who, who === initiator ? serviceKey : old])
    return 'GOOD'
  }

  #reserve({ initiator, type }: ReservationCommand): string {
    if (type === null) return 'INVALID_FIELD'
    if (this.type !== null) return this.#holds(initiator) && this.type === type ? 'GOOD' : 'CONFLICT'
    this.#take(type, initiator)
    return 'GOOD'
  }

  #release({ initiator, type }: ReservationCommand): string {
    if (!this.#holds(initiator)) return 'GOOD'
    if (this.type !== type) return 'INVALID_RELEASE'
    this.type = this.holder = null
    return 'GOOD'
  }

  #preempt({ initiator, serviceKey: victim, type }: ReservationCommand): string {
    const everybody = this.#everybody
    const holderKey = this.keys.find(([who]) => who === this.holder)?.[1]
    const takesOver = this.type !== null && (everybody ? victim === NO_KEY : victim === holderKey)
    if (takesOver) {
      if (type === null) return 'INVALID_FIELD'
      this.generation += 1
      this.keys = this.keys.filter(([who, key]) => who === initiator || (victim !== NO_KEY && key !== victim))
      this.#take(type, initiator)
      return 'GOOD'
    }
    if (victim === NO_KEY) return 'INVALID_FIELD'
    if (!this.keys.some(([, key]) => key === victim)) return 'CONFLICT'
    this.generation += 1
    this.keys = this.keys.filter(([, key]) => key !== victim)
    return 'GOOD'
  }

  #take(type: ReservationType, initiator: string): void {
    this.type = type
    this.holder = type.endsWith('all-regs') ? null : initiator
  }

  #drop(gone: readonly string[]): void {
    this.keys = this.keys.filter(([who]) => !gone.includes(who))
    const over =
      this.type?.endsWith('all-regs') === true ? this.keys.length === 0 : gone.includes(this.holder ?? '')
    if (over) this.type = this.holder = null
  }
}

const INITIATORS = ['one', 'two', 'three']
const KEYS = [NO_KEY, ...['a', 'b', 'c'].map((digit) => `0x00000000000000${digit}${digit}`)]
const ACTIONS: readonly ReservationAction[] = [
  'register',
  'registerIgnore',
  'reserve',
  'release',
  'clear',
  'preempt',
  'preemptAbort',
]

const command: fc.Arbitrary<ReservationCommand> = fc.record({
  action: fc.constantFrom(...ACTIONS),
  initiator: fc.constantFrom(...INITIATORS),
  nexus: fc.constantFrom('8:0:0:0', '9:0:0:0'),
  nexuses: fc.constant(['8:0:0:0', '9:0:0:0']),
  key: fc.constantFrom(...KEYS),
  serviceKey: fc.constantFrom(...KEYS),
  type: fc.constantFrom(null, ...TYPES),
  aptpl: fc.boolean(),
})

/** Keys that make sense more often than chance would have it. */
function aimed(state: ReservationState, given: ReservationCommand, aim: boolean): ReservationCommand {
  const mine = state.registrants.find(({ initiator }) => initiator === given.initiator)?.key
  return aim ? { ...given, key: mine ?? NO_KEY } : given
}

describe('commands', () => {
  test('any sequence comes to what the reference comes to, on every path alike', () => {
    const story = fc.array(fc.tuple(command, fc.boolean()), { maxLength: 40, size: 'max' })
    const seen = new Set<string>()
    fc.assert(
      fc.property(story, (steps) => {
        let state = NO_RESERVATION
        const reference = new Reference()
        for (const [given, aim] of steps) {
          const one = aimed(state, given, aim)
          const { status, state: next } = applyReservation(state, one)
          expect(status, JSON.stringify(one)).toBe(reference.do(one))
          seen.add(`${one.action} ${status}`)
          if (status !== 'GOOD') expect(next).toBe(state)
          state = next
          expectSame(state, reference)
        }
      }),
      { numRuns: 400 },
    )
    // The stories reach every answer of every command.
    for (const action of ACTIONS) expect(seen).toContain(`${action} GOOD`)
    for (const action of ['register', 'reserve', 'clear', 'preempt']) {
      expect(seen).toContain(`${action} CONFLICT`)
    }
    expect(seen).toContain('release INVALID_RELEASE')
    expect(seen).toContain('preempt INVALID_FIELD')
  })

  function expectSame(state: ReservationState, reference: Reference): void {
    expect([state.type, state.generation]).toEqual([reference.type, reference.generation])
    expect(state.holder?.initiator ?? null).toBe(reference.holder)
    const keys = new Map(state.registrants.map(({ initiator, key }) => [initiator, key]))
    expect([...keys].sort()).toEqual([...reference.keys].sort())
    // Registered on one path is registered on both.
    expect(state.registrants).toHaveLength(2 * keys.size)
    for (const initiator of INITIATORS) {
      for (const op of ['read', 'write'] as const) {
        const registered = reference.keys.some(([who]) => who === initiator)
        expect(mayAccess(state, initiator, op)).toBe(allowed(reference, initiator, registered, op))
      }
    }
  }

  function allowed({ type, holder }: Reference, who: string, registered: boolean, op: string): boolean {
    if (type === null || (op === 'read' && type.startsWith('write'))) return true
    return /only|all/.test(type) ? registered : holder === who
  }
})

describe('unit attentions', () => {
  const base: ReservationCommand = {
    action: 'register',
    initiator: 'one',
    nexus: '8:0:0:0',
    nexuses: ['8:0:0:0'],
    key: NO_KEY,
    serviceKey: KEYS[1]!,
    type: null,
    aptpl: true,
  }
  const after = (state: ReservationState, ...commands: readonly Partial<ReservationCommand>[]) =>
    commands.reduce((now, change) => {
      const answer = applyReservation(now, { ...base, ...change })
      expect(answer.status).toBe('GOOD')
      return answer.state
    }, state)
  const two = { initiator: 'two', nexus: '20:0:0:0', nexuses: ['20:0:0:0'] }
  const both = after(NO_RESERVATION, {}, { ...two, serviceKey: KEYS[2]! })
  const three = after(both, {
    initiator: 'three',
    nexus: '30:0:0:0',
    nexuses: ['30:0:0:0'],
    serviceKey: KEYS[3]!,
  })
  const asOne = { key: KEYS[1]! }
  const told = (state: ReservationState) =>
    state.attentions.map(({ initiator, ascq }) => `${initiator} ${ascq.toString(16)}`)

  test('tell the others of a release, a preemption and a clearing, once, until they are heard', () => {
    const type = 'write-exclusive-reg-only' as const
    const reserved = after(both, { ...asOne, action: 'reserve', type })
    expect(told(reserved)).toEqual([])
    expect(told(after(reserved, { ...asOne, action: 'release', type }))).toEqual(['two 4'])
    expect(told(after(both, { ...asOne, action: 'preempt', serviceKey: KEYS[2]!, type }))).toEqual(['two 5'])
    const cleared = after(both, { ...asOne, action: 'clear' })
    expect(told(cleared)).toEqual(['two 3'])
    expect(told(hearAttentions(cleared, 'one'))).toEqual(['two 3'])
    expect(told(hearAttentions(cleared, 'two'))).toEqual([])
    for (const { asc } of cleared.attentions) expect(asc).toBe(0x2a)
    for (const { asc } of after(reserved, { ...asOne, action: 'release', type }).attentions)
      expect(asc).toBe(0x2a)
    // Releasing what was exclusive tells nobody.
    const alone = after(both, { ...asOne, action: 'reserve', type: 'write-exclusive' })
    expect(told(after(alone, { ...asOne, action: 'release', type: 'write-exclusive' }))).toEqual([])
  })

  test('tell of each thing once, and of another thing all the same', () => {
    const type = 'write-exclusive-reg-only' as const
    const once = after(three, { ...asOne, action: 'reserve', type }, { ...asOne, action: 'release', type })
    expect(told(once)).toEqual(['two 4', 'three 4'])
    expect(
      told(after(once, { ...asOne, action: 'reserve', type }, { ...asOne, action: 'release', type })),
    ).toEqual(told(once))
    expect(told(after(once, { ...asOne, action: 'clear' }))).toEqual(['two 4', 'three 4', 'two 3', 'three 3'])
  })

  test('a reservation that is taken over tells those who stay when its type is another one', () => {
    const type = 'write-exclusive-reg-only' as const
    const asTwo = { ...two, key: KEYS[2]! }
    const reserved = after(three, { ...asTwo, action: 'reserve', type })
    const takenAs = (as: ReservationType) =>
      after(reserved, { ...asOne, action: 'preempt', serviceKey: KEYS[2]!, type: as })
    expect(told(takenAs(type))).toEqual(['two 5'])
    expect(told(takenAs('exclusive-access'))).toEqual(['two 5', 'three 4'])
  })
})

describe('registrants', () => {
  const keyed = (initiator: string, nexus: string, key: string) => ({ initiator, nexus, key })
  const base = { nexus: '8:0:0:0', nexuses: ['8:0:0:0', '9:0:0:0'], type: null, aptpl: true }

  test('keep their place when they change their key', () => {
    const state: ReservationState = {
      ...NO_RESERVATION,
      registrants: [
        keyed('one', '8:0:0:0', KEYS[1]!),
        keyed('two', '20:0:0:0', KEYS[2]!),
        keyed('one', '9:0:0:0', KEYS[1]!),
      ],
    }
    const command = {
      ...base,
      action: 'register',
      initiator: 'one',
      key: KEYS[1]!,
      serviceKey: KEYS[3]!,
    } as const
    expect(applyReservation(state, command).state.registrants).toEqual([
      keyed('one', '8:0:0:0', KEYS[3]!),
      keyed('two', '20:0:0:0', KEYS[2]!),
      keyed('one', '9:0:0:0', KEYS[3]!),
    ])
  })

  test('who goes does not change whether a power loss is survived', () => {
    const registrants = [keyed('one', '8:0:0:0', KEYS[1]!), keyed('two', '20:0:0:0', KEYS[2]!)]
    const gone = { ...base, action: 'register', initiator: 'one', key: KEYS[1]!, serviceKey: NO_KEY } as const
    for (const aptpl of [false, true]) {
      const answer = applyReservation({ ...NO_RESERVATION, registrants, aptpl }, { ...gone, aptpl: !aptpl })
      expect(answer.state).toMatchObject({ aptpl, registrants: [{ initiator: 'two' }] })
    }
  })

  test('who takes over without naming paths keeps those that he is registered on', () => {
    const registrants = [
      keyed('one', '8:0:0:0', KEYS[1]!),
      keyed('one', '9:0:0:0', KEYS[1]!),
      keyed('two', '20:0:0:0', KEYS[2]!),
    ]
    const holder = { initiator: 'two', nexus: '20:0:0:0' }
    const state: ReservationState = { ...NO_RESERVATION, registrants, type: 'write-exclusive', holder }
    const command: ReservationCommand = {
      ...base,
      ...{ nexuses: [], action: 'preempt', initiator: 'one', key: KEYS[1]! },
      ...{ serviceKey: KEYS[2]!, type: 'exclusive-access' },
    }
    expect(applyReservation(state, command).state.registrants).toEqual(registrants.slice(0, 2))
  })

  test('are no more than a target keeps: one more is not added', () => {
    const full = Array.from({ length: REGISTRANTS_MAX }, (_, at) => keyed('one', `8:0:0:${at}`, KEYS[1]!))
    const state: ReservationState = { ...NO_RESERVATION, registrants: full }
    expect(registerNexus(state, { initiator: 'one', nexus: '9:0:0:0' })).toBe(state)
    const room: ReservationState = { ...state, registrants: full.slice(1) }
    expect(registerNexus(room, { initiator: 'one', nexus: '9:0:0:0' }).registrants).toHaveLength(
      REGISTRANTS_MAX,
    )
  })
})

describe('a path that comes later', () => {
  test('is registered with its engine’s key, and not when that was preempted meanwhile', () => {
    const key = KEYS[1]!
    const state: ReservationState = {
      ...NO_RESERVATION,
      registrants: [{ initiator: 'one', nexus: '8:0:0:0', key }],
    }
    const more = registerNexus(state, { initiator: 'one', nexus: '11:0:0:0' })
    expect(more.registrants.map(({ nexus }) => nexus)).toEqual(['8:0:0:0', '11:0:0:0'])
    expect(registerNexus(more, { initiator: 'one', nexus: '11:0:0:0' })).toBe(more)
    expect(registerNexus(state, { initiator: 'two', nexus: '20:0:0:0' })).toBe(state)
  })
})
