// Limits that an operator lowers while I/O goes on: what is larger than they allow by now is cut, wherever it was cut before.
import { describe, expect, test } from 'vitest'
import type { DeviceSighting, DeviceSource } from '../../adapters/ports.ts'
import { BUSY_LIMITS_LOOK_MS } from '../../engine/heads/limits.ts'
import { bytesOf, Rig } from './rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'
const KIB = 1024
const LOWERED = { maxTransferBytes: 4 * KIB, discardMaxBytes: 16 * KIB }

/** The largest I/O of an operation that a path was sent since `from`. */
function largest(ios: readonly { op: string; length: number }[], op: string, from = 0): number {
  return Math.max(0, ...ios.slice(from).map((io) => (io.op === op ? io.length : 0)))
}

describe('F-15: limits of a queue that are lowered later', () => {
  test('F-15: larger I/O is told EAGAIN, which does not pass: the limits are read anew, and it ends well', async () => {
    const rig = await Rig.open()
    const a = await rig.add(A)
    a.memory.limit(LOWERED)
    const from = rig.clock.monoUs()
    const data = bytesOf(1, 64 * KIB)
    await rig.write(0, data)
    expect(await rig.read(0, data.length)).toEqual(data)
    await rig.drive(rig.head.discard({ offset: 0, length: 256 * KIB }))
    expect(await rig.read(0, data.length)).toEqual(new Uint8Array(data.length))
    expect((rig.clock.monoUs() - from) / 1000).toBeLessThan(2 * BUSY_LIMITS_LOOK_MS)
    expect(rig.head.limits).toMatchObject(LOWERED)
    // Known by now: what follows is cut before it is sent, and nothing is refused any more.
    const before = a.ios.length
    await rig.write(0, data)
    expect(largest(a.ios, 'write', before)).toBe(4 * KIB)
    expect([rig.rows('lun.ghostsOpened').length, rig.head.counters.callerErrors]).toEqual([0, 0])
    expect(a.path.state.health).toBe('online')
  })

  test('F-15: what waits for a path already is cut by the limits that are in force when one comes back', async () => {
    const rig = await Rig.open({ noPathRetry: 'queue', checker: { minMs: 1_000, maxMs: 1_000 } })
    const a = await rig.add(A)
    a.path.fail()
    const data = bytesOf(2, 32 * KIB)
    const write = rig.head.write({ offset: 0, data })
    const discard = rig.head.discard({ offset: 64 * KIB, length: 64 * KIB })
    await rig.pass(10)
    a.memory.limit(LOWERED)
    const before = a.ios.length
    a.path.reinstate()
    await rig.drive(Promise.all([write, discard]))
    expect([largest(a.ios, 'write', before), largest(a.ios, 'discard', before)]).toEqual([4 * KIB, 16 * KIB])
    expect(await rig.read(0, data.length)).toEqual(data)
    expect(rig.rows('path.busy')).toEqual([])
  })

  test('F-15: a failed path that heals is asked for its limits before I/O goes there', async () => {
    const rig = await Rig.open({ iopolicy: 'round-robin', checker: { minMs: 100, maxMs: 100 } })
    const [a, b] = [await rig.add(A), await rig.add(B)]
    a.fail()
    for (let turn = 0; turn < 4; turn += 1) await rig.write(turn * 8 * KIB, bytesOf(turn, 8 * KIB))
    expect(a.path.state.health).toBe('failed')
    a.memory.limit(LOWERED)
    a.heal()
    await rig.pass(1_000)
    expect(a.path.state.health).toBe('online')
    const before = a.ios.length
    for (let turn = 0; turn < 4; turn += 1) await rig.write(turn * 8 * KIB, bytesOf(turn, 8 * KIB))
    expect(largest(a.ios, 'write', before)).toBe(4 * KIB)
    // I/O is cut before its path is chosen: for the other one, too.
    expect(largest(b.ios.slice(-4), 'write')).toBe(4 * KIB)
  })

  test('F-15: a write that fails over is cut for the path that it goes to', async () => {
    const rig = await Rig.open({ checker: { minMs: 100, maxMs: 100 } })
    const [a, b] = [await rig.add(A), await rig.add(B)]
    b.memory.limit(LOWERED)
    a.fail()
    const data = bytesOf(3, 32 * KIB)
    await rig.write(0, data)
    expect(await rig.read(0, data.length)).toEqual(data)
    expect(rig.head.limits).toMatchObject(LOWERED)
    expect(b.path.state.health).toBe('online')
  })

  test('F-15: a look at the devices, as after a uevent, reads them; raised again they are followed, too', async () => {
    const rig = await Rig.open({ discoveryPollMs: 500 })
    let sightings: DeviceSighting[] = []
    const source: DeviceSource = {
      list: () => sightings,
      covers: (key) => key === 'loop:7:0',
      open: async () => null,
    }
    const a = await rig.add(A, {
      wrap: (device) => ({ ...device, deviceKey: 'loop:7:0', facts: { diskseq: 1, direct: true } }),
    })
    const { sizeBytes } = a.device.geometry
    sightings = [
      { device: '/dev/loop0', deviceKey: 'loop:7:0', diskseq: 1, direct: true, autoclear: false, sizeBytes },
    ]
    rig.mp.watch(source)
    a.memory.limit(LOWERED)
    await rig.pass(600)
    await rig.write(0, bytesOf(4, 8 * KIB))
    expect(largest(a.ios, 'write')).toBe(4 * KIB)
    a.memory.limit({})
    await rig.pass(600)
    await rig.write(0, bytesOf(5, 8 * KIB))
    expect(largest(a.ios, 'write')).toBe(8 * KIB)
  })

  test('F-15: of an I/O that went in pieces the first error is told, with its class, and none twice', async () => {
    const rig = await Rig.open({ noPathRetry: 'queue' })
    const a = await rig.add(A)
    a.path.fail()
    const write = rig.head.write({ offset: 0, data: bytesOf(6, 16 * KIB) })
    await rig.pass(10)
    a.memory.limit(LOWERED)
    a.fail({ errno: 'ENOSPC', op: 'write' })
    a.path.reinstate()
    expect(await rig.errorOf(write)).toMatchObject({ code: 'IO_ERROR', errno: 'ENOSPC' })
    expect([rig.head.counters.callerErrors, a.inFlight]).toEqual([1, 0])
  })
})
