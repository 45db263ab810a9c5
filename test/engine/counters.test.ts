// What is counted per head, path and adapter, the statistics of the disk, and setting counters.
import { describe, expect, test } from 'vitest'
import { controlHandler } from '../../engine/views/control.ts'
import { BLOCK, bytesOf, Rig, testLun } from './rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'
const MS = 1_000

describe('the statistics of a disk', () => {
  test('have counts, sectors of 512 bytes and ticks of each kind, at the end of each I/O', async () => {
    const rig = await Rig.open({ lun: testLun({ logicalBlockBytes: 4096 }) })
    const a = await rig.add(A, { latencyUs: 5 * MS })
    await rig.write(0, bytesOf(1, 8192))
    await rig.drive(rig.head.writeZeroes({ offset: 8192, length: 4096 }))
    await rig.read(0, 4096)
    await rig.drive(rig.head.discard({ offset: 0, length: 16_384 }))
    await rig.drive(rig.head.flush())
    expect(rig.head.stat).toEqual({
      ...{ readIos: 1, readSectors: 8, readTicksMs: 5 },
      ...{ writeIos: 2, writeSectors: 24, writeTicksMs: 10 },
      ...{ inFlight: 0, ioTicksMs: 25, timeInQueueMs: 25 },
      ...{ discardIos: 1, discardSectors: 32, discardTicksMs: 5, flushIos: 1, flushTicksMs: 5 },
    })
    expect(a.path.counters.reads).toBe(1)
  })

  test('know what is in flight, how long anything was, and how long each I/O was', async () => {
    const rig = await Rig.open()
    await rig.add(A, { latencyUs: ({ offset }) => (offset === 0 ? 10 * MS : 30 * MS) })
    const both = [0, BLOCK].map((offset) => rig.head.read({ offset, length: BLOCK }))
    await rig.pass(4)
    expect(rig.head.stat).toMatchObject({ inFlight: 2, readIos: 0, ioTicksMs: 4, timeInQueueMs: 0 })
    await rig.pass(10)
    expect(rig.head.stat).toMatchObject({ inFlight: 1, readIos: 1, ioTicksMs: 14, timeInQueueMs: 10 })
    await rig.drive(Promise.all(both))
    await rig.pass(1_000)
    expect(rig.head.stat).toMatchObject({ inFlight: 0, readIos: 2, ioTicksMs: 30, timeInQueueMs: 40 })
  })

  test('D-30: count an I/O once through failover and parking, from its first try on, with its real bytes', async () => {
    const rig = await Rig.open({ noPathRetry: 'queue', sampleMs: 3_600_000 })
    const [a, b] = [await rig.add(A), await rig.add(B)]
    for (const path of [a, b]) path.fail()
    const writing = rig.head.write({ offset: 0, data: bytesOf(1, 4 * BLOCK) })
    await rig.pass(500)
    expect(rig.head.stat).toMatchObject({ inFlight: 1, writeIos: 0 })
    for (const path of [a, b]) path.heal()
    await rig.drive(writing)
    const { writeTicksMs, ioTicksMs } = rig.head.stat
    expect(rig.head.stat).toMatchObject({ inFlight: 0, writeIos: 1, writeSectors: 4 })
    expect(writeTicksMs).toBeGreaterThanOrEqual(500)
    expect(ioTicksMs).toBe(writeTicksMs)
    // One that fails has done nothing, and one that was never sent was never begun.
    a.fail({ status: 'MEDIUM', op: 'read' })
    b.path.fail()
    await rig.errorOf(rig.head.read({ offset: 0, length: BLOCK }))
    expect(rig.head.stat).toMatchObject({ readIos: 1, readSectors: 0, inFlight: 0 })
    a.path.fail()
    const parked = rig.errorOf(rig.head.read({ offset: 0, length: BLOCK }))
    await rig.settle()
    rig.head.drain()
    await parked
    expect(rig.head.stat).toMatchObject({ readIos: 1, inFlight: 0 })
  })
})

describe('the counters of I/O without a path', () => {
  test('count what waits for one, and what fails for want of one', async () => {
    const rig = await Rig.open()
    const a = await rig.add(A)
    a.path.block()
    const waiting = [1, 2].map(() => rig.head.read({ offset: 0, length: BLOCK }))
    await rig.settle()
    expect(rig.head.counters).toMatchObject({ requeued: 2, failedNoPath: 0 })
    a.path.unblock()
    await rig.drive(Promise.all(waiting))
    a.path.fail()
    await rig.errorOf(rig.head.read({ offset: 0, length: BLOCK }))
    expect(rig.head.counters).toMatchObject({ requeued: 2, failedNoPath: 1, callerErrors: 1 })
  })

  test('do not count a read that waits for memory', async () => {
    const rig = await Rig.open({ poolBytes: 1024 * 1024, attemptTimeoutMs: 1_000 })
    const [a, b] = [await rig.add(A), await rig.add(B)]
    b.path.fail()
    a.hang.enable()
    // The memory of both stays with the hung path: what goes again needs fresh memory, and there is none.
    const reads = [1, 2, 3].map(() => rig.head.read({ offset: 0, length: 256 * 1024 }))
    await rig.settle()
    b.path.reinstate()
    await rig.pass(1_500)
    a.hang.disable()
    await rig.drive(Promise.all(reads))
    expect(rig.head.counters).toMatchObject({ requeued: 0, reads: 3 })
  })
})

describe('an adapter', () => {
  test('counts what all its paths do, of whatever head, and those that are gone', async () => {
    const rig = await Rig.open({ iopolicy: 'round-robin' })
    const other = testLun({ wwid: 'naa.600140500000000000000000000000b2' })
    const a = await rig.add(A)
    await rig.add('8:0:0:1', { lun: other })
    await rig.add(B)
    await rig.write(0, bytesOf(1))
    await rig.write(0, bytesOf(1))
    await rig.drive(rig.mp.head(other.wwid).read({ offset: 0, length: BLOCK }))
    a.fail({ op: 'write', count: 1 })
    while (a.path.counters.errors === 0) await rig.write(0, bytesOf(1))
    const eight = rig.mp.adapter('8')
    expect(rig.mp.adapters.map(({ host, paths }) => [host, paths])).toEqual([
      ['8', ['sda:0', 'sdb:0']],
      ['9', ['sda:1']],
    ])
    const { reads, writes, errors, resent } = eight.counters
    expect({ reads, errors, resent }).toEqual({ reads: 1, errors: 1, resent: 1 })
    expect(writes).toBe(a.path.counters.writes)
    await rig.drive(a.path.remove())
    expect(eight.counters).toMatchObject({ reads, writes, errors, resent })
    expect(eight.paths).toEqual(['sdb:0'])
    expect(() => rig.mp.adapter('10')).toThrow(expect.objectContaining({ code: 'ADAPTER_NOT_FOUND' }))
  })

  test('shows the queue depth that selection compares', async () => {
    const rig = await Rig.open({ iopolicy: 'queue-depth' })
    const a = await rig.add(A)
    a.hang.enable()
    const reads = [1, 2].map(() => rig.head.read({ offset: 0, length: BLOCK }))
    await rig.settle()
    expect([rig.mp.adapter('8').queueDepth, rig.mp.adapter('8').inFlight, a.path.queueDepth]).toEqual([
      2, 2, 2,
    ])
    a.hang.disable()
    await rig.drive(Promise.all(reads))
    expect(rig.mp.adapter('8').queueDepth).toBe(0)
  })
})

describe('setting counters', () => {
  test('changes them at once, and the ledger has both values, who and why', async () => {
    const rig = await Rig.open()
    const a = await rig.add(A)
    await rig.write(0, bytesOf(1))
    const word = { actor: 'operator:0', reason: 'new shift' }
    a.path.resetCounters(word)
    rig.head.setCounters({ requeued: 0, failedNoPath: 2 ** 40 }, word)
    rig.mp.adapter('8').setCounters({ writes: 9 }, word)
    expect(Object.values(a.path.counters)).toEqual([0, 0, 0, 0, 0, 0, 0])
    expect(rig.head.counters).toMatchObject({ requeued: 0, failedNoPath: 2 ** 40, writes: 1 })
    expect(rig.mp.adapter('8').counters.writes).toBe(9)
    await rig.settle()
    const set = ['path.countersSet', 'head.countersSet', 'engine.adapterCountersSet'].map(
      (type) => rig.rows(type)[0]!,
    )
    for (const row of set) expect(row).toMatchObject({ actor: 'operator:0', reason: 'new shift' })
    expect(rig.events('path.countersSet')[0]).toMatchObject({ was: { writes: 1 }, now: { writes: 0 } })
    expect(rig.events('head.countersSet')).toEqual([
      { was: { requeued: 0, failedNoPath: 0 }, now: { requeued: 0, failedNoPath: 2 ** 40 } },
    ])
    expect(rig.events('engine.adapterCountersSet')).toEqual([
      { host: '8', was: { writes: 1 }, now: { writes: 9 } },
    ])
    await rig.write(0, bytesOf(1))
    expect([a.path.counters.writes, rig.mp.adapter('8').counters.writes]).toEqual([1, 10])
  })

  test('changes no sample: the ledger goes on to say what was done', async () => {
    const rig = await Rig.open({ sampleMs: 1_000 })
    const a = await rig.add(A)
    const writes = async (count: number) => {
      for (let turn = 0; turn < count; turn += 1) await rig.write(0, bytesOf(1))
    }
    await writes(3)
    a.path.resetCounters()
    rig.head.setCounters({ writes: 1_000_000 })
    await writes(4)
    await rig.pass(1_500)
    a.path.setCounters({ writes: 500 })
    await writes(1)
    await rig.end()
    const sum = (type: string) =>
      rig.events(type).reduce((total, { writes: more }) => total + Number(more), 0)
    expect([sum('path.ioSampled'), sum('head.ioSampled')]).toEqual([8, 8])
  })

  test.each([
    ['a name that is none', { requeue: 0 }],
    ['less than nothing', { requeued: -1 }],
    ['a part of one', { requeued: 0.5 }],
    ['more than can be counted', { requeued: 2 ** 60 }],
    ['no number', { requeued: '0' }],
    ['nothing', {}],
    ['what every object has', { constructor: 0 }],
  ])('refuses %s with EINVAL, and changes nothing', async (_what, values) => {
    const rig = await Rig.open()
    const a = await rig.add(A)
    const before = rig.position
    const refused = expect.objectContaining({ code: 'COUNTER_INVALID', errno: 'EINVAL' })
    const wrong = { ...values, ...('requeued' in values ? { writes: values.requeued } : {}) } as object
    expect(() => rig.head.setCounters(wrong)).toThrow(refused)
    expect(() => a.path.setCounters(wrong)).toThrow(refused)
    expect(() => rig.mp.adapter('8').setCounters(wrong)).toThrow(refused)
    await rig.settle()
    expect([rig.position, rig.head.counters.requeued]).toEqual([before, 0])
  })

  test('of a path that is gone is refused: its stream may have another life', async () => {
    const rig = await Rig.open({ delayedRemovalMs: 1_000 })
    const { path } = await rig.add(A)
    await rig.drive(path.remove())
    expect(() => path.resetCounters()).toThrow(expect.objectContaining({ code: 'PATH_REMOVED' }))
  })

  test('goes through the control socket for a head, a path and an adapter', async () => {
    const lun = testLun({ wwid: 'iqn.2026-11.example:disk' })
    const rig = await Rig.open({ lun })
    await rig.add(A)
    await rig.write(0, bytesOf(1))
    const ask = controlHandler(rig.mp)
    for (const name of ['sda', lun.wwid, 'sda:0', A, 'host8']) {
      const answer = ask(
        { verb: 'countersSet', of: name, counters: { writes: 5 }, reason: 'try' },
        'operator:7',
      )
      expect(answer).toMatchObject({ of: name, counters: { writes: 5 } })
    }
    expect(ask({ verb: 'countersSet', of: 'host8' }, 'operator:7')).toMatchObject({ counters: { writes: 0 } })
    expect(() => ask({ verb: 'countersSet', of: 'sdz' }, 'operator:7')).toThrow(/no head/)
    expect(ask({ verb: 'show' }, 'operator:7')).toMatchObject({
      adapters: [{ name: 'host8', paths: ['sda:0'], queueDepth: 0, inFlight: 0 }],
      heads: [{ stat: { writeIos: 1 }, paths: [{ queueDepth: 0, numaNode: null, numaNodes: [0] }] }],
    })
    await rig.settle()
    expect(rig.rows('path.countersSet').map(({ actor }) => actor)).toEqual(['operator:7', 'operator:7'])
  })
})
