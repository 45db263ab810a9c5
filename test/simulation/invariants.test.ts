// Each check of the simulator by itself: a world in which one thing is wrong, and what is said of it. A check that says
// nothing of it would let every seed pass.
import type { ErrorCode } from '../../errors/codes.ts'
import { expect, test } from 'vitest'
import { AT_THE_END, EVERY_STEP, WHEN_CLOSED } from '../../simulation/invariants.ts'
import { notAdded } from '../../simulation/world/hosts.ts'
import { PathledgerError } from '../../errors.ts'
import { recoveredEqualsFold } from '../../simulation/world/recovered.ts'
import type { Multipath } from '../../engine/multipath.ts'
import type { LedgerState } from '../../store/types.ts'
import { Rig, WWID } from '../engine/rig.ts'

const A = '8:0:0:0'
const WELL = { device: 'running', access: 'optimal', health: 'online', admin: 'enabled' }
const FLAGS = { override: 'none', waiting: false, heldBack: false, goingAway: false }
const head = (service: string, states: object[] = [WELL]) => ({
  ...{ name: 'sda', wwid: WWID, state: { life: 'live', service }, queued: { bytes: 0 }, held: { bytes: 0 } },
  paths: states.map((state) => ({ state, flags: FLAGS })),
})
const slot = (path: object | null, inFlight = 0) => ({
  ...{ hctl: A, host: { name: 'main' }, lun: { wwid: WWID } },
  now: { path, tap: { inFlight } },
})
const host = (more: object = {}) => ({
  ...{ name: 'main', slots: [], life: { timers: 0 }, ledger: { rows: () => [] } },
  mp: { broken: null, heads: [head('serving')], ghosts: [] },
  ...more,
})
const TALLY = { started: 3, settled: 2, succeeded: 1, failed: 1, orphaned: 1 }
const scene = (hosts: object[], tally: object = {}) =>
  ({
    world: { hosts, luns: [] },
    workload: { tally: { ...TALLY, ...tally }, waiting: 1 },
  }) as never

const mp = (more: object) => host({ mp: { broken: null, heads: [], ghosts: [], ...more } })
const fired = (data: object, decision = '{}') => ({
  ledger: {
    rows: () => [{ type: 'path.timerFired', position: 9, monoUs: 50, data: JSON.stringify(data), decision }],
  },
})

test.each<[keyof typeof EVERY_STEP, string, object[], object, string]>([
  ['engineRuns', 'broken', [mp({ broken: { message: 'It stopped.' } })], {}, 'It stopped.'],
  [
    'countersEqualInFlight',
    'off by one',
    [host({ slots: [slot({ inFlight: 2 }, 1)] })],
    {},
    `${A} counts 2 in flight, and 1 are`,
  ],
  [
    'headFollowsPaths',
    'serves without a path',
    [mp({ heads: [head('serving', [])] })],
    {},
    'sda is serving with 0 usable paths',
  ],
  [
    'headFollowsPaths',
    'fails beside a path',
    [mp({ heads: [head('failing')] })],
    {},
    'sda is failing with 1 usable paths',
  ],
  [
    'headFollowsPaths',
    'serves through one of two',
    [mp({ heads: [head('serving', [WELL, { ...WELL, admin: 'disabled' }])] })],
    {},
    'sda is serving, not all its paths are usable',
  ],
  [
    'headFollowsPaths',
    'fails what could wait',
    [mp({ heads: [head('failing', [{ ...WELL, device: 'blocked' }])] })],
    {},
    'sda fails I/O although a path is worth waiting for',
  ],
  [
    'queuesAreBounded',
    'bytes less than none',
    [mp({ heads: [{ ...head('serving'), held: { bytes: -1 } }] })],
    {},
    'sda has -1 bytes queued',
  ],
  ['queuesAreBounded', 'timers', [host({ life: { timers: 301 } })], {}, 'main has 301 timers'],
  ['queuesAreBounded', 'ghosts', [mp({ ghosts: Array.from({ length: 601 }) })], {}, 'main has 601 ghosts'],
  [
    'completionsAreSingle',
    'a path twice',
    [host({ slots: [slot(null, -1)] })],
    {},
    `${A} completed an I/O twice`,
  ],
  ['completionsAreSingle', 'a caller twice', [host()], { settled: 3 }, 'an I/O was completed twice'],
])('%s tells of it: %s', (name, _what, hosts, tally, says) => {
  expect(EVERY_STEP[name]!(scene([host()]))).toBeNull()
  expect(EVERY_STEP[name]!(scene([host(), ...hosts], tally))).toContain(says)
})

test.each<[keyof typeof AT_THE_END, string, object, object, string]>([
  ['everyIoSettles', 'one is open', {}, { started: 4 }, '1 I/Os never settled'],
  ['healedPathsServe', 'no path', { slots: [slot(null)] }, {}, `${A} of main is not a path after healing`],
  ...(['device', 'health', 'admin'] as const).map((region): [string, string, object, object, string] => [
    'healedPathsServe',
    `another ${region}`,
    { slots: [slot({ state: { ...WELL, [region]: 'odd' } })] },
    {},
    `"${region}":"odd"`,
  ]),
  ['healedPathsServe', 'a head', { mp: { heads: [head('degraded')] } }, {}, 'sda is degraded after healing'],
  [
    'timersFireWhenDue',
    'early',
    fired({ timer: 'probe', dueUs: 60 }),
    {},
    'main, position 9: probe fired 10 us early',
  ],
  [
    'timersFireWhenDue',
    'not armed',
    fired({ timer: 'probe', dueUs: 5 }, '{"refused":true}'),
    {},
    'probe fired and was not armed',
  ],
])('%s tells of it: %s', (name, _what, more, tally, says) => {
  expect(AT_THE_END[name]!(scene([host()]))).toBeNull()
  expect(AT_THE_END[name]!(scene([host(more)], tally))).toContain(says)
})

test('a marginal path that runs is well after healing', () => {
  const slots = [slot({ state: { ...WELL, health: 'marginal' } })]
  expect(AT_THE_END['healedPathsServe']!(scene([host({ slots })]))).toBeNull()
})

test('a timer that is left when its engine is closed', () => {
  const { noTimerIsLeft } = WHEN_CLOSED
  expect(noTimerIsLeft!(scene([host(), host({ life: null })]))).toBeNull()
  expect(noTimerIsLeft!(scene([host({ life: { timers: 2 } })]))).toContain('2 timers of main are armed')
})

test('a ledger that does not say what is so: of a path, of a head, and after a restart', async () => {
  const rig = await Rig.open()
  const { path } = await rig.add(A)
  const rows = rig.rows()
  const live = (state: object, service: string) =>
    scene([
      host({
        ledger: { rows: () => rows },
        slots: [slot(null), slot({ state })],
        mp: { heads: [{ ...head(service), state: { ...rig.head.state, service } }] },
      }),
    ])
  const check = AT_THE_END['replayEqualsLive']!
  expect(check(live(path.state, rig.head.state.service))).toBeNull()
  expect(check(live({ ...path.state, admin: 'disabled' }, rig.head.state.service))).toContain(`${A} is {`)
  expect(check(live(path.state, 'failing'))).toBe('sda differs from the ledger')
  expect(AT_THE_END['ledgerIsWhole']!(scene([host({ ledger: { rows: () => rows.slice(1) } })]))).toContain(
    'main, position 1:',
  )

  const told = (more: object = {}, wwid = WWID): LedgerState =>
    ({
      position: 2,
      streams: {
        [`head/${wwid}`]: {
          value: 'live',
          context: { present: true, wwid, name: 'sda', iopolicy: 'numa', noPathRetry: 'queue' },
        },
        [`path/${wwid}/${A}`]: { value: {}, context: { lost: true, hctl: A } },
        ...more,
      },
    }) as never
  const engine = (state: string, lost: object[] = [{ hctl: A }]) =>
    ({
      heads: [{ wwid: WWID, state, name: 'sda', ioPolicy: 'numa', noPathRetry: 'queue', lost }],
    }) as never as Multipath
  expect(recoveredEqualsFold(engine('live'), told())).toBeNull()
  const another = { 'head/x': { value: 'live', context: { present: true, wwid: 'x' } } }
  expect(recoveredEqualsFold(engine('live'), told(another))).toBe('1 heads, and the ledger has 2')
  expect(recoveredEqualsFold(engine('live'), told({}, 'x'))).toBe('there is no head x')
  expect(recoveredEqualsFold(engine('removed'), told())).toMatch(/^a head is \["removed".*says \["live"/)
  expect(recoveredEqualsFold(engine('live', []), told())).toBe(`lost are , and the ledger says ${A}`)
})

test('a device that was not taken: for one of the reasons that there may be, or a promise is broken', () => {
  const reached: string[] = []
  const wrong: { invariant: string; detail: string }[] = []
  const world = { wrong, sometimes: { reach: (situation: string) => void reached.push(situation) } }
  const refused = (code: ErrorCode) =>
    new PathledgerError(code, { message: 'No.', why: 'It is so.', todo: 'None.' })
  for (const code of ['PATH_WRONG_LUN', 'PATH_GHOST_CLAIM', 'PATH_DUPLICATE'] as const)
    notAdded(world as never, refused(code))
  expect([reached, wrong]).toEqual([['identityRefused', 'claimRefused'], []])
  notAdded(world as never, refused('PATH_NO_ID'))
  notAdded(world as never, new TypeError('odd'))
  expect(wrong.map(({ invariant }) => invariant)).toEqual(['errorsAreExpected', 'errorsAreExpected'])
  expect(wrong.map(({ detail }) => detail).join()).toMatch(
    /not added: PATH_NO_ID: .*not added: unexpected: TypeError: odd/,
  )
})
