import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { countedId, readBootId, systemClock, systemIds, systemRandom } from '../../adapters/system.ts'

describe('system clock', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] })
  })

  afterEach(() => {
    vi.useRealTimers()
  })

  test('the wall clock is microseconds since the epoch', () => {
    vi.setSystemTime(1_700_000_000_123)
    expect(systemClock.wallUs()).toBe(1_700_000_000_123_000)
  })

  test('a timer fires once, at the first whole millisecond that is not before its due time', () => {
    const start = systemClock.monoUs()
    const fired: number[] = []
    systemClock.setTimer(start + 1500, () => fired.push(systemClock.monoUs() - start))
    vi.advanceTimersByTime(1)
    expect(fired).toEqual([])
    vi.advanceTimersByTime(1000)
    expect(fired).toEqual([2000])
  })

  test('a timer whose time has passed fires soon, but not inside the call', () => {
    let fired = false
    systemClock.setTimer(systemClock.monoUs() - 1_000_000, () => (fired = true))
    expect(fired).toBe(false)
    vi.advanceTimersByTime(1)
    expect(fired).toBe(true)
  })

  test('a timer further away than setTimeout reaches fires when it is due', () => {
    const days = 60 * 86_400
    let fired = false
    systemClock.setTimer(systemClock.monoUs() + days * 1_000_000, () => (fired = true))
    vi.advanceTimersByTime(days * 1000 - 1)
    expect(fired).toBe(false)
    vi.advanceTimersByTime(1)
    expect(fired).toBe(true)
  })

  test('a cancelled timer does not fire, also when it waits in pieces', () => {
    const days = 60 * 86_400
    const handle = systemClock.setTimer(systemClock.monoUs() + days * 1_000_000, () => {
      throw new Error('fired')
    })
    vi.advanceTimersByTime(40 * 86_400_000)
    handle.cancel()
    handle.cancel()
    vi.advanceTimersByTime(40 * 86_400_000)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a timer that Node fires early waits for the rest', () => {
    const start = systemClock.monoUs()
    const fired: number[] = []
    const early = vi.spyOn(globalThis, 'setTimeout').mockImplementationOnce((fire) => {
      queueMicrotask(fire)
      return undefined as unknown as NodeJS.Timeout
    })
    systemClock.setTimer(start + 5000, () => fired.push(systemClock.monoUs() - start))
    early.mockRestore()
    return Promise.resolve().then(() => {
      expect(fired).toEqual([])
      vi.advanceTimersByTime(5)
      expect(fired).toEqual([5000])
    })
  })
})

describe('the machine', () => {
  test('the monotonic clock never goes back', () => {
    const readings = Array.from({ length: 1000 }, () => systemClock.monoUs())
    expect(readings).toEqual([...readings].sort((a, b) => a - b))
    expect(readings.every(Number.isSafeInteger)).toBe(true)
  })

  test('random numbers are unsigned 32-bit integers that use the high bits', () => {
    const numbers = Array.from({ length: 200 }, () => systemRandom.nextUint32())
    expect(numbers.every((number) => number >>> 0 === number)).toBe(true)
    expect(Math.max(...numbers)).toBeGreaterThan(0x8000_0000)
  })

  test('ids differ, also those of two engines, and each is short', () => {
    const [one, other] = [systemIds(), systemIds()]
    const ids = Array.from({ length: 100 }, () => [one(), other()]).flat()
    expect(new Set(ids).size).toBe(200)
    expect(Math.max(...ids.map(({ length }) => length))).toBeLessThan(18)
  })

  test('ids sort as they were given, the fourteen million of a run, and none is there twice behind them', () => {
    const counts = Array.from({ length: 300 }, (_, at) => at + 1)
    for (const power of [62 ** 2, 62 ** 3]) counts.push(power - 1, power, power + 1)
    counts.push(62 ** 4 - 1)
    const ids = counts.map((count) => countedId('w3nYq0fA', count))
    expect(ids).toEqual([...ids].sort((one, other) => (one < other ? -1 : 1)))
    const more = [62 ** 4, 62 ** 4 + 1, 62 ** 7].map((count) => countedId('w3nYq0fA', count))
    expect(new Set([...ids, ...more]).size).toBe(counts.length + 3)
  })

  test("the boot id begins the kernel's, or is unknown where the kernel has none, and stays", () => {
    expect(readBootId()).toMatch(/^([0-9a-f]{8}|unknown)$/)
    expect(readBootId()).toBe(readBootId())
  })
})
