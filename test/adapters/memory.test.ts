import { describe, expect, test } from 'vitest'
import { memoryLun, memoryPath } from '../../adapters/paths/memory.ts'
import type { MemoryPath, MemoryPathSettings } from '../../adapters/paths/memory.ts'
import type { IoRequest } from '../../adapters/ports.ts'
import { VirtualClock } from '../../adapters/virtual-clock.ts'
import { makeRequest, makeWrite, pathContract, perform } from './contract.ts'

const SIZE = 65_536

function makeSubject(settings: Partial<MemoryPathSettings> = {}) {
  const clock = new VirtualClock()
  const lun = memoryLun({ wwid: 'naa.6000', sizeBytes: SIZE })
  const path: MemoryPath = memoryPath(lun, { hctl: '0:0:0:0', clock, ...settings })
  return { clock, lun, path, turn: () => clock.drain() }
}

pathContract('a memory path', async () => makeSubject())
pathContract('a memory path with latency', async () => makeSubject({ latencyUs: 250 }))

describe('memory LUN', () => {
  test.each([0, 100, -512, 1.5])('a size of %d bytes is refused', (sizeBytes) => {
    expect(() => memoryLun({ wwid: 'a', sizeBytes })).toThrow(expect.objectContaining({ code: 'LUN_SIZE' }))
  })

  test('what is written through one path is read through another', async () => {
    const { clock, lun, path, turn } = makeSubject()
    const other = memoryPath(lun, { hctl: '1:0:0:0', clock })
    await perform({ path, turn }, makeWrite(512, 512, 9))
    const read = makeRequest({ op: 'read', offset: 512, length: 512 })
    await perform({ path: other, turn }, read)
    expect(read.data).toEqual(new Uint8Array(512).fill(9))
  })

  test('a path names its LUN without dragging the medium along', () => {
    expect(makeSubject().path.lun).toEqual({ wwid: 'naa.6000', implicitAlua: true })
  })
})

describe('memory path', () => {
  test('an I/O completes its latency after submit, by the clock', () => {
    const { clock, path } = makeSubject({ latencyUs: ({ op }) => (op === 'read' ? 100 : 300) })
    const log: string[] = []
    path.submit(makeWrite(0, 512, 1), () => log.push(`write ${clock.monoUs()}`))
    path.submit(makeRequest({ op: 'read', length: 512 }), () => log.push(`read ${clock.monoUs()}`))
    clock.advanceBy(1000)
    expect(log).toEqual(['read 100', 'write 300'])
  })

  test('a write takes its bytes, and lands, when it completes', () => {
    const { clock, lun, path } = makeSubject({ latencyUs: 100 })
    const write = makeWrite(0, 512, 1)
    path.submit(write, () => undefined)
    clock.advanceBy(99)
    expect(lun.medium[0]).toBe(0)
    write.data!.fill(2)
    clock.advanceBy(1)
    expect(lun.medium[0]).toBe(2)
  })

  test('every request is seen as it is submitted', () => {
    const seen: IoRequest[] = []
    const { path } = makeSubject({ onSubmit: (request) => void seen.push(request) })
    const flush = makeRequest({ op: 'flush' })
    path.submit(flush, () => undefined)
    expect(seen).toEqual([flush])
  })

  test('another identity is noticed', async () => {
    const { path } = makeSubject()
    path.setIdentity('naa.7000')
    expect(await path.identify()).toEqual({ same: false, why: 'it was naa.6000 and says naa.7000 now' })
    path.setIdentity('naa.6000')
    expect(await path.identify()).toEqual({ same: true })
  })

  test('a shrunk device is noticed, and what it lost fails with EIO', async () => {
    const subject = makeSubject()
    subject.path.resize(4096)
    expect(await subject.path.identify()).toEqual({ same: false, why: 'it had 65536 bytes and has 4096 now' })
    expect(await perform(subject, makeWrite(4096, 512, 1))).toMatchObject({ errno: 'EIO', bytes: 0 })
    expect(await perform(subject, makeWrite(0, 512, 1))).toMatchObject({ errno: null })
  })

  test('a grown device has no more medium than before', async () => {
    const subject = makeSubject()
    subject.path.resize(SIZE * 2)
    expect(await perform(subject, makeWrite(SIZE, 512, 1))).toMatchObject({ errno: 'EIO' })
  })

  test('a read-only path reads and flushes, and refuses to write', async () => {
    const subject = makeSubject({ readOnly: true })
    expect(subject.path.geometry.readOnly).toBe(true)
    expect(await perform(subject, makeWrite(0, 512, 1))).toMatchObject({ errno: 'EROFS' })
    expect(await perform(subject, makeRequest({ op: 'discard', length: 512 }))).toMatchObject({
      errno: 'EROFS',
    })
    expect(await perform(subject, makeRequest({ op: 'read', length: 512 }))).toMatchObject({ errno: null })
    expect(await perform(subject, makeRequest({ op: 'flush' }))).toMatchObject({ errno: null })
  })

  test('after close every I/O fails with EBADF', async () => {
    const subject = makeSubject()
    await subject.path.close()
    expect(await perform(subject, makeRequest({ op: 'flush' }))).toMatchObject({ errno: 'EBADF' })
  })

  test('it declares what it was told to declare', () => {
    expect(makeSubject().path.guarantees.errorsAreFinal).toBe(true)
    expect(makeSubject({ errorsAreFinal: false }).path.guarantees.errorsAreFinal).toBe(false)
    expect(makeSubject({ numaNode: 1 }).path.numaNode).toBe(1)
  })
})
