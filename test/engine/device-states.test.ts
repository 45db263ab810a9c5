// The states of a SCSI device through the public API: what I/O does in each, what is refused, and what the ledger and
// the caches know of it. The table itself is test/machines/path-device.test.ts.
import { describe, expect, test } from 'vitest'
import type { Path } from '../../engine/api/path.ts'
import { controlHandler } from '../../engine/views/control.ts'
import { BLOCK, bytesOf, Rig } from './rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'

type Step = (path: Path) => void
const STEPS: Readonly<Record<string, Step>> = {
  block: (path) => path.block(),
  unblock: (path) => path.unblock(),
  quiesce: (path) => path.quiesce(),
  resume: (path) => path.resume(),
  setOffline: (path) => path.setOffline(),
  setTransportOffline: (path) => path.setTransportOffline(),
  setOnline: (path) => path.setOnline(),
  cancel: (path) => path.cancel(),
}

describe('I/O on a head with one path', () => {
  test.each([
    ['block', 'unblock'],
    ['quiesce', 'resume'],
  ] as const)('waits after %s, and %s wakes it, in order', async (stop, go) => {
    const rig = await Rig.open()
    const a = await rig.add(A)
    a.path[stop]({ reason: 'the transport recovers' })
    const done: number[] = []
    const waiting = [0, 1, 2].map((at) =>
      rig.head.write({ offset: at * BLOCK, data: bytesOf(at) }).then(() => done.push(at)),
    )
    await rig.pass(60_000)
    expect([done, a.ios, rig.head.queued.bios]).toEqual([[], [], 3])
    expect(rig.head.state.service).toBe('queueing')
    a.path[go]()
    await rig.drive(Promise.all(waiting))
    expect(done).toEqual([0, 1, 2])
    expect(a.ios.map(({ offset }) => offset)).toEqual([0, BLOCK, 2 * BLOCK])
  })

  test.each(['setOffline', 'setTransportOffline', 'cancel'] as const)(
    'fails at once after %s, what waited as well: nothing comes back by itself',
    async (stop) => {
      const rig = await Rig.open()
      const a = await rig.add(A)
      a.path.quiesce()
      const waiting = rig.errorOf(rig.head.read({ offset: 0, length: BLOCK }))
      await rig.settle()
      a.path[stop]()
      expect((await waiting).code).toBe('NO_PATH')
      expect((await rig.errorOf(rig.head.read({ offset: 0, length: BLOCK }))).code).toBe('NO_PATH')
      expect(a.ios).toEqual([])
    },
  )

  test('goes on when an offline device is online again', async () => {
    const rig = await Rig.open({ noPathRetry: 'queue' })
    const a = await rig.add(A)
    for (const stop of ['setOffline', 'setTransportOffline'] as const) {
      a.path[stop]()
      const waiting = rig.head.read({ offset: 0, length: BLOCK })
      await rig.pass(1_000)
      a.path.setOnline({ reason: 'cable back' })
      await rig.drive(waiting)
    }
    expect(a.ios).toHaveLength(2)
    expect(a.path.state.device).toBe('running')
  })

  test('that is in flight when its device is blocked or taken offline ends as it would have', async () => {
    const rig = await Rig.open()
    const a = await rig.add(A)
    for (const stop of ['block', 'setOffline'] as const) {
      const flying = rig.head.read({ offset: 0, length: BLOCK })
      await rig.settle()
      a.path[stop]()
      await rig.drive(flying)
      if (stop === 'block') a.path.unblock()
    }
    expect(a.path.counters).toMatchObject({ reads: 2, errors: 0 })
  })
})

test('a cancelled path takes no I/O, no step back, and can only be removed', async () => {
  const rig = await Rig.open()
  const [a, b] = [await rig.add(A), await rig.add(B)]
  a.path.cancel({ reason: 'array is being replaced' })
  await rig.write(0, bytesOf(1))
  expect([a.ios.length, b.ios.length]).toEqual([0, 1])
  for (const step of Object.values(STEPS)) expect(() => step(a.path)).toThrow(/cannot take/)
  const { path } = a
  await rig.drive(path.remove())
  expect(path.state.device).toBe('deleted')
})

describe('a step that the device does not take', () => {
  test('is refused by its code, changes nothing, and is on the ledger with why', async () => {
    const rig = await Rig.open()
    const a = await rig.add(A)
    const before = [a.path.state, rig.head.state]
    const error = await rig.errorOf(
      Promise.resolve().then(() => a.path.resume({ actor: 'operator:0', reason: 'go on' })),
    )
    expect(error).toMatchObject({ code: 'TRANSITION_REFUSED', errno: 'EINVAL' })
    expect([a.path.state, rig.head.state]).toEqual(before)
    const [asked, refused] = rig.rows().slice(-2)
    expect(asked).toMatchObject({ type: 'path.resumed', actor: 'operator:0', reason: 'go on' })
    expect(JSON.parse(asked!.decision)).toMatchObject({ refused: true })
    expect(refused).toMatchObject({ type: 'path.transitionRefused', cause: asked!.position })
    expect(JSON.parse(refused!.data)).toEqual({
      asked: 'path.resumed',
      why: 'It is running, optimal, online, enabled, and has no such transition (docs/path.mmd).',
    })
    // The same for what is no step of the device.
    await rig.errorOf(Promise.resolve().then(() => a.path.reinstate()))
    expect(rig.events('path.transitionRefused')).toHaveLength(2)
  })
})

describe('the cached path', () => {
  test.each([
    ['block', []],
    ['quiesce', [0, 1]],
    ['setOffline', [0, 1]],
    ['setTransportOffline', [0, 1]],
    ['cancel', [0, 1]],
  ] as const)('of every node after %s: %j', async (stop, nodes) => {
    const rig = await Rig.open({ numaNodes: 2 })
    const a = await rig.add(A)
    await rig.add(B)
    expect(a.path.numaNodes).toEqual([0, 1])
    STEPS[stop]!(a.path)
    expect(a.path.numaNodes).toEqual(nodes)
  })

  test.each([
    ['unblock', 'block', []],
    ['resume', 'quiesce', [0, 1]],
    ['setOnline', 'setOffline', [0, 1]],
  ] as const)('of every node after %s: the steps back search for nobody', async (go, stop, nodes) => {
    const rig = await Rig.open({ numaNodes: 2 })
    const a = await rig.add(A)
    await rig.add(B)
    STEPS[stop]!(a.path)
    STEPS[go]!(a.path)
    expect(a.path.numaNodes).toEqual(nodes)
  })

  test('is nobody once the path is removed', async () => {
    const rig = await Rig.open({ numaNodes: 2 })
    const a = await rig.add(A)
    await rig.add(B)
    const { path } = a
    await rig.drive(path.remove())
    expect(path.numaNodes).toEqual([])
  })
})

describe('a device that its transport holds back while it is found', () => {
  test('is added blocked, and unblock lets I/O go down it', async () => {
    const rig = await Rig.open()
    const path = await rig.drive(rig.mp.addPath(rig.makePath(A).device, { blocked: true }))
    expect(path.state.device).toBe('blocked')
    const waiting = rig.head.read({ offset: 0, length: BLOCK })
    await rig.pass(1_000)
    path.unblock()
    await rig.drive(waiting)
    const types = rig.rows(undefined, A).map(({ type }) => type)
    expect(types.slice(0, 3)).toEqual(['path.blocked', 'path.added', 'path.unblocked'])
    expect(rig.stateAt(rig.rows('path.blocked')[0]!.position, A)).toMatchObject({ device: 'createdBlocked' })
  })

  test('also where a path was before, which is another device', async () => {
    const rig = await Rig.open({ delayedRemovalMs: 10_000 })
    const first = await rig.add(A)
    await rig.drive(first.path.remove())
    const path = await rig.drive(rig.mp.addPath(rig.makePath(A).device, { blocked: true }))
    expect(path.state.device).toBe('blocked')
    const types = rig.rows(undefined, A).map(({ type }) => type)
    expect(types.slice(-3)).toEqual(['path.found', 'path.blocked', 'path.added'])
  })

  test('and that a dead engine left so is not held back in the next run', async () => {
    const rig = await Rig.open({ checked: false })
    const made = rig.makePath(A)
    void rig.mp.addPath(made.device, { blocked: true })
    await rig.settle()
    const held = rig.rows().findIndex(({ type }) => type === 'path.blocked')
    const next = await Rig.open({ rows: rig.rows().slice(0, held + 1) })
    const a = await next.add(A)
    expect(a.path.state.device).toBe('running')
  })
})

test('the control socket takes a device through its states, each with who asked and why', async () => {
  const rig = await Rig.open()
  const a = await rig.add(A)
  await rig.add(B)
  const ask = controlHandler(rig.mp)
  const verbs = [
    ['pathBlock', 'blocked'],
    ['pathUnblock', 'running'],
    ['pathQuiesce', 'quiesced'],
    ['pathResume', 'running'],
    ['pathOffline', 'offline'],
    ['pathOnline', 'running'],
    ['pathTransportOffline', 'transportOffline'],
    ['pathOnline', 'running'],
    ['pathRemove', 'deleted'],
  ] as const
  for (const [verb, device] of verbs) {
    const said = { verb, path: A, reason: `try ${verb}` }
    expect(ask(said, 'operator:7')).toMatchObject({ hctl: A, state: { device } })
    expect(rig.rows(undefined, A).at(-1)?.type).toMatch(/^path\./)
  }
  await rig.settle()
  const rows = rig.rows(undefined, A).filter(({ actor }) => actor === 'operator:7')
  expect(rows.map(({ reason }) => reason)).toEqual(verbs.map(([verb]) => `try ${verb}`))
  expect(() => ask({ verb: 'pathBlock', path: A }, 'operator:7')).toThrow(/no path/)
  expect(() => ask({ verb: 'pathRemove', path: B, reason: 'x'.repeat(600) }, 'operator:7')).toThrow(/ledger/)
  expect(rig.mp.path(B).usable).toBe(true)
  expect(a.inFlight).toBe(0)
})
