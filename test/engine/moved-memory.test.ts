// Memory that a caller moves, shrinks or resizes while an I/O of theirs has it: their I/O fails, and nothing else does.
import { describe, expect, test } from 'vitest'
import { memoryPath } from '../../adapters/paths/memory.ts'
import { plainDevice } from '../../engine/api/plain-device.ts'
import { bytesOf, Rig, testLun } from './rig.ts'

const A = '8:0:0:0'
const B = '9:0:0:0'
const PAGE = 4096
const MIB = 1024 * 1024
const OTHER = 'naa.600140500000000000000000000000b2'

/** Memory that may be resized, page-aligned as memory of a whole mapping is. */
function resizable(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(length, { maxByteLength: 4 * length }))
}

type Move = readonly [
  what: string,
  make: () => Uint8Array<ArrayBuffer>,
  move: (bytes: Uint8Array<ArrayBuffer>) => void,
]

/** What a caller can do to their memory. */
const MOVES: readonly Move[] = [
  ['is transferred', () => new Uint8Array(PAGE), ({ buffer }) => void buffer.transfer()],
  [
    'goes to another thread',
    () => new Uint8Array(PAGE),
    ({ buffer }) => void structuredClone(buffer, { transfer: [buffer] }),
  ],
  ['shrinks', () => resizable(PAGE), ({ buffer }) => buffer.resize(PAGE - 512)],
  ['grows', () => resizable(PAGE), ({ buffer }) => buffer.resize(2 * PAGE)],
]

/** Two LUNs: what one caller does to one of them is nothing to the other. */
async function twoLuns() {
  const rig = await Rig.open({ noPathRetry: 'queue', checker: { minMs: 100, maxMs: 100 } })
  const a = await rig.add(A, { latencyUs: 20_000 })
  await rig.add(B, { lun: testLun({ wwid: OTHER }) })
  const rest = async () => {
    expect(rig.mp.broken).toBeNull()
    await rig.drive(rig.mp.head(OTHER).write({ offset: 0, data: bytesOf(1) }))
    await rig.write(8 * PAGE, bytesOf(2))
    expect([a.path.state.health, a.inFlight]).toEqual(['online', 0])
  }
  return { rig, a, rest }
}

describe.each(MOVES)('memory that %s', (_what, make, move) => {
  test('review 01: under a read `into` that is in flight is that read’s BUFFER_GONE', async () => {
    const { rig, rest } = await twoLuns()
    const before = rig.mp.memory.usedBytes
    const into = make()
    const read = rig.head.read({ offset: 0, length: PAGE, into })
    move(into)
    expect(await rig.errorOf(read)).toMatchObject({ code: 'BUFFER_GONE', errno: 'EFAULT', outcome: 'failed' })
    expect(rig.mp.memory.usedBytes).toBe(before)
    await rest()
  })

  test('review 19: under a read `into` that waits for a path is that read’s alone', async () => {
    const { rig, a, rest } = await twoLuns()
    a.path.fail()
    const into = make()
    const read = rig.head.read({ offset: 0, length: PAGE, into })
    const copied = rig.head.write({ offset: PAGE, data: bytesOf(7, PAGE) })
    await rig.pass(10)
    move(into)
    a.path.reinstate()
    expect(await rig.errorOf(read)).toMatchObject({ code: 'BUFFER_GONE' })
    await rig.drive(copied)
    await rest()
  })

  test('review 20: under a copied write says nothing: its bytes were taken when it was called', async () => {
    const { rig, rest } = await twoLuns()
    const data = make()
    data.fill(9)
    const write = rig.head.write({ offset: 0, data })
    move(data)
    await rig.drive(write)
    expect(await rig.read(0, PAGE)).toEqual(new Uint8Array(PAGE).fill(9))
    await rest()
  })

  test('review 30: at submit, of a write and of a read, is refused before anything is sent', async () => {
    const { rig, a, rest } = await twoLuns()
    const [data, into] = [make(), make()]
    move(data)
    move(into)
    const sent = a.requests.length
    const read = rig.head.read({ offset: 0, length: PAGE, into })
    expect(await rig.errorOf(read)).toMatchObject({ code: 'IO_DATA' })
    if (data.length === 0) {
      expect(await rig.errorOf(rig.head.write({ offset: 0, data }))).toMatchObject({ code: 'IO_UNALIGNED' })
    }
    expect(a.requests.length).toBe(sent)
    await rest()
  })
})

const taken = (bytes: Uint8Array<ArrayBuffer>) => void bytes.buffer.transfer()

test('review 20: the caller’s own memory that is moved while a write from it waits for a path is not sent', async () => {
  const { rig, a, rest } = await twoLuns()
  a.path.fail()
  const data = bytesOf(1, PAGE) as Uint8Array<ArrayBuffer>
  const write = rig.head.write({ offset: 0, data, ghostSafe: false })
  await rig.pass(10)
  taken(data)
  a.path.reinstate()
  expect(await rig.errorOf(write)).toMatchObject({ code: 'BUFFER_GONE', outcome: 'failed' })
  expect(a.ios.filter(({ op }) => op === 'write')).toEqual([])
  await rest()
})

test('review 20: the same of a write in pieces that waits for room in the queue', async () => {
  const rig = await Rig.open({ noPathRetry: 'queue', requeueBytesMax: PAGE, bioBytesMax: PAGE })
  const a = await rig.add(A)
  a.path.fail()
  const first = rig.head.write({ offset: 0, data: bytesOf(1, PAGE) })
  const data = new Uint8Array(4 * PAGE)
  const whole = rig.head.write({ offset: PAGE, data, ghostSafe: false })
  await rig.pass(10)
  taken(data)
  a.path.reinstate()
  expect(await rig.errorOf(whole)).toMatchObject({ code: 'BUFFER_GONE', outcome: 'failed' })
  await rig.drive(first)
  expect(rig.mp.broken).toBeNull()
  await rig.write(8 * PAGE, bytesOf(2))
})

test('review 19: of a read into several pieces, one that is moved fails the read, whichever it is', async () => {
  for (const moved of [0, 1, 2]) {
    const { rig, rest } = await twoLuns()
    const pieces = [1, 2, 1].map((pages) => new Uint8Array(pages * PAGE))
    const ended = new Promise((resolve) => {
      rig.head.submit([{ op: 'read', offset: 0, length: 4 * PAGE, data: pieces, done: resolve }])
    })
    taken(pieces[moved]!)
    expect(await rig.drive(ended)).toMatchObject({ code: 'BUFFER_GONE' })
    await rest()
  }
})

describe('a plain device', () => {
  test('review 20: a write whose memory is moved before its turn writes nothing of anybody else’s', async () => {
    const rig = await Rig.open()
    const lun = testLun({ sizeBytes: 4 * MIB })
    const path = memoryPath(lun, { hctl: A, clock: rig.clock, latencyUs: 1_000 })
    const device = plainDevice(path, (bytes) => new ArrayBuffer(bytes))
    const first = device.write({ offset: 0, data: bytesOf(5, PAGE) })
    const data = bytesOf(6, PAGE) as Uint8Array<ArrayBuffer>
    const second = device.write({ offset: PAGE, data })
    taken(data)
    await rig.drive(first)
    expect(await rig.errorOf(second)).toMatchObject({ code: 'BUFFER_GONE', errno: 'EFAULT' })
    expect(lun.medium.subarray(PAGE, 2 * PAGE).every((byte) => byte === 0)).toBe(true)
    // Between its pieces, too: what is left of it is not taken for all of it.
    const long = new Uint8Array(3 * MIB).fill(7)
    const whole = device.write({ offset: 0, data: long })
    await rig.pass(1)
    taken(long)
    expect(await rig.errorOf(whole)).toMatchObject({ code: 'BUFFER_GONE', outcome: 'unknown' })
    await rig.drive(device.close())
  })
})
