import { constants } from 'node:os'
import { describe, expect, test } from 'vitest'
import { errnoOf, errnoOfNumber, isErrnoName } from '../../adapters/errno.ts'

describe('errno names', () => {
  test('an error of node:fs keeps its name', () => {
    expect(errnoOf(Object.assign(new Error(), { code: 'ENOSPC', errno: -28 }))).toBe('ENOSPC')
  })

  test('of two names of one number the kernel’s own is used, whoever gave it', () => {
    const { EAGAIN, EOPNOTSUPP } = constants.errno
    expect([errnoOfNumber(EAGAIN), errnoOfNumber(EOPNOTSUPP)]).toEqual(['EAGAIN', 'EOPNOTSUPP'])
    expect([errnoOf({ code: 'ENOTSUP' }), errnoOf({ code: 'EWOULDBLOCK' })]).toEqual(['EOPNOTSUPP', 'EAGAIN'])
  })

  test('a negative number is the same error', () => {
    expect(errnoOfNumber(-constants.errno.EBUSY)).toBe('EBUSY')
  })

  test('a code without a name is told by its number, and what nobody knows is EIO', () => {
    expect(errnoOf({ code: 'Unknown system error -28', errno: -28 })).toBe('ENOSPC')
    expect([errnoOf(new Error('no code')), errnoOf({ errno: -4095 }), errnoOfNumber(4095)]).toEqual([
      'EIO',
      'EIO',
      'EIO',
    ])
  })

  test('Node’s own codes and numbers are no errno names', () => {
    const words = ['EIO', 'E2BIG', 'ERR_OUT_OF_RANGE', 'ERANGE', 'eio', '5', '']
    expect(words.map(isErrnoName)).toEqual([true, true, false, true, false, false, false])
  })
})
