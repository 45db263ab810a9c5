// Whose error is it? What happens to an I/O that a path refuses, and what its caller hears.
import { Suspicion } from '../../engine/heads/suspicion.ts'
import { describe, expect, test } from 'vitest'
import { completed } from '../../adapters/completions.ts'
import { wrapPath } from '../../adapters/filters/wrap.ts'
import type { IoRequest, PathDevice } from '../../adapters/ports.ts'
import { BLOCK, bytesOf, Rig } from './rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'
const C = '10:0:0:0'
const KIB = 1024
const ONLINE = { device: 'running', access: 'optimal', health: 'online', admin: 'enabled' }

describe('a path that fails', () => {
  test.each(['EIO', 'ENOLINK', 'ETIMEDOUT', 'ENODEV', 'ENXIO', 'ETIME', 'EPERM'])(
    '%s: the write goes to the other path in full, and its caller hears nothing of it',
    async (errno) => {
      const rig = await Rig.open()
      const a = await rig.add(A)
      const b = await rig.add(B)
      a.fail({ errno })
      await rig.write(BLOCK, bytesOf(1, 4 * BLOCK))
      expect(rig.lun.medium.subarray(BLOCK, 5 * BLOCK)).toEqual(bytesOf(1, 4 * BLOCK))
      expect(b.ios).toEqual([expect.objectContaining({ op: 'write', offset: BLOCK, length: 4 * BLOCK })])
      expect(a.path.state.health).toBe('failed')
      expect(rig.events('path.failed')).toEqual([
        expect.objectContaining({ first: expect.objectContaining({ errno, op: 'write' }) as unknown }),
      ])
    },
  )

  test('its record is durable before the caller hears of the success', async () => {
    const rig = await Rig.open()
    const a = await rig.add(A)
    await rig.add(B)
    a.fail()
    const seen: string[] = []
    rig.mp.subscribe(({ event }) => void seen.push(event.type))
    await rig.drive(
      rig.head.write({ offset: 0, data: bytesOf(1) }).then(() => void seen.push('acknowledged')),
    )
    expect(seen).toContain('path.failed')
    expect(seen.indexOf('path.failed')).toBeLessThan(seen.indexOf('acknowledged'))
  })

  test('a thousand I/Os on it make one episode, whose counts are told when it ends', async () => {
    const rig = await Rig.open({ poolBytes: 16 * KIB * KIB })
    const a = await rig.add(A)
    await rig.add(B)
    a.hang.enable()
    const writes = Array.from({ length: 1_000 }, (_, at) =>
      rig.head.write({ offset: at * BLOCK, data: bytesOf(at) }),
    )
    await rig.settle()
    expect(a.hang.held).toBe(1_000)
    a.fail()
    a.hang.drop('EIO')
    await rig.drive(Promise.all(writes))
    expect(rig.head.counters).toMatchObject({ writes: 1_000, resent: 1_000, callerErrors: 0 })
    a.hang.disable()
    a.heal()
    await rig.pass(2_000)
    expect(a.path.state.health).toBe('online')
    expect(rig.rows('path.suspected')).toHaveLength(1)
    expect(rig.rows('path.failed')).toHaveLength(1)
    const [ended] = rig.events('path.episodeEnded')
    expect(ended).toMatchObject({ errors: 1_000, bios: 1_000, resent: 1_000 })
    const samples = rig.events('path.failed')[0]?.['samples']
    expect((samples as unknown[]).length).toBeLessThanOrEqual(8)
  })

  test('an I/O that hangs on it is given up after attemptTimeoutMs, and done elsewhere', async () => {
    const rig = await Rig.open({ silentMs: 0, attemptTimeoutMs: 5_000, probeTimeoutMs: 1_000 })
    rig.lun.medium.fill(0x5a, 0, BLOCK)
    const a = await rig.add(A)
    const b = await rig.add(B)
    a.hang.enable()
    const startUs = rig.clock.monoUs()
    expect(await rig.read(0)).toEqual(new Uint8Array(BLOCK).fill(0x5a))
    expect((rig.clock.monoUs() - startUs) / 1_000_000).toBeCloseTo(6, 1)
    expect([a.path.counters.errors, a.path.counters.resent, b.ios.length]).toEqual([1, 1, 1])
    const first = { errno: 'ETIMEDOUT', status: 'TIMEOUT', op: 'read', offset: 0, length: BLOCK }
    expect(rig.events('path.failed')).toEqual([expect.objectContaining({ first, verdict: 'probeTimeout' })])
    a.hang.disable()
  })

  test('a short completion is an I/O error of the attempt', async () => {
    const rig = await Rig.open()
    let short = true
    const wrap = (device: PathDevice) =>
      wrapPath(device, (request, done) => {
        device.submit(request, (done_) => done(short ? completed(done_.bytes >> 1) : done_))
      })
    const a = await rig.add(A, { wrap })
    await rig.add(B)
    await rig.write(0, bytesOf(1, 2 * BLOCK))
    expect(rig.lun.medium.subarray(0, 2 * BLOCK)).toEqual(bytesOf(1, 2 * BLOCK))
    expect(a.path.state.health).toBe('failed')
    expect(rig.events('path.failed')[0]).toMatchObject({
      first: { errno: null, status: 'IOERR', op: 'write' },
    })
    short = false
    await rig.pass(2_000)
    expect(a.path.state.health).toBe('online')
  })

  test('a large write is cut, fails in its middle, and arrives whole', async () => {
    const rig = await Rig.open({ bioBytesMax: 64 * KIB, iopolicy: 'numa' })
    const a = await rig.add(A)
    const b = await rig.add(B)
    const data = bytesOf(8, 640 * KIB)
    // The path dies while the fifth piece is on it.
    a.fail({ range: { offset: 4 * 64 * KIB, length: 64 * KIB }, op: 'write' })
    const writing = rig.head.write({ offset: 0, data })
    a.fail({ range: { offset: 4 * 64 * KIB, length: 1024 * KIB } })
    await rig.drive(writing)
    expect(rig.lun.medium.subarray(0, 640 * KIB)).toEqual(data)
    expect(b.ios.length).toBeGreaterThan(0)
    expect(rig.head.counters).toMatchObject({ callerErrors: 0, writeBytes: 640 * KIB })
    expect(await rig.read(0, 640 * KIB)).toEqual(data)
  })

  test('an error of one piece is the error of the I/O, told once', async () => {
    const rig = await Rig.open({ bioBytesMax: 64 * KIB })
    for (const hctl of [A, B]) {
      const path = await rig.add(hctl)
      path.fail({ op: 'read', range: { offset: 130 * KIB, length: 512 } })
    }
    const error = await rig.errorOf(rig.head.read({ offset: 0, length: 640 * KIB }))
    expect(error).toMatchObject({ code: 'IO_ERROR', details: { offset: 128 * KIB, length: 64 * KIB } })
    expect(rig.head.counters).toMatchObject({ callerErrors: 1, reads: 9 })
  })
})

describe('an error that is not the path’s', () => {
  test('one that only this I/O met goes elsewhere, and the path is cleared by its probe', async () => {
    const rig = await Rig.open()
    const a = await rig.add(A)
    const b = await rig.add(B)
    a.fail({ op: 'write', count: 1 })
    await rig.write(0, bytesOf(1))
    expect(b.ios).toHaveLength(1)
    expect(a.path.state).toEqual(ONLINE)
    expect(rig.rows(undefined, A).map(({ type }) => type)).toEqual([
      'path.added',
      'path.suspected',
      'path.cleared',
    ])
    expect(rig.events('path.cleared')).toEqual([{ errors: 1, bios: 1, resent: 1 }])
    // The probe looked elsewhere on the device.
    const [probe] = a.probes
    expect(probe?.offset).toBe(rig.head.sizeBytes / 2)
  })

  test.each([
    ['MEDIUM', 'ENODATA'],
    ['TARGET', 'EREMOTEIO'],
    ['PROTECTION', 'EILSEQ'],
    ['RESV_CONFLICT', 'EBADE'],
    ['NOSPC', 'ENOSPC'],
    ['NOTSUPP', 'EOPNOTSUPP'],
  ] as const)('%s goes to the caller, once, and no second path is asked', async (status, errno) => {
    const rig = await Rig.open()
    const a = await rig.add(A)
    const b = await rig.add(B)
    a.fail({ status, op: 'write' })
    const error = await rig.errorOf(rig.head.write({ offset: 0, data: bytesOf(1) }))
    expect(error).toMatchObject({ code: 'IO_ERROR', errno, details: { status, attempts: 1 } })
    expect([a.requests.length, b.requests.length]).toEqual([1, 0])
    expect(a.path.state).toEqual(ONLINE)
    expect(rig.head.counters).toMatchObject({ callerErrors: 1, resent: 0 })
    await rig.settle()
    expect(rig.events('lun.ioFailed')).toHaveLength(1)
  })

  test('two paths with different errors ask a third one', async () => {
    const rig = await Rig.open()
    const [a, b, c] = [await rig.add(A), await rig.add(B), await rig.add(C)]
    a.fail({ op: 'write', errno: 'EIO' })
    b.fail({ op: 'write', errno: 'ENOLINK' })
    await rig.write(0, bytesOf(1))
    expect([a, b, c].map(({ ios }) => ios.length)).toEqual([1, 1, 1])
    expect([a, b, c].map(({ path }) => path.state)).toEqual([ONLINE, ONLINE, ONLINE])
  })

  test('one healthy path that refuses it, and no other: the caller gets the path’s own error', async () => {
    const rig = await Rig.open()
    const a = await rig.add(A)
    a.fail({ op: 'write', errno: 'ENOLINK' })
    const error = await rig.errorOf(rig.head.write({ offset: 0, data: bytesOf(1) }))
    expect(error).toMatchObject({ code: 'IO_ERROR', errno: 'ENOLINK' })
    expect(error.why).toContain('sda:0')
    expect(a.path.state).toEqual(ONLINE)
    expect(a.ios).toHaveLength(1)
  })

  test('EINVAL, EFAULT and EBADF are our own bug: the engine stops with a code and fails no path', async () => {
    for (const errno of ['EINVAL', 'EFAULT', 'EBADF']) {
      const rig = await Rig.open()
      const a = await rig.add(A)
      await rig.add(B)
      a.hang.enable()
      const hung = rig.head.read({ offset: BLOCK, length: BLOCK })
      await rig.settle()
      a.fail({ errno, count: 1 })
      const error = await rig.errorOf(rig.head.write({ offset: 0, data: bytesOf(1) }))
      expect(error, errno).toMatchObject({ code: 'BACKEND_MISUSED', errno })
      expect(rig.mp.broken?.code).toBe('BACKEND_MISUSED')
      expect(rig.head.paths.map(({ state }) => state)).toEqual([ONLINE, ONLINE])
      expect((await rig.errorOf(rig.head.read({ offset: 0, length: BLOCK }))).code).toBe('BACKEND_MISUSED')
      await rig.settle()
      expect(rig.events('engine.broke')).toEqual([expect.objectContaining({ code: 'BACKEND_MISUSED' })])
      expect(rig.rows('path.suspected')).toEqual([])
      // What was in flight still ends, and closing says why it is over.
      a.hang.disable()
      await rig.drive(hung)
      await rig.end()
      expect(rig.events('engine.stopped')).toEqual([{ why: 'BACKEND_MISUSED' }])
    }
  })
})

describe('a busy path', () => {
  test.each(['EAGAIN', 'ENOMEM', 'EBUSY'])(
    '%s: the same path, later; its health is not touched',
    async (errno) => {
      const rig = await Rig.open({ resourceRetryMs: 10 })
      const a = await rig.add(A)
      const b = await rig.add(B)
      a.fail({ errno, count: 3 })
      const startUs = rig.clock.monoUs()
      await rig.write(0, bytesOf(1))
      expect(a.ios.map(({ atUs }) => atUs - startUs)).toEqual([0, 10_000, 20_000, 30_000])
      expect(b.requests).toEqual([])
      expect(a.probes).toEqual([])
      expect(a.path.state).toEqual(ONLINE)
      expect(rig.rows('path.suspected')).toEqual([])
      expect(rig.head.counters).toMatchObject({ writes: 1, resent: 0, callerErrors: 0 })
    },
  )

  test('F-13: busy for ever ends at the caller after resourceRetriesMax when every path is, each in its turn', async () => {
    const rig = await Rig.open({ resourceRetriesMax: 5 })
    const a = await rig.add(A)
    const b = await rig.add(B)
    for (const path of [a, b]) path.fail({ errno: 'EAGAIN' })
    const error = await rig.errorOf(rig.head.write({ offset: 0, data: bytesOf(1) }))
    expect(error).toMatchObject({ code: 'IO_ERROR', errno: 'EAGAIN' })
    expect([a, b].map(({ ios }) => ios.length)).toEqual([6, 6])
    expect(a.path.state).toEqual(ONLINE)
  })

  test('a path that goes away while it is busy: the I/O goes to another one', async () => {
    const rig = await Rig.open()
    const a = await rig.add(A)
    const b = await rig.add(B)
    a.fail({ errno: 'EAGAIN' })
    const writing = rig.head.write({ offset: 0, data: bytesOf(1) })
    await rig.settle()
    await rig.drive(a.path.remove())
    await rig.drive(writing)
    expect(b.ios).toHaveLength(1)
    expect(rig.lun.medium.subarray(0, BLOCK)).toEqual(bytesOf(1))
  })

  test('having been busy for long is no attempt: when the path then fails, the other one still gets the I/O', async () => {
    const rig = await Rig.open({ attemptsMax: 8, resourceRetriesMax: 100 })
    const a = await rig.add(A)
    const b = await rig.add(B)
    a.fail({ errno: 'EAGAIN' })
    const writing = rig.head.write({ offset: 0, data: bytesOf(1) })
    await rig.pass(500)
    expect(a.ios.length).toBeGreaterThan(8)
    a.fail({ errno: 'EIO' })
    await rig.drive(writing)
    expect(b.ios).toHaveLength(1)
    expect(rig.lun.medium.subarray(0, BLOCK)).toEqual(bytesOf(1))
  })
})

test('attemptsMax: a write that each path refuses in its own way is tried so often, and its caller is told how often', async () => {
  const rig = await Rig.open({ attemptsMax: 2 })
  const paths = [await rig.add(A), await rig.add(B), await rig.add('10:0:0:0')]
  // What a probe reads is well: it is not the paths.
  for (const [at, errno] of ['EIO', 'ENOLINK', 'ETIMEDOUT'].entries()) paths[at]!.fail({ op: 'write', errno })
  const error = await rig.errorOf(rig.head.write({ offset: 0, data: bytesOf(1) }))
  expect(error).toMatchObject({ code: 'IO_ERROR', why: 'It was tried 2 times.', details: { attempts: 2 } })
  expect(paths.map(({ ios }) => ios.length)).toEqual([1, 1, 0])
})

test('an episode counts its bios up to a bound and every error, and tells late comers its verdict at once', () => {
  const suspicion = new Suspicion({ errno: 'EIO', status: 'IOERR', op: 'read', offset: 0, length: 512 }, 5)
  for (let bio = 0; bio < 100_100; bio += 1) suspicion.count(bio, suspicion.first, 6)
  expect(suspicion.bios).toBe(100_000)
  expect([suspicion.errors, suspicion.samples.length, suspicion.lastUs]).toEqual([100_100, 8, 6])
  const told: string[] = []
  suspicion.whenSettled(() => void told.push('early'))
  suspicion.settle('cleared', null)
  suspicion.settle('failed', null)
  suspicion.whenSettled(() => void told.push('late'))
  expect([told, suspicion.verdict]).toEqual([['early', 'late'], 'cleared'])
})

describe('failThreshold', () => {
  test('a path on which different bios fail that succeed elsewhere is failed, whatever its probe says', async () => {
    const rig = await Rig.open({ failThreshold: 4 })
    const a = await rig.add(A)
    await rig.add(B)
    a.fail({ op: 'write' })
    for (let turn = 0; turn < 3; turn += 1) await rig.write(turn * BLOCK, bytesOf(turn))
    expect(a.path.state).toEqual(ONLINE)
    await rig.write(3 * BLOCK, bytesOf(3))
    expect(a.path.state.health).toBe('failed')
    expect(rig.events('path.failed')).toEqual([
      expect.objectContaining({
        verdict: 'failThreshold',
        first: expect.objectContaining({ errno: 'EIO', op: 'write', offset: 3 * BLOCK }) as unknown,
      }),
    ])
    const before = a.ios.length
    await rig.write(4 * BLOCK, bytesOf(4))
    expect(a.ios).toHaveLength(before)
  })

  test('failures further apart than failWindowMs do not add up', async () => {
    const rig = await Rig.open({ failThreshold: 2, failWindowMs: 1_000 })
    const a = await rig.add(A)
    await rig.add(B)
    a.fail({ op: 'write' })
    for (let turn = 0; turn < 5; turn += 1) {
      await rig.write(0, bytesOf(turn))
      await rig.pass(1_500)
    }
    expect(rig.rows('path.failed')).toEqual([])
    await rig.write(0, bytesOf(1))
    await rig.write(0, bytesOf(2))
    expect(a.path.state.health).toBe('failed')
  })

  test('what no path takes counts against no path', async () => {
    const rig = await Rig.open({ failThreshold: 2 })
    const paths = [await rig.add(A), await rig.add(B)]
    for (const path of paths) path.fail({ op: 'write' })
    for (let turn = 0; turn < 10; turn += 1) {
      await rig.errorOf(rig.head.write({ offset: turn * BLOCK, data: bytesOf(turn) }))
    }
    expect(paths.map(({ path }) => path.state)).toEqual([ONLINE, ONLINE])
  })
})

describe('attempts are bounded', () => {
  test('paths that fail with every I/O and heal with every probe do not keep one circulating for ever', async () => {
    const rig = await Rig.open({
      noPathRetry: 'queue',
      attemptsMax: 10,
      checker: { minMs: 10, maxMs: 10 },
      failThreshold: 1,
    })
    // Each path fails when it is written to, wherever it is read for the probe, and then answers probes until the next write.
    const flapping = (device: PathDevice) => {
      let untilUs = 0
      return wrapPath(device, (request: IoRequest, done) => {
        const nowUs = rig.clock.monoUs()
        if (request.op === 'write') untilUs = nowUs + 5_000
        device.submit(nowUs < untilUs ? { ...request, offset: rig.head.sizeBytes } : request, done)
      })
    }
    const paths = [await rig.add(A, { wrap: flapping }), await rig.add(B, { wrap: flapping })]
    const error = await rig.errorOf(rig.head.write({ offset: 0, data: bytesOf(1) }))
    expect(error).toMatchObject({ code: 'IO_ERROR', errno: 'EIO', details: { attempts: 10 } })
    const sent = paths.flatMap(({ requests }) => requests.filter(({ op }) => op === 'write'))
    expect(sent).toHaveLength(10)
  })
})

describe('flush and FUA', () => {
  const flush = (rig: Rig) => rig.head.flush()
  const fua = (rig: Rig) => rig.head.write({ offset: 0, data: bytesOf(1), fua: true })

  test.each([
    ['a flush', flush, 'flush'],
    ['a write with FUA', fua, 'write'],
  ] as const)('%s that a healthy path refuses: its caller hears it, once', async (_what, send, op) => {
    const rig = await Rig.open()
    const a = await rig.add(A)
    const b = await rig.add(B)
    a.fail({ op, count: 1 })
    const error = await rig.errorOf(send(rig))
    expect(error).toMatchObject({ code: 'IO_ERROR', errno: 'EIO' })
    expect(error.why).toContain('lost')
    expect(b.requests).toEqual([])
    expect(a.path.state).toEqual(ONLINE)
    expect(rig.events('lun.flushFailed')).toEqual([
      expect.objectContaining({
        path: 'sda:0',
        evidence: expect.objectContaining({ errno: 'EIO', op }) as unknown,
      }),
    ])
    expect(rig.head.counters).toMatchObject({ callerErrors: 1 })
    // The next one is another one, and may be well.
    await rig.drive(send(rig))
    expect(rig.rows('lun.flushFailed')).toHaveLength(1)
  })

  test.each([
    ['a flush', flush],
    ['a write with FUA', fua],
  ] as const)('%s whose path has failed goes to another one', async (_what, send) => {
    const rig = await Rig.open()
    const a = await rig.add(A)
    const b = await rig.add(B)
    a.fail()
    await rig.drive(send(rig))
    expect([a.ios.length, b.ios.length]).toEqual([1, 1])
    expect(a.path.state.health).toBe('failed')
    expect(rig.rows('lun.flushFailed')).toEqual([])
  })

  test('a flush that a healthy path refuses while it is read for another reason: its probe waits, its caller hears it', async () => {
    const rig = await Rig.open({ marginal: { on: true, windowIosMin: 1, errorsPerThousand: 10 } })
    const a = await rig.add(A)
    const b = await rig.add(B)
    a.fail({ op: 'flush', count: 1 })
    // The error makes the path marginal, and its first sample is under way as the error is to be probed.
    expect(await rig.errorOf(rig.head.flush())).toMatchObject({ code: 'IO_ERROR', errno: 'EIO' })
    expect(a.path.state.health).toBe('marginal')
    expect(rig.rows('lun.flushFailed')).toHaveLength(1)
    expect(rig.rows('path.failed')).toEqual([])
    expect(b.ios).toEqual([])
  })

  test('a flush that fails through every path is never reported well', async () => {
    const rig = await Rig.open({ noPathRetry: 'queue' })
    for (const hctl of [A, B]) {
      const path = await rig.add(hctl)
      path.fail({ op: 'flush' })
    }
    for (let turn = 0; turn < 5; turn += 1) {
      expect((await rig.errorOf(rig.head.flush())).errno).toBe('EIO')
    }
    expect(rig.head.counters).toMatchObject({ flushes: 0, callerErrors: 5 })
  })

  test('its error stands when the path is failed by other bios’ failures and not by its own probe', async () => {
    const rig = await Rig.open({ failThreshold: 1 })
    const a = await rig.add(A)
    const b = await rig.add(B)
    a.fail({ op: 'flush', count: 1 })
    // The probe is slow to answer that the path is well; meanwhile a write fails the path by the threshold.
    a.delay.enable({ delayUs: 1_000_000, op: 'read' })
    const flushing = rig.errorOf(rig.head.flush())
    await rig.settle()
    a.fail({ op: 'write', count: 1 })
    await rig.write(0, bytesOf(1))
    expect(rig.events('path.failed')).toEqual([expect.objectContaining({ verdict: 'failThreshold' })])
    expect(await flushing).toMatchObject({ code: 'IO_ERROR', errno: 'EIO' })
    expect(b.ios.map(({ op }) => op)).toEqual(['write'])
  })

  test('its error stands when the path is removed before the verdict is out', async () => {
    const rig = await Rig.open()
    const a = await rig.add(A)
    const b = await rig.add(B)
    a.fail({ op: 'flush', count: 1 })
    a.delay.enable({ delayUs: 1_000_000, op: 'read' })
    const flushing = rig.errorOf(rig.head.flush())
    await rig.settle()
    await rig.drive(a.path.remove())
    expect(await flushing).toMatchObject({ errno: 'EIO' })
    expect(b.ios).toEqual([])
  })
})
