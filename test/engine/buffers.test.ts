// The three ways in which a write's bytes come: copied, lent by transfer, and in the caller's own memory.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { alignedBytes } from '../../adapters/aligned.ts'
import { addressOf } from '../../adapters/memory-address.ts'
import type { LentBuffer } from '../../engine/memory/lender.ts'
import { Multipath } from '../../engine/multipath.ts'
import { memoryStore } from '../../store/write/memory-store.ts'
import { expectExplained } from '../explained.ts'
import { BLOCK, bytesOf, Rig, type RigOptions, type RigPath } from './rig.ts'

const PAGE = 4096
const MIB = 1024 * 1024
const QUICK = {
  attemptTimeoutMs: 50,
  probeTimeoutMs: 20,
  ghostQuiesceMs: 0,
  ghostHoldMaxMs: 1_000,
  closeGraceMs: 20,
}

async function twoPaths(options: RigOptions = {}): Promise<{ rig: Rig; a: RigPath; b: RigPath }> {
  const rig = await Rig.open({ ...QUICK, ...options })
  const a = await rig.add('8:0:0:0', { errorsAreFinal: false })
  const b = await rig.add('9:0:0:0', { errorsAreFinal: false })
  return { rig, a, b }
}

/** A buffer that says what it is. */
function lend(rig: Rig, mark: number, length = PAGE): LentBuffer {
  const buffer = rig.head.alloc(length)
  buffer.bytes.set(bytesOf(mark, length))
  return buffer
}

function codeOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    return (error as { code: string }).code
  }
  return 'none'
}

const at = (rig: Rig, offset: number, length = PAGE): number[] => [
  ...rig.lun.medium.subarray(offset, offset + length),
]

describe('a lent buffer', () => {
  test('is taken by a write without a copy, and dead from then on', async () => {
    const { rig } = await twoPaths()
    const buffer = lend(rig, 1)
    const view = buffer.bytes
    const writing = rig.head.write({ offset: 0, buffer })
    expect(view.length).toBe(0)
    view[0] = 0xee
    expect(buffer.dead).toBe(true)
    expect(codeOf(() => buffer.bytes)).toBe('BUFFER_DEAD')
    await rig.drive(writing)
    expect(at(rig, 0)).toEqual([...bytesOf(1, PAGE)])
    expect(await rig.errorOf(rig.head.write({ offset: PAGE, buffer }))).toMatchObject({ code: 'BUFFER_DEAD' })
    expect(rig.mp.memory).toMatchObject({ lentBytes: 0, buffersOut: 0 })
  })

  test('scenario 19d: lands with the bytes that were acknowledged, whatever is done with its memory', async () => {
    const { rig, a } = await twoPaths()
    a.hang.enable()
    await rig.drive(scribble(rig))
    a.hang.disable()
    await rig.pass(100)
    expect(at(rig, 0)).toEqual([...bytesOf(1, PAGE)])
    expect(rig.mp.memory.lentBytes).toBe(8 * PAGE)
    const [failed] = rig.rows('path.failed')
    const hung = { kind: 'pathError', status: 'TIMEOUT', op: 'write', offset: 0, path: '8:0:0:0' } as const
    expectExplained(rig.memory, { stream: failed!.stream }, hung, failed!.position)
  })

  test('scenario 19d: without the guard its memory is lent again while the hung path has it', async () => {
    const { rig, a } = await twoPaths({ guardsOff: true })
    a.hang.enable()
    await rig.drive(scribble(rig))
    a.hang.disable()
    await rig.pass(100)
    expect(at(rig, 0)).not.toEqual([...bytesOf(1, PAGE)])
  })

  /** A write that hangs on A and is acknowledged; then every buffer there is gets other bytes. */
  async function scribble(rig: Rig): Promise<void> {
    const buffer = lend(rig, 1)
    const view = buffer.bytes
    await rig.head.write({ offset: 0, buffer })
    for (let index = 0; index < PAGE; index += 1) view[index] = 0xee
    for (let count = 0; count < 8; count += 1) lend(rig, 2)
  }

  test('is cut like any other write, and its memory comes back when the last piece has let go', async () => {
    const { rig } = await twoPaths({ bioBytesMax: 5000 })
    const buffer = lend(rig, 3, 8 * PAGE)
    const writing = rig.head.write({ offset: BLOCK, buffer })
    expect(rig.mp.memory.lentBytes).toBe(8 * PAGE)
    await rig.drive(writing)
    expect(at(rig, BLOCK, 8 * PAGE)).toEqual([...bytesOf(3, 8 * PAGE)])
    expect(rig.mp.memory.lentBytes).toBe(0)
  })

  test('stays its owner’s when the write is refused before anything was sent', async () => {
    const { rig } = await twoPaths()
    const buffer = lend(rig, 1)
    const refused = await rig.errorOf(rig.head.write({ offset: 1, buffer }))
    expect(refused.code).toBe('IO_UNALIGNED')
    const beyond = await rig.errorOf(rig.head.write({ offset: rig.head.sizeBytes, buffer }))
    expect(beyond.code).toBe('IO_OUT_OF_RANGE')
    expect(buffer.bytes.length).toBe(PAGE)
    await rig.drive(rig.head.write({ offset: 0, buffer }))
  })

  test('is given back once, unused, and may be given back again to no effect', async () => {
    const { rig } = await twoPaths()
    const buffer = lend(rig, 1)
    const view = buffer.bytes
    expect(rig.mp.memory).toMatchObject({ lentBytes: PAGE, buffersOut: 1 })
    buffer.release()
    buffer.release()
    expect(view.length).toBe(0)
    expect(rig.mp.memory).toMatchObject({ lentBytes: 0, buffersOut: 0 })
    {
      using scoped = rig.head.alloc(PAGE)
      expect(scoped.dead).toBe(false)
    }
    expect(rig.mp.memory.lentBytes).toBe(0)
  })

  test('is refused by the engine that did not lend it, and together with data', async () => {
    const { rig } = await twoPaths()
    const other = await twoPaths()
    const foreign = lend(other.rig, 1)
    expect((await rig.errorOf(rig.head.write({ offset: 0, buffer: foreign }))).code).toBe('BUFFER_FOREIGN')
    const both = { offset: 0, buffer: foreign, data: bytesOf(1) } as unknown as {
      offset: number
      data: Uint8Array
    }
    expect((await rig.errorOf(rig.head.write(both))).code).toBe('IO_DATA')
    foreign.release()
  })

  test('is dead when its memory was moved to somebody else, and is then not lent again', async () => {
    const { rig } = await twoPaths()
    const buffer = lend(rig, 1)
    const stolen = structuredClone(buffer.bytes, { transfer: [buffer.bytes.buffer] })
    expect((await rig.errorOf(rig.head.write({ offset: 0, buffer }))).code).toBe('BUFFER_DEAD')
    buffer.release()
    lend(rig, 2).release()
    expect([...stolen]).toEqual([...bytesOf(1, PAGE)])
    expect(rig.mp.memory.lentBytes).toBe(0)
  })

  test('is called in by close, which says how many there were', async () => {
    const said: unknown[] = []
    const silent = () => undefined
    const logger = {
      debug: silent,
      info: silent,
      error: silent,
      warn: (facts: unknown) => void said.push(facts),
    }
    const { rig } = await twoPaths({ logger: logger as unknown as NonNullable<RigOptions['logger']> })
    const buffer = lend(rig, 1)
    const view = buffer.bytes
    const { head } = rig
    const closing = rig.mp.close()
    expect(codeOf(() => head.alloc(PAGE))).toBe('CLOSED')
    await rig.drive(closing)
    expect(view.length).toBe(0)
    expect(said).toContainEqual({ buffers: 1, bytes: PAGE })
    expect(rig.mp.memory).toEqual({ usedBytes: 0, lentBytes: 0, buffersOut: 0 })
  })

  test('of the machine’s own memory starts on a page, and the write keeps it where it is', async () => {
    const header = { eventId: 'e', recordedAtUs: 1, monoUs: 1, bootId: 'b', engine: '0', xstate: '0' }
    const { rig } = await twoPaths()
    const mp = await Multipath.open({
      ledger: memoryStore({ header }),
      multipath: 'always',
      poolBytes: 4 * MIB,
    })
    let seen = -1
    const device = rig.makePath('8:0:0:1').device
    await mp.addPath({
      ...device,
      submit: (request, done) => {
        if (request.op === 'write' && request.data !== null)
          seen = addressOf(request.data.buffer) + request.data.byteOffset
        queueMicrotask(() => done({ errno: null, status: null, bytes: request.length }))
      },
    })
    const buffer = mp.head(rig.lun.wwid).alloc(16 * PAGE)
    const address = addressOf(buffer.bytes.buffer) + buffer.bytes.byteOffset
    await mp.head(rig.lun.wwid).write({ offset: 0, buffer })
    expect([address % PAGE, seen]).toEqual([0, address])
    await mp.close()
  })
})

describe('the bound of what is lent', () => {
  test('alloc never waits: it fails, and goes on once something came back', async () => {
    const { rig } = await twoPaths({ lentBytesMax: 4 * PAGE })
    const buffers = [1, 2, 3, 4].map((mark) => lend(rig, mark))
    expect(codeOf(() => rig.head.alloc(PAGE))).toBe('POOL_EXHAUSTED')
    expect(codeOf(() => rig.head.alloc(5 * PAGE))).toBe('BUFFER_TOO_LARGE')
    expect(codeOf(() => rig.head.alloc(100))).toBe('IO_UNALIGNED')
    await rig.drive(rig.head.write({ offset: 0, buffer: buffers[0]! }))
    expect(rig.head.alloc(PAGE).dead).toBe(false)
  })

  test('buffers that a program forgets take half of the pool at most, and other I/O goes on', async () => {
    const { rig } = await twoPaths({ poolBytes: MIB })
    for (let count = 0; count < 128; count += 1) lend(rig, 1)
    expect(codeOf(() => rig.head.alloc(PAGE))).toBe('POOL_EXHAUSTED')
    await rig.write(0, bytesOf(7, PAGE))
    expect(at(rig, 0)).toEqual([...bytesOf(7, PAGE)])
  })

  test('what a hung path holds counts until it gives it back', async () => {
    const { rig, a } = await twoPaths({ lentBytesMax: 2 * PAGE })
    a.hang.enable()
    await rig.drive(Promise.all([0, PAGE].map((offset) => rig.head.write({ offset, buffer: lend(rig, 1) }))))
    expect(codeOf(() => rig.head.alloc(PAGE))).toBe('POOL_EXHAUSTED')
    a.hang.disable()
    await rig.pass(100)
    expect(rig.head.alloc(2 * PAGE).dead).toBe(false)
  })

  test('nothing leaks, whatever mix of buffers, writes, hangs and releases there was', async () => {
    const step = fc.record({
      kind: fc.constantFrom('copied', 'lent', 'own', 'forgotten', 'released', 'aborted'),
      pages: fc.integer({ min: 1, max: 5 }),
      place: fc.nat({ max: 30 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 24 }), fc.nat({ max: 24 }), async (steps, hangAt) => {
        const { rig, a } = await twoPaths({ checked: false, lentBytesMax: 24 * PAGE })
        const ends: Promise<unknown>[] = []
        for (const [index, { kind, pages, place }] of steps.entries()) {
          if (index === hangAt) a.hang.enable()
          ends.push(begin(rig, kind, pages * PAGE, place * PAGE).catch((error: unknown) => error))
          if (index % 5 === 4) await rig.pass(1)
        }
        await rig.pass(200)
        a.hang.disable()
        await rig.drive(Promise.all(ends))
        await rig.end()
        expect(rig.mp.memory).toEqual({ usedBytes: 0, lentBytes: 0, buffersOut: 0 })
      }),
      { numRuns: 40 },
    )
  })

  async function begin(rig: Rig, kind: string, length: number, offset: number): Promise<void> {
    const { head } = rig
    if (kind === 'copied') return head.write({ offset, data: bytesOf(1, length) })
    if (kind === 'own') return head.write({ offset, data: bytesOf(2, length), ghostSafe: false })
    const buffer = head.alloc(length)
    if (kind === 'released') buffer.release()
    if (kind === 'released' || kind === 'forgotten') return
    const controller = new AbortController()
    const writing = head.write({ offset, buffer, signal: controller.signal })
    if (kind === 'aborted') controller.abort()
    return writing
  }
})

describe('ghostSafe: false, the caller’s own memory', () => {
  test('is written from where it is, without the pool', async () => {
    const { rig } = await twoPaths()
    const before = rig.mp.memory.usedBytes
    const writing = rig.head.write({ offset: 0, data: bytesOf(1, PAGE), ghostSafe: false })
    expect(rig.mp.memory.usedBytes).toBe(before)
    await rig.drive(writing)
    expect(at(rig, 0)).toEqual([...bytesOf(1, PAGE)])
  })

  test('scenario 19d: the promise stays pending until the hung path gave back its attempt', async () => {
    const { rig, a, b } = await twoPaths()
    a.hang.enable()
    const data = bytesOf(1, PAGE)
    const state = watch(rig.head.write({ offset: 0, data, ghostSafe: false }))
    await rig.pass(10_000)
    expect(b.ios).toHaveLength(1)
    expect(at(rig, 0)).toEqual([...data])
    expect(state.ended).toBe(false)
    a.hang.disable()
    await rig.pass(1)
    expect(state).toMatchObject({ ended: true, error: null })
    data.fill(0xee)
    await rig.pass(100)
    expect(at(rig, 0)).toEqual([...bytesOf(1, PAGE)])
  })

  test('scenario 19d: without the guard it settles while the hung path still has the memory', async () => {
    const { rig, a } = await twoPaths({ guardsOff: true })
    a.hang.enable()
    const data = bytesOf(1, PAGE)
    await rig.drive(rig.head.write({ offset: 0, data, ghostSafe: false }))
    data.fill(0xee)
    a.hang.disable()
    await rig.pass(100)
    expect(at(rig, 0)).toEqual([...data])
  })

  test('an error that proves nothing ends the attempt: the kernel has given the memory back', async () => {
    const { rig, a } = await twoPaths()
    a.hang.enable()
    const state = watch(rig.head.write({ offset: 0, data: bytesOf(1, PAGE), ghostSafe: false }))
    await rig.settle()
    a.hang.answer('EIO')
    await rig.pass(100)
    expect(state).toMatchObject({ ended: true, error: null })
    expect(rig.mp.ghosts).toHaveLength(1)
  })

  test('an abort ends the write at once, and tells its caller when the memory is his', async () => {
    const { rig, a } = await twoPaths()
    a.hang.enable()
    const controller = new AbortController()
    const io = { offset: 0, data: bytesOf(1, PAGE), ghostSafe: false, signal: controller.signal }
    const state = watch(rig.head.write(io))
    await rig.settle()
    controller.abort()
    await rig.pass(1_000)
    expect(rig.mp.ghosts).toMatchObject([{ reason: 'abort' }])
    expect(state.ended).toBe(false)
    a.hang.disable()
    await rig.pass(1)
    expect(state.error).toMatchObject({ code: 'ABORTED', outcome: 'unknown' })
  })

  test('close does not wait for it; the promise does, for ever where the path hangs for ever', async () => {
    const rig = await Rig.open({ ...QUICK, checked: false })
    const a = await rig.add('8:0:0:0', { errorsAreFinal: false })
    a.hang.enable()
    const state = watch(rig.head.write({ offset: 0, data: bytesOf(1, PAGE), ghostSafe: false }))
    await rig.settle()
    await rig.end()
    await rig.pass(3_600_000)
    expect(state.ended).toBe(false)
    a.hang.disable()
    await rig.pass(1)
    expect(state.error).toMatchObject({ outcome: 'unknown' })
  })

  test('must start on a page', async () => {
    const { rig } = await twoPaths()
    const data = new Uint8Array(2 * PAGE).subarray(BLOCK, BLOCK + PAGE)
    const error = await rig.errorOf(rig.head.write({ offset: 0, data, ghostSafe: false }))
    expect(error).toMatchObject({ code: 'BUFFER_UNALIGNED', errno: 'EINVAL' })
    expect(error.message).toContain('4096')
    await rig.drive(rig.head.write({ offset: 0, data, ghostSafe: true }))
    const { buffer, byteOffset } = alignedBytes(PAGE)
    expect((addressOf(buffer) + byteOffset) % PAGE).toBe(0)
  })

  test('that is taken away under the write is the write’s error and nobody else’s', async () => {
    const { rig, a } = await twoPaths()
    a.hang.enable()
    const data = bytesOf(1, PAGE)
    const state = watch(rig.head.write({ offset: 0, data, ghostSafe: false }))
    takeAway(data)
    await rig.settle()
    a.hang.drop('EFAULT')
    await rig.pass(10)
    expect(state.error).toMatchObject({ code: 'BUFFER_GONE', outcome: 'unknown' })
    a.hang.disable()
    await rig.write(2 * PAGE, bytesOf(2))
    expect(rig.mp.broken).toBeNull()
  })

  test('that was taken away while it hung is not sent again', async () => {
    const { rig, a, b } = await twoPaths()
    a.hang.enable()
    const data = bytesOf(1, PAGE)
    const state = watch(rig.head.write({ offset: 0, data, ghostSafe: false }))
    await rig.settle()
    takeAway(data)
    await rig.pass(100)
    a.hang.drop('EIO')
    await rig.pass(100)
    expect(state.error).toMatchObject({ code: 'BUFFER_GONE', outcome: 'unknown' })
    expect(b.ios).toEqual([])
  })
})

describe('a read into the caller’s memory', () => {
  test('puts the bytes there and gives it back', async () => {
    const { rig } = await twoPaths()
    await rig.write(0, bytesOf(5, PAGE))
    const into = new Uint8Array(PAGE)
    expect(await rig.drive(rig.head.read({ offset: 0, length: PAGE, into }))).toBe(into)
    expect([...into]).toEqual([...bytesOf(5, PAGE)])
    const short = rig.head.read({ offset: 0, length: PAGE, into: new Uint8Array(BLOCK) })
    expect((await rig.errorOf(short)).code).toBe('IO_DATA')
  })

  test('scenario 19d: an aborted one that hangs does not land in it later', async () => {
    const { rig, a } = await twoPaths()
    await rig.write(0, bytesOf(5, PAGE))
    a.hang.enable()
    const into = new Uint8Array(PAGE)
    const controller = new AbortController()
    const reading = rig.errorOf(rig.head.read({ offset: 0, length: PAGE, into, signal: controller.signal }))
    await rig.settle()
    controller.abort()
    expect((await reading).code).toBe('ABORTED')
    a.hang.disable()
    await rig.pass(100)
    expect(into.every((byte) => byte === 0)).toBe(true)
  })
})

/** Moves the memory to somebody else. */
function takeAway({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer()
}

/** How a promise stands. */
function watch(promise: Promise<unknown>): { ended: boolean; error: unknown } {
  const state = { ended: false, error: null as unknown }
  promise.then(
    () => void (state.ended = true),
    (error: unknown) => {
      state.ended = true
      state.error = error
    },
  )
  return state
}

test("a copied write's memory is the caller's again when the call returns, also while it waits for room in the queue", async () => {
  const { rig, a, b } = await twoPaths({ requeueBytesMax: PAGE, noPathRetry: 'queue' })
  a.path.fail()
  b.path.fail()
  const queued = rig.head.write({ offset: 0, data: bytesOf(1, PAGE) })
  const [one, pieces] = [bytesOf(2, PAGE), [bytesOf(3, 512), bytesOf(4, 3 * 512)]]
  const waits = rig.head.write({ offset: PAGE, data: one })
  const ended = new Promise((resolve) => {
    rig.head.submit([{ op: 'write', offset: 2 * PAGE, length: 2048, data: pieces, done: resolve }])
  })
  for (const bytes of [one, ...pieces]) bytes.fill(0xee)
  a.path.reinstate()
  await rig.drive(Promise.all([queued, waits, ended]))
  expect(at(rig, PAGE)).toEqual([...bytesOf(2, PAGE)])
  expect(at(rig, 2 * PAGE, 2048)).toEqual([...bytesOf(3, 512), ...bytesOf(4, 3 * 512)])
})
