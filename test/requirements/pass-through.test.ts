// Section D of the specification, what is passed through to a path: D-26, D-51, D-52, D-54.
import { describe, expect, test } from 'vitest'
import { memoryPath } from '../../adapters/paths/memory.ts'
import type { DeviceIoctl, DeviceIoctlAnswer, PathDevice } from '../../adapters/ports.ts'
import type { Head } from '../../engine/api/head.ts'
import { PathledgerError } from '../../errors.ts'
import type { Path } from '../../engine/api/path.ts'
import { BLOCK, bytesOf, Rig, testLun } from '../engine/rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'

type Answers = (request: DeviceIoctl) => DeviceIoctlAnswer | Promise<DeviceIoctlAnswer>

const answer = (data: number[], value = 0): DeviceIoctlAnswer => ({
  errno: null,
  value,
  data: Uint8Array.from(data),
})
const refusal = (errno: string): DeviceIoctlAnswer => ({ errno, value: -1, data: new Uint8Array(0) })

/** A path whose device answers ioctls, and what it was asked. */
async function add(
  rig: Rig,
  hctl: string,
  ioctl?: Answers,
): Promise<{ path: Path; device: PathDevice; asked: string[] }> {
  const asked: string[] = []
  const answers =
    ioctl === undefined
      ? {}
      : { ioctl: (request: DeviceIoctl) => (asked.push(request.command), ioctl(request)) }
  const device = memoryPath(rig.lun, { hctl, clock: rig.clock, latencyUs: 100, ...answers })
  return { path: await rig.drive(rig.mp.addPath(device)), device, asked }
}

describe('an ioctl', () => {
  test('goes to one path, the one that the policy picks, and its answer to the caller', async () => {
    const rig = await Rig.open({ iopolicy: 'round-robin' })
    const both = [await add(rig, A, () => answer([8])), await add(rig, B, () => answer([9], 7))]
    const results = []
    for (let turn = 0; turn < 4; turn += 1)
      results.push(await rig.drive(rig.head.ioctl({ command: 'BLKSSZGET' })))
    expect(results.map(({ data }) => data[0])).toEqual([9, 8, 9, 8])
    expect(results[0]).toEqual({ value: 7, data: Uint8Array.of(9) })
    expect(both.map(({ asked }) => asked.length)).toEqual([2, 2])
  })

  test('gets its argument to the device, and goes by the node of its submitter', async () => {
    const rig = await Rig.open({ numaNodes: 2 })
    const seen: unknown[] = []
    const { path } = await add(rig, A, ({ argument }) => (seen.push(argument), answer([])))
    await rig.drive(rig.head.ioctl({ command: 'X', argument: Uint8Array.of(1, 2), node: 1 }))
    expect(seen).toEqual([Uint8Array.of(1, 2)])
    expect(path.counters).toMatchObject({ reads: 0, errors: 0 })
    expect(await rig.errorOf(rig.head.ioctl({ command: 'X', node: 2 }))).toMatchObject({
      code: 'NODE_UNKNOWN',
    })
  })

  test('that fails is not tried on another path, and says nothing of its path', async () => {
    const rig = await Rig.open()
    const both = [await add(rig, A, () => refusal('EREMOTEIO')), await add(rig, B, () => answer([]))]
    const error = await rig.errorOf(rig.head.ioctl({ command: 'SG_IO' }))
    expect(error).toMatchObject({ code: 'IOCTL_FAILED', errno: 'EREMOTEIO', outcome: 'unknown' })
    expect(both.map(({ asked }) => asked)).toEqual([['SG_IO'], []])
    expect(both[0]!.path.state.health).toBe('online')
    expect(rig.rows('path.suspected')).toEqual([])
    expect(rig.head.counters).toMatchObject({ callerErrors: 0, resent: 0 })
  })

  test('is waited for without a limit where attempts have none; and an error of ours from an adapter is the answer', async () => {
    const rig = await Rig.open({ attemptTimeoutMs: 0 })
    let letGo = (_answer: DeviceIoctlAnswer): void => undefined
    const ours = new PathledgerError('IOCTL_FAILED', { message: 'No.', why: 'It is so.', todo: 'Nothing.' })
    await add(rig, A, ({ command }) => {
      if (command === 'Y') throw ours
      return new Promise((resolve) => void (letGo = resolve))
    })
    const asked = rig.head.ioctl({ command: 'X' })
    await rig.pass(86_400_000)
    letGo(answer([1]))
    expect((await rig.drive(asked)).data).toEqual(Uint8Array.of(1))
    expect(await rig.errorOf(rig.head.ioctl({ command: 'Y' }))).toBe(ours)
  })

  test('is not counted as an I/O in flight, neither for the policy nor in the statistics', async () => {
    const rig = await Rig.open({ iopolicy: 'queue-depth' })
    const hung = new Promise<DeviceIoctlAnswer>(() => undefined)
    const { path } = await add(rig, A, () => hung)
    rig.head.ioctl({ command: 'X' }).catch(() => undefined)
    await rig.settle()
    expect([path.queueDepth, rig.head.stat.inFlight, path.inFlight]).toEqual([0, 0, 1])
  })
})

describe('D-51', () => {
  const calls: readonly (readonly [string, (head: Head) => Promise<unknown>])[] = [
    ['ioctl', (head) => head.ioctl({ command: 'BLKSSZGET' })],
    ['getGeometry', (head) => head.getGeometry()],
    ['getUniqueId', (head) => head.getUniqueId('naa')],
    [
      'partition.ioctl',
      (head) => head.partition({ start: 0, length: BLOCK }).ioctl({ command: 'X', rawIo: true }),
    ],
  ]

  test.each(calls)(
    'D-51: %s without a usable path is EWOULDBLOCK, and waits for none',
    async (_name, call) => {
      const rig = await Rig.open({ noPathRetry: 'queue' })
      const { path, asked } = await add(rig, A, () => answer([]))
      path.block()
      expect(await rig.errorOf(call(rig.head))).toMatchObject({ code: 'NO_PATH', errno: 'EWOULDBLOCK' })
      expect([asked, rig.head.queued.bios, rig.head.counters.requeued]).toEqual([[], 0, 0])
    },
  )

  test('D-51: a device without ioctls, or without this one, is ENOTTY', async () => {
    const rig = await Rig.open({ iopolicy: 'round-robin' })
    await add(rig, A)
    await add(rig, B, () => refusal('ENOTTY'))
    for (let turn = 0; turn < 2; turn += 1) {
      const error = await rig.errorOf(rig.head.ioctl({ command: 'BLKZEROOUT' }))
      expect(error).toMatchObject({ code: 'IOCTL_UNSUPPORTED', errno: 'ENOTTY' })
      expect(await rig.errorOf(rig.head.getGeometry())).toMatchObject({ errno: 'ENOTTY' })
    }
  })

  test('D-51: an adapter that throws, at once or later, is an error for the caller and harms nothing', async () => {
    const rig = await Rig.open()
    const { path } = await add(rig, A, () => Promise.reject(new Error('later')))
    expect(await rig.errorOf(rig.head.ioctl({ command: 'X' }))).toMatchObject({
      code: 'IOCTL_FAILED',
      errno: 'EIO',
    })
    const wild = memoryPath(rig.lun, { hctl: B, clock: rig.clock })
    const throwing: PathDevice = {
      ...wild,
      ioctl: () => {
        throw new Error('at once')
      },
    }
    path.fail()
    const other = await rig.drive(rig.mp.addPath(throwing))
    expect(await rig.errorOf(rig.head.ioctl({ command: 'X' }))).toMatchObject({ code: 'IOCTL_FAILED' })
    expect([path.inFlight, other.inFlight, rig.mp.broken]).toEqual([0, 0, null])
  })

  test('D-51: a head that is gone, and an engine that is closed, say so', async () => {
    const rig = await Rig.open()
    const { path } = await add(rig, A, () => answer([]))
    const { head } = rig
    await rig.drive(path.remove())
    expect((await rig.errorOf(head.ioctl({ command: 'X' }))).code).toBe('HEAD_REMOVED')
    await rig.end()
    expect((await rig.errorOf(head.ioctl({ command: 'X' }))).code).toBe('CLOSED')
  })
})

describe('a partition', () => {
  test('D-26: reaches its head with everything, within its own range', async () => {
    const rig = await Rig.open()
    await add(rig, A)
    const part = rig.head.partition({ start: 4 * BLOCK, length: 4 * BLOCK, number: 2 })
    expect([part.name, part.head, part.startBytes, part.sizeBytes]).toEqual(['sda2', rig.head, 2048, 2048])
    await rig.drive(part.write({ offset: BLOCK, data: bytesOf(7) }))
    expect(rig.lun.medium.subarray(5 * BLOCK, 6 * BLOCK)).toEqual(bytesOf(7))
    expect(await rig.drive(part.read({ offset: BLOCK, length: BLOCK }))).toEqual(bytesOf(7))
    await rig.drive(part.writeZeroes({ offset: BLOCK, length: BLOCK }))
    await rig.drive(part.discard({ offset: 0, length: 4 * BLOCK }))
    await rig.drive(part.flush())
    expect(rig.head.counters).toMatchObject({ writes: 3, reads: 1, flushes: 1 })
    expect(rig.lun.medium.every((byte) => byte === 0)).toBe(true)
    const beyond = [
      part.read({ offset: 4 * BLOCK, length: BLOCK }),
      part.write({ offset: -BLOCK, data: bytesOf(1) }),
      part.discard({ offset: 0, length: 5 * BLOCK }),
      part.writeZeroes({ offset: BLOCK, length: 4 * BLOCK }),
    ]
    for (const io of beyond) expect((await rig.errorOf(io)).code).toBe('IO_OUT_OF_RANGE')
    expect((await rig.errorOf(part.read({ offset: 1, length: BLOCK }))).code).toBe('IO_UNALIGNED')
    expect((await rig.errorOf(part.read({ offset: NaN, length: BLOCK }))).code).toBe('IO_UNALIGNED')
  })

  test('D-26: fails over like its head, for it is its head', async () => {
    const rig = await Rig.open()
    const a = await rig.add(A)
    await rig.add(B)
    a.fail()
    const part = rig.head.partition({ start: BLOCK, length: BLOCK })
    await rig.drive(part.write({ offset: 0, data: bytesOf(3) }))
    expect(rig.lun.medium.subarray(BLOCK, 2 * BLOCK)).toEqual(bytesOf(3))
  })

  test.each([
    [-BLOCK, BLOCK, 1],
    [0, 0, 1],
    [1, BLOCK, 1],
    [0, 100, 1],
    [1024 * 1024, BLOCK, 1],
    [0, BLOCK, 0],
    [NaN, BLOCK, 1],
  ])('from %s of %s bytes and number %s is none', async (start, length, number) => {
    const rig = await Rig.open()
    await add(rig, A)
    expect(() => rig.head.partition({ start, length, number })).toThrow(
      expect.objectContaining({ code: 'PARTITION_INVALID', errno: 'EINVAL' }),
    )
  })

  test('D-52: passes nothing through for a caller without rawIo, and does not even look for a path', async () => {
    const rig = await Rig.open()
    const { path, asked } = await add(rig, A, () => answer([1]))
    const part = rig.head.partition({ start: 0, length: BLOCK })
    const refused = { code: 'IOCTL_PARTITION', errno: 'ENOIOCTLCMD' }
    expect(await rig.errorOf(part.ioctl({ command: 'SG_IO' }))).toMatchObject(refused)
    expect(asked).toEqual([])
    expect(await rig.drive(part.ioctl({ command: 'SG_IO', rawIo: true }))).toEqual({
      value: 0,
      data: Uint8Array.of(1),
    })
    // The whole disk asks for no privilege.
    await rig.drive(rig.head.ioctl({ command: 'SG_IO' }))
    expect(asked).toEqual(['SG_IO', 'SG_IO'])
    path.fail()
    expect(await rig.errorOf(part.ioctl({ command: 'SG_IO' }))).toMatchObject(refused)
  })
})

describe('what a disk is', () => {
  test('getGeometry reads struct hd_geometry, and a partition has its own first sector', async () => {
    const rig = await Rig.open()
    const { asked } = await add(rig, A, () =>
      answer([255, 63, 0x34, 0x12, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0]),
    )
    expect(await rig.drive(rig.head.getGeometry())).toEqual({
      heads: 255,
      sectors: 63,
      cylinders: 0x1234,
      start: 8,
    })
    const part = rig.head.partition({ start: 16 * BLOCK, length: BLOCK })
    expect(await rig.drive(part.getGeometry())).toMatchObject({ heads: 255, start: 16 })
    expect(asked).toEqual(['HDIO_GETGEO', 'HDIO_GETGEO'])
  })

  test('getGeometry is all zeros where a device fills in less than that', async () => {
    const rig = await Rig.open()
    await add(rig, A, () => answer([255, 63]))
    const nothing = { heads: 0, sectors: 0, cylinders: 0, start: 0 }
    expect(await rig.drive(rig.head.getGeometry())).toEqual(nothing)
  })

  test('getUniqueId gives the designator asked for, nothing for another kind or where the device cannot tell', async () => {
    const rig = await Rig.open()
    const made = await add(rig, A)
    const id = await rig.drive(rig.head.getUniqueId('naa'))
    expect(Buffer.from(id).toString('hex')).toBe('600140500000000000000000000000a1')
    expect(await rig.drive(rig.head.getUniqueId('eui64'))).toEqual(new Uint8Array(0))
    expect(await rig.errorOf(rig.head.getUniqueId('uuid' as 'naa'))).toMatchObject({ code: 'UNIQUE_ID_TYPE' })
    const lun = testLun({ wwid: 't10.ATA disk'.replaceAll(' ', '_') })
    const { uniqueId: _none, ...device } = memoryPath(lun, { hctl: B, clock: rig.clock })
    await rig.drive(rig.mp.addPath(device))
    expect(await rig.drive(rig.mp.head(lun.wwid).getUniqueId('t10'))).toEqual(new Uint8Array(0))
    expect(made.path.inFlight).toBe(0)
  })
})

describe('D-54', () => {
  /** A path whose device notes when it is closed, and an ioctl on it that a test lets go. */
  async function holding(rig: Rig) {
    let letGo = (_answer: DeviceIoctlAnswer): void => undefined
    const held = new Promise<DeviceIoctlAnswer>((resolve) => void (letGo = resolve))
    const inner = memoryPath(rig.lun, { hctl: A, clock: rig.clock, ioctl: () => held })
    const seen = { closed: false }
    const close = async () => {
      seen.closed = true
      await inner.close()
    }
    const path = await rig.drive(rig.mp.addPath({ ...inner, close }))
    return { path, seen, letGo: () => letGo(answer([42])) }
  }

  test('D-54: a path lives while an ioctl runs on it: its device is closed only afterwards', async () => {
    const rig = await Rig.open({ closeGraceMs: 1_000 })
    const { path, seen, letGo } = await holding(rig)
    const running = rig.head.ioctl({ command: 'X' })
    await rig.settle()
    const removing = path.remove()
    await rig.pass(500)
    expect(seen.closed).toBe(false)
    letGo()
    expect((await rig.drive(running)).data).toEqual(Uint8Array.of(42))
    await rig.drive(removing)
    expect([seen.closed, path.inFlight]).toEqual([true, 0])
  })

  test('D-54: removal does not wait for ever, and neither does the caller; the device is closed when it comes back', async () => {
    const rig = await Rig.open({ closeGraceMs: 1_000, attemptTimeoutMs: 5_000 })
    const { path, seen, letGo } = await holding(rig)
    const running = rig.errorOf(rig.head.ioctl({ command: 'X' }))
    await rig.settle()
    await rig.drive(path.remove())
    expect(seen.closed).toBe(false)
    expect(await running).toMatchObject({ code: 'IOCTL_FAILED', errno: 'ETIMEDOUT', outcome: 'unknown' })
    expect([seen.closed, path.inFlight]).toEqual([false, 1])
    letGo()
    await rig.settle()
    expect([seen.closed, path.inFlight]).toEqual([true, 0])
  })
})
