// The last path goes and nothing returns: the head is there and holds I/O until its time is over, not before.
import { expect, test } from 'vitest'
import { bytesOf, Rig } from '../engine/rig.ts'
import { expectExplained } from '../explained.ts'

const A = '8:0:0:0'

const settle = (promise: Promise<unknown>) => {
  const seen = { state: 'pending' }
  promise.then(
    () => void (seen.state = 'ok'),
    (error: unknown) => void (seen.state = (error as { code: string }).code),
  )
  return seen
}

test('scenario 14: with a delay of 5 s the write fails at expiry and not before, and the head goes with it', async () => {
  const rig = await Rig.open({ delayedRemovalMs: 5_000 })
  const a = await rig.add(A)
  const head = rig.head
  await rig.drive(a.path.remove())
  const removedUs = rig.clock.monoUs()
  const write = settle(head.write({ offset: 0, data: bytesOf(1) }))
  await rig.clock.drain(removedUs + 5_000_000 - 1)
  expect([write.state, head.state.life, rig.mp.heads.length]).toEqual(['pending', 'removalPending', 1])
  await rig.clock.drain(removedUs + 5_000_000)
  expect([write.state, head.state.life, rig.mp.heads]).toEqual(['HEAD_REMOVED', 'removed', []])
  // Armed and fired, with its deadline, are on the ledger.
  const [fired] = rig.rows('head.timerFired')
  expect(JSON.parse(fired!.data)).toEqual({ timer: 'removal', dueUs: removedUs + 5_000_000 })
  const armed = rig.rows('head.pathsChanged').filter(({ decision }) => decision.includes('startTimer'))
  expect(armed.map(({ decision }) => decision)).toEqual([
    expect.stringContaining(`"removal":${removedUs + 5_000_000}`),
  ])
  const stream = `head/${rig.lun.wwid}`
  // From the head that is gone over the time that ran out to who took its last path away.
  const [removed] = rig.rows('path.removed', A)
  const root = { kind: 'operator', timer: 'removal', path: A, position: removed!.position } as const
  const { chain } = expectExplained(rig.memory, { stream }, root)
  expect(chain.map(({ position }) => position)).toContain(fired!.position)
  expectExplained(rig.memory, { stream: `path/${rig.lun.wwid}/${A}` }, { kind: 'operator', path: A })
})

test('scenario 15: a path that comes back after 1 s takes the same write; the timer is cancelled, the head kept', async () => {
  const rig = await Rig.open({ delayedRemovalMs: 5_000 })
  const a = await rig.add(A)
  const head = rig.head
  await rig.drive(a.path.remove())
  const write = settle(head.write({ offset: 0, data: bytesOf(1) }))
  await rig.pass(1_000)
  expect(write.state).toBe('pending')
  const root = { kind: 'operator', path: A, timer: null } as const
  expectExplained(rig.memory, { stream: `head/${rig.lun.wwid}` }, root)
  const back = await rig.add(A)
  await rig.settle()
  await rig.pass(10)
  expect(write.state).toBe('ok')
  expect(back.path.name).toBe('sda:0')
  await rig.pass(60_000)
  expect(rig.mp.heads).toEqual([head])
  expect(head.state).toEqual({ life: 'live', service: 'serving' })
  expect(rig.rows('head.timerFired')).toEqual([])
  expect(rig.rows().filter(({ decision }) => decision.includes('cancelTimer'))).toHaveLength(1)
})

test('scenario 28: what is held of a head that was removed gives a clean error, whatever is asked of it', async () => {
  const rig = await Rig.open()
  const a = await rig.add(A)
  const head = rig.head
  await rig.write(0, bytesOf(1))
  const { path } = a
  await rig.drive(path.remove())
  const calls: Readonly<Record<string, () => Promise<unknown>>> = {
    read: () => head.read({ offset: 0, length: 512 }),
    write: () => head.write({ offset: 0, data: bytesOf(2) }),
    flush: () => head.flush(),
    discard: () => head.discard({ offset: 0, length: 512 }),
    writeZeroes: () => head.writeZeroes({ offset: 0, length: 512 }),
    drain: async () => head.drain(),
    setIoPolicy: async () => head.setIoPolicy('round-robin'),
    setNoPathRetry: async () => head.setNoPathRetry('queue'),
    setDelayedRemoval: async () => head.setDelayedRemoval(1_000),
    rescan: async () => head.rescan(),
  }
  for (const [name, call] of Object.entries(calls)) {
    expect(await rig.errorOf(call()), name).toMatchObject({ code: 'HEAD_REMOVED', errno: 'ENXIO' })
  }
  // What it was can still be read.
  expect([head.name, head.state.life, head.paths, head.counters.writes]).toEqual(['sda', 'removed', [], 1])
  expect([path.state.device, path.counters.writes]).toEqual(['deleted', 1])
  const root = { kind: 'operator', path: A } as const
  expectExplained(rig.memory, { stream: `head/${rig.lun.wwid}` }, root)
  // A new head of the same LUN is another one: the old handle stays dead.
  await rig.add(A)
  expect(await rig.errorOf(head.flush())).toMatchObject({ code: 'HEAD_REMOVED' })
  await rig.drive(rig.head.flush())
})
