import { describe, expect, test } from 'vitest'
import { closeDescriptor, openError, submitWithin } from '../../adapters/descriptor.ts'
import type { IoCompletion } from '../../adapters/ports.ts'

describe('an open that failed', () => {
  test.each([
    ['ENOENT', 'PATH_NOT_FOUND'],
    ['ENOTDIR', 'PATH_NOT_FOUND'],
    ['EACCES', 'PATH_PERMISSION'],
    ['EPERM', 'PATH_PERMISSION'],
    ['EROFS', 'PATH_READ_ONLY'],
    ['EBUSY', 'PATH_BUSY'],
    ['ENXIO', 'PATH_OPEN'],
  ])('%s is %s, with what happened, why and what to do', (errno, code) => {
    const cause = Object.assign(new Error(errno), { code: errno })
    const error = openError('/dev/loop9', cause, 'It is mounted on /mnt.')
    expect(error).toMatchObject({ code, errno, cause })
    expect(error.message).toMatch(/\/dev\/loop9 cannot be opened\. .+\. .+\.$/)
    expect(error.why === 'It is mounted on /mnt.').toBe(errno === 'EBUSY')
  })
})

describe('EINVAL of an I/O', () => {
  async function answered(errorsAreFinal: boolean, completion: IoCompletion): Promise<IoCompletion> {
    const backend = {
      name: 'test',
      isolatesExit: true,
      submit: (_fd: number, _request: unknown, done: (completion: IoCompletion) => void) => done(completion),
      close: async () => undefined,
    }
    const submit = submitWithin({ fd: -1, sizeBytes: () => 512, backend, errorsAreFinal })
    const request = { op: 'discard', offset: 0, length: 512, data: null, fua: false } as const
    return new Promise((resolve) => submit(request, resolve))
  }
  const EINVAL = { errno: 'EINVAL', status: null, bytes: 0 }

  test('is a bug of ours where this machine answers, and an error of the path where a server may', async () => {
    expect(await answered(true, EINVAL)).toEqual(EINVAL)
    expect(await answered(false, EINVAL)).toEqual({ ...EINVAL, status: 'IOERR' })
    // What the target itself has classed stays, and so does every other error.
    expect(await answered(false, { ...EINVAL, status: 'MEDIUM' })).toMatchObject({ status: 'MEDIUM' })
    expect(await answered(false, { ...EINVAL, errno: 'ENOSPC' })).toMatchObject({ status: null })
  })
})

describe('closing', () => {
  test('a descriptor that is gone is no error', async () => {
    await expect(closeDescriptor(2_000_000)).resolves.toBeUndefined()
  })
})
