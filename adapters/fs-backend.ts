// I/O through node:fs. Simple and everywhere; but all of the process shares its few threads, and a hung I/O holds one.
import { fdatasync, fsync, read, write } from 'node:fs'
import { completeSoon, completed, failed } from './completions.ts'
import { errnoOf } from './errno.ts'
import type { IoBackend, IoCompletion, IoDone, IoRequest } from './ports.ts'

/**
 * The backend 'fs': `fs.read`, `fs.write` and `fs.fsync` on libuv's threads. A write with `fua` is followed by
 * `fdatasync` before it completes. Discard and writeZeroes complete with EOPNOTSUPP. Short reads and writes are
 * reported as they are. Four hung I/Os fill libuv's threads (UV_THREADPOOL_SIZE) and stop whatever else uses them,
 * and a hung one keeps the process from exiting: hence `isolatesExit: false`.
 */
export function fsBackend(): IoBackend {
  return { name: 'fs', isolatesExit: false, submit }
}

function submit(fd: number, request: IoRequest, done: IoDone): void {
  try {
    start(fd, request, done)
  } catch {
    // node:fs throws at once, and only, for arguments it refuses; submit never throws.
    completeSoon(done, failed('EINVAL'))
  }
}

function start(fd: number, { op, offset, length, data, fua }: IoRequest, done: IoDone): void {
  if (op === 'flush') {
    fsync(fd, (error) => done(answer(error, 0)))
  } else if (data !== null && op === 'read') {
    read(fd, data, 0, length, offset, (error, bytes) => done(answer(error, bytes)))
  } else if (data !== null && op === 'write') {
    write(fd, data, 0, length, offset, (error, bytes) => {
      if (error !== null || !fua || bytes < length) done(answer(error, bytes))
      else fdatasync(fd, (syncError) => done(answer(syncError, bytes)))
    })
  } else {
    completeSoon(done, failed(op === 'discard' || op === 'writeZeroes' ? 'EOPNOTSUPP' : 'EINVAL'))
  }
}

function answer(error: Error | null, bytes: number): IoCompletion {
  return error === null ? completed(bytes) : failed(errnoOf(error))
}
