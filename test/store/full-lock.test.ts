// The lock of a ledger on a file system that takes no byte more.
import { describe, expect, it, vi } from 'vitest'
import type * as Fs from 'node:fs'
import { lockLedger } from '../../store/file/lock.ts'
import { tempFiles } from './tmp.ts'

const disk = vi.hoisted(() => ({ full: false }))
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof Fs>()
  const full = () => Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  return {
    ...fs,
    writeSync: (...given: Parameters<typeof Fs.writeSync>) => {
      if (disk.full) throw full()
      return fs.writeSync(...given)
    },
    ftruncateSync: (...given: Parameters<typeof Fs.ftruncateSync>) => {
      if (disk.full) throw full()
      fs.ftruncateSync(...given)
    },
  }
})

const tempFile = tempFiles()

describe('F-08: the lock on a full disk', () => {
  it('is held without its text, and let go of: nobody is shut out when there is room again', () => {
    const file = tempFile()
    disk.full = true
    const lock = lockLedger(file, 1)
    expect(() => lockLedger(file, 1)).toThrow(
      expect.objectContaining({
        code: 'LEDGER_LOCKED',
        details: expect.objectContaining({ pid: null }) as unknown,
      }),
    )
    lock.release()
    disk.full = false
    lockLedger(file, 1).release()
  })
})
