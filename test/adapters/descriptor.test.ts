import { describe, expect, test } from 'vitest'
import { closeDescriptor, openError } from '../../adapters/descriptor.ts'

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

describe('closing', () => {
  test('a descriptor that is gone is no error', async () => {
    await expect(closeDescriptor(2_000_000)).resolves.toBeUndefined()
  })
})
