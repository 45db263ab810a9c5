// Section D of the specification, "Submission and selection": D-14 to D-24.
import { describe, expect, test } from 'vitest'
import { wrapPath } from '../../adapters/filters/wrap.ts'
import type { PathDevice } from '../../adapters/ports.ts'
import { MACHINES } from '../../machines/registry.ts'
import { isAvailable, isDisabled, isOptimized } from '../../machines/predicates.ts'
import { ACCESS_STATES, IO_POLICIES, type PathValue } from '../../machines/words.ts'
import { BLOCK, bytesOf, Rig, type RigPath } from '../engine/rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'
const C = '10:0:0:0'
const KIB = 1024
const HEALTHY: PathValue = { device: 'running', access: 'optimal', health: 'online', admin: 'enabled' }

/** Ways to take a path out of use, without removing it. */
const DISABLING: readonly (readonly [string, (rig: Rig, path: RigPath) => Promise<void> | void])[] = [
  ['blocked', (_rig, { path }) => path.block()],
  ['in standby', (_rig, { path }) => path.setAccessState('standby')],
  ['unavailable', (_rig, { path }) => path.setAccessState('unavailable')],
  ['transitioning', (_rig, { path }) => path.setAccessState('transitioning')],
  ['pulled by the operator', (_rig, { path }) => path.fail()],
  [
    'failed',
    async (rig, path) => {
      path.fail()
      await rig.write(0, bytesOf(1))
      await rig.write(0, bytesOf(1))
      expect(path.path.state.health).toBe('failed')
    },
  ],
]

test('D-14: an attempt that cannot be made ends its I/O with an error, exactly once', async () => {
  const rig = await Rig.open({ checked: false })
  const wrap = (device: PathDevice) =>
    wrapPath(device, () => {
      throw new Error('no memory for a request')
    })
  const a = await rig.add(A, { wrap })
  let ended = 0
  const writing = rig.head.write({ offset: 0, data: bytesOf(1) }).finally(() => void (ended += 1))
  const error = await rig.errorOf(writing)
  expect(error.message).toContain('no memory for a request')
  await rig.drive(rig.mp.close())
  expect([ended, a.requests.length]).toEqual([1, 0])
})

test('D-15: momentary pressure on memory fails no I/O: it waits its turn', async () => {
  const rig = await Rig.open({ poolBytes: KIB * KIB })
  const a = await rig.add(A, { latencyUs: 10_000 })
  const writes = Array.from({ length: 1_000 }, (_, at) =>
    rig.head.write({ offset: at * BLOCK, data: bytesOf(at) }),
  )
  await rig.settle()
  expect(a.inFlight).toBeLessThan(300)
  await rig.drive(Promise.all(writes))
  for (let at = 0; at < 1_000; at += 1) {
    expect(rig.lun.medium.subarray(at * BLOCK, (at + 1) * BLOCK)).toEqual(bytesOf(at))
  }
})

test('D-16: memory of an attempt that hangs is nobody else’s before it has ended', async () => {
  const rig = await Rig.open({ poolBytes: KIB * KIB, attemptTimeoutMs: 1_000 })
  rig.lun.medium.fill(0xaa, 512 * KIB, 768 * KIB)
  const a = await rig.add(A)
  const b = await rig.add(B)
  a.hang.enable()
  const read = rig.head.read({ offset: 512 * KIB, length: 256 * KIB })
  await rig.pass(4_000)
  expect(await rig.drive(read)).toEqual(new Uint8Array(256 * KIB).fill(0xaa))
  expect([a.hang.held > 0, a.path.state.health, b.ios.length]).toEqual([true, 'failed', 1])
  // All memory there is carries writes when the late read gets its bytes.
  b.delay.enable({ delayUs: 50_000 })
  const writes = Array.from({ length: 60 }, (_, at) =>
    rig.head.write({ offset: at * 8 * KIB, data: bytesOf(at, 8 * KIB) }),
  )
  await rig.pass(10)
  a.hang.disable()
  await rig.drive(Promise.all(writes))
  for (let at = 0; at < 60; at += 1) {
    expect(rig.lun.medium.subarray(at * 8 * KIB, (at + 1) * 8 * KIB), `write ${at}`).toEqual(
      bytesOf(at, 8 * KIB),
    )
  }
})

describe('a path that is gone', () => {
  test.each(IO_POLICIES)('D-17: is never chosen under %s, though it was cached', async (iopolicy) => {
    const rig = await Rig.open({ iopolicy, numaNodes: 2 })
    const paths = [await rig.add(A), await rig.add(B), await rig.add(C)]
    for (const node of [0, 1, 0, 1]) await rig.read(0, BLOCK, node)
    for (const gone of paths.slice(0, 2)) {
      const before = gone.ios.length
      const removing = gone.path.remove()
      for (const node of [0, 1, 0, 1]) await rig.read(0, BLOCK, node)
      expect(gone.ios).toHaveLength(before)
      await rig.drive(removing)
    }
    expect(rig.head.counters).toMatchObject({ reads: 12, callerErrors: 0 })
  })

  test.each(IO_POLICIES)('D-17: is not chosen under %s where it was the only one', async (iopolicy) => {
    const rig = await Rig.open({ iopolicy, delayedRemovalMs: 60_000 })
    const a = await rig.add(A)
    await rig.read(0)
    await rig.drive(a.path.remove())
    const reading = rig.head.read({ offset: 0, length: BLOCK })
    await rig.pass(1_000)
    expect(a.ios).toHaveLength(1)
    const b = await rig.add(B)
    await rig.drive(reading)
    expect(b.ios).toHaveLength(1)
  })
})

describe('a path that is not usable', () => {
  const cases = IO_POLICIES.flatMap((policy) => DISABLING.map(([what, act]) => [policy, what, act] as const))

  test.each(cases)(
    'D-18: is left at once under %s when it is %s, though it is cached',
    async (iopolicy, _what, act) => {
      const rig = await Rig.open({ iopolicy })
      const a = await rig.add(A)
      const b = await rig.add(B)
      await rig.read(0)
      await rig.read(0)
      expect(a.ios.length).toBeGreaterThan(0)
      await act(rig, a)
      const before = [a.ios.length, b.ios.length]
      for (let turn = 0; turn < 4; turn += 1) await rig.read(0)
      expect([a.ios.length, b.ios.length]).toEqual([before[0], before[1]! + 4])
    },
  )

  test.each(DISABLING.slice(0, 5))(
    'D-19: alone under round-robin gets no I/O when it is %s',
    async (_what, act) => {
      const rig = await Rig.open({ iopolicy: 'round-robin', noPathRetry: 'queue' })
      const a = await rig.add(A)
      await rig.read(0)
      await act(rig, a)
      const reading = rig.head.read({ offset: 0, length: BLOCK })
      reading.catch(() => undefined)
      await rig.pass(1_000)
      expect(a.ios).toHaveLength(1)
      if (a.path.state.device === 'blocked') a.path.unblock()
      if (a.path.state.admin === 'disabled') a.path.reinstate()
      a.path.setAccessState('optimal')
      await rig.drive(reading)
      expect(a.ios).toHaveLength(2)
    },
  )
})

test('D-20: what selection does and what is said of a path agree in every access state; preferred is masked', async () => {
  const rig = await Rig.open({ noPathRetry: 'queue' })
  const a = await rig.add(A)
  for (const access of ACCESS_STATES) {
    for (const preferred of [true, false]) {
      a.path.setAccessState(access, { preferred })
      const usable = access === 'optimal' || access === 'active'
      expect([a.path.usable, a.path.preferred, a.path.state.access]).toEqual([usable, preferred, access])
      expect(isDisabled(a.path.state)).toBe(!usable)
      expect(isOptimized(a.path.state)).toBe(access === 'optimal')
      const before = a.ios.length
      const reading = rig.head.read({ offset: 0, length: BLOCK })
      await rig.pass(1)
      expect(a.ios.length - before, `${access}, preferred ${preferred}`).toBe(usable ? 1 : 0)
      a.path.setAccessState('optimal')
      await rig.drive(reading)
    }
  }
})

describe('no usable path', () => {
  test('D-21: I/O waits while some path may come back by itself, and fails when none can', async () => {
    const rig = await Rig.open({ noPathRetry: 'fail' })
    const [a, b] = [await rig.add(A), await rig.add(B)]
    a.path.setAccessState('standby')
    b.path.fail()
    let ended = ''
    const reading = rig.head.read({ offset: 0, length: BLOCK }).then(
      () => void (ended = 'ok'),
      (error: unknown) => void (ended = (error as { code: string }).code),
    )
    await rig.pass(3_600_000)
    expect(ended, 'a path in standby may come back').toBe('')
    a.path.fail()
    await rig.drive(reading)
    expect(ended, 'now none may').toBe('NO_PATH')
    expect((await rig.errorOf(rig.head.read({ offset: 0, length: BLOCK }))).code).toBe('NO_PATH')
  })

  test('D-22: a path that is not fully created keeps no I/O waiting', () => {
    for (const device of ['created', 'createdBlocked'] as const) {
      const path = { ...HEALTHY, device }
      expect([isDisabled(path), isAvailable(path)]).toEqual([true, false])
    }
    // A head whose only path is such a one fails I/O instead of queueing it.
    const { head } = MACHINES
    const facts = { wwid: 'naa.6', name: 'sda', index: 0, iopolicy: 'numa', noPathRetry: 'fail' }
    const sizes = { checkIntervalUs: 1, delayedRemovalUs: 0, sizeBytes: BLOCK, logicalBlockBytes: BLOCK }
    const created = head.decide(head.initial(), {
      type: 'head.created',
      atUs: 0,
      data: { ...facts, ...sizes },
    })
    const live = head.decide(created.state, { type: 'head.published', atUs: 1, data: {} })
    const counts = { paths: 1, usable: 0, optimized: 0, available: 0 }
    const { state } = head.decide(live.state, { type: 'head.pathsChanged', atUs: 2, data: counts })
    expect(state.value).toMatchObject({ service: 'failing' })
  })
})

test('D-23: no path is there without its counters and its device', async () => {
  const rig = await Rig.open()
  await rig.add(B)
  for (const none of [undefined, null, {}, { hctl: A }]) {
    await expect(rig.mp.addPath(none as unknown as PathDevice)).rejects.toThrow()
  }
  expect(rig.head.paths.map(({ hctl }) => hctl)).toEqual([B])
  const made = rig.makePath(A)
  const adding = rig.mp.addPath(made.device)
  const path = await rig.drive(adding)
  expect(path.counters).toEqual({
    ...{ reads: 0, writes: 0, flushes: 0, readBytes: 0, writeBytes: 0, errors: 0, resent: 0 },
    ...Object.fromEntries(Object.keys(path.counters).map((key) => [key, 0])),
  })
  expect([path.inFlight, path.queueDepth]).toEqual([0, 0])
})

describe('a change of policy', () => {
  test('D-24: counts for the next I/O and clears every cache', async () => {
    const rig = await Rig.open({ numaNodes: 2 })
    const [a, b] = [await rig.add(A), await rig.add(B)]
    for (const node of [0, 1]) await rig.read(0, BLOCK, node)
    expect([a.path.numaNodes, b.path.numaNodes]).toEqual([[0, 1], []])
    rig.head.setIoPolicy('round-robin')
    expect([a.path.numaNodes, b.path.numaNodes]).toEqual([[], []])
    for (let turn = 0; turn < 4; turn += 1) await rig.read(0)
    expect([a.ios.length, b.ios.length]).toEqual([4, 2])
    await rig.settle()
    expect(rig.events('head.iopolicyChanged')).toEqual([{ to: 'round-robin' }])
  })

  test('D-24: wakes parked I/O', async () => {
    const rig = await Rig.open({ noPathRetry: 'queue' })
    const a = await rig.add(A)
    a.path.fail()
    const reading = rig.head.read({ offset: 0, length: BLOCK })
    await rig.settle()
    const { requeued } = rig.head.counters
    rig.head.setIoPolicy('queue-depth')
    await rig.settle()
    expect(rig.head.counters.requeued, 'it looked for a path again').toBe(requeued + 1)
    a.path.reinstate()
    await rig.drive(reading)
  })

  test('D-24: is safe against another one at the same time: the last one holds, each is told once', async () => {
    const rig = await Rig.open()
    await rig.add(A)
    const reads = Array.from({ length: 50 }, (_, at) => {
      rig.head.setIoPolicy(IO_POLICIES[at % 3] ?? 'numa')
      return rig.head.read({ offset: 0, length: BLOCK })
    })
    await rig.drive(Promise.all(reads))
    expect(rig.head.ioPolicy).toBe(IO_POLICIES[49 % 3])
    expect(rig.rows('head.iopolicyChanged')).toHaveLength(49)
    expect(rig.head.counters.reads).toBe(50)
  })

  test('D-24: starts no work that outlives the head', async () => {
    const rig = await Rig.open({ noPathRetry: 'queue' })
    const a = await rig.add(A)
    const { head } = rig
    a.path.fail()
    const codes: string[] = []
    const reads = Array.from({ length: 5 }, () =>
      head
        .read({ offset: 0, length: BLOCK })
        .catch((error: unknown) => codes.push((error as { code: string }).code)),
    )
    head.setIoPolicy('round-robin')
    const removing = a.path.remove()
    await rig.drive(Promise.all([...reads, removing]))
    expect(codes).toEqual(Array.from({ length: 5 }, () => 'HEAD_REMOVED'))
    expect(rig.mp.broken).toBeNull()
  })
})
