// What a subscriber sees, how many rows a storm makes, and what two engines in one process have in common: nothing.
import { describe, expect, test } from 'vitest'
import type { LiveEvent } from '../../engine/ledger/recorder.ts'
import { redecide } from '../../store/state/fold.ts'
import { memoryReader } from '../../store/write/memory-store.ts'
import { BLOCK, bytesOf, Rig } from './rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'

/** A run with a bit of everything in it. */
async function eventful(rig: Rig): Promise<void> {
  const a = await rig.add(A)
  const b = await rig.add(B, { access: 'active' })
  rig.head.setIoPolicy('round-robin')
  a.fail()
  await rig.write(0, bytesOf(1))
  a.heal()
  await rig.pass(2_000)
  b.path.fail({ actor: 'operator:0', reason: 'why not' })
  a.path.block()
  const waiting = rig.head.read({ offset: 0, length: BLOCK })
  await rig.pass(10)
  a.path.unblock()
  await rig.drive(waiting)
  b.path.setAccessState('optimal', { preferred: true })
  b.path.reinstate()
  for (const path of [a, b]) path.fail({ op: 'read', range: { offset: BLOCK, length: 1 } })
  await rig.errorOf(rig.head.read({ offset: BLOCK, length: BLOCK }))
  await rig.drive(a.path.remove())
  await rig.add(A)
  await rig.drive(rig.mp.addPath(rig.makePath(A).device).catch(() => undefined))
  await rig.pass(1_100)
}

describe('a subscriber', () => {
  test('sees every event once, in order, when it is durable, with the state that replaying it gives', async () => {
    const rig = await Rig.open({ noPathRetry: 'queue' })
    const seen: LiveEvent[] = []
    rig.mp.subscribe((live) => {
      // What it is told is on the ledger already.
      expect(rig.rows().some(({ position }) => position === live.event.position)).toBe(true)
      seen.push(live)
    })
    await eventful(rig)
    await rig.end()
    expect(seen.length).toBeGreaterThan(30)
    expect(seen.map(({ event }) => event)).toEqual(rig.rows().slice(rig.rowsBefore))
    const reader = memoryReader(rig.rows())
    for (const { event, state } of seen) {
      const { streams } = redecide(reader, { toPosition: event.position })
      expect(streams[event.stream], `position ${event.position}`).toMatchObject({
        value: state.value,
        context: state.context,
      })
    }
  })

  test('that has left hears nothing more, and one that comes later hears what comes later', async () => {
    const rig = await Rig.open()
    const early: string[] = []
    const leave = rig.mp.subscribe(({ event }) => void early.push(event.type))
    await rig.add(A)
    leave()
    const late: string[] = []
    rig.mp.subscribe(({ event }) => void late.push(event.type))
    rig.head.setIoPolicy('queue-depth')
    await rig.settle()
    expect(early).not.toContain('head.iopolicyChanged')
    expect(late).toEqual(['head.iopolicyChanged'])
  })
})

describe('a storm', () => {
  const LIMIT = 50
  const STORM = 1_000
  const settings = { errorRowsPerMinute: LIMIT, failThreshold: 1_000_000, sampleMs: 60_000 }
  const send = async (rig: Rig, io: () => Promise<unknown>): Promise<void> => {
    for (let turn = 0; turn < STORM; turn += 1) await rig.drive(io().catch(() => undefined))
  }

  test('of errors that a path is cleared of makes a bounded number of rows a minute, and is counted', async () => {
    const rig = await Rig.open(settings)
    const a = await rig.add(A)
    await rig.add(B)
    a.fail({ op: 'write' })
    const before = rig.position
    await send(rig, () => rig.head.write({ offset: 0, data: bytesOf(1) }))
    expect(rig.rows('path.suspected')).toHaveLength(LIMIT)
    expect(rig.rows('path.cleared')).toHaveLength(LIMIT)
    expect(rig.position - before).toBe(2 * LIMIT)
    expect(a.path.counters.errors).toBe(STORM)
    expect(rig.head.counters).toMatchObject({ writes: STORM, resent: STORM, callerErrors: 0 })
    // The next minute has room again.
    await rig.pass(61_000)
    await rig.write(0, bytesOf(1))
    expect(rig.rows('path.suspected')).toHaveLength(LIMIT + 1)
  })

  test('of reads of a bad block, through every path', async () => {
    const rig = await Rig.open(settings)
    for (const hctl of [A, B]) (await rig.add(hctl)).fail({ op: 'read', range: { offset: 0, length: 1 } })
    const before = rig.position
    await send(rig, () => rig.head.read({ offset: 0, length: BLOCK }))
    expect(rig.rows('lun.bioPoisoned')).toHaveLength(LIMIT)
    expect(rig.position - before).toBeLessThanOrEqual(LIMIT + 2 * 2 * LIMIT)
    expect(rig.head.counters.callerErrors).toBe(STORM)
  })

  test('of errors that the target reports', async () => {
    const rig = await Rig.open(settings)
    const a = await rig.add(A)
    a.fail({ op: 'read', status: 'MEDIUM' })
    const before = rig.position
    await send(rig, () => rig.head.read({ offset: 0, length: BLOCK }))
    expect(rig.rows('lun.ioFailed')).toHaveLength(LIMIT)
    expect(rig.position - before).toBe(LIMIT)
  })

  test('of flushes that fail', async () => {
    const rig = await Rig.open(settings)
    const a = await rig.add(A)
    a.fail({ op: 'flush' })
    const before = rig.position
    await send(rig, () => rig.head.flush())
    expect(rig.rows('lun.flushFailed')).toHaveLength(LIMIT)
    expect(rig.position - before).toBeLessThanOrEqual(3 * LIMIT)
    expect(rig.head.counters).toMatchObject({ flushes: 0, callerErrors: STORM })
  })

  test('of I/O without a path, and of a busy one, makes no rows at all', async () => {
    const rig = await Rig.open({ ...settings, resourceRetriesMax: 2 })
    const a = await rig.add(A)
    a.fail({ errno: 'EAGAIN' })
    const before = rig.position
    await send(rig, () => rig.head.read({ offset: 0, length: BLOCK }))
    expect(rig.position).toBe(before)
    a.path.fail()
    await rig.settle()
    const pulled = rig.position
    await send(rig, () => rig.head.read({ offset: 0, length: BLOCK }))
    expect(rig.position).toBe(pulled)
    expect(rig.head.counters).toMatchObject({ callerErrors: 2 * STORM, failedNoPath: STORM })
  })

  test('of failures and recoveries is bounded by the checker’s interval', async () => {
    const rig = await Rig.open({ noPathRetry: 'queue', sampleMs: 600_000 })
    const a = await rig.add(A)
    const startUs = rig.clock.monoUs()
    const before = rig.position
    while (rig.clock.monoUs() - startUs < 60_000_000) {
      a.fail()
      const writing = rig.head.write({ offset: 0, data: bytesOf(1) })
      await rig.pass(500)
      a.heal()
      await rig.drive(writing)
    }
    expect(rig.rows('path.failed').length).toBeGreaterThan(30)
    expect(rig.position - before).toBeLessThan(1_000)
  })
})

describe('two engines in one process', () => {
  test('share nothing: each does what it does alone, to the byte', async () => {
    const alone = await Rig.open({ noPathRetry: 'queue' })
    await eventful(alone)
    await alone.end()
    const [one, two] = await Promise.all([
      Rig.open({ noPathRetry: 'queue' }),
      Rig.open({ noPathRetry: 'queue' }),
    ])
    await Promise.all([eventful(one), eventful(two)])
    await Promise.all([one.end(), two.end()])
    expect(one.rows()).toEqual(alone.rows())
    expect(two.rows()).toEqual(alone.rows())
  })

  test('one that breaks does not touch the other', async () => {
    const [one, two] = [await Rig.open(), await Rig.open()]
    const a = await one.add(A)
    await two.add(A)
    a.fail({ errno: 'EINVAL' })
    await one.errorOf(one.head.read({ offset: 0, length: BLOCK }))
    expect([one.mp.broken?.code, two.mp.broken]).toEqual(['BACKEND_MISUSED', null])
    await two.write(0, bytesOf(1))
    expect(await two.read(0)).toEqual(bytesOf(1))
    expect(one.lun.medium.every((byte) => byte === 0)).toBe(true)
  })
})
