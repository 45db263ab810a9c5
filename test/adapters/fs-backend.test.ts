import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { fsBackend } from '../../adapters/fs-backend.ts'
import type { IoCompletion, IoRequest } from '../../adapters/ports.ts'
import { makeRequest, makeWrite } from './contract.ts'

/** The calls that reach node:fs, in order of their completion. */
const calls = vi.hoisted(() => [] as string[])

vi.mock('node:fs', async (importActual) => {
  const actual = await importActual<Record<string, (...args: unknown[]) => void>>()
  const noted =
    (name: string) =>
    (...args: unknown[]): void => {
      const done = args.pop() as (...answer: unknown[]) => void
      actual[name]!(...args, (...answer: unknown[]) => {
        calls.push(name)
        done(...answer)
      })
    }
  return { ...actual, write: noted('write'), fsync: noted('fsync'), fdatasync: noted('fdatasync') }
})

describe('fs backend', () => {
  let directory: string
  let file: string
  let fd: number
  const backend = fsBackend()
  const run = (request: IoRequest, on = fd): Promise<IoCompletion> =>
    new Promise((resolve) => {
      backend.submit(on, request, resolve)
    })

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'pathledger-'))
    file = join(directory, 'lun.img')
    writeFileSync(file, new Uint8Array(8192))
    fd = openSync(file, 'r+')
    calls.length = 0
  })

  afterEach(() => {
    closeSync(fd)
    rmSync(directory, { recursive: true })
  })

  test('it says that it cannot isolate a hung I/O', () => {
    expect([backend.name, backend.isolatesExit]).toEqual(['fs', false])
  })

  test('a write lands at its offset, without a sync', async () => {
    expect(await run(makeWrite(512, 512, 7))).toEqual({ errno: null, status: null, bytes: 512 })
    expect([...readFileSync(file).subarray(511, 1025)]).toEqual([0, ...Array<number>(512).fill(7), 0])
    expect(calls).toEqual(['write'])
  })

  test('a write with force unit access is synced before it completes', async () => {
    expect(await run(makeWrite(512, 512, 7, true))).toEqual({ errno: null, status: null, bytes: 512 })
    expect(calls).toEqual(['write', 'fdatasync'])
  })

  test('a failed sync fails the write', async () => {
    // It takes any byte and cannot be synced.
    const nowhere = openSync('/dev/null', 'r+')
    expect(await run(makeWrite(0, 512, 7, true), nowhere)).toEqual({
      errno: 'EINVAL',
      status: null,
      bytes: 0,
    })
    closeSync(nowhere)
  })

  test('a flush syncs the descriptor', async () => {
    expect(await run(makeRequest({ op: 'flush' }))).toEqual({ errno: null, status: null, bytes: 0 })
    expect(calls).toEqual(['fsync'])
  })

  test('a read over the end is short, and one behind it empty', async () => {
    expect(await run(makeRequest({ op: 'read', offset: 7680, length: 1024 }))).toMatchObject({
      errno: null,
      bytes: 512,
    })
    expect(await run(makeRequest({ op: 'read', offset: 8192, length: 512 }))).toMatchObject({
      errno: null,
      bytes: 0,
    })
  })

  test('discard and zeroing are not supported', async () => {
    for (const op of ['discard', 'writeZeroes'] as const) {
      expect(await run(makeRequest({ op, length: 512 }))).toMatchObject({ errno: 'EOPNOTSUPP', bytes: 0 })
    }
  })

  test('an error has the kernel’s name', async () => {
    const full = openSync('/dev/full', 'r+')
    expect(await run(makeWrite(0, 512, 1), full)).toEqual({ errno: 'ENOSPC', status: null, bytes: 0 })
    closeSync(full)
    const readOnly = openSync(file, 'r')
    expect(await run(makeWrite(0, 512, 1), readOnly)).toMatchObject({ errno: 'EBADF' })
    closeSync(readOnly)
  })

  test('arguments that node:fs refuses are EINVAL, and never thrown', async () => {
    const short = makeRequest({ op: 'read', length: 512, data: new Uint8Array(8) })
    expect(await run(short)).toMatchObject({ errno: 'EINVAL' })
    expect(await run({ ...short, data: null })).toMatchObject({ errno: 'EINVAL' })
    expect(await run(makeRequest({ op: 'flush' }), -1)).toMatchObject({ errno: 'EINVAL' })
  })
})
