import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../../adapters/virtual-clock.ts'

describe('virtual clock', () => {
  test('it starts where it is told and stands still', () => {
    const clock = new VirtualClock({ wallUs: 1_000_000, monoUs: 50 })
    expect([clock.wallUs(), clock.monoUs()]).toEqual([1_000_000, 50])
    expect([clock.pendingTimers(), clock.nextDueUs(), clock.runNext()]).toEqual([0, null, false])
  })

  test('wall and monotonic time advance together, and the wall can be stepped alone', () => {
    const clock = new VirtualClock({ wallUs: 1_000_000 })
    clock.advanceBy(500)
    clock.stepWall(-600_000)
    expect([clock.wallUs(), clock.monoUs()]).toEqual([400_500, 500])
  })

  test('timers fire in the order due, then set, each at its own due time', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20)), (dues) => {
        const clock = new VirtualClock()
        const fired: [number, number][] = []
        dues.forEach((due, index) => {
          clock.setTimer(due, () => {
            expect(clock.monoUs()).toBe(due)
            fired.push([due, index])
          })
        })
        clock.advanceTo(20)
        const expected = dues.map((due, index): [number, number] => [due, index])
        expect(fired).toEqual(expected.sort((a, b) => a[0] - b[0] || a[1] - b[1]))
        expect(clock.pendingTimers()).toBe(0)
      }),
    )
  })

  test('a cancelled timer never fires, whoever cancels it and however often', () => {
    const timers = fc.array(
      fc.record({ due: fc.nat(20), cancels: fc.option(fc.nat(19), { nil: undefined }) }),
    )
    fc.assert(
      fc.property(timers, (specs) => {
        const clock = new VirtualClock()
        const fired = new Set<number>()
        const cancelled = new Set<number>()
        const handles = specs.map(({ due, cancels }, index) =>
          clock.setTimer(due, () => {
            expect(cancelled.has(index)).toBe(false)
            fired.add(index)
            if (cancels === undefined || cancels >= handles.length) return
            handles[cancels]!.cancel()
            handles[cancels]!.cancel()
            if (!fired.has(cancels)) cancelled.add(cancels)
          }),
        )
        clock.advanceTo(20)
        expect(fired.size + cancelled.size).toBe(specs.length)
        expect([clock.pendingTimers(), clock.nextDueUs()]).toEqual([0, null])
      }),
    )
  })

  test('a timer set by a timer fires within the same advance when it is due', () => {
    const clock = new VirtualClock()
    const fired: number[] = []
    const again = (): void => {
      fired.push(clock.monoUs())
      if (fired.length < 3) clock.setTimer(clock.monoUs() + 10, again)
    }
    clock.setTimer(10, again)
    clock.advanceTo(29)
    expect(fired).toEqual([10, 20])
    expect([clock.monoUs(), clock.nextDueUs()]).toEqual([29, 30])
  })

  test('a due time that has passed is now, and a fraction is rounded up', () => {
    const clock = new VirtualClock({ monoUs: 100 })
    clock.setTimer(5, () => undefined)
    expect(clock.nextDueUs()).toBe(100)
    clock.runNext()
    clock.setTimer(100.25, () => undefined)
    expect(clock.nextDueUs()).toBe(101)
  })

  test('a timer never fires inside the call that sets it', () => {
    const clock = new VirtualClock()
    let fired = false
    clock.setTimer(0, () => (fired = true))
    expect(fired).toBe(false)
    clock.advanceBy(0)
    expect(fired).toBe(true)
  })

  test('time that goes back and a due time that is no number are refused', () => {
    const clock = new VirtualClock({ monoUs: 100 })
    const broken = expect.objectContaining({ code: 'ARGUMENT_INVALID' })
    expect(() => {
      clock.advanceTo(99)
    }).toThrow(broken)
    expect(() => clock.setTimer(NaN, () => undefined)).toThrow(broken)
    expect(() => clock.setTimer(Infinity, () => undefined)).toThrow(broken)
  })
})

describe('virtual clock with promises', () => {
  /** Waits on the clock the way the engine does. */
  const wait = (clock: VirtualClock, us: number): Promise<void> =>
    new Promise((resolve) => {
      clock.setTimer(clock.monoUs() + us, resolve)
    })

  test('promises run between two timers, at the time of the first', async () => {
    const clock = new VirtualClock()
    const log: string[] = []
    void wait(clock, 10).then(async () => {
      for (let turn = 0; turn < 50; turn += 1) await Promise.resolve()
      log.push(`long chain ends at ${clock.monoUs()}`)
    })
    clock.setTimer(11, () => log.push(`timer at ${clock.monoUs()}`))
    expect(await clock.drain()).toBe(2)
    expect(log).toEqual(['long chain ends at 10', 'timer at 11'])
  })

  test('a chain that keeps setting timers is followed to its end', async () => {
    const clock = new VirtualClock()
    const run = async (): Promise<number> => {
      for (let step = 0; step < 100; step += 1) await wait(clock, 7)
      return clock.monoUs()
    }
    const ended = run()
    expect(await clock.drain()).toBe(100)
    expect(await ended).toBe(700)
  })

  test('settling waits for as long as promises set timers, and moves no time', async () => {
    const clock = new VirtualClock()
    const chain = async (): Promise<void> => {
      for (let set = 0; set < 10; set += 1) {
        for (let turn = 0; turn < 80; turn += 1) await Promise.resolve()
        clock.setTimer(1000 + set, () => undefined)
      }
    }
    void chain()
    await clock.settle()
    expect([clock.pendingTimers(), clock.monoUs()]).toEqual([10, 0])
  })

  test('a drain stops at its time and stands there', async () => {
    const clock = new VirtualClock()
    clock.setTimer(10, () => undefined)
    clock.setTimer(30, () => undefined)
    expect(await clock.drain(20)).toBe(1)
    expect([clock.monoUs(), clock.pendingTimers()]).toEqual([20, 1])
  })

  test('timers without end are an error after the limit, not a hang', async () => {
    const clock = new VirtualClock()
    const again = (): void => void clock.setTimer(clock.monoUs() + 1, again)
    again()
    await expect(clock.drain(Infinity, 25)).rejects.toMatchObject({ code: 'INVARIANT_BROKEN' })
    expect(clock.monoUs()).toBe(25)
  })
})
