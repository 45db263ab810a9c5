// Errors, deaths, large I/O and flushes on real paths.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Rig } from '../../engine/rig.ts'
import { expectExplained } from '../../explained.ts'
import { BLOCK, HangRig, until } from './rig.ts'

const MiB = 1024 * 1024

describe('which errors go where', () => {
  test('scenario 18: EIO of a real path fails it over; healed, it comes back', async () => {
    const rig = await HangRig.make()
    await rig.open()
    rig.a.eio(true)
    await rig.write(0, 1)
    expect(rig.mark(0)).toBe(1)
    expect(rig.path('A').state.health).not.toBe('online')
    expect(rig.path('B').state.health).toBe('online')
    expect(rig.seen('path.failed')).toMatchObject([
      { first: { errno: 'EIO', op: 'write', offset: 0 }, verdict: 'probe' },
    ])
    // EIO is no proof here: a ghost was left, and a newer write waits for it.
    expect(rig.seen('lun.ghostsOpened')).toMatchObject([{ reason: 'error' }])
    const newer = rig.begin(rig.write(0, 2))
    await until('the newer write is held', () => rig.head.held.bios === 1)
    rig.mp.releaseGhosts({ reason: 'the error filter answers before the plugin' })
    await newer.promise
    rig.a.heal()
    await until('A is back', () => rig.path('A').usable)
    await rig.write(0, 3)
    expect(rig.mark(0)).toBe(3)
    expect(rig.path('A').counters.writes).toBe(1)
    await rig.close()
    rig.explains('A', 'path.failed', {
      kind: 'pathError',
      errno: 'EIO',
      op: 'write',
      offset: 0,
      incarnation: 1,
    })
  })

  test('scenario 18: EINVAL that a server says is an error of its path, not a bug of the engine', async () => {
    // The loop driver hands it on as it is; libnbd says it too, of a server that it has lost.
    const rig = await HangRig.make({ plugin: (image) => ['file', image, 'error=EINVAL'] })
    await rig.open()
    rig.a.eio(true)
    await rig.write(0, 1)
    expect(rig.mp.broken).toBeNull()
    expect(rig.mark(0)).toBe(1)
    expect(rig.path('A').state.health).not.toBe('online')
    expect(rig.seen('path.failed')).toMatchObject([
      { first: { errno: 'EINVAL', status: 'IOERR', op: 'write' }, verdict: 'probe' },
    ])
  })

  test.each([
    ['a medium error', 'MEDIUM', 'ENODATA'],
    ['an error of the target that says do not retry', 'TARGET', 'EREMOTEIO'],
  ] as const)('scenario 18: %s goes to the caller once, and no path fails', async (_what, status, errno) => {
    const rig = await Rig.open()
    const a = await rig.add('8:0:0:0')
    const b = await rig.add('9:0:0:0')
    a.fail({ status })
    const error = await rig.errorOf(rig.head.write({ offset: 0, data: new Uint8Array(BLOCK) }))
    expect(error).toMatchObject({ code: 'IO_ERROR', errno })
    expect(b.ios).toEqual([])
    expect([a.path.usable, b.path.usable]).toEqual([true, true])
    const root = { kind: 'lunError', status, op: 'write', offset: 0, path: '8:0:0:0' } as const
    expectExplained(rig.memory, { stream: `head/${rig.lun.wwid}` }, root)
  })

  test('scenario 18: busy waits on the same path; gone meanwhile, the I/O goes to the other', async () => {
    const rig = await Rig.open()
    const a = await rig.add('8:0:0:0')
    const b = await rig.add('9:0:0:0')
    a.fail({ errno: 'EAGAIN', count: 2 })
    await rig.write(0, new Uint8Array(BLOCK))
    expect([a.ios.length, b.ios.length]).toEqual([3, 0])
    a.fail({ errno: 'EAGAIN', count: null })
    const write = rig.head.write({ offset: 0, data: new Uint8Array(BLOCK) })
    await rig.pass(15)
    await rig.drive(a.path.remove())
    await rig.drive(write)
    expect(b.ios).toHaveLength(1)
    // Having been busy is no trouble: what there is to tell is who took the path away.
    expectExplained(rig.memory, { stream: `path/${rig.lun.wwid}/8:0:0:0` }, { kind: 'operator' })
  })
})

describe('every path is dead', () => {
  test('scenario 23: 32 queued writes end when the operator drains, and the head can be removed', async () => {
    const rig = await HangRig.make()
    await rig.open({ noPathRetry: 'queue' })
    await Promise.all([rig.a.dead(), rig.b.dead()])
    const queued = Array.from({ length: 32 }, (_, index) => rig.begin(rig.write(index * 2 * BLOCK, 1)))
    await until('32 are queued', () => rig.head.queued.bios === 32)
    expect(rig.head.state.service).toBe('queueing')
    const { head } = rig
    expect(head.drain({ reason: 'both servers are dead' })).toMatchObject({ bios: 32 })
    await until('each has ended', () => queued.every(({ state }) => state === 'failed'))
    for (const { error } of queued) expect(error).toMatchObject({ code: 'DRAINED', outcome: 'unknown' })
    await rig.path('A').remove()
    await rig.path('B').remove()
    expect(rig.mp.heads).toEqual([])
    await expect(head.read({ offset: 0, length: BLOCK })).rejects.toMatchObject({ code: 'HEAD_REMOVED' })
    await rig.close()
    rig.explains('A', 'path.failed', { kind: 'pathError', op: 'write' })
    rig.explains(null, 'head.drained', { kind: 'pathError', op: 'write' })
  })
})

describe('large I/O across a failover', () => {
  /** Every 4 bytes say where they are. */
  const pattern = (length: number, salt: number): Uint8Array => {
    const words = Uint32Array.from({ length: length / 4 }, (_, index) => (index * 2654435761 + salt) >>> 0)
    return new Uint8Array(words.buffer)
  }

  test.each([4, 8])('scenario 30: %i MiB are written and read back whole', async (size) => {
    const rig = await HangRig.make()
    await rig.open()
    const [first, second] = [pattern(size * MiB, 1), pattern(size * MiB, 2)]
    rig.a.hang()
    // Two at once, one of them from the middle of a larger buffer.
    const larger = new Uint8Array(size * MiB + 1000)
    larger.set(second, 500)
    await Promise.all([
      rig.head.write({ offset: 0, data: first }),
      rig.head.write({ offset: size * MiB, data: larger.subarray(500, 500 + second.length) }),
    ])
    const medium = () => rig.medium(0, 2 * size * MiB)
    expect(Buffer.compare(medium(), Buffer.concat([first, second]))).toBe(0)
    rig.a.resume()
    await until('A gave everything back', () => rig.mp.ghosts.length === 0)
    expect(Buffer.compare(medium(), Buffer.concat([first, second]))).toBe(0)
    await until('A is back', () => rig.path('A').usable)
    rig.explains('A', 'path.failed', { kind: 'pathError', status: 'TIMEOUT', op: 'write' })
    rig.a.hang()
    const read = await rig.head.read({ offset: 0, length: 2 * size * MiB })
    expect(Buffer.compare(read, Buffer.concat([first, second]))).toBe(0)
    rig.a.resume()
    await rig.close()
  })
})

describe('flush', () => {
  test('scenario 33: written on A, flushed, A killed: it is in the image and read through B', async () => {
    const rig = await HangRig.make()
    await rig.open()
    for (let index = 0; index < 16; index += 1) await rig.write(index * BLOCK, index + 1)
    expect(rig.path('A').counters.writes).toBe(16)
    await rig.head.flush()
    expect(rig.a.answered('Flush')).toBeGreaterThan(0)
    await rig.a.dead()
    for (let index = 0; index < 16; index += 1) {
      expect(rig.mark(index * BLOCK)).toBe(index + 1)
      expect((await rig.head.read({ offset: index * BLOCK, length: BLOCK }))[0]).toBe(index + 1)
    }
    expect(rig.path('A').usable).toBe(false)
    await rig.close()
    rig.explains('A', 'path.failed', { kind: 'pathError', op: 'read', path: rig.hctl('A') })
  })

  /** nbdkit's eval plugin, whose flush fails while a file is there; the first to report takes the file away. */
  const failingDisk = (folder: () => string) => (image: string) => [
    'eval',
    `get_size=stat -c %s '${image}'`,
    `pread=dd if='${image}' skip=$4 count=$3 iflag=count_bytes,skip_bytes status=none`,
    `pwrite=dd of='${image}' seek=$4 conv=notrunc oflag=seek_bytes status=none`,
    'can_write=exit 0',
    'can_flush=exit 0',
    `flush=if rm '${folder()}/lost' 2>/dev/null || [ -e '${folder()}/broken' ]; then echo 'EIO lost' >&2; exit 1; fi`,
  ]

  test.each([
    ['once, by the first path that is asked', 'lost', 1],
    ['every time', 'broken', 3],
  ] as const)(
    'scenario 33b: the disk under the image fails, %s: a flush is not reported ok',
    async (_how, file, flushes) => {
      let folder = ''
      const rig = await HangRig.make({
        plugin: (image) => {
          folder = join(image, '..')
          return failingDisk(() => folder)(image)
        },
      })
      await rig.open({ attemptTimeoutMs: 10_000, probeTimeoutMs: 10_000 })
      await rig.write(0, 1)
      await rig.head.flush()
      await rig.write(0, 2)
      writeFileSync(join(folder, file), '')
      for (let round = 0; round < flushes; round += 1) {
        await expect(rig.head.flush()).rejects.toMatchObject({ code: 'IO_ERROR', errno: 'EIO' })
      }
      expect(rig.seen('lun.flushFailed')).toHaveLength(flushes)
      expect(rig.seen('path.failed')).toEqual([])
      await rig.close()
      rig.explains(null, 'lun.flushFailed', { kind: 'lunError', op: 'flush', errno: 'EIO' })
    },
  )
})
