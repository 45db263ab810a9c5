import { describe, expect, test } from 'vitest'
import { completed, failed } from '../../adapters/completions.ts'
import { errnoOf, statusOf } from '../../engine/core/blk-status.ts'
import { classOf } from '../../machines/words.ts'
import { BLK_STATUSES, type BlkStatus } from '../../machines/words.ts'

/** errno, blk_status: the kernel's own table (block/blk-core.c), and what backends say beside it. */
const TABLE: readonly (readonly [string, BlkStatus])[] = [
  ['EOPNOTSUPP', 'NOTSUPP'],
  ['ENOTSUP', 'NOTSUPP'],
  ['ETIMEDOUT', 'TIMEOUT'],
  ['ENOSPC', 'NOSPC'],
  ['ENOLINK', 'TRANSPORT'],
  ['EREMOTEIO', 'TARGET'],
  ['EBADE', 'RESV_CONFLICT'],
  ['ENODATA', 'MEDIUM'],
  ['EILSEQ', 'PROTECTION'],
  ['ENOMEM', 'RESOURCE'],
  ['EBUSY', 'DEV_RESOURCE'],
  ['EAGAIN', 'AGAIN'],
  ['ENODEV', 'OFFLINE'],
  ['ENXIO', 'OFFLINE'],
  ['ETIME', 'DURATION_LIMIT'],
  ['EINVAL', 'INVAL'],
  ['EFAULT', 'INVAL'],
  ['EBADF', 'INVAL'],
  ['EIO', 'IOERR'],
  // Everything else is an I/O error.
  ['EROFS', 'IOERR'],
  ['EPERM', 'IOERR'],
  ['ENOSUCH', 'IOERR'],
]

/** blk_path_error's list: the caller's business, whichever path said so. */
const NOT_PATH_ERRORS = ['NOTSUPP', 'NOSPC', 'TARGET', 'RESV_CONFLICT', 'MEDIUM', 'PROTECTION']

describe('the status table', () => {
  test.each(TABLE)('%s is %s', (errno, status) => {
    expect(statusOf(failed(errno), 512)).toBe(status)
  })

  test('what the target itself says wins over the errno', () => {
    expect(statusOf({ errno: 'EIO', status: 'MEDIUM', bytes: 0 }, 512)).toBe('MEDIUM')
  })

  test('all the bytes are success; fewer, or more, without an errno are an I/O error', () => {
    expect([512, 511, 0, 513].map((bytes) => statusOf(completed(bytes), 512))).toEqual([
      ...['OK', 'IOERR', 'IOERR', 'IOERR'],
    ])
    expect(statusOf(completed(0), 0), 'a flush moves none').toBe('OK')
  })

  test('every status has one owner: its path, the target, nobody (busy), or us', () => {
    const owners = BLK_STATUSES.filter((status) => status !== 'OK').map((status) => [status, classOf(status)])
    expect(owners).toEqual(
      BLK_STATUSES.filter((status) => status !== 'OK').map((status) => {
        if (NOT_PATH_ERRORS.includes(status)) return [status, 'target']
        if (['RESOURCE', 'DEV_RESOURCE', 'AGAIN'].includes(status)) return [status, 'busy']
        return [status, status === 'INVAL' ? 'ours' : 'path']
      }),
    )
  })

  test('the errno that a caller gets has the status that it was made from', () => {
    for (const status of BLK_STATUSES) {
      if (status !== 'OK') expect(statusOf(failed(errnoOf(status)), 512)).toBe(status)
    }
    expect([errnoOf('IOERR'), errnoOf('TRANSPORT'), errnoOf('MEDIUM')]).toEqual(['EIO', 'ENOLINK', 'ENODATA'])
  })
})
