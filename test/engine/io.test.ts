// What a caller asks of a head, and what he gets: bytes, or an error that says what to correct.
import { describe, expect, test } from 'vitest'
import { Multipath } from '../../engine/multipath.ts'
import { BLOCK, bytesOf, Rig, testLun, WWID } from './rig.ts'

const KIB = 1024

describe('reading and writing', () => {
  test('what is written is read back, and lies on the medium', async () => {
    const rig = await Rig.open()
    const a = await rig.add('8:0:0:0')
    await rig.write(BLOCK, bytesOf(1))
    expect(await rig.read(BLOCK)).toEqual(bytesOf(1))
    expect(rig.lun.medium.subarray(BLOCK, 2 * BLOCK)).toEqual(bytesOf(1))
    expect(a.ios.map(({ op, offset, length }) => [op, offset, length])).toEqual([
      ['write', BLOCK, BLOCK],
      ['read', BLOCK, BLOCK],
    ])
    expect(rig.head.counters).toMatchObject({ reads: 1, writes: 1, readBytes: BLOCK, writeBytes: BLOCK })
  })

  test('the first and the last block can be written, each in its place', async () => {
    const rig = await Rig.open()
    await rig.add('8:0:0:0')
    const last = rig.head.sizeBytes - BLOCK
    await rig.write(0, bytesOf(1))
    await rig.write(last, bytesOf(2))
    expect([await rig.read(0), await rig.read(last)]).toEqual([bytesOf(1), bytesOf(2)])
    const elsewhere = rig.lun.medium.subarray(BLOCK, last)
    expect(elsewhere.every((byte) => byte === 0)).toBe(true)
  })

  test('what a caller does to his buffer after the call does not reach the medium', async () => {
    const rig = await Rig.open()
    await rig.add('8:0:0:0')
    const data = bytesOf(3)
    const writing = rig.head.write({ offset: 0, data })
    data.fill(0xee)
    await rig.drive(writing)
    expect(rig.lun.medium.subarray(0, BLOCK)).toEqual(bytesOf(3))
  })

  test('a Buffer, and a view into the middle of one, are data', async () => {
    const rig = await Rig.open()
    await rig.add('8:0:0:0')
    const whole = bytesOf(4, 4 * BLOCK)
    await rig.write(0, Buffer.from(whole).subarray(BLOCK, 2 * BLOCK))
    expect(rig.lun.medium.subarray(0, BLOCK)).toEqual(whole.subarray(BLOCK, 2 * BLOCK))
  })

  test('a large I/O is cut at bioBytesMax and is one I/O for its caller', async () => {
    const rig = await Rig.open({ bioBytesMax: 64 * KIB })
    const a = await rig.add('8:0:0:0')
    const data = bytesOf(5, 200 * KIB)
    await rig.write(8 * KIB, data)
    expect(a.ios.map(({ length }) => length / KIB)).toEqual([64, 64, 64, 8])
    expect(a.ios.map(({ offset }) => offset / KIB)).toEqual([8, 72, 136, 200])
    expect(await rig.read(8 * KIB, 200 * KIB)).toEqual(data)
  })

  test('pieces end on blocks even where bioBytesMax does not', async () => {
    const lun = testLun({ logicalBlockBytes: 4096 })
    const rig = await Rig.open({ lun, bioBytesMax: 10_000 })
    const a = await rig.add('8:0:0:0')
    await rig.write(0, bytesOf(6, 20 * KIB))
    expect(a.ios.map(({ length }) => length)).toEqual([8192, 8192, 4096])
    expect(await rig.read(0, 20 * KIB)).toEqual(bytesOf(6, 20 * KIB))
  })

  test('a flush goes down to the path, and is counted', async () => {
    const rig = await Rig.open()
    const a = await rig.add('8:0:0:0')
    await rig.drive(rig.head.flush())
    expect(a.ios).toEqual([expect.objectContaining({ op: 'flush', offset: 0, length: 0 })])
    expect(rig.head.counters).toMatchObject({ flushes: 1 })
  })

  test('FUA goes down with the write that asked for it', async () => {
    const rig = await Rig.open()
    const a = await rig.add('8:0:0:0')
    await rig.write(0, bytesOf(1), { fua: true })
    await rig.write(0, bytesOf(1))
    expect(a.ios.map(({ fua }) => fua)).toEqual([true, false])
  })
})

describe('bad input', () => {
  const UNALIGNED = [
    ['a length', 0, 100],
    ['an offset', 1, 512],
    ['an offset and a length', 511, 513],
    ['a negative offset', -512, 512],
    ['no length', 0, 0],
    ['half a byte', 0.5, 512],
    ['an endless length', 0, Number.POSITIVE_INFINITY],
    ['no number', Number.NaN, 512],
    ['more than a number can count', 2 ** 53, 512],
  ] as const

  test.each(UNALIGNED)(
    '%s that is not aligned: says what alignment is wanted',
    async (_what, offset, length) => {
      const rig = await Rig.open()
      const a = await rig.add('8:0:0:0')
      const error = await rig.errorOf(rig.head.read({ offset, length }))
      expect(error).toMatchObject({ code: 'IO_UNALIGNED', errno: 'EINVAL', outcome: 'failed' })
      expect(error.message).toContain('multiples of 512 bytes')
      expect(error.message).toContain('sda')
      expect(a.requests).toEqual([])
      expect(rig.head.counters).toMatchObject({ callerErrors: 0 })
    },
  )

  test('the alignment that is wanted is that of the LUN', async () => {
    const rig = await Rig.open({ lun: testLun({ logicalBlockBytes: 4096 }) })
    const a = await rig.add('8:0:0:0')
    const error = await rig.errorOf(rig.head.write({ offset: 512, data: bytesOf(1) }))
    expect(error.code).toBe('IO_UNALIGNED')
    expect(error.message).toContain('multiples of 4096 bytes')
    expect(a.requests).toEqual([])
    await rig.write(4096, bytesOf(1, 4096))
  })

  test('beyond the end: says how large the LUN is', async () => {
    const rig = await Rig.open()
    const a = await rig.add('8:0:0:0')
    const end = rig.head.sizeBytes
    for (const [offset, length] of [
      [end, 512],
      [end - 512, 1024],
      [0, end + 512],
    ] as const) {
      const error = await rig.errorOf(rig.head.read({ offset, length }))
      expect(error).toMatchObject({ code: 'IO_OUT_OF_RANGE', errno: 'EINVAL' })
      expect(error.message).toContain(`sda has ${end} bytes`)
    }
    expect(a.requests).toEqual([])
    expect(await rig.read(end - 512)).toEqual(new Uint8Array(512))
  })

  test('a write without data, or with what is none', async () => {
    const rig = await Rig.open()
    await rig.add('8:0:0:0')
    for (const data of [undefined, null, 'text', [1, 2], new ArrayBuffer(512), new Uint16Array(256)]) {
      const error = await rig.errorOf(rig.head.write({ offset: 0, data: data as unknown as Uint8Array }))
      expect(error).toMatchObject({ code: 'IO_DATA', errno: 'EINVAL' })
      expect(error.message).toContain('Uint8Array')
    }
  })

  test('one whose caller has aborted it already, or whose memory is not one piece', async () => {
    const rig = await Rig.open()
    const a = await rig.add('8:0:0:0')
    const signal = AbortSignal.abort('enough')
    expect(await rig.errorOf(rig.head.read({ offset: 0, length: 512, signal }))).toMatchObject({
      ...{ code: 'ABORTED', errno: 'ECANCELED', outcome: 'failed', cause: 'enough' },
      why: 'Nothing of it was sent.',
    })
    const data = [new Uint8Array(512), new Uint8Array(512)]
    const told: (Error | null)[] = []
    const done = (error: Error | null) => void told.push(error)
    rig.head.submit([{ op: 'write', offset: 0, length: 1024, data, ghostSafe: false, done }])
    await rig.settle()
    expect(told).toMatchObject([{ code: 'IO_DATA', why: 'It got several.' }])
    expect(a.ios).toEqual([])
  })

  test('a NUMA node that does not exist: says how many there are', async () => {
    const rig = await Rig.open({ numaNodes: 2 })
    const a = await rig.add('8:0:0:0')
    for (const node of [2, -1, 0.5, Number.NaN]) {
      const error = await rig.errorOf(rig.head.read({ offset: 0, length: 512, node }))
      expect(error).toMatchObject({ code: 'NODE_UNKNOWN', errno: 'EINVAL' })
      expect(error.message).toContain('numaNodes is 2')
    }
    const error = await rig.errorOf(rig.head.flush({ node: 7 }))
    expect(error.code).toBe('NODE_UNKNOWN')
    expect(a.requests).toEqual([])
    await rig.read(0, 512, 1)
  })

  test('a head, a path, a policy, a delay, a noPathRetry, an access state that do not exist', async () => {
    const rig = await Rig.open()
    const a = await rig.add('8:0:0:0')
    const before = rig.position
    const { head } = rig
    const codes = [
      () => rig.mp.head('sdb'),
      () => rig.mp.path('sda:1'),
      () => head.setIoPolicy('least-busy' as 'numa'),
      () => head.setIoPolicy('numa\n' as 'numa'),
      () => head.setNoPathRetry('never' as 'fail'),
      () => head.setNoPathRetry(0),
      () => head.setDelayedRemoval(-1),
      () => head.setDelayedRemoval(Number.NaN),
      () => head.setDelayedRemoval(86_400_001),
      () => a.path.setAccessState('open' as 'optimal'),
    ].map(codeOf)
    expect(
      await codeOfAsync(rig, rig.mp.addPath(rig.makePath('9:0:0:0').device, { access: 'open' as 'optimal' })),
    ).toBe('ACCESS_STATE_INVALID')
    expect(codes).toEqual([
      'HEAD_NOT_FOUND',
      'PATH_NOT_FOUND',
      ...['IOPOLICY_INVALID', 'IOPOLICY_INVALID'],
      ...['NO_PATH_RETRY_INVALID', 'NO_PATH_RETRY_INVALID'],
      ...['DELAYED_REMOVAL_INVALID', 'DELAYED_REMOVAL_INVALID', 'DELAYED_REMOVAL_INVALID'],
      'ACCESS_STATE_INVALID',
    ])
    await rig.settle()
    expect(rig.position, 'nothing was changed, nothing is on the ledger').toBe(before)
    expect(messageOf(() => rig.mp.head('sdb'))).toContain('There are sda.')
    expect(messageOf(() => rig.mp.path('sda:1'))).toContain('There are sda:0.')
  })

  test('a head and a path that are gone say so', async () => {
    const rig = await Rig.open()
    const a = await rig.add('8:0:0:0')
    const { head } = rig
    const { path } = a
    await rig.drive(path.remove())
    expect(await codeOfAsync(rig, head.read({ offset: 0, length: 512 }))).toBe('HEAD_REMOVED')
    expect(await codeOfAsync(rig, path.remove())).toBe('PATH_REMOVED')
    expect(codeOf(() => head.setIoPolicy('round-robin'))).toBe('HEAD_REMOVED')
    expect(codeOf(() => path.fail())).toBe('PATH_REMOVED')
    expect(codeOf(() => path.setAccessState('standby'))).toBe('PATH_REMOVED')
    expect(codeOf(() => path.reportSense(new Uint8Array(18)))).toBe('PATH_REMOVED')
    expect(codeOf(() => path.prefer())).toBe('PATH_REMOVED')
    expect(codeOf(() => head.alloc(512))).toBe('HEAD_REMOVED')
    expect(codeOf(() => rig.mp.head(WWID))).toBe('HEAD_NOT_FOUND')
  })

  test('a transition that the machine does not have is refused, and that is on the ledger', async () => {
    const rig = await Rig.open()
    const a = await rig.add('8:0:0:0')
    expect(codeOf(() => a.path.unblock())).toBe('TRANSITION_REFUSED')
    expect(codeOf(() => a.path.reinstate())).toBe('TRANSITION_REFUSED')
    await rig.settle()
    const refused = rig.rows().filter(({ decision }) => decision.includes('"refused":true'))
    expect(refused.map(({ type }) => type)).toEqual(['path.unblocked', 'path.enabled'])
    expect(await rig.read(0)).toEqual(new Uint8Array(BLOCK))
  })
})

describe('words of an operator', () => {
  test('who and why are on the ledger for ever', async () => {
    const rig = await Rig.open()
    const a = await rig.add('8:0:0:0')
    a.path.fail({ actor: 'operator:1000', reason: 'cable looks «bent» 🔌' })
    await rig.settle()
    expect(rig.rows('path.disabled')).toEqual([
      expect.objectContaining({ actor: 'operator:1000', reason: 'cable looks «bent» 🔌' }),
    ])
  })

  test.each([
    ['nothing', ''],
    ['more than the ledger takes', 'x'.repeat(513)],
    ['a NUL', 'a\0b'],
    ['half a character', 'a\ud800'],
    ['no text', 7 as unknown as string],
  ])('%s is refused before anything happens, and stops nothing', async (_what, word) => {
    const rig = await Rig.open({ delayedRemovalMs: 1_000 })
    const a = await rig.add('8:0:0:0')
    const before = rig.position
    const acts = [
      () => a.path.fail({ reason: word }),
      () => a.path.fail({ actor: word }),
      () => a.path.block({ reason: word }),
      () => a.path.setAccessState('standby', { why: word }),
      () => rig.head.drain({ reason: word }),
      () => rig.mp.releaseGhosts({ reason: 'yes', actor: word }),
    ]
    expect(acts.map(codeOf)).toEqual(acts.map(() => 'WORD_INVALID'))
    expect(await codeOfAsync(rig, a.path.remove({ reason: word }))).toBe('WORD_INVALID')
    await rig.settle()
    expect([rig.position, rig.mp.broken]).toEqual([before, null])
    expect(a.path.usable).toBe(true)
  })
})

test('a Multipath that is closed, or being closed, takes nothing any more', async () => {
  const rig = await Rig.open()
  await rig.add('8:0:0:0')
  const { head, mp } = rig
  const closing = mp.close()
  expect(await codeOfAsync(rig, mp.addPath(rig.makePath('9:0:0:0').device))).toBe('CLOSED')
  await rig.drive(closing)
  expect(await codeOfAsync(rig, head.read({ offset: 0, length: 512 }))).toBe('CLOSED')
  expect(await codeOfAsync(rig, mp.addPath(rig.makePath('9:0:0:0').device))).toBe('CLOSED')
  expect(mp).toBeInstanceOf(Multipath)
})

function codeOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
  return 'none'
}

function messageOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return ''
}

async function codeOfAsync(rig: Rig, promise: Promise<unknown>): Promise<string> {
  return (await rig.errorOf(promise)).code
}
