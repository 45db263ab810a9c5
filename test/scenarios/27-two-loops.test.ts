import { expect, test } from 'vitest'
import type { Path } from '../../engine/api/path.ts'
import { hasCode } from '../../errors.ts'
import type { StoredEvent } from '../../store/types.ts'
import { VerifyLoad } from '../engine/load.ts'
import { Rig } from '../engine/rig.ts'
import { expectExplained } from '../explained.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'
const TURNS = 200

type Step = (path: Path, actor: string) => void

function isTaken(step: () => void): boolean {
  try {
    step()
    return true
  } catch (error) {
    if (hasCode(error, 'TRANSITION_REFUSED')) return false
    throw error
  }
}

/** 200 times there and back. Refusals are counted: the other loop may have been faster. */
async function loop(rig: Rig, path: Path, actor: string, steps: readonly [Step, Step]): Promise<number> {
  let refused = 0
  for (let turn = 0; turn < TURNS; turn += 1) {
    for (const step of steps) {
      if (!isTaken(() => step(path, actor))) refused += 1
      // How long each loop takes for a turn is its own business, so that they meet in every way.
      await new Promise<void>((resolve) => {
        const wait = actor === 'one' ? 700 : 1_100 + (turn % 5) * 300
        rig.clock.setTimer(rig.clock.monoUs() + wait, () => resolve())
      })
    }
  }
  return refused
}

const enable: Step = (path, actor) => path.reinstate({ actor })
const disable: Step = (path, actor) => path.fail({ actor })
const isRefused = ({ decision }: StoredEvent) => (JSON.parse(decision) as { refused?: true }).refused === true
const regionOf = ({ decision }: StoredEvent, region: string) =>
  (JSON.parse(decision) as { state: Record<string, string> }).state[region]

test('scenario 27: two loops of 200 enable and disable on one path at once: one order, no illegal transition', async () => {
  const rig = await Rig.open({ iopolicy: 'round-robin' })
  const [a, b] = [await rig.add(A), await rig.add(B)]
  const load = new VerifyLoad(rig, { workers: 3, seed: 27 })
  load.start()
  const before = rig.position
  const loops = ['one', 'two'].map((actor) => loop(rig, a.path, actor, [disable, enable]))
  const refused = (await rig.drive(Promise.all(loops))).reduce((sum, count) => sum + count, 0)
  const during = rig.position
  await rig.drive(load.stop())

  expect(load.tally).toMatchObject({ errors: [], mismatched: 0 })
  expect(load.verifyMedium()).toBe(0)
  const rows = rig.rows(undefined, A)
  // One order for everybody: positions of the ledger, and versions of the stream without a gap.
  expect(rig.rows().map(({ position }) => position)).toEqual(rig.rows().map((_row, at) => at + 1))
  expect(rows.map(({ version }) => version)).toEqual(rows.map((_row, at) => at + 1))
  const asked = rows.filter(({ type }) => type === 'path.disabled' || type === 'path.enabled')
  expect(asked).toHaveLength(4 * TURNS)
  // What was taken goes to and fro; what would not have was refused, is marked so, and has its reason beside it.
  const taken = asked.filter((row) => !isRefused(row))
  expect(taken.map(({ type }) => type)).toEqual(
    taken.map((_row, at) => (at % 2 === 0 ? 'path.disabled' : 'path.enabled')),
  )
  expect(asked.length - taken.length).toBe(refused)
  expect(refused).toBeGreaterThan(20)
  const reasons = rows.filter(({ type }) => type === 'path.transitionRefused')
  expect(reasons.map(({ cause }) => cause)).toEqual(asked.filter(isRefused).map(({ position }) => position))
  let admin = 'enabled'
  for (const row of asked) {
    if (isRefused(row)) expect(regionOf(row, 'admin'), `refused at ${row.position}`).toBe(admin)
    admin = regionOf(row, 'admin') ?? ''
  }
  expect(new Set(taken.map(({ actor }) => actor))).toEqual(new Set(['one', 'two']))

  const pulled = taken.find(({ type }) => type === 'path.disabled')!
  const root = { kind: 'operator', actor: pulled.actor, position: pulled.position, path: A } as const
  expectExplained(rig.memory, { stream: `path/${rig.lun.wwid}/${A}` }, root, pulled.position)
  rig.expectReplayEqualsLive()
  expect(a.path.state.admin).toBe(admin)
  expect(rig.rows('path.failed')).toEqual([])
  expect([before, during].map((position) => rig.stateAt(position, B))).toEqual([b.path.state, b.path.state])
})

test('scenario 27: one loop pulls the path while another blocks its device: neither disturbs the other', async () => {
  const rig = await Rig.open()
  const a = await rig.add(A)
  await rig.add(B)
  const block: Step = (path, actor) => path.block({ actor })
  const unblock: Step = (path, actor) => path.unblock({ actor })
  const loops = [loop(rig, a.path, 'one', [disable, enable]), loop(rig, a.path, 'two', [block, unblock])]
  expect(await rig.drive(Promise.all(loops))).toEqual([0, 0])
  expect(a.path.state).toMatchObject({ device: 'running', admin: 'enabled' })
  expect(rig.rows('path.transitionRefused')).toEqual([])
  rig.expectReplayEqualsLive()
})
