// Each wait of the engine for somebody else has a limit with a name, and says what ran out.
import { describe, expect, test } from 'vitest'
import type { DeviceSource, PathDevice } from '../../adapters/ports.ts'
import { fieldsOf } from './device-fields.ts'
import { BLOCK, bytesOf, Rig } from './rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'
const never = () => new Promise<never>(() => undefined)

/** A logger that keeps what it is told, as JSON. */
function logger() {
  const lines: string[] = []
  const keep = (facts: object, message?: string) => void lines.push(JSON.stringify({ ...facts, message }))
  return { lines, debug: keep, info: keep, warn: keep, error: keep }
}

describe('a wait that nothing ends', () => {
  test('for a device to be closed: closeGraceMs, and whoever removed the path hears of it', async () => {
    const rig = await Rig.open({ closeGraceMs: 400 })
    const wrap = (device: PathDevice): PathDevice => ({ ...fieldsOf(device), close: never })
    const a = await rig.add(A, { wrap })
    await rig.add(B)
    const from = rig.clock.monoUs()
    expect(await rig.errorOf(a.path.remove())).toMatchObject({
      code: 'DEVICE_NOT_CLOSED',
      why: expect.stringContaining('closeGraceMs, 400 ms') as string,
    })
    expect(rig.clock.monoUs() - from).toBeLessThan(500_000)
    expect(rig.head.paths).toHaveLength(1)
    await rig.write(0, bytesOf(1))
  })

  test('for the same when the engine closes: it closes', async () => {
    const rig = await Rig.open({ closeGraceMs: 400 })
    await rig.add(A, { wrap: (device) => ({ ...fieldsOf(device), close: never }) })
    await rig.drive(rig.mp.close())
    expect(rig.rows('engine.stopped')).toHaveLength(1)
  })

  test('for the last flush of a path that goes: closeGraceMs, in the log', async () => {
    const log = logger()
    const rig = await Rig.open({ closeGraceMs: 400, logger: log })
    const a = await rig.add(A)
    await rig.add(B)
    await rig.write(0, bytesOf(1))
    a.hang.enable({ op: 'flush' })
    await rig.drive(a.path.remove())
    expect(log.lines.join()).toContain('its last flush did not end within closeGraceMs, 400 ms')
    a.hang.disable()
    await rig.pass(10)
  })

  test('for what a device is: probeTimeoutMs, and it is not taken', async () => {
    const rig = await Rig.open({ probeTimeoutMs: 700 })
    const device = { ...fieldsOf(rig.makePath(A).device), identify: never }
    expect(await rig.errorOf(rig.mp.addPath(device))).toMatchObject({
      code: 'PATH_WRONG_LUN',
      why: expect.stringContaining('within probeTimeoutMs, 700 ms') as string,
    })
    expect(rig.mp.heads).toEqual([])
  })

  test('for the same of a path that is well and is checked: its check fails, and the next one comes', async () => {
    const rig = await Rig.open({
      ...{ probeTimeoutMs: 100, checker: { minMs: 500, maxMs: 1_000, healthyMaxMs: 1_000 } },
    })
    let asked = 0
    const identify = () => {
      asked += 1
      return asked > 1 ? never() : Promise.resolve({ same: true } as const)
    }
    const a = await rig.add(A, { wrap: (device) => ({ ...fieldsOf(device), identify }) })
    await rig.add(B)
    await rig.pass(5_000)
    expect(asked).toBeGreaterThan(2)
    expect(rig.rows('path.checkFailed', A).length).toBeGreaterThan(1)
    expect(a.path.usable).toBe(true)
  })

  test('for a fence: fenceTimeoutMs, in the log, and it may run again', async () => {
    const log = logger()
    let ran = 0
    const rig = await Rig.open({
      ...{ fenceTimeoutMs: 2_000, logger: log, attemptTimeoutMs: 100, probeTimeoutMs: 100 },
      checker: { minMs: 100, maxMs: 200 },
      fence: () => {
        ran += 1
        return never()
      },
    })
    const a = await rig.add(A, { errorsAreFinal: false })
    await rig.add(B)
    a.hang.enable()
    await rig.drive(rig.head.write({ offset: 0, data: bytesOf(1) }))
    await rig.pass(3_000)
    expect(ran).toBe(1)
    expect(log.lines.join()).toContain('no answer for fenceTimeoutMs, 2000 ms')
    a.hang.disable()
    await rig.pass(10)
  })

  test('for a device that a source opens, when the engine closes: closeGraceMs, in the log', async () => {
    const log = logger()
    const rig = await Rig.open({ closeGraceMs: 400, logger: log })
    await rig.add(A)
    const source: DeviceSource = {
      list: () => [
        {
          device: '/dev/loop9',
          deviceKey: 'loop:9',
          diskseq: 1,
          direct: true,
          autoclear: false,
          sizeBytes: BLOCK,
        },
      ],
      covers: (key) => key === 'loop:9',
      open: never,
    }
    rig.mp.watch(source)
    await rig.pass(10)
    await rig.drive(rig.mp.close())
    expect(log.lines.join()).toContain('still being opened after closeGraceMs, 400 ms')
  })
})

test('what was given up counts against the share of its LUN, and not against the bound of its path', async () => {
  const rig = await Rig.open({
    ...{ inFlightBytesMax: 4_096, attemptTimeoutMs: 200, probeTimeoutMs: 100, noPathRetry: 'queue' },
    ...{ checker: { minMs: 100, maxMs: 200 }, ghostHoldMaxMs: 600_000 },
  })
  const a = await rig.add(A, { errorsAreFinal: false })
  const before = rig.mp.memory.usedBytes
  a.hang.enable({ op: 'write' })
  const hung = [0, 1, 2, 3, 4, 5, 6, 7].map((at) => rig.head.write({ offset: at * BLOCK, data: bytesOf(at) }))
  // Where no other path is left their callers hear of it.
  const ended = Promise.allSettled(hung)
  await rig.pass(10)
  // The path is full of what it has alive: one more waits.
  const reads = [8, 9].map((at) => rig.head.read({ offset: at * BLOCK, length: BLOCK }))
  await rig.pass(10)
  expect(a.ios.filter(({ op }) => op === 'read')).toEqual([])
  // Given up, it fills the path no longer, and still has its memory.
  await rig.drive(Promise.all(reads))
  expect(a.path.inFlight).toBeGreaterThanOrEqual(8)
  expect(rig.mp.memory.usedBytes - before).toBeGreaterThanOrEqual(8 * BLOCK)
  a.hang.disable()
  a.hang.release()
  await rig.drive(ended)
  await rig.pass(1_000)
  expect(rig.mp.memory.usedBytes).toBe(before)
})
