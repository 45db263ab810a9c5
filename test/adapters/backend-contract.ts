// What every I/O backend does, whatever moves its bytes. The tests of each run this over plain files and loop devices.
import { closeSync, constants, openSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { alignedBytes } from '../../adapters/aligned.ts'
import { isErrnoName } from '../../adapters/errno.ts'
import { fsBackend } from '../../adapters/fs-backend.ts'
import type { IoBackend, IoCompletion, IoRequest } from '../../adapters/ports.ts'
import { makeRequest, makeWrite } from './contract.ts'

const BLOCK = 4096

/** Bytes that a subject's device must have. */
export const CONTRACT_BYTES = 4 * 1024 * 1024

/** A backend on something that may be written to. */
export interface BackendSubject {
  readonly backend: IoBackend
  /** An open descriptor of at least {@link CONTRACT_BYTES}. */
  readonly fd: number
  /** Its name, for a second descriptor. */
  readonly file: string
  /** I/Os under way at once that are more than the device's queue takes. */
  readonly manyInFlight: number
  /** Called after the backend was closed. */
  readonly cleanUp: () => Promise<void> | void
}

/** What a backend declares, for the contract to test. */
export interface BackendDeclaration {
  readonly name: string
  readonly isolatesExit: boolean
  readonly ranges: 'done' | 'notSupported'
}

/** Submits one request and gives its completion. */
export function performOn(backend: IoBackend, fd: number, request: IoRequest): Promise<IoCompletion> {
  return new Promise((resolve) => {
    backend.submit(fd, request, resolve)
  })
}

/** A block that says which one it is, and in which round it was written. */
function stamped(block: number, round: number): Uint8Array {
  const bytes = alignedBytes(BLOCK)
  const words = new Uint32Array(bytes.buffer, 0, BLOCK / 4)
  words.fill(block * 16 + round)
  return bytes
}

/** Runs the contract over what `make` makes, anew for each test. */
export function backendContract(
  title: string,
  declared: BackendDeclaration,
  make: () => Promise<BackendSubject>,
): void {
  describe(`${title} keeps the contract of a backend`, () => {
    let subject: BackendSubject
    const run = (request: IoRequest): Promise<IoCompletion> => performOn(subject.backend, subject.fd, request)
    const readAt = async (offset: number, length: number): Promise<Uint8Array> => {
      const request = makeRequest({ op: 'read', offset, length })
      expect(await run(request)).toEqual({ errno: null, status: null, bytes: length })
      return request.data!
    }

    beforeEach(async () => {
      subject = await make()
    })

    afterEach(async () => {
      await subject.backend.close?.()
      await subject.cleanUp()
    })

    test('it says what it is', () => {
      const { name, isolatesExit } = subject.backend
      expect({ name, isolatesExit }).toEqual({ name: declared.name, isolatesExit: declared.isolatesExit })
    })

    test('many I/Os at once, more than the queue takes, each move their own bytes', async () => {
      const blocks = Array.from({ length: subject.manyInFlight }, (_, index) => index)
      for (const round of [1, 2]) {
        const writes = blocks.map((block) =>
          run(
            makeRequest({ op: 'write', offset: block * BLOCK, length: BLOCK, data: stamped(block, round) }),
          ),
        )
        for (const done of await Promise.all(writes)) {
          expect(done).toEqual({ errno: null, status: null, bytes: BLOCK })
        }
        const reads = await Promise.all(blocks.map((block) => readAt(block * BLOCK, BLOCK)))
        const wrong = reads.filter((bytes, block) => Buffer.compare(bytes, stamped(block, round)) !== 0)
        expect(wrong).toHaveLength(0)
      }
    })

    test('one memory that many I/Os share is told apart by its offset', async () => {
      const memory = alignedBytes(16 * BLOCK)
      const piece = (index: number): Uint8Array => memory.subarray(index * BLOCK, (index + 1) * BLOCK)
      const all = Array.from({ length: 16 }, (_, index) => index)
      await Promise.all(
        all.map((index) => {
          const data = piece(index).fill(index + 1)
          return run(makeRequest({ op: 'write', offset: index * BLOCK, length: BLOCK, data }))
        }),
      )
      memory.fill(0)
      await Promise.all(
        all.map((index) =>
          run(makeRequest({ op: 'read', offset: index * BLOCK, length: BLOCK, data: piece(index) })),
        ),
      )
      expect(all.map((index) => piece(index)[BLOCK - 1])).toEqual(all.map((index) => index + 1))
    })

    test('a large I/O moves all of its bytes', async () => {
      const length = 3 * 1024 * 1024 + 512
      expect(await run(makeWrite(BLOCK, length, 0x6b))).toEqual({ errno: null, status: null, bytes: length })
      expect(Buffer.compare(await readAt(BLOCK, length), new Uint8Array(length).fill(0x6b))).toBe(0)
    })

    test('done is called exactly once and never inside submit', async () => {
      const requests = [
        makeRequest({ op: 'read', length: BLOCK }),
        makeWrite(0, BLOCK, 1),
        makeWrite(0, BLOCK, 1, true),
        makeRequest({ op: 'flush' }),
        makeRequest({ op: 'discard', length: BLOCK }),
        makeRequest({ op: 'writeZeroes', length: BLOCK }),
        makeRequest({ op: 'read', length: BLOCK, data: new Uint8Array(8) }),
        { ...makeRequest({ op: 'read', length: BLOCK }), data: null },
      ]
      const calls = requests.map(() => 0)
      let inside = true
      await Promise.all(
        requests.map(
          (request, index) =>
            new Promise<void>((resolve) => {
              subject.backend.submit(subject.fd, request, () => {
                expect(inside).toBe(false)
                calls[index]! += 1
                resolve()
              })
              if (index === requests.length - 1) inside = false
            }),
        ),
      )
      await run(makeRequest({ op: 'flush' }))
      await readAt(0, BLOCK)
      expect(calls).toEqual(requests.map(() => 1))
    })

    test('a write with force unit access is read back through another descriptor', async () => {
      expect(await run(makeWrite(BLOCK, BLOCK, 0x33, true))).toEqual({
        errno: null,
        status: null,
        bytes: BLOCK,
      })
      const other = openSync(subject.file, constants.O_RDONLY | constants.O_DIRECT)
      const request = makeRequest({ op: 'read', offset: BLOCK, length: BLOCK })
      await performOn(fsBackend(), other, request)
      closeSync(other)
      expect(request.data).toEqual(new Uint8Array(BLOCK).fill(0x33))
    })

    test('a flush succeeds and moves no bytes', async () => {
      await run(makeWrite(0, BLOCK, 1))
      expect(await run(makeRequest({ op: 'flush' }))).toEqual({ errno: null, status: null, bytes: 0 })
    })

    test(`discard and zeroing are ${declared.ranges}`, async () => {
      for (const op of ['discard', 'writeZeroes'] as const) {
        await run(makeWrite(0, 3 * BLOCK, 0x11))
        const answer = await run(makeRequest({ op, offset: BLOCK, length: BLOCK }))
        const done = { errno: null, status: null, bytes: BLOCK }
        const refused = { errno: 'EOPNOTSUPP', status: null, bytes: 0 }
        expect(answer).toEqual(declared.ranges === 'done' ? done : refused)
        const value = declared.ranges === 'done' ? 0 : 0x11
        expect((await readAt(0, 3 * BLOCK)).filter((byte) => byte === 0x11)).toHaveLength(
          value === 0 ? 2 * BLOCK : 3 * BLOCK,
        )
        expect(await readAt(BLOCK, BLOCK)).toEqual(new Uint8Array(BLOCK).fill(value))
      }
    })

    test('an error has the kernel’s name, and nothing moves', async () => {
      const readOnly = openSync(subject.file, constants.O_RDONLY | constants.O_DIRECT)
      const refused = await performOn(subject.backend, readOnly, makeWrite(0, BLOCK, 9))
      const alien = await performOn(subject.backend, -1, makeRequest({ op: 'read', length: BLOCK }))
      const short = await run(makeRequest({ op: 'read', length: BLOCK, data: new Uint8Array(8) }))
      for (const { errno, bytes } of [refused, alien, short]) {
        expect([isErrnoName(errno ?? ''), bytes]).toEqual([true, 0])
      }
      expect(refused.errno).toBe('EBADF')
      expect(short.errno).toBe('EINVAL')
      closeSync(readOnly)
    })

    test('a closed backend has given everything back, and refuses what comes after', async () => {
      if (subject.backend.close === undefined) return
      await readAt(0, BLOCK)
      await subject.backend.close()
      await subject.backend.close()
      expect(await run(makeRequest({ op: 'read', length: BLOCK }))).toMatchObject({
        errno: 'EBADF',
        bytes: 0,
      })
    })
  })
}
