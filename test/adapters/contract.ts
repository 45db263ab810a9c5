// What every path does, whatever it is made of. Each adapter's own tests run this over it; alignment is the caller's.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { alignedBytes } from '../../adapters/aligned.ts'
import { isErrnoName } from '../../adapters/errno.ts'
import type { IoCompletion, IoRequest, PathDevice } from '../../adapters/ports.ts'

/** A path of at least 64 KiB that may be written to. */
export interface ContractSubject {
  readonly path: PathDevice
  /** Makes what was submitted go on, where nothing does by itself: drains a virtual clock. */
  readonly turn?: () => Promise<unknown>
  /** Called after the path was closed. */
  readonly cleanUp?: () => Promise<void> | void
}

/** A request with page-aligned data; a read's bytes start as 0xee, which no test writes. */
export function makeRequest(parts: Partial<IoRequest> & Pick<IoRequest, 'op'>): IoRequest {
  const { op, offset = 0, length = 0, fua = false } = parts
  const needsData = op === 'read' || op === 'write'
  const data = parts.data ?? (needsData ? alignedBytes(length).fill(0xee) : null)
  return { op, offset, length, data, fua }
}

/** A write of `length` bytes `value`. */
export function makeWrite(offset: number, length: number, value: number, fua = false): IoRequest {
  return makeRequest({ op: 'write', offset, length, fua, data: alignedBytes(length).fill(value) })
}

/** Submits one request and gives its completion. */
export async function perform(
  { path, turn }: Pick<ContractSubject, 'path' | 'turn'>,
  request: IoRequest,
): Promise<IoCompletion> {
  const completion = new Promise<IoCompletion>((resolve) => {
    path.submit(request, resolve)
  })
  await turn?.()
  return completion
}

/** Runs the contract over what `make` makes, anew for each test. */
export function pathContract(name: string, make: () => Promise<ContractSubject>): void {
  describe(`${name} keeps the contract of a path`, () => {
    let subject: ContractSubject
    const run = (request: IoRequest): Promise<IoCompletion> => perform(subject, request)
    const readAt = async (offset: number, length: number): Promise<Uint8Array> => {
      const request = makeRequest({ op: 'read', offset, length })
      expect(await run(request)).toEqual({ errno: null, status: null, bytes: length })
      return request.data!
    }

    beforeEach(async () => {
      subject = await make()
    })

    afterEach(async () => {
      await subject.path.close()
      await subject.cleanUp?.()
    })

    test('what was written is read back, and its neighbours are untouched', async () => {
      const before = [...(await readAt(4096, 512)), ...(await readAt(12_288, 512))]
      expect(await run(makeWrite(8192, 4096, 0x5a))).toEqual({ errno: null, status: null, bytes: 4096 })
      expect(await readAt(8192, 4096)).toEqual(new Uint8Array(4096).fill(0x5a))
      expect([...(await readAt(4096, 512)), ...(await readAt(12_288, 512))]).toEqual(before)
    })

    test('a write with force unit access succeeds and is read back', async () => {
      expect(await run(makeWrite(0, 4096, 0x33, true))).toEqual({ errno: null, status: null, bytes: 4096 })
      expect(await readAt(0, 4096)).toEqual(new Uint8Array(4096).fill(0x33))
    })

    test('the last block can be written and read', async () => {
      const { sizeBytes } = subject.path.geometry
      expect(await run(makeWrite(sizeBytes - 4096, 4096, 0x77))).toMatchObject({ errno: null, bytes: 4096 })
      expect(await readAt(sizeBytes - 4096, 4096)).toEqual(new Uint8Array(4096).fill(0x77))
    })

    test('a flush succeeds and moves no bytes', async () => {
      expect(await run(makeRequest({ op: 'flush' }))).toEqual({ errno: null, status: null, bytes: 0 })
    })

    test('a discard or a zeroing works or says EOPNOTSUPP', async () => {
      for (const op of ['discard', 'writeZeroes'] as const) {
        await run(makeWrite(4096, 4096, 0x11))
        const { errno } = await run(makeRequest({ op, offset: 4096, length: 4096 }))
        const value = errno === null ? 0 : 0x11
        expect(errno === null || errno === 'EOPNOTSUPP').toBe(true)
        expect(await readAt(4096, 4096)).toEqual(new Uint8Array(4096).fill(value))
      }
    })

    test('done is called exactly once and never inside submit', async () => {
      const calls = new Map<string, number>()
      const requests = [
        makeRequest({ op: 'read', length: 4096 }),
        makeWrite(0, 4096, 1),
        makeWrite(0, 4096, 1, true),
        makeRequest({ op: 'flush' }),
        makeRequest({ op: 'discard', length: 4096 }),
        makeRequest({ op: 'writeZeroes', length: 4096 }),
        makeRequest({ op: 'read', offset: subject.path.geometry.sizeBytes, length: 4096 }),
      ]
      let inside = true
      const all = requests.map(
        (request, index) =>
          new Promise<void>((resolve) => {
            subject.path.submit(request, () => {
              expect(inside).toBe(false)
              calls.set(String(index), (calls.get(String(index)) ?? 0) + 1)
              resolve()
            })
          }),
      )
      inside = false
      await subject.turn?.()
      await Promise.all(all)
      // A second call would come before the completion of an I/O submitted after all of these.
      await run(makeRequest({ op: 'flush' }))
      expect([...calls.values()]).toEqual(requests.map(() => 1))
    })

    test('many I/Os at once each move their own bytes', async () => {
      const blocks = Array.from({ length: 16 }, (_, block) => block)
      const write = (block: number): Promise<IoCompletion> =>
        new Promise((resolve) => {
          subject.path.submit(makeWrite(block * 4096, 4096, block + 1), resolve)
        })
      const writes = blocks.map(write)
      await subject.turn?.()
      for (const done of await Promise.all(writes)) expect(done).toMatchObject({ errno: null, bytes: 4096 })
      for (const block of blocks) expect((await readAt(block * 4096, 4096))[4095]).toBe(block + 1)
    })

    test('I/O past the end fails whole, with the name of an error, and changes nothing', async () => {
      const { sizeBytes } = subject.path.geometry
      await run(makeWrite(sizeBytes - 4096, 4096, 0x44))
      for (const offset of [sizeBytes - 4096, sizeBytes, sizeBytes * 2]) {
        const write = await run(makeWrite(offset, 8192, 0x99))
        const read = await run(makeRequest({ op: 'read', offset, length: 8192 }))
        for (const { errno, bytes } of [write, read]) {
          expect(isErrnoName(errno!)).toBe(true)
          expect(bytes).toBe(0)
        }
      }
      expect(await readAt(sizeBytes - 4096, 4096)).toEqual(new Uint8Array(4096).fill(0x44))
      expect(await subject.path.identify()).toEqual({ same: true })
    })

    test('its geometry is whole blocks', () => {
      const { sizeBytes, logicalBlockBytes, readOnly } = subject.path.geometry
      expect(sizeBytes).toBeGreaterThanOrEqual(65_536)
      expect(sizeBytes % logicalBlockBytes).toBe(0)
      expect([512, 1024, 2048, 4096]).toContain(logicalBlockBytes)
      expect(readOnly).toBe(false)
    })

    test('it says where it is and what it promises', () => {
      const { path } = subject
      expect(path.device).not.toBe('')
      expect(path.hctl).toMatch(/^\d+:\d+:\d+:\d+$/)
      expect(path.lun.wwid).not.toBe('')
      expect(path.guarantees.backend).not.toBe('')
      expect(path.coherence.inode ?? '0:0:0').toMatch(/^\d+:\d+:\d+$/)
      expect(path.deviceKey ?? 'loop:7:0').toMatch(/^loop:\d+:\d+$/)
      expect(JSON.parse(JSON.stringify(path.facts))).toEqual(path.facts)
    })

    test('it is the same device as long as nobody changes it', async () => {
      expect(await subject.path.identify()).toEqual({ same: true })
    })

    test('it carries no file that lies elsewhere', () => {
      expect(subject.path.carries('/proc/version')).toBeNull()
    })
  })
}
