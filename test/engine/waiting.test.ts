// Where I/O waits: one order, a limit for each wait, and what is given up keeps nobody else out.
import { describe, expect, test } from 'vitest'
import { WaitingRanges } from '../../engine/io/waiting-ranges.ts'
import { overlaps } from '../../engine/lun/range-index.ts'
import { seededRandom } from '../../adapters/seeded-random.ts'
import { BLOCK, bytesOf, Rig, testLun } from './rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'
const MIB = 1024 * 1024

/** What became of an I/O: '' while it is open, then 'ok' or the error's code. */
function track(promise: Promise<unknown>): { end: string } {
  const outcome = { end: '' }
  promise.then(
    () => (outcome.end = 'ok'),
    (error: unknown) => (outcome.end = (error as { code: string }).code),
  )
  return outcome
}

describe('order', () => {
  test('two writes of one caller that hang on one path do not hold each other: the older one goes to the path that is well', async () => {
    const rig = await Rig.open({ attemptTimeoutMs: 50, probeTimeoutMs: 20, ghostHoldMaxMs: 1_000 })
    const a = await rig.add(A, { errorsAreFinal: false })
    await rig.add(B, { errorsAreFinal: false })
    a.hang.enable()
    const older = track(rig.head.write({ offset: 0, data: bytesOf(1) }))
    const newer = track(rig.head.write({ offset: 0, data: bytesOf(2) }))
    await rig.pass(500)
    expect([older.end, newer.end]).toEqual(['ok', ''])
    expect(rig.lun.medium.subarray(0, BLOCK)).toEqual(bytesOf(1))
    a.hang.release()
    await rig.pass(500)
    expect(newer.end).toBe('ok')
    expect(rig.lun.medium.subarray(0, BLOCK)).toEqual(bytesOf(2))
  })

  test('a younger write stays behind an older one that waits for a path, and both land in their order', async () => {
    const rig = await Rig.open({ noPathRetry: 'queue' })
    const a = await rig.add(A)
    a.path.fail()
    const writes = [1, 2, 3].map((mark) => track(rig.head.write({ offset: 0, data: bytesOf(mark) })))
    await rig.settle()
    expect([rig.head.queued.bios, rig.head.held.bios]).toEqual([1, 2])
    a.path.reinstate()
    await rig.pass(100)
    expect(writes.map(({ end }) => end)).toEqual(['ok', 'ok', 'ok'])
    expect(a.ios.map(({ atUs }) => atUs)).toEqual(a.ios.map(({ atUs }) => atUs).sort())
    expect(rig.lun.medium.subarray(0, BLOCK)).toEqual(bytesOf(3))
  })

  test('a write that is aborted lets those go that waited only for it', async () => {
    const rig = await Rig.open({ noPathRetry: 'queue' })
    const a = await rig.add(A)
    a.path.fail()
    const controller = new AbortController()
    const older = track(rig.head.write({ offset: 0, data: bytesOf(1), signal: controller.signal }))
    const newer = track(rig.head.write({ offset: 0, data: bytesOf(2) }))
    await rig.settle()
    controller.abort()
    await rig.settle()
    expect([older.end, rig.head.queued.bios, rig.head.held.bios]).toEqual(['ABORTED', 1, 0])
    a.path.reinstate()
    await rig.pass(100)
    expect(newer.end).toBe('ok')
  })

  test('the index of what waits finds the youngest older one, as a look at each of them does', () => {
    const random = seededRandom('waiting')
    const ranges = new WaitingRanges<{ id: number; offset: number; length: number; followers: null }>()
    const there = new Map<number, { id: number; offset: number; length: number; followers: null }>()
    for (let step = 0; step < 3_000; step += 1) {
      const id = random.nextUint32() % 4_000
      const known = there.get(id)
      if (known !== undefined) {
        ranges.delete(known)
        there.delete(id)
        continue
      }
      const length = (1 + (random.nextUint32() % (step % 100 === 0 ? 20_000 : 300))) * BLOCK
      const item = { id, offset: (random.nextUint32() % 20_000) * BLOCK, length, followers: null }
      ranges.add(item)
      there.set(id, item)
      const range = { id: random.nextUint32() % 4_000, offset: item.offset, length: BLOCK * 8 }
      const older = [...there.values()].filter((one) => one.id < range.id && overlaps(one, range))
      const youngest = older.reduce<number | null>((one, { id: of }) => Math.max(one ?? 0, of), null)
      expect(ranges.youngestBefore(range)?.id ?? null).toBe(youngest)
    }
    expect(ranges.size).toBe(there.size)
  })
})

describe('limits', () => {
  test('attempts that were given up do not fill their path: it serves again when its probe has answered', async () => {
    const rig = await Rig.open({
      attemptTimeoutMs: 50,
      probeTimeoutMs: 20,
      inFlightBytesMax: 4096,
      ghostHoldMaxMs: 500,
    })
    const a = await rig.add(A, { errorsAreFinal: false })
    a.hang.enable()
    const hung = Array.from({ length: 8 }, (_, at) =>
      track(rig.head.write({ offset: at * BLOCK, data: bytesOf(1) })),
    )
    await rig.pass(2_000)
    a.hang.disable()
    await rig.pass(2_000)
    expect(a.path.state.health).toBe('online')
    const read = track(rig.head.read({ offset: 64 * BLOCK, length: BLOCK }))
    await rig.pass(100)
    expect(read.end).toBe('ok')
    expect(hung.every(({ end }) => end !== '')).toBe(true)
    a.hang.release()
    await rig.pass(100)
  })

  test('a caller who waits for memory that hangs is told so after waitMaxMs', async () => {
    const rig = await Rig.open({
      poolBytes: MIB,
      bioBytesMax: MIB / 4,
      attemptTimeoutMs: 0,
      waitMaxMs: 1_000,
    })
    const a = await rig.add(A, { errorsAreFinal: false })
    a.hang.enable()
    const hung = [0, 1, 2].map((at) =>
      track(rig.head.write({ offset: (at * MIB) / 4, data: bytesOf(at, MIB / 4) })),
    )
    const late = track(rig.head.write({ offset: 0, data: bytesOf(9, MIB / 4) }))
    const room = track(rig.head.room(MIB / 4))
    await rig.pass(900)
    expect([late.end, room.end]).toEqual(['', ''])
    await rig.pass(200)
    expect([late.end, room.end]).toEqual(['WAIT_TOO_LONG', 'WAIT_TOO_LONG'])
    a.hang.release()
    await rig.pass(100)
    expect(hung.map(({ end }) => end)).toEqual(['ok', 'ok', 'ok'])
  })

  test('room is there at once, or when those before have got theirs', async () => {
    const rig = await Rig.open({ poolBytes: MIB, bioBytesMax: MIB / 4 })
    const a = await rig.add(A)
    expect(track(rig.head.room(BLOCK)).end).toBe('')
    await rig.drive(rig.head.room(BLOCK))
    a.hang.enable()
    for (const at of [0, 1, 2]) track(rig.head.write({ offset: (at * MIB) / 4, data: bytesOf(at, MIB / 4) }))
    const room = track(rig.head.room(MIB / 4))
    await rig.settle()
    expect(room.end).toBe('')
    a.hang.release()
    a.hang.disable()
    await rig.pass(100)
    expect(room.end).toBe('ok')
    await expect(rig.head.room(-1)).rejects.toMatchObject({ code: 'IO_DATA' })
  })

  test('review 07: a check that asks another path does not wait for it for ever', async () => {
    const rig = await Rig.open({
      attemptTimeoutMs: 300,
      probeTimeoutMs: 100,
      noPathRetry: 'queue',
      checker: { minMs: 100, maxMs: 200 },
    })
    const a = await rig.add(A)
    const b = await rig.add(B)
    a.fail()
    await rig.read(16 * BLOCK)
    await rig.pass(50)
    a.fail({ range: { offset: 16 * BLOCK, length: BLOCK } })
    b.hang.enable()
    await rig.pass(3_000)
    a.heal()
    await rig.pass(3_000)
    expect(a.path.state.health).toBe('online')
    b.hang.release()
    b.hang.disable()
    await rig.pass(100)
  })
})

test('review 8 TiB: a discard of any length is sent a part at a time, and younger writes under what is left of it wait', async () => {
  const rig = await Rig.open()
  const length8TiB = 8 * 2 ** 40
  const lun = testLun({ sizeBytes: MIB })
  const sent: number[] = []
  const a = await rig.add(A, {
    lun,
    wrap: (device) => ({
      ...device,
      geometry: { ...device.geometry, sizeBytes: length8TiB },
      submit: (request, done) => {
        if (request.op !== 'discard') return device.submit(request, done)
        sent.push(request.offset)
        rig.clock.setTimer(rig.clock.monoUs() + 10, () =>
          done({ errno: null, status: null, bytes: request.length }),
        )
      },
    }),
  })
  const discard = track(rig.head.discard({ offset: 0, length: length8TiB }))
  await rig.settle()
  expect(sent.length).toBe(64)
  const under = track(rig.head.discard({ offset: length8TiB - MIB, length: MIB }))
  await rig.settle()
  expect(sent.length).toBe(64)
  await rig.pass(1_000)
  expect([discard.end, under.end]).toEqual(['ok', 'ok'])
  expect(sent).toHaveLength(length8TiB / (64 * MIB) + 1)
  expect(sent.at(-1)).toBe(length8TiB - MIB)
  expect(a.path.inFlight).toBe(0)
})

test('LUNs whose paths hang with their memory leave enough for another one', async () => {
  const rig = await Rig.open({ poolBytes: MIB, inFlightBytesMax: MIB, attemptTimeoutMs: 0 })
  const hung = await Promise.all(
    [1, 2, 3].map(async (at) => {
      const lun = testLun({ wwid: `naa.60014050000000000000000000000${at}00`, sizeBytes: MIB })
      return { lun, path: await rig.add(`${10 + at}:0:0:0`, { lun, errorsAreFinal: false }) }
    }),
  )
  await rig.add(A)
  for (const { path, lun } of hung) {
    path.hang.enable()
    const head = rig.mp.head(lun.wwid)
    for (let at = 0; at < 64; at += 1) track(head.write({ offset: at * 16_384, data: bytesOf(at, 16_384) }))
  }
  await rig.settle()
  const writes = Array.from({ length: 6 }, (_, at) =>
    track(rig.head.write({ offset: at * 16_384, data: bytesOf(at, 16_384) })),
  )
  await rig.pass(10)
  expect(writes.map(({ end }) => end)).toEqual(Array.from({ length: 6 }, () => 'ok'))
  for (const { path } of hung) {
    path.hang.disable()
    path.hang.release()
  }
  await rig.pass(100)
})
