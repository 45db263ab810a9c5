// Busy paths, errors of another time, and devices that may be others now.
import { describe, expect, test } from 'vitest'
import { buildFixedSense } from '../../adapters/scsi/sense.ts'
import { BLOCK, bytesOf, Rig } from './rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'
const OTHER = 'naa.60014050000000000000000000001bad'

describe('a busy path', () => {
  test.each(['EBUSY', 'EAGAIN', 'ENOMEM'])(
    'F-13: %s for seconds: I/O goes to the other path soon, and the ledger says so once',
    async (errno) => {
      const rig = await Rig.open({ iopolicy: 'round-robin' })
      const [a, b] = [await rig.add(A), await rig.add(B)]
      a.fail({ errno })
      const from = rig.clock.monoUs()
      for (let turn = 0; turn < 20; turn += 1) await rig.write(turn * BLOCK, bytesOf(turn))
      expect((rig.clock.monoUs() - from) / 20).toBeLessThan(110_000)
      expect(b.ios.length).toBe(20)
      expect(rig.head.counters.callerErrors).toBe(0)
      expect(rig.events('path.busy', A)).toHaveLength(1)
      expect(a.path.state.health).toBe('online')
      a.heal()
      for (let turn = 0; turn < 4; turn += 1) await rig.write(turn * BLOCK, bytesOf(turn))
      expect(b.ios.length).toBe(22)
      const [over] = rig.rows('path.busyEnded', A)
      expect(JSON.parse(over!.data)).toMatchObject({ times: 19 })
      expect(over?.cause).toBe(rig.rows('path.busy', A)[0]?.position)
      rig.expectReplayEqualsLive()
    },
  )

  test('F-13: where all are busy I/O waits for a while, and tries each again', async () => {
    const rig = await Rig.open({ iopolicy: 'round-robin', resourceRetryMs: 10, resourceRetriesMax: 5 })
    const [a, b] = [await rig.add(A), await rig.add(B)]
    for (const path of [a, b]) path.fail({ errno: 'EBUSY' })
    const write = rig.head.write({ offset: 0, data: bytesOf(1) })
    await rig.pass(35)
    b.heal()
    await rig.drive(write)
    for (const path of [a, b]) path.fail({ errno: 'EBUSY' })
    const error = await rig.errorOf(rig.head.write({ offset: 0, data: bytesOf(1) }))
    expect(error).toMatchObject({ code: 'IO_ERROR', errno: 'EBUSY' })
  })

  test('F-13: a busy path that fails for good is found out all the same', async () => {
    const rig = await Rig.open({ iopolicy: 'round-robin' })
    const [a] = [await rig.add(A), await rig.add(B)]
    a.fail({ errno: 'EBUSY' })
    await rig.write(0, bytesOf(1))
    a.fail({ errno: 'ENOLINK' })
    for (let turn = 0; turn < 3; turn += 1) await rig.write(0, bytesOf(turn))
    expect(a.path.state.health).toBe('failed')
  })
})

describe('a path that was put back', () => {
  test('F-14: errors of attempts from before an operator pulled it fail it no more', async () => {
    const rig = await Rig.open({ iopolicy: 'round-robin', attemptTimeoutMs: 3_000, ghostQuiesceMs: 500 })
    const [a, b] = [await rig.add(A, { errorsAreFinal: false }), await rig.add(B)]
    a.hang.enable()
    const writes = Array.from({ length: 8 }, (_, at) =>
      rig.head.write({ offset: at * BLOCK, data: bytesOf(at) }),
    )
    await rig.pass(500)
    a.path.fail({ reason: 'cable' })
    await rig.pass(500)
    a.path.reinstate({ reason: 'cable is new' })
    await rig.settle()
    a.hang.answer('EIO')
    a.hang.disable()
    await rig.drive(Promise.all(writes))
    await rig.pass(5_000)
    expect([a.path.state.health, b.path.state.health]).toEqual(['online', 'online'])
    expect(rig.rows('path.failed')).toEqual([])
    rig.expectReplayEqualsLive()
  })

  test('F-14: neither do attempts whose time is over only when it is back; what they were re-sent for is told', async () => {
    const rig = await Rig.open({ iopolicy: 'round-robin', attemptTimeoutMs: 3_000, ghostQuiesceMs: 500 })
    let lost = 6
    const never = 3_600_000_000
    const latencyUs = ({ op }: { op: string }) => (op === 'write' && (lost -= 1) >= 0 ? never : 0)
    const a = await rig.add(A, { latencyUs })
    await rig.add(B)
    const writes = Array.from({ length: 12 }, (_, at) =>
      rig.head.write({ offset: at * BLOCK, data: bytesOf(at) }),
    )
    await rig.pass(500)
    a.path.fail({ reason: 'cable' })
    await rig.pass(500)
    a.path.reinstate({ reason: 'cable is new' })
    await rig.pass(10_000)
    await Promise.all(writes)
    expect(a.path.state.health).toBe('online')
    expect(rig.rows('path.failed')).toEqual([])
    expect(rig.events('path.lateError', A)).toHaveLength(6)
    expect(rig.events('path.lateError', A)[0]).toMatchObject({ status: 'TIMEOUT', op: 'write' })
  })

  test('F-14: a probe that was sent before it was put back does not fail it either', async () => {
    const rig = await Rig.open({ probeTimeoutMs: 1_000 })
    const [a] = [await rig.add(A, { errorsAreFinal: false }), await rig.add(B)]
    a.hang.enable({ op: 'read' })
    a.fail({ count: 1, errno: 'EIO', op: 'write' })
    const write = rig.head.write({ offset: 0, data: bytesOf(1) })
    await rig.pass(100)
    a.path.fail({ reason: 'cable' })
    await rig.pass(100)
    a.path.reinstate({ reason: 'cable is new' })
    a.hang.answer('EIO')
    a.hang.disable()
    await rig.drive(write)
    await rig.pass(5_000)
    expect(a.path.state.health).toBe('online')
  })

  test('F-14: a flush of before is told to its caller, and not sent again until somebody says ok', async () => {
    const rig = await Rig.open({ attemptTimeoutMs: 1_000 })
    const [a] = [await rig.add(A), await rig.add(B)]
    await rig.write(0, bytesOf(1))
    a.hang.enable({ op: 'flush' })
    const flush = rig.head.flush().catch((error: unknown) => error)
    await rig.pass(100)
    a.path.fail({ reason: 'cable' })
    a.path.reinstate({ reason: 'cable is new' })
    await rig.pass(5_000)
    expect(await rig.drive(flush)).toMatchObject({ code: 'IO_ERROR' })
    expect(a.path.state.health).toBe('online')
  })
})

describe('a device that may be another one', () => {
  const attention = (asc: number, ascq: number) => buildFixedSense({ deferred: false, key: 6, asc, ascq })

  test.each([
    [0x3f, 0x0e],
    [0x3f, 0x03],
    [0x3f, 0x05],
    [0x29, 0x00],
    [0x29, 0x02],
  ])('F-16: unit attention %i/%i: nothing is written before it has proved what it is', async (asc, ascq) => {
    const rig = await Rig.open({ iopolicy: 'round-robin' })
    const [a, b] = [await rig.add(A), await rig.add(B)]
    await rig.write(0, bytesOf(1))
    a.memory.setIdentity(OTHER)
    const before = a.ios.length
    a.path.reportSense(attention(asc, ascq))
    // At once, before anybody could have answered.
    const writes = Array.from({ length: 8 }, (_, at) =>
      rig.head.write({ offset: at * BLOCK, data: bytesOf(at) }),
    )
    await rig.drive(Promise.all(writes))
    expect(a.ios.length).toBe(before)
    expect(b.ios.length).toBeGreaterThanOrEqual(8)
    const [failed] = rig.rows('path.failed', A)
    expect(JSON.parse(failed!.data)).toMatchObject({ verdict: 'identity' })
    expect(failed?.cause).toBe(rig.rows('lun.senseReceived')[0]?.position)
    rig.expectReplayEqualsLive()
  })

  test('F-16: one that is what it was goes on, and other attentions ask nobody', async () => {
    const rig = await Rig.open({ iopolicy: 'round-robin' })
    const [a] = [await rig.add(A), await rig.add(B)]
    a.path.reportSense(attention(0x3f, 0x0e))
    a.path.reportSense(attention(0x29, 0x00))
    a.path.reportSense(attention(0x28, 0x00))
    for (let turn = 0; turn < 4; turn += 1) await rig.write(0, bytesOf(turn))
    expect(a.ios.length).toBe(2)
    expect(rig.rows('path.failed')).toEqual([])
  })

  test('F-16: one that does not say what it is in time is not used', async () => {
    const rig = await Rig.open({ probeTimeoutMs: 1_000 })
    let silent = false
    const wrap = (device: ReturnType<Rig['makePath']>['device']) => ({
      ...device,
      identify: () => (silent ? new Promise<never>(() => undefined) : device.identify()),
    })
    const [a, b] = [await rig.add(A, { wrap }), await rig.add(B)]
    silent = true
    a.path.reportSense(attention(0x3f, 0x0e))
    const before = a.ios.length
    await rig.write(0, bytesOf(3))
    expect(a.ios.length).toBe(before)
    expect(b.ios.length).toBe(1)
    expect(a.path.state.health).toBe('failed')
  })

  test('F-16: a path that its operator puts back gets no I/O before it has proved what it is', async () => {
    const rig = await Rig.open()
    const [a, b] = [await rig.add(A), await rig.add(B)]
    a.path.fail({ reason: 'new cable' })
    a.memory.setIdentity(OTHER)
    const before = a.ios.length
    a.path.reinstate({ reason: 'done' })
    const write = rig.head.write({ offset: 0, data: bytesOf(1) })
    await rig.drive(write)
    expect(a.ios.length).toBe(before)
    expect(b.ios.length).toBe(1)
  })
})
