// An engine that dies between any two events of a long story, or while it takes up what another one left: the next one
// stands where the ledger says, with the timers that the ledger says, and does what was left undone once.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { foldAll, redecide } from '../../store/state/fold.ts'
import type { LedgerState, StoredEvent } from '../../store/types.ts'
import { memoryReader } from '../../store/write/memory-store.ts'
import { bytesOf, Rig, testLun, WWID } from './rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'
const SETTINGS = {
  noPathRetry: 3,
  noPathCheckMs: 700,
  delayedRemovalMs: 3_000,
  checker: { minMs: 900, maxMs: 4_000 },
  reattachMs: 5_000,
} as const

type Happening = (rig: Rig) => Promise<void> | void

const path = (rig: Rig, hctl: string) => rig.head.paths.find((one) => one.hctl === hctl)
const missing =
  (hctl: string): Happening =>
  async (rig) => {
    const there = rig.mp.heads.some(({ paths }) => paths.some((one) => one.hctl === hctl))
    if (!there) faults.set(hctl, await rig.add(hctl))
  }
const faults = new Map<string, Awaited<ReturnType<Rig['add']>>>()
const live = (rig: Rig) => rig.mp.heads.length > 0
const ignored = (promise: Promise<unknown>) => void promise.catch(() => undefined)

/** What may happen; each does nothing where it makes no sense. */
const HAPPENINGS: Readonly<Record<string, Happening>> = {
  addA: missing(A),
  addB: missing(B),
  failA: () => faults.get(A)?.fail(),
  failB: () => faults.get(B)?.fail(),
  heal: () => faults.forEach((fault) => fault.heal()),
  write: (rig) => (live(rig) ? ignored(rig.head.write({ offset: 0, data: bytesOf(1) })) : undefined),
  pullA: (rig) => (live(rig) && path(rig, A)?.state.admin === 'enabled' ? path(rig, A)?.fail() : undefined),
  putBackA: (rig) =>
    live(rig) && path(rig, A)?.state.admin === 'disabled' ? path(rig, A)?.reinstate() : undefined,
  standbyB: (rig) => (live(rig) ? path(rig, B)?.setAccessState('standby') : undefined),
  removeA: (rig) => (live(rig) && path(rig, A) !== undefined ? rig.drive(path(rig, A)!.remove()) : undefined),
  removeB: (rig) => (live(rig) && path(rig, B) !== undefined ? rig.drive(path(rig, B)!.remove()) : undefined),
  policy: (rig) => (live(rig) ? rig.head.setIoPolicy('round-robin') : undefined),
  moment: (rig) => rig.pass(50),
  second: (rig) => rig.pass(1_000),
  while: (rig) => rig.pass(4_000),
}
const NAMES = Object.keys(HAPPENINGS)

async function tell(names: readonly string[], rows?: readonly StoredEvent[]): Promise<Rig> {
  faults.clear()
  const rig = await Rig.open({
    ...SETTINGS,
    checked: false,
    lun: LUN,
    ...(rows === undefined ? {} : { rows }),
  })
  for (const name of names) await HAPPENINGS[name]!(rig)
  await rig.settle()
  return rig
}
const LUN = testLun()

/** Streams of paths and heads that are there, or that the last run left. */
function thereIn({ streams }: LedgerState) {
  return Object.entries(streams).filter(
    ([name, { context }]) =>
      /^(path|head)\//.test(name) && (context['present'] === true || context['lost'] === true),
  )
}

const timersIn = (state: LedgerState): number[] =>
  thereIn(state)
    .flatMap(([, { context }]) => Object.values(context['timers'] as Record<string, number>))
    .sort((one, other) => one - other)

/** The next engine on these rows, and everything that must hold of it before anybody has said anything to it. */
async function openOn(rows: readonly StoredEvent[]): Promise<Rig> {
  const rig = await Rig.open({ ...SETTINGS, rows, lun: LUN, boot: bootAfter(rows) })
  const reader = memoryReader(rig.memory.rows())
  const state = foldAll(reader)
  expect(redecide(reader)).toEqual(state)
  expectLiveEqualsFold(rig, state)
  expect(rig.clock.pendingTimers(), 'timers that are armed').toBe(timersIn(state).length)
  expect(rig.clock.nextDueUs()).toBe(timersIn(state)[0] ?? null)
  return rig
}

/** At once after the last row: nothing falls due while nobody looks. */
function bootAfter(rows: readonly StoredEvent[]) {
  const last = rows.at(-1)!
  return { monoUs: last.monoUs, wallUs: last.recordedAtUs }
}

function expectLiveEqualsFold(rig: Rig, { streams }: LedgerState): void {
  const head = streams[`head/${WWID}`]
  const heads = rig.mp.heads.map(({ state, name, ioPolicy, noPathRetry }) => ({
    state,
    name,
    ioPolicy,
    noPathRetry,
  }))
  const there = head?.context['present'] === true
  expect(heads).toEqual(
    there
      ? [
          {
            state: head.value,
            name: head.context['name'],
            ioPolicy: head.context['iopolicy'],
            noPathRetry: head.context['noPathRetry'],
          },
        ]
      : [],
  )
  const lost = Object.entries(streams).filter(([, { context }]) => context['lost'] === true)
  expect(rig.mp.heads.flatMap((one) => one.lost.map(({ hctl }) => hctl)).sort()).toEqual(
    lost.map(([, { context }]) => context['hctl']).sort(),
  )
}

/** What a recovery must not change: everything but that the paths are lost, and the timers of the waiting for them. */
function kept(state: LedgerState) {
  return thereIn(state).map(([name, { context }]) => {
    const { wwid, name: called, index, iopolicy, noPathRetry, failure, suspect, fenced, timers } = context
    const { reattach: _own, ...others } = timers as Record<string, number>
    return { name, wwid, called, index, iopolicy, noPathRetry, failure, suspect, fenced, timers: others }
  })
}

const LONG = [
  ...[
    'addA',
    'addB',
    'write',
    'failA',
    'write',
    'moment',
    'second',
    'pullA',
    'failB',
    'write',
    'second',
    'second',
  ],
  ...[
    'putBackA',
    'heal',
    'while',
    'policy',
    'standbyB',
    'removeA',
    'moment',
    'removeB',
    'second',
    'addA',
    'removeA',
  ],
  ...['while', 'addB', 'failB', 'write', 'moment'],
]

describe('an engine that dies', () => {
  test('after any event of a long story: the next one stands where the ledger says', async () => {
    const rows = (await tell(LONG)).rows()
    expect(rows.length).toBeGreaterThan(50)
    for (let cut = 1; cut <= rows.length; cut += 1) {
      const before = foldAll(memoryReader(rows.slice(0, cut)))
      const rig = await openOn(rows.slice(0, cut))
      const after = foldAll(memoryReader(rig.memory.rows()))
      // Timers of what is still there kept their deadlines; what had no path left goes by its own rules.
      const names = new Set(thereIn(after).map(([name]) => name))
      const paths = kept(before).filter(({ name }) => names.has(name) && name.startsWith('path/'))
      expect(
        kept(after).filter(({ name }) => name.startsWith('path/')),
        `cut at ${cut}`,
      ).toEqual(paths)
      await rig.end()
    }
  })

  test('anywhere in any story, and again while the next one takes it up: it comes to the same', async () => {
    const story = fc.array(fc.constantFrom(...NAMES), { minLength: 3, maxLength: 14 })
    await fc.assert(
      fc.asyncProperty(story, fc.nat(), fc.nat(), async (names, where, again) => {
        const rows = (await tell(['addA', ...names])).rows()
        const cut = rows.slice(0, 1 + (where % rows.length))
        const once = await openOn(cut)
        const written = once.memory.rows()
        // The second engine dies after any part of what it had to write; the third one takes it up.
        const part = written.slice(0, cut.length + (again % (written.length - cut.length + 1)))
        const twice = await openOn(part)
        const [one, two] = [once, twice].map((rig) => kept(foldAll(memoryReader(rig.memory.rows()))))
        expect(two).toEqual(one)
        await Promise.all([once.end(), twice.end()])
      }),
      { numRuns: 30 },
    )
  })

  test('leaves nothing to be done twice: after all deadlines each timer has fired once, and the end is the same', async () => {
    const rows = (await tell(['addA', 'addB', 'failA', 'failB', 'write', 'moment', 'removeB'])).rows()
    const ends = new Set<string>()
    for (
      let cut = rows.findIndex(({ type }) => type === 'head.published') + 1;
      cut <= rows.length;
      cut += 1
    ) {
      const rig = await openOn(rows.slice(0, cut))
      await rig.pass(60_000)
      const fired = rig.rows().filter(({ type }) => type.endsWith('.timerFired'))
      const keys = fired.map(({ stream, data }) => `${stream} ${data}`)
      expect(new Set(keys).size, `cut at ${cut}`).toBe(keys.length)
      expect(fired.filter(({ decision }) => decision.includes('refused'))).toEqual([])
      const state = foldAll(memoryReader(rig.rows()))
      ends.add(JSON.stringify(thereIn(state)))
      await rig.end()
    }
    // Nobody attached anything again: whatever the moment of the crash, all of it is given up in the end.
    expect([...ends]).toEqual(['[]'])
  })
})
