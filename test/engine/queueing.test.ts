// I/O that no path takes now: who waits, in what order, for how long, and what bounds it.
import { describe, expect, test } from 'vitest'
import { BLOCK, bytesOf, Rig, testLun, type RigPath } from './rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'
const KIB = 1024

/** A read or write with what became of it: '' while it is open, then 'ok' or the error's code. */
function track(rig: Rig, promise: Promise<unknown>): { readonly end: string; readonly atUs: number } {
  const outcome = { end: '', atUs: 0 }
  const settle = (end: string) => {
    outcome.end = end
    outcome.atUs = rig.clock.monoUs()
  }
  promise.then(
    () => settle('ok'),
    (error: unknown) => settle((error as { code: string }).code),
  )
  return outcome
}

async function failAll(rig: Rig, paths: readonly RigPath[]): Promise<void> {
  for (const path of paths) path.fail()
  const reading = rig.head.read({ offset: 0, length: BLOCK })
  reading.catch(() => undefined)
  await rig.pass(100)
}

describe('noPathRetry', () => {
  test('fail: without a usable path I/O fails at once, and what waited fails with it', async () => {
    const rig = await Rig.open({ noPathRetry: 'fail' })
    const a = await rig.add(A)
    await failAll(rig, [a])
    expect(rig.head.state.service).toBe('failing')
    const startUs = rig.clock.monoUs()
    const error = await rig.errorOf(rig.head.read({ offset: 0, length: BLOCK }))
    expect(error).toMatchObject({ code: 'NO_PATH', errno: 'EIO' })
    expect(error.todo).toContain("noPathRetry: 'queue'")
    expect(rig.clock.monoUs()).toBe(startUs)
    expect(rig.head.counters).toMatchObject({ callerErrors: 2, failedNoPath: 2, requeued: 0 })
  })

  test('queue: I/O waits for as long as it takes, and is done when a path answers', async () => {
    const rig = await Rig.open({ noPathRetry: 'queue' })
    const a = await rig.add(A)
    await failAll(rig, [a])
    const write = track(rig, rig.head.write({ offset: 0, data: bytesOf(1) }))
    await rig.pass(3_600_000)
    expect(write.end).toBe('')
    expect(rig.head.state.service).toBe('queueing')
    expect(rig.head.queued).toEqual({ bios: 2, bytes: 2 * BLOCK })
    a.heal()
    await rig.pass(21_000)
    expect(write.end).toBe('ok')
    expect(rig.lun.medium.subarray(0, BLOCK)).toEqual(bytesOf(1))
    expect(rig.head.queued).toEqual({ bios: 0, bytes: 0 })
    expect(rig.head.state.service).toBe('serving')
  })

  test('a number: so many checks, counted down on the ledger, then I/O fails and later I/O fails at once', async () => {
    const rig = await Rig.open({
      noPathRetry: 3,
      noPathCheckMs: 1_000,
      checker: { minMs: 60_000, maxMs: 60_000 },
    })
    const a = await rig.add(A)
    a.fail()
    const startUs = rig.clock.monoUs()
    const read = track(rig, rig.head.read({ offset: 0, length: BLOCK }))
    await rig.pass(2_900)
    expect(read.end).toBe('')
    await rig.pass(200)
    expect(read.end).toBe('NO_PATH')
    expect((read.atUs - startUs) / 1_000_000).toBeCloseTo(3, 1)
    const left = rig.rows('head.timerFired').map((row) => contextOf(row.decision)['checksLeft'])
    expect(left).toEqual([2, 1, 0])
    expect(rig.head.state.service).toBe('failing')
    const next = track(rig, rig.head.read({ offset: 0, length: BLOCK }))
    await rig.settle()
    expect(next.end).toBe('NO_PATH')
    // A path that comes back starts it all over again.
    a.heal()
    await rig.pass(61_000)
    expect(rig.head.state.service).toBe('serving')
    a.fail()
    const again = track(rig, rig.head.read({ offset: 0, length: BLOCK }))
    await rig.pass(2_500)
    expect(again.end).toBe('')
    await rig.pass(1_000)
    expect(again.end).toBe('NO_PATH')
  })

  test('a path that comes back in time ends the count', async () => {
    const rig = await Rig.open({
      noPathRetry: 5,
      noPathCheckMs: 1_000,
      checker: { minMs: 1_500, maxMs: 1_500 },
    })
    const a = await rig.add(A)
    a.fail()
    const read = track(rig, rig.head.read({ offset: 0, length: BLOCK }))
    await rig.pass(1_200)
    a.heal()
    await rig.pass(500)
    expect(read.end).toBe('ok')
    await rig.pass(10_000)
    expect(rig.rows('head.timerFired')).toHaveLength(1)
  })

  test('switched from queue to fail, what waits fails at once; from fail to queue, the next I/O waits', async () => {
    const rig = await Rig.open({ noPathRetry: 'queue' })
    const a = await rig.add(A)
    await failAll(rig, [a])
    const read = track(rig, rig.head.read({ offset: 0, length: BLOCK }))
    rig.head.setNoPathRetry('fail')
    await rig.settle()
    expect(read.end).toBe('NO_PATH')
    rig.head.setNoPathRetry('queue')
    const next = track(rig, rig.head.read({ offset: 0, length: BLOCK }))
    await rig.pass(100)
    expect(next.end).toBe('')
    expect(rig.head.noPathRetry).toBe('queue')
    a.heal()
    await rig.pass(21_000)
    expect(next.end).toBe('ok')
  })

  test('a path that is only blocked is worth waiting for whatever noPathRetry says, and unblocking wakes', async () => {
    const rig = await Rig.open({ noPathRetry: 'fail' })
    const a = await rig.add(A)
    a.path.block()
    const read = track(rig, rig.head.read({ offset: 0, length: BLOCK }))
    await rig.pass(60_000)
    expect([read.end, rig.head.state.service]).toEqual(['', 'queueing'])
    a.path.unblock()
    await rig.pass(1)
    expect(read.end).toBe('ok')
  })

  test('with a number: what a healthy path has refused does not wait for ever for a failed one', async () => {
    const rig = await Rig.open({ noPathRetry: 3, noPathCheckMs: 1_000 })
    const a = await rig.add(A)
    const b = await rig.add(B)
    b.fail()
    a.path.fail()
    await rig.errorOf(rig.head.read({ offset: 0, length: BLOCK }))
    a.path.reinstate()
    a.fail({ op: 'write' })
    const write = track(rig, rig.head.write({ offset: 0, data: bytesOf(1) }))
    await rig.pass(600_000)
    expect(write.end).not.toBe('')
  })
})

describe('the requeue list', () => {
  test('D-33: what waited goes out in the order in which it was submitted', async () => {
    const rig = await Rig.open({ noPathRetry: 'queue' })
    const a = await rig.add(A)
    a.path.fail()
    const writes = Array.from({ length: 20 }, (_, at) =>
      rig.head.write({ offset: at * BLOCK, data: bytesOf(at) }),
    )
    await rig.settle()
    expect(rig.head.queued.bios).toBe(20)
    a.path.reinstate()
    await rig.drive(Promise.all(writes))
    expect(a.ios.map(({ offset }) => offset / BLOCK)).toEqual(Array.from({ length: 20 }, (_, at) => at))
  })

  test('D-33: also when a dying path gave it back in another order', async () => {
    const rig = await Rig.open({ noPathRetry: 'queue' })
    // The later an I/O was submitted, the earlier this path answers it.
    const latencyUs = ({ offset }: { offset: number }) => 50_000 - (offset / BLOCK) * 1_000
    const a = await rig.add(A, { latencyUs })
    const b = await rig.add(B)
    b.path.fail()
    a.memory.resize(0)
    const writes = Array.from({ length: 10 }, (_, at) =>
      rig.head.write({ offset: at * BLOCK, data: bytesOf(at) }),
    )
    await rig.pass(5_000)
    expect(rig.head.queued.bios).toBe(10)
    b.path.reinstate()
    await rig.drive(Promise.all(writes))
    expect(b.ios.map(({ offset }) => offset / BLOCK)).toEqual(Array.from({ length: 10 }, (_, at) => at))
  })

  test('however long it is, going round costs no stack', async () => {
    const rig = await Rig.open({ noPathRetry: 'queue', poolBytes: 64 * KIB * KIB })
    const a = await rig.add(A)
    a.path.fail()
    const reads = Array.from({ length: 10_000 }, () => rig.head.read({ offset: 0, length: BLOCK }))
    await rig.settle()
    // Woken again and again without a usable path, they are parked again and again.
    for (let turn = 0; turn < 5; turn += 1) {
      rig.head.setIoPolicy(turn % 2 === 0 ? 'round-robin' : 'numa')
      await rig.settle()
      expect(rig.head.queued.bios).toBe(10_000)
    }
    a.path.reinstate()
    await rig.drive(Promise.all(reads))
    expect(rig.head.counters.reads).toBe(10_000)
  })
})

describe('back-pressure', () => {
  test('where the queue is full callers wait in order, and none is lost', async () => {
    const rig = await Rig.open({ noPathRetry: 'queue', requeueBytesMax: 8 * KIB })
    const a = await rig.add(A)
    a.path.fail()
    const order: number[] = []
    const writes = Array.from({ length: 40 }, async (_, at) => {
      await rig.head.write({ offset: at * BLOCK, data: bytesOf(at) })
      order.push(at)
    })
    await rig.settle()
    expect(rig.head.queued).toEqual({ bios: 16, bytes: 8 * KIB })
    a.path.reinstate()
    await rig.drive(Promise.all(writes))
    expect(order).toEqual(Array.from({ length: 40 }, (_, at) => at))
    for (let at = 0; at < 40; at += 1) {
      expect(rig.lun.medium.subarray(at * BLOCK, (at + 1) * BLOCK)).toEqual(bytesOf(at))
    }
  })

  test('where the pool is full callers wait in order, small ones behind large ones', async () => {
    const rig = await Rig.open({ poolBytes: KIB * KIB, bioBytesMax: 256 * KIB })
    const a = await rig.add(A)
    a.hang.enable()
    const order: string[] = []
    const write = async (name: string, bytes: number) => {
      await rig.head.write({ offset: 0, data: bytesOf(1, bytes) })
      order.push(name)
    }
    const all = [
      ...Array.from({ length: 3 }, (_, at) => write(`large ${at}`, 256 * KIB)),
      write('waits for memory', 256 * KIB),
      write('small, and waits behind it', BLOCK),
    ]
    await rig.settle()
    expect(a.hang.held).toBe(3)
    a.hang.disable()
    await rig.drive(Promise.all(all))
    expect(order).toEqual(['large 0', 'large 1', 'large 2', 'waits for memory', 'small, and waits behind it'])
  })

  test('the one caller too many gets QUEUE_FULL, and those before him are served', async () => {
    const rig = await Rig.open({ noPathRetry: 'queue', requeueBytesMax: 4 * KIB, waitersMax: 3 })
    const a = await rig.add(A)
    a.path.fail()
    const writes = Array.from({ length: 11 }, (_, at) =>
      track(rig, rig.head.write({ offset: at * BLOCK, data: bytesOf(at) })),
    )
    const error = await rig.errorOf(rig.head.read({ offset: 0, length: BLOCK }))
    expect(error).toMatchObject({ code: 'QUEUE_FULL', errno: 'EAGAIN' })
    expect(error.message).toContain('sda')
    a.path.reinstate()
    await rig.pass(100)
    expect(writes.map(({ end }) => end)).toEqual(Array.from({ length: 11 }, () => 'ok'))
    await rig.read(0)
  })

  test('the bytes of writes that wait are bounded, and count no more once they went', async () => {
    const rig = await Rig.open({ noPathRetry: 'queue', requeueBytesMax: 4 * KIB, waitersBytesMax: 8 * KIB })
    const a = await rig.add(A)
    for (const round of [1, 2]) {
      a.path.fail()
      const writes = Array.from({ length: 30 }, (_, at) =>
        track(rig, rig.head.write({ offset: at * BLOCK, data: bytesOf(at) })),
      )
      await rig.settle()
      expect(writes.filter(({ end }) => end === 'QUEUE_FULL').length, `round ${round}`).toBe(
        30 - (4 + 8) * (KIB / BLOCK),
      )
      a.path.reinstate()
      await rig.pass(100)
      expect(writes.filter(({ end }) => end === 'ok').length).toBe((4 + 8) * (KIB / BLOCK))
    }
  })

  test('I/O without bytes is bounded as well: no flush or discard too many waits for a path', async () => {
    const rig = await Rig.open({ noPathRetry: 'queue', waitersMax: 10 })
    const a = await rig.add(A)
    a.path.fail()
    const flushes = Array.from({ length: 30 }, () => track(rig, rig.head.flush()))
    const discards = Array.from({ length: 30 }, () =>
      track(rig, rig.head.discard({ offset: 0, length: BLOCK })),
    )
    await rig.settle()
    expect(rig.head.queued).toEqual({ bios: 10, bytes: 0 })
    a.path.reinstate()
    await rig.pass(100)
    const ends = [...flushes, ...discards].map(({ end }) => end)
    expect([
      ends.filter((end) => end === 'ok').length,
      ends.filter((end) => end === 'QUEUE_FULL').length,
    ]).toEqual([10, 50])
  })

  test.each([
    ['the queue is smaller than a bio may be', { requeueBytesMax: 8 * KIB }],
    ['the pool is as large as one bio may be', { poolBytes: KIB * KIB }],
    ['little may wait for ghosts', { heldBytesMax: 8 * KIB }],
    ['little may be in flight on a path', { inFlightBytesMax: 8 * KIB }],
  ])('a large I/O is done also where %s', async (_what, settings) => {
    const rig = await Rig.open({ bioBytesMax: KIB * KIB, ...settings })
    await rig.add(A)
    await rig.add(B)
    await rig.write(0, bytesOf(1, 1024 * KIB))
    expect(await rig.read(0, 1024 * KIB)).toEqual(bytesOf(1, 1024 * KIB))
  })

  test('a block larger than bioBytesMax is a piece of its own', async () => {
    const rig = await Rig.open({ lun: testLun({ logicalBlockBytes: 16 * KIB }), bioBytesMax: 4 * KIB })
    const a = await rig.add(A)
    await rig.write(0, bytesOf(1, 32 * KIB))
    expect(a.ios.map(({ length }) => length)).toEqual([16 * KIB, 16 * KIB])
  })
})

describe('writes that wait for a ghost', () => {
  test('an older write does not wait for a newer one that waits for its ghost', async () => {
    const rig = await Rig.open({ noPathRetry: 'queue', attemptTimeoutMs: 1_000 })
    const a = await rig.add(A, { errorsAreFinal: false })
    a.hang.enable()
    const older = track(rig, rig.head.write({ offset: 0, data: bytesOf(1) }))
    // It is given up after a second, and so is the probe: the path fails, and the write waits for another one.
    await rig.pass(4_000)
    expect([older.end, rig.head.queued.bios, a.path.state.health]).toEqual(['', 1, 'failed'])
    const newer = track(rig, rig.head.write({ offset: 0, data: bytesOf(2) }))
    await rig.pass(1)
    const b = await rig.add(B)
    await rig.pass(1)
    expect([older.end, newer.end], 'its own ghost is no reason to wait').toEqual(['ok', ''])
    expect(b.ios).toHaveLength(1)
    // The late write lands, which proves it over: the newer one comes after it.
    a.hang.release()
    await rig.pass(1)
    expect(newer.end).toBe('ok')
    expect(rig.lun.medium.subarray(0, BLOCK)).toEqual(bytesOf(2))
    a.hang.disable()
  })
})

describe('a head without paths', () => {
  test('with a delay it outlives its last path; one that comes back in time gets what waited', async () => {
    const rig = await Rig.open({ delayedRemovalMs: 5_000 })
    const a = await rig.add(A)
    await rig.drive(a.path.remove())
    expect(rig.head.state).toEqual({ life: 'removalPending', service: 'queueing' })
    const write = track(rig, rig.head.write({ offset: 0, data: bytesOf(1) }))
    await rig.pass(1_000)
    expect(write.end).toBe('')
    const back = await rig.add(A)
    await rig.pass(1)
    expect(write.end).toBe('ok')
    expect(back.ios).toHaveLength(1)
    await rig.pass(10_000)
    expect(rig.head.state).toEqual({ life: 'live', service: 'serving' })
    expect(rig.rows('head.timerFired'), 'the timer was cancelled').toEqual([])
    expect(rig.rows('head.created')).toHaveLength(1)
  })

  test('when none comes back, what waited fails at expiry and not before, and the head is gone', async () => {
    const rig = await Rig.open({ delayedRemovalMs: 5_000 })
    const a = await rig.add(A)
    await rig.drive(a.path.remove())
    const removedUs = rig.clock.monoUs()
    const write = track(rig, rig.head.write({ offset: 0, data: bytesOf(1) }))
    await rig.pass(4_999)
    expect(write.end).toBe('')
    await rig.pass(2)
    expect(write.end).toBe('HEAD_REMOVED')
    expect(write.atUs - removedUs).toBeGreaterThanOrEqual(4_999_000)
    expect(rig.mp.heads).toEqual([])
    expect(rig.events('head.timerFired')).toEqual([expect.objectContaining({ timer: 'removal' })])
    // The same LUN again is a new head, under the old name.
    await rig.add(A)
    expect(rig.head.name).toBe('sda')
    await rig.write(0, bytesOf(2))
  })

  test('without a delay it goes with its last path', async () => {
    const rig = await Rig.open()
    const a = await rig.add(A)
    const { head } = rig
    a.hang.enable()
    const hung = track(rig, head.read({ offset: 0, length: BLOCK }))
    await rig.settle()
    const removing = a.path.remove()
    await rig.settle()
    expect(rig.mp.heads).toEqual([])
    expect(track(rig, head.read({ offset: 0, length: BLOCK })).end).toBe('')
    a.hang.disable()
    await rig.drive(removing)
    await rig.pass(1)
    expect(hung.end).toBe('ok')
  })

  test('switching the delay off while it runs removes the head at once', async () => {
    const rig = await Rig.open({ delayedRemovalMs: 60_000 })
    const a = await rig.add(A)
    const { head } = rig
    await rig.drive(a.path.remove())
    const read = track(rig, head.read({ offset: 0, length: BLOCK }))
    head.setDelayedRemoval(0)
    await rig.settle()
    expect([read.end, rig.mp.heads]).toEqual(['HEAD_REMOVED', []])
    expect(rig.clock.pendingTimers(), 'the timer is gone').toBeLessThanOrEqual(1)
  })
})

function contextOf(decision: string): Record<string, unknown> {
  return (JSON.parse(decision) as { context?: Record<string, unknown> }).context ?? {}
}
