// Section D of the specification, "Failover": D-25, D-32 to D-37.
import { describe, expect, test } from 'vitest'
import { errnoOf } from '../../engine/core/blk-status.ts'
import { classOf } from '../../machines/words.ts'
import { BLK_STATUSES, IO_POLICIES } from '../../machines/words.ts'
import { FaultyStore } from '../engine/faulty-store.ts'
import { BLOCK, bytesOf, Rig } from '../engine/rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'
const ONLINE = { device: 'running', access: 'optimal', health: 'online', admin: 'enabled' }

test('D-25: what is said of an I/O that is put back or fails names the head it came to', async () => {
  const said: unknown[] = []
  const ignore = () => undefined
  const logger = {
    debug: (facts: unknown) => void said.push(facts),
    info: ignore,
    warn: ignore,
    error: ignore,
  }
  const rig = await Rig.open({ logger })
  const a = await rig.add(A)
  a.path.block()
  const reading = rig.head.read({ offset: 0, length: BLOCK })
  await rig.settle()
  expect(said).toEqual([expect.objectContaining({ head: 'sda' })])
  a.path.unblock()
  await rig.drive(reading)
  a.fail({ op: 'write' })
  const error = await rig.errorOf(rig.head.write({ offset: 0, data: bytesOf(1) }))
  expect(error.message).toMatch(/^sda: write of 512 bytes at 0/)
  expect(error.details).toMatchObject({ head: 'sda', refusedBy: ['sda:0 IOERR'] })
})

describe('who may try again', () => {
  const PATH_ERRORS = BLK_STATUSES.filter((status) => status !== 'OK' && classOf(status) === 'path')

  test('D-32: the statuses are those of blk_path_error, less what a loop device makes dangerous', () => {
    expect([...PATH_ERRORS].sort()).toEqual(['DURATION_LIMIT', 'IOERR', 'OFFLINE', 'TIMEOUT', 'TRANSPORT'])
  })

  test.each(PATH_ERRORS)(
    'D-32: %s goes to another path, whatever the lower layer thinks of trying again',
    async (status) => {
      const rig = await Rig.open()
      const a = await rig.add(A)
      const b = await rig.add(B)
      a.fail({ errno: errnoOf(status), status, op: 'write' })
      await rig.write(0, bytesOf(1))
      expect([a.ios.length, b.ios.length]).toEqual([1, 1])
      expect(rig.head.counters).toMatchObject({ callerErrors: 0, resent: 1 })
    },
  )
})

describe('a completion', () => {
  test('D-34: waits for nothing: with a hung probe and a hung ledger the other path has the I/O at once', async () => {
    const stores: FaultyStore[] = []
    const rig = await Rig.open({
      store: (inner) => {
        stores.push(new FaultyStore(inner))
        return stores[0]!
      },
    })
    const a = await rig.add(A)
    const b = await rig.add(B)
    stores[0]!.mode = 'hangs'
    a.hang.enable({ op: 'read' })
    a.fail({ op: 'write' })
    const writes = [0, 1, 2].map((at) => rig.head.write({ offset: at * BLOCK, data: bytesOf(at) }))
    const startUs = rig.clock.monoUs()
    await rig.settle()
    expect(b.ios.map(({ offset, atUs }) => [offset, atUs - startUs])).toEqual([
      [0, 0],
      [BLOCK, 0],
      [2 * BLOCK, 0],
    ])
    stores[0]!.heal()
    a.hang.disable()
    await rig.drive(Promise.all(writes))
  })

  test('D-34: wakes what is parked later, never inside itself', async () => {
    const rig = await Rig.open({ noPathRetry: 'queue' })
    const a = await rig.add(A)
    a.path.fail()
    const reads = [1, 2, 3].map(() => rig.head.read({ offset: 0, length: BLOCK }))
    await rig.settle()
    a.path.reinstate()
    expect(a.ios, 'the call that wakes returns first').toEqual([])
    await rig.drive(Promise.all(reads))
    expect(a.ios).toHaveLength(3)
  })
})

describe('an I/O whose path is gone when it comes back', () => {
  test('D-35: goes to another one if there is one, and leaks nothing', async () => {
    const rig = await Rig.open({ poolBytes: 1024 * 1024, iopolicy: 'queue-depth' })
    const a = await rig.add(A)
    a.hang.enable()
    const writes = Array.from({ length: 100 }, (_, at) =>
      rig.head.write({ offset: at * BLOCK, data: bytesOf(at) }),
    )
    await rig.settle()
    const b = await rig.add(B)
    const gone = a.path
    const removing = gone.remove()
    a.fail()
    a.hang.drop('ENODEV')
    await rig.drive(Promise.all([...writes, removing]))
    expect(b.ios).toHaveLength(100)
    expect([gone.inFlight, gone.queueDepth]).toEqual([0, 0])
    // All memory has come back: as much again fits.
    await rig.drive(
      Promise.all(Array.from({ length: 200 }, () => rig.head.write({ offset: 0, data: bytesOf(1) }))),
    )
  })

  test('D-35: ends with an error, once, where the head went with it', async () => {
    const rig = await Rig.open()
    const a = await rig.add(A)
    a.hang.enable()
    let ended = 0
    const reading = rig.head.read({ offset: 0, length: BLOCK }).finally(() => void (ended += 1))
    const outcome = rig.errorOf(reading)
    await rig.settle()
    const removing = a.path.remove()
    a.hang.drop('ENODEV')
    expect((await outcome).code).toBe('HEAD_REMOVED')
    await rig.drive(removing)
    await rig.pass(60_000)
    expect(ended).toBe(1)
    expect(rig.mp.broken).toBeNull()
  })

  test('D-35: a flush hears the error that came, for nobody can be asked whose it was', async () => {
    const rig = await Rig.open()
    const a = await rig.add(A)
    const b = await rig.add(B)
    a.hang.enable()
    const flushing = rig.errorOf(rig.head.flush())
    await rig.settle()
    const removing = a.path.remove()
    a.hang.drop('EIO')
    expect(await flushing).toMatchObject({ code: 'IO_ERROR', errno: 'EIO' })
    await rig.drive(removing)
    expect(b.ios).toEqual([])
  })
})

test('D-36: blocking a path clears it from every cache without waiting for anything', async () => {
  const stores: FaultyStore[] = []
  const rig = await Rig.open({
    numaNodes: 4,
    store: (inner) => {
      stores.push(new FaultyStore(inner))
      return stores[0]!
    },
  })
  const a = await rig.add(A)
  const b = await rig.add(B)
  for (const node of [0, 1, 2, 3]) await rig.read(0, BLOCK, node)
  expect(a.path.numaNodes).toEqual([0, 1, 2, 3])
  a.hang.enable()
  const inFlight = rig.head.read({ offset: 0, length: BLOCK })
  await rig.settle()
  stores[0]!.mode = 'hangs'
  a.path.block()
  expect(a.path.numaNodes).toEqual([])
  expect([a.path.usable, a.path.state.device]).toEqual([false, 'blocked'])
  for (const node of [0, 1, 2, 3]) await rig.read(0, BLOCK, node)
  expect(b.ios).toHaveLength(4)
  a.hang.disable()
  await rig.drive(inFlight)
  stores[0]!.heal()
})

test.each(IO_POLICIES)(
  'D-37: under %s an I/O goes not back to the path that refused it while there is another one',
  async (iopolicy) => {
    const rig = await Rig.open({ iopolicy, failThreshold: 1_000 })
    const a = await rig.add(A)
    const b = await rig.add(B)
    a.fail({ op: 'write' })
    for (let turn = 0; turn < 10; turn += 1) {
      const before = a.ios.length
      await rig.write(turn * BLOCK, bytesOf(turn))
      expect(a.ios.length - before).toBeLessThanOrEqual(1)
      expect(rig.lun.medium.subarray(turn * BLOCK, (turn + 1) * BLOCK)).toEqual(bytesOf(turn))
    }
    expect(a.path.state).toEqual(ONLINE)
    expect(b.ios).toHaveLength(10)
  },
)
