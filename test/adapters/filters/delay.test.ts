import { describe, expect, test } from 'vitest'
import { delayFilter } from '../../../adapters/filters/delay.ts'
import { makeRequest, makeWrite, pathContract } from '../contract.ts'
import { makeInner, submitTo } from './filtered.ts'

pathContract('a delay filter that is off', async () => {
  const { inner, clock } = makeInner()
  return { path: delayFilter(inner, { delayUs: 100 }, { clock }).path, turn: () => clock.drain() }
})

pathContract('a delay filter that is on', async () => {
  const { inner, clock } = makeInner()
  return {
    path: delayFilter(inner, { delayUs: 100, active: true }, { clock }).path,
    turn: () => clock.drain(),
  }
})

const READ = makeRequest({ op: 'read', length: 512 })

describe('delay filter', () => {
  test('an I/O reaches the path after the delay, and completes the latency of the path later', () => {
    const { inner, clock, reached } = makeInner()
    const { path, control } = delayFilter(inner, { delayUs: 100, active: true }, { clock })
    const read = submitTo(path, READ)
    clock.advanceBy(99)
    expect([reached.length, control.waiting]).toEqual([0, 1])
    clock.advanceBy(1)
    expect([reached.length, control.waiting, read.completion]).toEqual([1, 0, null])
    clock.advanceBy(10)
    expect(read.completion).toMatchObject({ errno: null, bytes: 512 })
  })

  test('equal delays keep the order', () => {
    const { inner, clock, reached } = makeInner()
    const { path } = delayFilter(inner, { delayUs: 100, active: true }, { clock })
    const writes = [1, 2, 3].map((value) => makeWrite(0, 512, value))
    for (const write of writes) submitTo(path, write)
    clock.advanceBy(100)
    expect(reached).toEqual(writes)
  })

  test('only the chosen operation waits', () => {
    const { inner, clock, reached } = makeInner()
    const { path } = delayFilter(inner, { delayUs: 100, op: 'write', active: true }, { clock })
    submitTo(path, makeWrite(0, 512, 1))
    submitTo(path, READ)
    expect(reached).toEqual([READ])
  })

  test('switching it off, or to another delay, leaves what waits alone', () => {
    const { inner, clock, reached } = makeInner()
    const { path, control } = delayFilter(inner, { delayUs: 100, active: true }, { clock })
    submitTo(path, makeWrite(0, 512, 1))
    control.enable({ delayUs: 5 })
    control.disable()
    submitTo(path, READ)
    expect(reached).toEqual([READ])
    clock.advanceBy(99)
    expect(reached.length).toBe(1)
    clock.advanceBy(1)
    expect(reached.length).toBe(2)
  })

  test.each([-1, 0.5, NaN, Infinity])('a delay of %d is refused', (delayUs) => {
    const { inner, clock } = makeInner()
    const refused = expect.objectContaining({ code: 'FILTER_SETTING' })
    expect(() => delayFilter(inner, { delayUs }, { clock })).toThrow(refused)
  })
})
