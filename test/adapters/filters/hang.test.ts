import { describe, expect, test } from 'vitest'
import { errorFilter } from '../../../adapters/filters/error.ts'
import { hangFilter } from '../../../adapters/filters/hang.ts'
import type { HangSettings } from '../../../adapters/filters/hang.ts'
import { makeRequest, makeWrite, pathContract } from '../contract.ts'
import { makeInner, submitTo } from './filtered.ts'

pathContract('a hang filter that is off', async () => {
  const { inner, clock } = makeInner()
  return { path: hangFilter(inner).path, turn: () => clock.drain() }
})

function makeHung(settings: Partial<HangSettings> = {}, errorsAreFinal = true) {
  const made = makeInner(errorsAreFinal)
  return { ...made, ...hangFilter(made.inner, { active: true, ...settings }) }
}

describe('hang filter', () => {
  test('an I/O is held and does not complete, however long', () => {
    const { path, control, clock, reached } = makeHung()
    const write = submitTo(path, makeWrite(0, 512, 1))
    clock.advanceBy(86_400_000_000)
    expect([write.completion, control.held, reached.length]).toEqual([null, 1, 0])
  })

  test('released, what was held really happens, in order, and the next one hangs again', () => {
    const { path, control, clock, lun, reached } = makeHung()
    const writes = [1, 2, 3].map((value) => makeWrite(0, 512, value))
    const answers = writes.map((write) => submitTo(path, write))
    expect(control.release()).toBe(3)
    clock.advanceBy(10)
    expect([reached, lun.medium[0]]).toEqual([writes, 3])
    expect(answers.map(({ completion }) => completion?.bytes)).toEqual([512, 512, 512])
    submitTo(path, writes[0]!)
    expect([control.held, control.active]).toEqual([1, true])
  })

  test('switched off, it releases what was held, before anything new', () => {
    const { path, control, reached } = makeHung()
    const [held, next] = [makeWrite(0, 512, 1), makeWrite(0, 512, 2)]
    submitTo(path, held)
    control.disable()
    submitTo(path, next)
    expect([reached, control.held, control.active]).toEqual([[held, next], 0, false])
  })

  test('a held write takes its bytes when it is released', () => {
    const { path, control, clock, lun } = makeHung()
    const write = makeWrite(0, 512, 1)
    submitTo(path, write)
    write.data!.fill(7)
    control.release()
    clock.advanceBy(10)
    expect(lun.medium[0]).toBe(7)
  })

  test('only the chosen operation hangs', () => {
    const { path, reached } = makeHung({ op: 'flush' })
    const read = makeRequest({ op: 'read', length: 512 })
    submitTo(path, makeRequest({ op: 'flush' }))
    submitTo(path, read)
    expect(reached).toEqual([read])
  })

  test('dropped, what was held completes with the error and never happens', async () => {
    const { path, control, clock, lun } = makeHung()
    const write = submitTo(path, makeWrite(0, 512, 1))
    expect(control.drop('ETIMEDOUT')).toBe(1)
    expect(write.completion).toBeNull()
    await clock.settle()
    expect(write.completion).toEqual({ errno: 'ETIMEDOUT', status: null, bytes: 0 })
    control.disable()
    await clock.drain()
    expect([lun.medium[0], control.held]).toEqual([0, 0])
  })

  test('answered, what was held completes with the error once, and its write still lands at release', async () => {
    const { path, control, clock, lun } = makeHung({}, false)
    let calls = 0
    path.submit(makeWrite(0, 512, 1), () => (calls += 1))
    expect([control.answer('EIO'), control.answer('EIO'), control.held]).toEqual([1, 0, 1])
    await clock.settle()
    expect([calls, lun.medium[0]]).toEqual([1, 0])
    expect(control.release()).toBe(1)
    await clock.drain()
    expect([calls, lun.medium[0]]).toEqual([1, 1])
  })

  test('a path whose errors are final is not answered for', () => {
    const { path, control } = makeHung()
    submitTo(path, makeWrite(0, 512, 1))
    expect(() => control.answer('EIO')).toThrow(expect.objectContaining({ code: 'FILTER_ERRORS_ARE_FINAL' }))
    expect(control.held).toBe(1)
  })

  test('what is no errno name, or no operation, is refused', () => {
    const { control, inner } = makeHung()
    const refused = expect.objectContaining({ code: 'FILTER_SETTING' })
    expect(() => control.drop('timeout')).toThrow(refused)
    expect(() => hangFilter(inner, { op: 'reads' as 'read' })).toThrow(refused)
  })
})

describe('stacked filters', () => {
  test('each acts in its turn, outermost first, and the path is still itself', async () => {
    const { inner, clock, reached } = makeInner()
    const hang = hangFilter(inner, { active: true })
    const error = errorFilter(hang.path, { op: 'read', active: true })
    const read = submitTo(error.path, makeRequest({ op: 'read', length: 512 }))
    const flush = submitTo(error.path, makeRequest({ op: 'flush' }))
    await clock.drain()
    expect([read.completion?.errno, flush.completion, hang.control.held]).toEqual(['EIO', null, 1])
    hang.control.disable()
    await clock.drain()
    expect([flush.completion?.errno, reached.length]).toEqual([null, 1])
    const { kind, device, hctl, lun, numaNode, geometry, guarantees, coherence, deviceKey, facts } =
      error.path
    expect({ kind, device, hctl, lun, numaNode, geometry, guarantees, coherence, deviceKey, facts }).toEqual({
      kind: inner.kind,
      device: inner.device,
      hctl: inner.hctl,
      lun: inner.lun,
      numaNode: inner.numaNode,
      geometry: inner.geometry,
      guarantees: inner.guarantees,
      coherence: inner.coherence,
      deviceKey: inner.deviceKey,
      facts: inner.facts,
    })
  })

  test('a change of the path within is seen through its filters', async () => {
    const { inner } = makeInner()
    const { path } = errorFilter(hangFilter(inner).path)
    inner.setIdentity('naa.7000')
    expect(await path.identify()).toMatchObject({ same: false })
  })
})
