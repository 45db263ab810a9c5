// Head.submit: many I/Os at once, without a promise for each, and memory in pieces.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { HeadBio } from '../../engine/api/head-bio.ts'
import { gather, scatter, vectorLength } from '../../engine/memory/vector.ts'
import type { PathledgerError } from '../../errors.ts'
import { BLOCK, bytesOf, Rig } from './rig.ts'

async function onePath(): Promise<Rig> {
  const rig = await Rig.open()
  await rig.add('8:0:0:0')
  return rig
}

/** Bios whose ends are noted, in the order they came: null or the code of the error. */
function noting(bios: readonly Omit<HeadBio, 'done'>[]): {
  bios: HeadBio[]
  ends: [number, string | null][]
} {
  const ends: [number, string | null][] = []
  const note = (index: number) => (error: PathledgerError | null) =>
    void ends.push([index, error?.code ?? null])
  return { bios: bios.map((bio, index) => ({ ...bio, done: note(index) })), ends }
}

describe('a batch of I/Os', () => {
  test('goes down the path in order, and each ends once, after the call', async () => {
    const rig = await Rig.open()
    const path = await rig.add('8:0:0:0')
    const at = [3, 0, 2, 1]
    const writes = at.map((index) => ({
      op: 'write' as const,
      offset: index * BLOCK,
      length: BLOCK,
      data: bytesOf(index),
    }))
    const { bios, ends } = noting([...writes, { op: 'flush', offset: 0, length: 0 }])
    rig.head.submit(bios)
    expect(ends).toEqual([])
    expect(path.ios.map(({ op, offset }) => [op, offset / BLOCK])).toEqual([
      ...at.map((index) => ['write', index]),
      ['flush', 0],
    ])
    await rig.pass(10)
    expect(ends).toHaveLength(5)
    expect(new Set(ends.map(([index]) => index)).size).toBe(5)
    expect(ends.every(([, code]) => code === null)).toBe(true)
    for (const index of at) expect([...(await rig.read(index * BLOCK))]).toEqual([...bytesOf(index)])
  })

  test('refuses the bad ones like any other I/O, after the call, and does the good ones', async () => {
    const rig = await onePath()
    const dead = rig.head.alloc(BLOCK)
    dead.release()
    const good = { op: 'write' as const, offset: 0, length: BLOCK, data: bytesOf(1) }
    const { bios, ends } = noting([
      { ...good, offset: 1 },
      { ...good, length: 2 * BLOCK },
      { ...good, data: null },
      { ...good, data: 'text' as unknown as Uint8Array },
      { ...good, node: 7 },
      { op: 'write', offset: 0, length: BLOCK, buffer: dead },
      { op: 'read', offset: 0, length: BLOCK, buffer: dead },
      { ...good, offset: rig.head.sizeBytes },
      good,
    ])
    rig.head.submit(bios)
    expect(ends).toEqual([])
    await rig.pass(10)
    const codes = ['IO_UNALIGNED', 'IO_DATA', 'IO_DATA', 'IO_DATA', 'NODE_UNKNOWN', 'BUFFER_DEAD', 'IO_DATA']
    expect(ends.map(([, code]) => code).slice(0, 8)).toEqual([...codes, 'IO_OUT_OF_RANGE'])
    expect(ends[8]).toEqual([8, null])
  })

  test('what a done throws is the program’s uncaught error, and the engine goes on', async () => {
    const rig = await onePath()
    const uncaught: unknown[] = []
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', (error) => void uncaught.push(error))
    const broken = {
      op: 'read' as const,
      offset: 0,
      length: BLOCK,
      data: new Uint8Array(BLOCK),
      done: () => {
        throw new Error('the program’s own')
      },
    }
    rig.head.submit([broken])
    await rig.pass(10)
    await rig.write(0, bytesOf(1))
    expect(uncaught).toMatchObject([{ message: 'the program’s own' }])
    expect(rig.mp.broken).toBeNull()
    for (const listener of listeners) process.on('uncaughtException', listener)
  })

  test('takes lent buffers, and the caller’s own memory', async () => {
    const rig = await onePath()
    const buffer = rig.head.alloc(4096)
    buffer.bytes.set(bytesOf(1, 4096))
    const { bios, ends } = noting([
      { op: 'write', offset: 0, length: 4096, buffer },
      { op: 'write', offset: 4096, length: 4096, data: bytesOf(2, 4096), ghostSafe: false },
    ])
    rig.head.submit(bios)
    expect(buffer.dead).toBe(true)
    await rig.pass(10)
    expect(ends.map(([, code]) => code)).toEqual([null, null])
    expect([...(await rig.read(0, 8192))]).toEqual([...bytesOf(1, 4096), ...bytesOf(2, 4096)])
  })
})

describe('memory in pieces', () => {
  test('is written from and read into as if it were one, also where the I/O is cut elsewhere', async () => {
    const rig = await Rig.open({ bioBytesMax: 4096 })
    await rig.add('8:0:0:0')
    const whole = bytesOf(5, 24 * BLOCK)
    const cuts = [0, 100, 5000, 5000, 9001, whole.length]
    const pieces = cuts.slice(1).map((end, index) => whole.subarray(cuts[index], end))
    const into = [700, 4096, whole.length - 4796].map((length) => new Uint8Array(length))
    const write = noting([{ op: 'write', offset: BLOCK, length: whole.length, data: pieces }])
    rig.head.submit(write.bios)
    await rig.pass(10)
    const read = noting([{ op: 'read', offset: BLOCK, length: whole.length, data: into }])
    rig.head.submit(read.bios)
    await rig.pass(10)
    expect([write.ends, read.ends]).toEqual([[[0, null]], [[0, null]]])
    expect(Buffer.concat(into).equals(whole)).toBe(true)
  })

  test('any window of any pieces is copied as of one', () => {
    const sizes = fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat(), (lengths, one, other) => {
        const pieces = lengths.map((length, index) => bytesOf(index, length))
        const whole = Buffer.concat(pieces)
        const from = one % (whole.length + 1)
        const length = other % (whole.length - from + 1)
        expect(vectorLength(pieces)).toBe(whole.length)
        const out = new Uint8Array(length)
        gather(pieces, from, out)
        expect([...out]).toEqual([...whole.subarray(from, from + length)])
        const marks = bytesOf(9, length)
        scatter(pieces, from, marks)
        whole.set(marks, from)
        expect(Buffer.concat(pieces).equals(whole)).toBe(true)
      }),
    )
    expect(vectorLength([1] as unknown as Uint8Array[])).toBe(-1)
  })
})
