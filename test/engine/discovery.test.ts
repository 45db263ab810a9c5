// Hot-plug, lazy detach, a number reused over another file, direct I/O switched off, another capacity: as a source shows them.
import type { ErrorCode } from '../../errors/codes.ts'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { DeviceSighting, DeviceSource, Heard, PathDevice } from '../../adapters/ports.ts'
import { PathledgerError } from '../../errors.ts'
import { expectExplained } from '../explained.ts'
import { Rig, WWID, type RigPath } from './rig.ts'

/** A machine whose loop devices come, change and go. */
class Plugs {
  readonly rig: Rig
  readonly slots = new Map<number, DeviceSighting>()
  readonly made = new Map<number, RigPath>()
  readonly opened: string[] = []
  /** Numbers that nobody can open now, with the error's code. */
  readonly errors = new Map<number, ErrorCode>()
  #diskseq = 100

  constructor(rig: Rig) {
    this.rig = rig
  }

  plug(number: number, other: Partial<DeviceSighting> = {}): void {
    const sizeBytes = this.rig.lun.medium.length
    this.#diskseq += 1
    this.slots.set(number, {
      ...{ device: `/dev/loop${number}`, deviceKey: `loop:${number}`, diskseq: this.#diskseq },
      ...{ direct: true, autoclear: false, sizeBytes },
      ...other,
    })
  }

  change(number: number, how: Partial<DeviceSighting>): void {
    this.slots.set(number, { ...this.slots.get(number)!, ...how })
  }

  get source(): DeviceSource {
    return {
      list: () => [...this.slots.values()],
      covers: (key) => key.startsWith('loop:'),
      open: (sighting) => this.#open(sighting),
    }
  }

  async #open(sighting: DeviceSighting): Promise<PathDevice | null> {
    const { device, deviceKey, diskseq, direct, autoclear, sizeBytes } = sighting
    this.opened.push(device)
    const number = Number(deviceKey.slice('loop:'.length))
    const code = this.errors.get(number)
    if (code !== undefined)
      throw new PathledgerError(code, {
        ...{ message: 'no', why: 'a test says so', todo: 'wait' },
        details: { device, wwid: WWID, hctl: `${number}:0:0:0` },
      })
    if (number >= 90) return null
    const facts = { diskseq, direct, autoclear }
    const sizeNow = () => this.slots.get(number)?.sizeBytes ?? sizeBytes
    const made = this.rig.makePath(`${number}:0:0:0`, {
      wrap: (inner) => ({
        ...inner,
        facts,
        deviceKey,
        device,
        geometry: { ...inner.geometry, sizeBytes },
        sizeNow,
      }),
    })
    this.made.set(number, made)
    return made.device
  }
}

async function watched(numbers: readonly number[], settings = {}): Promise<{ rig: Rig; plugs: Plugs }> {
  const rig = await Rig.open({ discoveryPollMs: 500, checker: { minMs: 100, maxMs: 400 }, ...settings })
  const plugs = new Plugs(rig)
  for (const number of numbers) plugs.plug(number)
  const stop = rig.mp.watch(plugs.source)
  onTestFinished(stop)
  await rig.pass(10)
  return { rig, plugs }
}

const hctls = (rig: Rig) => rig.head.paths.map(({ hctl }) => hctl)

describe('what is plugged in', () => {
  test('becomes a path by itself, once, and leaves when it is removed', async () => {
    const { rig, plugs } = await watched([7, 8])
    expect(hctls(rig)).toEqual(['7:0:0:0', '8:0:0:0'])
    plugs.plug(9)
    await rig.pass(600)
    expect(hctls(rig)).toEqual(['7:0:0:0', '8:0:0:0', '9:0:0:0'])
    await rig.pass(5_000)
    expect(plugs.opened).toEqual(['/dev/loop7', '/dev/loop8', '/dev/loop9'])
    expect(rig.rows('engine.pathRefused')).toEqual([])
  })

  test('and is none of ours is opened once and let be; what is refused is refused once; what is busy is tried again', async () => {
    const { rig, plugs } = await watched([7])
    plugs.plug(95)
    plugs.plug(8, {})
    plugs.errors.set(8, 'PATH_PERMISSION')
    plugs.plug(9)
    plugs.errors.set(9, 'PATH_BUSY')
    await rig.pass(3_000)
    const times = (device: string) => plugs.opened.filter((one) => one === device).length
    expect([times('/dev/loop95'), times('/dev/loop8')]).toEqual([1, 1])
    expect(times('/dev/loop9')).toBeGreaterThan(3)
    // What could not be opened is on the ledger, once, as if somebody had given it by hand.
    expect(rig.events('engine.pathRefused').map(({ device, code }) => [device, code])).toEqual([
      ['/dev/loop8', 'PATH_PERMISSION'],
      ['/dev/loop9', 'PATH_BUSY'],
    ])
    plugs.errors.clear()
    await rig.pass(1_000)
    expect(hctls(rig)).toEqual(['7:0:0:0', '9:0:0:0'])
    // What it was refused as changes: it is asked again. Attached anew it is another device.
    plugs.errors.set(8, 'PATH_PERMISSION')
    plugs.change(8, { direct: false })
    await rig.pass(2_000)
    expect(times('/dev/loop8')).toBe(2)
    plugs.errors.clear()
    plugs.plug(8)
    await rig.pass(1_000)
    expect(hctls(rig)).toEqual(['7:0:0:0', '9:0:0:0', '8:0:0:0'])
  })
})

describe('under a path', () => {
  test('a number reused over another file fails it at once, and it does not come back as that', async () => {
    const { rig, plugs } = await watched([7, 8])
    plugs.made.get(7)!.memory.setIdentity('naa.another')
    plugs.change(7, { diskseq: 900 })
    await rig.pass(600)
    expect(rig.events('path.failed', '7:0:0:0')).toEqual([
      expect.objectContaining({ verdict: 'identity', detail: 'diskseq was 101 and is 900 now' }),
    ])
    await rig.pass(10_000)
    expect(['failed', 'probing']).toContain(rig.mp.path('7:0:0:0').state.health)
    await rig.read(0)
    expect(plugs.made.get(7)!.ios).toEqual([])
  })

  test('direct I/O that is switched off fails it: it would read what is stale', async () => {
    const { rig, plugs } = await watched([7, 8])
    plugs.change(7, { direct: false })
    plugs.made.get(7)!.memory.setIdentity('buffered')
    await rig.pass(600)
    expect(rig.events('path.failed', '7:0:0:0')[0]).toMatchObject({
      verdict: 'identity',
      detail: expect.stringContaining('direct I/O was switched off') as string,
    })
    expect(rig.head.state.service).toBe('degraded')
    plugs.change(7, { direct: true })
    plugs.made.get(7)!.memory.setIdentity(WWID)
    await rig.pass(2_000)
    expect(rig.mp.path('7:0:0:0').state.health).toBe('online')
  })

  test('a lazy detach is no failure: another path takes over, and it is let go of', async () => {
    const { rig, plugs } = await watched([7, 8])
    plugs.change(7, { autoclear: true })
    await rig.pass(600)
    expect(rig.rows('path.failed')).toEqual([])
    expect(rig.events('path.goingAway', '7:0:0:0')).toHaveLength(1)
    expect(hctls(rig)).toEqual(['8:0:0:0'])
    // The last one works as long as it is open: it is kept, and says so.
    plugs.slots.delete(7)
    plugs.change(8, { autoclear: true })
    await rig.pass(3_000)
    expect(rig.mp.path('8:0:0:0')).toMatchObject({ usable: true, flags: { goingAway: true } })
    await rig.read(0)
    // Until another one is there.
    plugs.plug(9)
    await rig.pass(1_200)
    expect(hctls(rig)).toEqual(['9:0:0:0'])
  })

  test('another capacity is told, once for each', async () => {
    const { rig, plugs } = await watched([7, 8])
    const fromBytes = rig.lun.medium.length
    plugs.change(7, { sizeBytes: fromBytes * 2 })
    await rig.pass(3_000)
    expect(rig.events('path.capacityChanged', '7:0:0:0')).toEqual([{ fromBytes, toBytes: fromBytes * 2 }])
  })

  test('scenario 29: the head follows a growth that discovery saw, and the last path that grew is why', async () => {
    const { rig, plugs } = await watched([7, 8])
    const fromBytes = rig.lun.medium.length
    const toBytes = 2 * fromBytes
    plugs.change(7, { sizeBytes: toBytes })
    await rig.pass(600)
    expect(rig.head.sizeBytes).toBe(fromBytes)
    plugs.change(8, { sizeBytes: toBytes })
    await rig.pass(600)
    expect(rig.head.sizeBytes).toBe(toBytes)
    expect(rig.events('head.resized')).toEqual([{ fromBytes, toBytes }])
    expect(rig.rows('head.resized')[0]!.cause).toBe(rig.rows('path.capacityChanged', '8:0:0:0')[0]!.position)
    rig.expectReplayEqualsLive()
  })

  test('scenario 29: a path that discovery saw shrink does not shrink its head, and that is an event with its cause', async () => {
    const { rig, plugs } = await watched([7, 8])
    const fromBytes = rig.lun.medium.length
    plugs.change(7, { sizeBytes: fromBytes / 2 })
    await rig.pass(3_000)
    expect(rig.head.sizeBytes).toBe(fromBytes)
    const refused = { path: 'sda:0', fromBytes, toBytes: fromBytes / 2 }
    expect(rig.events('head.shrinkRefused')).toEqual([refused])
    expect(rig.rows('head.shrinkRefused')[0]!.cause).toBe(
      rig.rows('path.capacityChanged', '7:0:0:0')[0]!.position,
    )
    const root = { kind: 'deviceState', path: '7:0:0:0' } as const
    expectExplained(rig.memory, { stream: `head/${rig.lun.wwid}` }, root)
  })

  test('a device that is gone fails it, and with all of them the loss is permanent', async () => {
    const { rig, plugs } = await watched([7, 8])
    plugs.slots.delete(7)
    plugs.slots.delete(8)
    for (const made of plugs.made.values()) made.memory.setIdentity('nothing')
    await rig.pass(600)
    expect(rig.head.loss).toBe('permanent')
    expect(rig.events('head.lossChanged').at(-1)).toMatchObject({ to: 'permanent' })
    expect(rig.head.state.service).toBe('failing')
  })
})

test('a source that cannot be listed is asked again, and one that is stopped is not', async () => {
  const rig = await Rig.open({ discoveryPollMs: 500 })
  await rig.add('8:0:0:0')
  let asked = 0
  const stop = rig.mp.watch({
    list: () => {
      asked += 1
      throw new Error('sysfs is not there')
    },
    covers: () => true,
    open: async () => null,
  })
  await rig.pass(1_600)
  expect(asked).toBe(4)
  expect(rig.mp.broken).toBeNull()
  await rig.drive(stop())
  await rig.pass(5_000)
  expect(asked).toBe(4)
})

describe('word from the kernel', () => {
  const NOTHING: Heard = { devices: 0, lost: false, errno: null }

  /** Watches with a kernel that says what a test puts into `says`, in that order. */
  async function listening(start: string | null = null) {
    const lines: unknown[][] = []
    const take = (...line: unknown[]) => void lines.push(line)
    const logger = { debug: () => undefined, info: () => undefined, warn: take, error: take }
    const rig = await Rig.open({ discoveryPollMs: 10_000, ueventPollMs: 100, logger })
    const plugs = new Plugs(rig)
    plugs.plug(7)
    const says: Heard[] = []
    const kernel = { asked: 0, stopped: 0, looks: 0 }
    const uevents = {
      start: () => start,
      take: () => {
        kernel.asked += 1
        return says.shift() ?? NOTHING
      },
      stop: () => void (kernel.stopped += 1),
    }
    const list = () => {
      kernel.looks += 1
      return [...plugs.slots.values()]
    }
    const stop = rig.mp.watch({ ...plugs.source, list }, { uevents })
    await rig.pass(10)
    return { rig, plugs, says, kernel, stop, lines }
  }

  test('makes the engine look at once, and what it then sees is what counts', async () => {
    const { rig, plugs, says } = await listening()
    plugs.plug(8)
    await rig.pass(500)
    expect(hctls(rig), 'nobody said so, and it is not time to look').toEqual(['7:0:0:0'])
    says.push({ ...NOTHING, devices: 1 })
    await rig.pass(150)
    expect(hctls(rig)).toEqual(['7:0:0:0', '8:0:0:0'])
    // A word about a device that has not changed changes nothing.
    const before = rig.position
    says.push({ ...NOTHING, devices: 9 })
    await rig.pass(150)
    expect(rig.position).toBe(before)
    // And what sends no word is seen all the same.
    plugs.plug(9)
    await rig.pass(10_000)
    expect(hctls(rig)).toEqual(['7:0:0:0', '8:0:0:0', '9:0:0:0'])
  })

  test('that was lost is word of any device; a storm of it makes one look in each turn', async () => {
    const { rig, plugs, says, kernel } = await listening()
    plugs.plug(8)
    says.push({ ...NOTHING, lost: true })
    await rig.pass(150)
    expect(hctls(rig)).toEqual(['7:0:0:0', '8:0:0:0'])
    const { looks } = kernel
    for (let turn = 0; turn < 10; turn += 1) says.push({ ...NOTHING, devices: 64 })
    await rig.pass(1_000)
    expect(kernel.looks - looks).toBe(10)
  })

  test('that cannot be heard, from the start or no more: the log says so, and looking goes on', async () => {
    const deaf = await listening('EPERM')
    expect(deaf.lines).toEqual([
      [{ errno: 'EPERM' }, expect.stringContaining('looking every 10000 ms alone') as string],
    ])
    deaf.plugs.plug(8)
    await deaf.rig.pass(10_000)
    expect(hctls(deaf.rig)).toEqual(['7:0:0:0', '8:0:0:0'])
    expect(deaf.kernel.asked).toBe(0)

    const { rig, plugs, says, kernel, lines } = await listening()
    says.push({ ...NOTHING, errno: 'EBADF' })
    await rig.pass(1_000)
    expect(kernel.asked).toBe(1)
    expect(lines).toHaveLength(1)
    plugs.plug(8)
    await rig.pass(10_000)
    expect(hctls(rig)).toEqual(['7:0:0:0', '8:0:0:0'])
  })

  test('is listened to no more when the watching is stopped', async () => {
    const { rig, says, kernel, stop } = await listening()
    await rig.drive(stop())
    says.push({ ...NOTHING, devices: 1 })
    await rig.pass(20_000)
    expect(kernel).toMatchObject({ asked: 0, stopped: 1, looks: 1 })
  })
})
