// The path checker: what it reads, how often, and what it believes. And the operator, whose word wins over it.
import { describe, expect, test } from 'vitest'
import { BLOCK, bytesOf, Rig, type RigPath } from './rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'
const MIB = 1024 * 1024
const ONLINE = { device: 'running', access: 'optimal', health: 'online', admin: 'enabled' }

/** Two paths of which the first has failed. */
async function openFailed(settings = {}): Promise<{ rig: Rig; a: RigPath; b: RigPath }> {
  const rig = await Rig.open(settings)
  const a = await rig.add(A)
  const b = await rig.add(B)
  a.fail()
  await rig.write(0, bytesOf(1))
  expect(a.path.state.health).toBe('failed')
  return { rig, a, b }
}

describe('a failed path', () => {
  test('is probed at doubling intervals up to maxMs, each armed and fired on the ledger', async () => {
    const { rig, a } = await openFailed({ checker: { minMs: 1_000, maxMs: 8_000 } })
    const failedUs = rig.rows('path.failed')[0]!.monoUs
    await rig.pass(40_000)
    const firedMs = rig.rows('path.timerFired').map(({ monoUs }) => Math.round((monoUs - failedUs) / 1000))
    expect(firedMs).toEqual([1_000, 3_000, 7_000, 15_000, 23_000, 31_000, 39_000])
    const due = rig.events('path.timerFired').map(({ dueUs }) => dueUs)
    expect(due).toEqual(rig.rows('path.timerFired').map(({ monoUs }) => monoUs))
    const armed = rig.rows('path.failed', A).concat(rig.rows('path.probeFailed', A)).map(timerOf)
    expect(armed.slice(0, due.length), 'a deadline is on the ledger before it fires').toEqual(due)
    expect(a.path.state.health).toBe('failed')
  })

  test('that answers is reinstated, and the interval begins anew with the next failure', async () => {
    const { rig, a } = await openFailed({ checker: { minMs: 1_000, maxMs: 60_000 } })
    await rig.pass(20_000)
    a.heal()
    await rig.pass(20_000)
    expect(a.path.state).toEqual(ONLINE)
    expect(a.path.failure).toBeNull()
    const before = a.ios.length
    await rig.write(0, bytesOf(2))
    expect(a.ios.length).toBe(before + 1)
    a.fail()
    await rig.write(0, bytesOf(3))
    const [, again] = rig.rows('path.failed')
    expect(timerOf(again!)).toBe(again!.monoUs + 1_000_000)
  })

  test('is read at its start, its middle and its end before it is believed', async () => {
    const { rig, a } = await openFailed()
    a.heal()
    const before = a.probes.length
    await rig.pass(1_500)
    expect(a.probes.slice(before).map(({ offset }) => offset)).toEqual([0, MIB / 2, MIB - 4096])
    expect(rig.events('path.probeSucceeded')).toEqual([{ reads: 3 }])
  })

  test('whose end alone cannot be read is not reinstated: a truncated file reads well at its start', async () => {
    const { rig, a } = await openFailed()
    a.fail({ op: 'read', range: { offset: MIB - 512, length: 512 } })
    await rig.pass(10_000)
    expect(a.path.state.health).toBe('failed')
    expect(rig.events('path.probeFailed').at(-1)).toMatchObject({
      errno: 'EIO',
      detail: expect.stringContaining(String(MIB - 4096)) as unknown,
    })
    a.heal()
    await rig.pass(30_000)
    expect(a.path.state).toEqual(ONLINE)
  })

  test('that says it is another LUN now is not reinstated, however well it reads', async () => {
    const { rig, a } = await openFailed()
    a.heal()
    a.memory.setIdentity('naa.60014050000000000000000000001bad')
    await rig.pass(60_000)
    expect(a.path.state.health).toBe('failed')
    expect(rig.events('path.probeFailed').at(-1)).toMatchObject({
      errno: null,
      detail: expect.stringContaining('says naa.60014050000000000000000000001bad now') as unknown,
    })
    const before = a.ios.length
    await rig.write(0, bytesOf(2))
    expect(a.ios.length, 'no I/O goes down it').toBe(before)
    a.memory.setIdentity(rig.lun.wwid)
    await rig.pass(60_000)
    expect(a.path.state).toEqual(ONLINE)
  })

  test('that is smaller now is not reinstated; one that has grown is, for all that its head has is still there', async () => {
    const { rig, a } = await openFailed()
    a.heal()
    const sizeBytes = rig.lun.medium.length
    a.memory.resize(sizeBytes / 2)
    await rig.pass(30_000)
    expect(a.path.state.health).toBe('failed')
    a.memory.resize(2 * sizeBytes)
    await rig.pass(30_000)
    expect(a.path.state.health).toBe('online')
    expect(rig.head.sizeBytes).toBe(sizeBytes)
  })

  test('an error that the target itself reports answers for the path: it was reached', async () => {
    const { rig, a } = await openFailed()
    a.fail({ status: 'MEDIUM', op: 'read' })
    await rig.pass(1_500)
    expect(a.path.state).toEqual(ONLINE)
  })

  test('that is hung is probed again and again with one read at the most, and heals when it is let go', async () => {
    const { rig, a } = await openFailed({ probeTimeoutMs: 2_000 })
    a.heal()
    a.hang.enable()
    await rig.pass(120_000)
    expect(a.path.state.health).toBe('failed')
    expect(a.hang.held).toBe(1)
    const [first, second] = rig.events('path.probeFailed')
    expect(first).toMatchObject({ errno: 'ETIMEDOUT', detail: 'no answer within 2000 ms' })
    expect(second?.['detail']).toContain('has not answered yet')
    a.hang.disable()
    await rig.pass(30_000)
    expect(a.path.state).toEqual(ONLINE)
  })

  test('that is removed is not probed any more', async () => {
    const { rig, a } = await openFailed()
    await rig.drive(a.path.remove())
    const before = a.requests.length
    await rig.pass(120_000)
    expect(a.requests).toHaveLength(before)
    expect(rig.rows('path.timerFired')).toEqual([])
  })
})

describe('a path under suspicion', () => {
  test('whose probe does not answer in time has failed, and what waited for the verdict goes on', async () => {
    const rig = await Rig.open({ probeTimeoutMs: 2_000, noPathRetry: 'queue' })
    const a = await rig.add(A)
    const b = await rig.add(B)
    a.fail({ count: 1 })
    a.hang.enable({ op: 'read' })
    const startUs = rig.clock.monoUs()
    await rig.write(0, bytesOf(1))
    expect((rig.clock.monoUs() - startUs) / 1_000_000).toBeCloseTo(2, 1)
    expect(rig.events('path.failed')).toEqual([
      expect.objectContaining({ verdict: 'probeTimeout', detail: 'no answer within 2000 ms' }),
    ])
    expect(b.ios).toHaveLength(1)
    a.hang.disable()
  })

  test('a full pool does not keep it from being probed', async () => {
    const rig = await Rig.open({ poolBytes: MIB, noPathRetry: 'queue', requeueBytesMax: 64 * MIB })
    const a = await rig.add(A)
    a.fail()
    const writes = Array.from({ length: 300 }, (_, at) =>
      rig.head.write({ offset: at * BLOCK, data: bytesOf(at) }),
    )
    await rig.pass(5_000)
    expect(a.path.state.health).toBe('failed')
    a.heal()
    await rig.pass(21_000)
    expect(a.path.state).toEqual(ONLINE)
    await rig.drive(Promise.all(writes))
  })
})

describe('the operator', () => {
  test('who pulled a path wins over the checker: it heals, and no I/O goes down it until he says so', async () => {
    const { rig, a, b } = await openFailed()
    a.path.fail({ actor: 'operator:0', reason: 'replacing the cable' })
    a.heal()
    await rig.pass(60_000)
    expect(a.path.state).toEqual({ ...ONLINE, admin: 'disabled' })
    expect(a.path.usable).toBe(false)
    const before = a.ios.length
    await rig.write(0, bytesOf(2))
    expect(a.ios).toHaveLength(before)
    a.path.reinstate({ actor: 'operator:0', reason: 'cable replaced' })
    b.path.fail()
    await rig.write(0, bytesOf(3))
    expect(a.ios).toHaveLength(before + 1)
  })

  test('who reinstates a path that has failed does not make it healthy', async () => {
    const { rig, a } = await openFailed()
    a.path.fail()
    a.path.reinstate()
    expect(a.path.state).toEqual({ ...ONLINE, health: 'failed' })
    const before = a.ios.length
    await rig.write(0, bytesOf(2))
    expect(a.ios).toHaveLength(before)
  })

  test('whose word outlives the path: one that was pulled comes back pulled', async () => {
    const rig = await Rig.open()
    const a = await rig.add(A)
    const b = await rig.add(B)
    a.path.fail()
    await rig.drive(a.path.remove())
    const back = await rig.add(A)
    expect(back.path.state).toEqual({ ...ONLINE, admin: 'disabled' })
    await rig.write(0, bytesOf(1))
    expect([back.ios.length, b.ios.length]).toEqual([0, 1])
  })

  test('who pulls the last path lets I/O wait or fail by noPathRetry, and wakes it by putting it back', async () => {
    const rig = await Rig.open({ noPathRetry: 'queue' })
    const a = await rig.add(A)
    a.path.fail()
    const writing = rig.head.write({ offset: 0, data: bytesOf(1) })
    await rig.pass(60_000)
    expect(rig.head.queued.bios).toBe(1)
    a.path.reinstate()
    await rig.drive(writing)
    expect(a.ios).toHaveLength(1)
  })

  test('who pulls a path under I/O: what is in flight on it still ends there', async () => {
    const rig = await Rig.open()
    const a = await rig.add(A)
    const b = await rig.add(B)
    const writing = rig.head.write({ offset: 0, data: bytesOf(1) })
    await rig.settle()
    a.path.fail()
    await rig.drive(writing)
    expect([a.ios.length, b.ios.length]).toEqual([1, 0])
  })
})

function timerOf({ decision }: { decision: string }): number | undefined {
  const { context } = JSON.parse(decision) as { context?: { timers?: Record<string, number> } }
  return context?.timers?.['probe']
}
